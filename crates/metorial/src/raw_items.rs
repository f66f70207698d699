//! The items of a list as the server sent them, so that each can be decoded on its own.

use serde::de::IgnoredAny;
use serde_json::Deserializer;

/// Returns the JSON of each item of a list's body; `None` if the body is not an object with an array `items`. Nothing is
/// decoded but the names of the outermost members, so that neither size nor depth of an item matters.
pub(crate) fn raw_items(body: &[u8]) -> Option<Vec<&str>> {
    let mut rest = Rest(std::str::from_utf8(body).ok()?);
    let mut items = None;
    rest.expect('{')?;
    while !rest.next_is('}') {
        let name: String = serde_json::from_str(rest.value()?).ok()?;
        rest.expect(':')?;
        match name.as_str() {
            "items" => items = Some(rest.array()?),
            _ => drop(rest.value()?),
        }
        if !rest.next_is(',') {
            rest.expect('}')?;
            break;
        }
    }
    items
}

/// The part of the body that was not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// Reads a character if it comes next.
    fn next_is(&mut self, wanted: char) -> bool {
        let rest = self.0.trim_start().strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> Option<()> {
        self.next_is(wanted).then_some(())
    }

    /// Reads one value.
    fn value(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let mut values = Deserializer::from_str(text).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        let (value, rest) = text.split_at_checked(values.byte_offset())?;
        self.0 = rest;
        Some(value)
    }

    fn array(&mut self) -> Option<Vec<&'a str>> {
        self.expect('[')?;
        let mut values = Vec::new();
        while !self.next_is(']') {
            values.push(self.value()?);
            if !self.next_is(',') {
                self.expect(']')?;
                break;
            }
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_returned_as_they_were_sent() {
        let body = br#" { "object" : "list","n":1, "items" : [ {"a": "]}\\"},[1] ,"x", 7,null ], "pagination":{"items":[0]} } "#;
        let items = raw_items(body).expect("a list");
        assert_eq!(items, [r#"{"a": "]}\\"}"#, "[1]", r#""x""#, "7", "null"]);
        assert_eq!(raw_items(br#"{"items":[]}"#), Some(Vec::new()));
    }

    #[test]
    fn the_depth_of_an_item_does_not_matter() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let body = format!(r#"{{"items":[1,{deep},2]}}"#);
        assert_eq!(raw_items(body.as_bytes()), Some(vec!["1", &deep, "2"]));
    }

    #[test]
    fn what_is_no_list_has_no_items() {
        for body in [
            "",
            "[]",
            "{}",
            "null",
            r#"{"items":null}"#,
            r#"{"items":[1"#,
            r#"{"items" [1]}"#,
            "{\"items\":[1]\u{0}",
        ] {
            assert_eq!(raw_items(body.as_bytes()), None, "{body}");
        }
    }
}
