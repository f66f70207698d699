//! Description of a key by the API.

use serde::Deserialize;

use super::id::{id, optional_id};

/// `token`: what a key is and what it is of. It doesn't say whether the instance is development or production ◆.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Token {
    /// Type of the key.
    pub r#type: Option<String>,
    /// Organization, whose keys share one rate limit ▲.
    pub organization: Option<TokenPart>,
    /// Instance; `None` for a key that reaches several.
    pub instance: Option<TokenInstance>,
    /// Project of the instance.
    pub project: Option<TokenPart>,
    /// Actor that requests with the key are recorded for.
    pub actor: Option<TokenPart>,
    /// User, if it is a user's key.
    pub user: Option<TokenPart>,
}

/// Object that a [`Token`] names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct TokenPart {
    /// Id.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Display name.
    pub name: Option<String>,
    /// Short name in URLs.
    pub slug: Option<String>,
}

/// Instance of a [`Token`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct TokenInstance {
    /// `ins_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Display name.
    pub name: Option<String>,
    /// Short name in URLs.
    pub slug: Option<String>,
    /// Project it belongs to.
    #[serde(default, deserialize_with = "optional_id")]
    pub project_id: Option<String>,
}
