//! Filter for words of an answer: keeps what looks like a name and doesn't repeat what was sent.
//!
//! The API echoes keys and values in its errors ▲, and a code or an id is useful in a log.

use serde_json::Value;

use crate::secret;

/// Shortest text that is treated as a secret, in bytes. Shorter ones occur in ordinary words.
const SHORTEST_SECRET: usize = 8;

/// Longest word that is kept, in bytes. The API has codes of more than 70 characters ◆.
const LONGEST_WORD: usize = 100;

/// Words that the API itself uses. They are kept even if a request has them.
const API_WORDS: [&str; 43] = [
    "bad_request",
    "body",
    "cannot_change_auth_method",
    "cannot_update_automated_oauth_config",
    "conflict",
    "default_config_requires_deployment",
    "deployment_lock_mismatch",
    "endpoint",
    "forbidden",
    "gone",
    "internal_server_error",
    "invalid_auth_method",
    "invalid_data",
    "managed_credentials_import_export_blocked",
    "managed_credentials_readonly",
    "managed_credentials_scope_mismatch",
    "missing_auth_credentials",
    "missing_provider_information",
    "non_oauth_auth_method_not_allowed",
    "not_found",
    "not_implemented",
    "payment_required",
    "precondition_failed",
    "provider",
    "provider.auth_config",
    "provider.auth_credentials",
    "provider.auth_export",
    "provider.auth_import",
    "provider.auth_method",
    "provider.config",
    "provider.config_vault",
    "provider.deployment",
    "provider.version",
    "provider_mismatch",
    "provider_required",
    "provider_tool",
    "query",
    "rate_limit_exceeded",
    "timeout",
    "too_many_requests",
    "unauthorized",
    "use_after_delete",
    "vault_config_operation",
];

/// Key and texts of one request, none of which may be taken over from its answer.
pub(crate) struct Redactor<'a> {
    key: &'a str,
    sent: Value,
}

impl<'a> Redactor<'a> {
    /// Creates a filter for the answer to a request with this key and JSON body.
    pub(crate) fn new(key: &'a str, body: Option<&[u8]>) -> Self {
        let sent = body
            .and_then(|body| serde_json::from_slice(body).ok())
            .unwrap_or(Value::Null);
        Self { key, sent }
    }

    /// Returns `word` if it is a plain word and neither repeats the key or a text of the request nor a part of them.
    pub(crate) fn keep(&self, word: &str) -> Option<String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if word.is_empty() || word.len() > LONGEST_WORD || !word.bytes().all(plain) {
            return None;
        }
        if API_WORDS.contains(&word) {
            return Some(word.to_owned());
        }
        let of_key = word
            .as_bytes()
            .windows(SHORTEST_SECRET)
            .any(|part| contains(self.key.as_bytes(), part));
        let repeated = of_key || repeats(&self.sent, word) || self.names_in_value(word);
        (!repeated).then(|| word.to_owned())
    }

    /// Returns whether `word` is the name of a member in a field of the value that was sent. The fields themselves are those of
    /// the provider's schema; what is in them may be a map whose names are the user's, and as secret as the rest of the value.
    fn names_in_value(&self, word: &str) -> bool {
        let fields = self.sent.get("value").and_then(Value::as_object);
        let mut fields = fields.into_iter().flat_map(|fields| fields.values());
        fields.any(|field| names(field, word))
    }
}

impl Drop for Redactor<'_> {
    fn drop(&mut self) {
        secret::wipe(&mut self.sent);
    }
}

fn repeats(sent: &Value, word: &str) -> bool {
    match sent {
        Value::String(text) => {
            text.len().min(word.len()) >= SHORTEST_SECRET
                && (text.contains(word) || word.contains(text))
        }
        Value::Array(items) => items.iter().any(|item| repeats(item, word)),
        Value::Object(members) => members.values().any(|member| repeats(member, word)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn names(sent: &Value, word: &str) -> bool {
    match sent {
        Value::Object(members) => members.iter().any(|(name, member)| {
            let named = name.len() >= SHORTEST_SECRET && name == word;
            named || names(member, word)
        }),
        Value::Array(items) => items.iter().any(|item| names(item, word)),
        _ => false,
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "metorial_sk_4x6yKJ4aBcDeFgHj";

    #[test]
    fn only_plain_words_are_kept() {
        let redactor = Redactor::new(KEY, None);
        for word in ["invalid_data", "req_0123-abc.d", "0", &"a".repeat(100)] {
            assert_eq!(redactor.keep(word).as_deref(), Some(word));
        }
        for word in [
            "",
            "two words",
            "a/b",
            "<html>",
            "ä",
            "a\n",
            &"a".repeat(101),
        ] {
            assert_eq!(redactor.keep(word), None, "{word:?}");
        }
    }

    #[test]
    fn a_word_that_repeats_the_key_or_a_part_of_it_is_not_kept() {
        let redactor = Redactor::new(KEY, None);
        for word in [KEY, "metorial_sk_", "4x6yKJ4aBc", "req_4x6yKJ4aBcDeFgHj"] {
            assert_eq!(redactor.keep(word), None, "{word}");
        }
    }

    #[test]
    fn a_word_that_repeats_a_text_of_the_request_is_not_kept() {
        let redactor = Redactor::new(
            KEY,
            Some(br#"{"config":{"client_secret":"canary-0123456789","scopes":["repo"]}}"#),
        );
        for word in ["canary-0123456789", "canary-0", "req_canary-0123456789"] {
            assert_eq!(redactor.keep(word), None, "{word}");
        }
        for word in ["client_secret", "repo", "req_1234567890"] {
            assert_eq!(redactor.keep(word).as_deref(), Some(word));
        }
    }

    #[test]
    fn a_name_in_a_field_of_the_value_is_not_kept_but_that_of_the_field_is() {
        let body = br#"{"value":{"statement_headers":[{"canary-0123456789":{"canary-name":5}}]}}"#;
        let redactor = Redactor::new(KEY, Some(body));
        for word in ["canary-0123456789", "canary-name"] {
            assert_eq!(redactor.keep(word), None, "{word}");
        }
        assert!(redactor.keep("statement_headers").is_some());
    }

    #[test]
    fn words_of_the_api_are_kept_even_if_the_request_has_them() {
        let redactor = Redactor::new(
            KEY,
            Some(br#"{"description":"says not_found and provider.config often"}"#),
        );
        for word in API_WORDS {
            assert_eq!(redactor.keep(word).as_deref(), Some(word));
        }
    }
}
