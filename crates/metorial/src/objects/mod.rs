//! The API's objects as it answers them. Decoding is tolerant: unknown members are ignored, an absent or null
//! optional member is `None`, an unknown word is `Unknown`. What every object must have is not optional.

mod auth;
mod catalog;
mod config;
mod record;
mod tool_filter;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub use auth::{AuthConfig, AuthConfigSource, AuthConfigType, AuthCredentials};
pub use catalog::{
    AuthMethod, AuthMethodScope, ConfigSchema, Deployment, Instance, InstanceType, JsonSchema,
    Project, Provider, Visibility,
};
pub use config::{Config, ConfigVault};
pub use record::{AuthExport, AuthImport};
pub use tool_filter::{ToolFilter, ToolFilters};

use crate::collection::Collection;

/// A remote object that can be read by its id and listed.
pub trait Object: DeserializeOwned + Send + Sync + 'static {
    /// Where objects of this type live.
    const COLLECTION: Collection;

    /// The id, never empty.
    fn id(&self) -> &str;
    /// Whether the object is in use. Imports and exports, which can't be removed, are always active.
    fn status(&self) -> Status;
    /// The custom members, as somebody set them.
    fn metadata(&self) -> Option<&Map<String, Value>>;
    /// When it was made, by the server's clock.
    fn created_at(&self) -> Timestamp;
    /// When anybody last wrote to it, by the server's clock; for imports and exports, when they were made.
    fn updated_at(&self) -> Timestamp;
}

/// Whether an object is in use. A delete archives: the object stays readable as `Archived` for 14 days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In use.
    Active,
    /// Deleted by somebody; still readable, for good out of use.
    Archived,
    /// Deleted, and no longer listed.
    Deleted,
    /// Not said, or a word that this client doesn't know: nothing can be concluded.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Status {
    /// Whether the object is out of use for good. Of a word that nobody knows that can't be said.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Archived | Self::Deleted)
    }

    /// The API's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
            Self::Unknown => "unknown",
        }
    }
}

/// Null means the same as absent.
fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// `Object` for a type whose members have the API's names; `record` for types without `status` and `updated_at`.
macro_rules! object {
    ($type:ty, $collection:ident) => {
        $crate::objects::object!($type, $collection, |object| object.status, |object| object
            .updated_at);
    };
    ($type:ty, $collection:ident, record) => {
        $crate::objects::object!(
            $type,
            $collection,
            |_object| $crate::objects::Status::Active,
            |object| object.created_at
        );
    };
    ($type:ty, $collection:ident, |$is:ident| $status:expr, |$has:ident| $updated_at:expr) => {
        impl $crate::objects::Object for $type {
            const COLLECTION: $crate::collection::Collection =
                $crate::collection::Collection::$collection;

            fn id(&self) -> &str {
                &self.id
            }

            fn status(&self) -> $crate::objects::Status {
                let $is = self;
                $status
            }

            fn metadata(&self) -> Option<&serde_json::Map<String, serde_json::Value>> {
                self.metadata.as_ref()
            }

            fn created_at(&self) -> jiff::Timestamp {
                self.created_at
            }

            fn updated_at(&self) -> jiff::Timestamp {
                let $has = self;
                $updated_at
            }
        }
    };
}
use object;
