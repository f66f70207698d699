//! The API key: read once, checked before anything is sent, wiped when dropped, and never printed.

use std::fmt;

use bytes::Bytes;
use zeroize::Zeroizing;

/// A secret API key (`metorial_sk_…`). A key belongs to exactly one instance.
///
/// Its memory is wiped when the last owner is dropped; `Debug` shows nothing of it.
pub struct ApiKey(Zeroizing<String>);

/// Why a text can't be used as an API key. `Display` says what to do and never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiKey {
    /// There is no key at all.
    #[error("the API key is empty: put the instance's secret key (metorial_sk_…) there")]
    Empty,
    /// A line break, a blank, a control or a non-ASCII character: such a key would not survive as an HTTP header.
    #[error(
        "the API key has a character that is not visible ASCII, often a line break at its end: store the key alone, \
         without blanks or line breaks"
    )]
    NotVisibleAscii,
    /// A publishable key: it reads public data only.
    #[error(
        "this is a publishable key (metorial_pk_…), which can only read public data: use a secret key (metorial_sk_…)"
    )]
    Publishable,
}

impl ApiKey {
    /// Takes `text` as a key, exactly as it is.
    ///
    /// # Errors
    /// [`InvalidApiKey`] if the text can't be sent in a header or is a publishable key. Whether the API knows the
    /// key is only found out by a call, best by [`Client::instance`](crate::Client::instance).
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

    /// The value of the `Authorization` header, in memory that is wiped when the request is done.
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
    fn only_visible_ascii_makes_a_key() {
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
    fn the_header_is_a_bearer_with_the_key_as_it_is() {
        let key = ApiKey::parse("metorial_sk_abc").expect("a key");
        assert_eq!(key.bearer().as_ref(), b"Bearer metorial_sk_abc");
    }
}
