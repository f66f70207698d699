//! Finds a secret in a text, however it is written there.

use k8s_openapi::ByteString;
use std::fmt::Write;

/// A value that must not get out, and under which name a test speaks of it.
pub struct Canary {
    pub name: &'static str,
    pub value: String,
    /// What stands before the part that is secret, as `metorial_sk_` does.
    prefix: usize,
}

/// How many characters are enough to recognise a secret.
const ENOUGH: usize = 8;

impl Canary {
    /// A value with everything in it that some form of writing escapes.
    pub fn new(name: &'static str) -> Self {
        let start = format!("{:016x}", rand::random::<u64>());
        let value = format!("{start}\"quo\\te\" <a&b>=+/%~ ü€\t{start}");
        Self {
            name,
            value,
            prefix: 0,
        }
    }

    /// A value that somebody else chose; its first `prefix` characters are no secret.
    pub fn of(name: &'static str, value: &str, prefix: &str) -> Self {
        let value = value.to_owned();
        assert!(value.starts_with(prefix) && value.len() >= prefix.len() + ENOUGH);
        let prefix = prefix.len();
        Self {
            name,
            value,
            prefix,
        }
    }

    /// The encodings in which it might be written somewhere, each with a name.
    fn forms(&self) -> Vec<(&'static str, String)> {
        let json = serde_json::to_string(&self.value).unwrap();
        let json = json.trim_matches('"').to_owned();
        let url: String = url::form_urlencoded::byte_serialize(self.value.as_bytes()).collect();
        let hex = self.value.bytes().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        });
        let debug = format!("{:?}", self.value);
        let first: String = self.value[self.prefix..].chars().take(ENOUGH).collect();
        let mut forms = vec![
            ("raw", self.value.clone()),
            ("as JSON", json.clone()),
            (
                "as JSON in JSON",
                serde_json::to_string(&json)
                    .unwrap()
                    .trim_matches('"')
                    .to_owned(),
            ),
            ("as a URL has it", url.clone()),
            ("as a path has it", url.replace('+', "%20")),
            ("in hex", hex.to_uppercase()),
            ("in hex", hex),
            ("as Rust prints it", debug.trim_matches('"').to_owned()),
            ("as a list of bytes", format!("{:?}", self.value.as_bytes())),
            ("by its first characters", first),
        ];
        // Base64 of a longer text that has the value in it, at each of the three places where it may begin.
        for skip in 0..3 {
            let bytes = self.value.as_bytes()[skip..].to_vec();
            let whole = bytes.len() / 3 * 3;
            let text = serde_json::to_value(ByteString(bytes[..whole].to_vec())).unwrap();
            let text = text.as_str().unwrap().to_owned();
            forms.push(("in base64", text.replace('+', "-").replace('/', "_")));
            forms.push(("in base64", text));
        }
        forms
    }

    /// How the value stands in the text, if it does.
    pub fn found_in(&self, text: &str) -> Option<&'static str> {
        let mut forms = self.forms().into_iter();
        forms
            .find(|(_, form)| text.contains(form))
            .map(|(word, _)| word)
    }
}

/// None of these values stands anywhere in a text.
pub fn check_no_canary(place: &str, text: &str, canaries: &[&Canary]) {
    for canary in canaries {
        if let Some(form) = canary.found_in(text) {
            let lines = text.lines().filter(|line| canary.found_in(line).is_some());
            let line: String = lines.take(1).collect();
            let line: String = line.chars().take(600).collect();
            panic!("{} is in {place}, {form}: {line}", canary.name);
        }
    }
}
