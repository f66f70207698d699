//! Body of a request: JSON bytes that are wiped after use.

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::secret::{self, Buffer};

/// JSON body of a create or update, in memory that is wiped after the last request that uses it.
///
/// `Debug` shows its size only. While a request is sent, the HTTP and TLS libraries have copies of their own.
#[derive(Clone)]
pub struct Body(Option<Bytes>);

impl Body {
    /// Serializes `value` as JSON.
    ///
    /// If that fails (for example for a map whose keys are not strings), every call with the body returns
    /// [`Rejected`](crate::ErrorKind::Rejected) before anything is sent.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Self {
        let mut buffer = Buffer::with_capacity(1024);
        let written = serde_json::to_writer(&mut buffer, value);
        Self(written.is_ok().then(|| Bytes::from_owner(buffer)))
    }

    pub(crate) fn bytes(&self) -> Option<Bytes> {
        self.0.clone()
    }

    /// Returns the body with a member added unless it has one of that name; `None` if it isn't a JSON object.
    pub(crate) fn with_member(&self, name: &str, text: &str) -> Option<Self> {
        let mut value: Value = serde_json::from_slice(self.0.as_ref()?).ok()?;
        let Some(members) = value.as_object_mut() else {
            secret::wipe(&mut value);
            return None;
        };
        members.entry(name).or_insert_with(|| text.into());
        Some(value.into())
    }
}

/// Serializes the value and wipes its strings.
impl From<Value> for Body {
    fn from(mut value: Value) -> Self {
        let body = Self::json(&value);
        secret::wipe(&mut value);
        body
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            None => f.write_str("Body(not JSON)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_the_json_of_its_value_and_prints_only_its_size() {
        let body = Body::from(json!({"client_secret": "canary"}));
        assert_eq!(
            body.bytes().expect("bytes"),
            r#"{"client_secret":"canary"}"#
        );
        assert_eq!(format!("{body:?}"), "Body(26 bytes)");
    }

    #[test]
    fn a_value_that_json_cannot_express_gives_a_body_without_bytes() {
        let body = Body::json(&BTreeMap::from([(vec![1], 2)]));
        assert!(body.bytes().is_none());
    }

    #[test]
    fn a_member_is_added_only_if_it_is_missing() {
        let added = Body::from(json!({"note": "n"}))
            .with_member("id", "a")
            .expect("an object");
        assert_eq!(added.bytes().expect("bytes"), r#"{"id":"a","note":"n"}"#);
        let kept = Body::from(json!({"id": "b"}))
            .with_member("id", "a")
            .expect("an object");
        assert_eq!(kept.bytes().expect("bytes"), r#"{"id":"b"}"#);
        assert!(Body::from(json!([1])).with_member("id", "a").is_none());
    }
}
