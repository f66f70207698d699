//! The API key: checked before anything is sent, wiped from memory when dropped, never printed.

use std::fmt;

use bytes::Bytes;
use zeroize::Zeroizing;

/// Secret API key: one of an instance (`metorial_sk_…`), or one of an organization (`metorial_mk_…`) or user, which reaches
/// several instances and needs [`ClientBuilder::instance_id`](crate::ClientBuilder::instance_id).
///
/// Its memory is wiped when it is dropped; `Debug` doesn't show it.
pub struct ApiKey(Zeroizing<String>);

/// Rejection of a text as an API key. `Display` says what to do and never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiKey {
    /// The text is empty.
    #[error("the API key is empty; set it to the instance's secret key (metorial_sk_…)")]
    Empty,
    /// The text contains a line break, a space, a control or a non-ASCII character and can't be sent in a header.
    #[error(
        "the API key has a character that is not visible ASCII, often a line break at its end; store the key alone, \
         without spaces or line breaks"
    )]
    NotVisibleAscii,
    /// The text is a publishable key, which reads public data only.
    #[error(
        "this is a publishable key (metorial_pk_…), which can only read public data; use a secret key (metorial_sk_…)"
    )]
    Publishable,
}

impl ApiKey {
    /// Returns `text` as a key, without changing it.
    ///
    /// # Errors
    /// [`InvalidApiKey`] if the text can't be sent in a header or is a publishable key. Only a call, for example
    /// [`Client::instance`](crate::Client::instance), shows whether the API accepts the key.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        if text.is_empty() {
            return Err(InvalidApiKey::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidApiKey::NotVisibleAscii);
        }
        if text.starts_with("metorial_pk_") {
            return Err(InvalidApiKey::Publishable);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the value of the `Authorization` header, in memory that is wiped after the request. The server requires the
    /// exact spelling `Bearer` ▲.
    pub(crate) fn bearer(&self) -> Bytes {
        let mut header = Zeroizing::new(Vec::with_capacity("Bearer ".len() + self.0.len()));
        header.extend_from_slice(b"Bearer ");
        header.extend_from_slice(self.0.as_bytes());
        Bytes::from_owner(header)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_ascii_is_accepted_as_a_key() {
        for (text, want) in [
            ("", InvalidApiKey::Empty),
            ("metorial_sk_a\n", InvalidApiKey::NotVisibleAscii),
            (
                "metorial_sk_a\r\nX-Other: 1",
                InvalidApiKey::NotVisibleAscii,
            ),
            (" metorial_sk_a", InvalidApiKey::NotVisibleAscii),
            ("metorial_sk_\u{0}", InvalidApiKey::NotVisibleAscii),
            ("metorial_sk_ä", InvalidApiKey::NotVisibleAscii),
            ("metorial_pk_abc", InvalidApiKey::Publishable),
        ] {
            assert_eq!(ApiKey::parse(text).map(|_| ()), Err(want), "{text:?}");
        }
        assert!(ApiKey::parse("metorial_sk_abc").is_ok());
        assert!(ApiKey::parse("a-key-of-a-self-hosted-server").is_ok());
    }

    #[test]
    fn neither_the_key_nor_its_error_prints_the_text() {
        let key = ApiKey::parse("metorial_sk_canary").expect("a key");
        assert!(!format!("{key:?}").contains("canary"));
        let error = ApiKey::parse("metorial_pk_canary").expect_err("a publishable key");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }

    #[test]
    fn the_header_is_bearer_and_the_unchanged_key() {
        let key = ApiKey::parse("metorial_sk_abc").expect("a key");
        assert_eq!(key.bearer().as_ref(), b"Bearer metorial_sk_abc");
    }
}
