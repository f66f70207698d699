//! The number of values in JSON. In memory each takes 32 bytes or more, while two bytes are enough to write one: what is small
//! as text may be large once it is decoded.

/// Most values of one object that is decoded. Ordinary ones have less than a hundred, and 16 KiB of metadata have at most 16,384.
pub(crate) const OBJECT_NODES: usize = 20_000;
/// Most values of a page with more than one item that is decoded.
pub(crate) const PAGE_NODES: usize = 10 * OBJECT_NODES;

/// Returns an estimate of the number of values in `json` without decoding it, and at least that number: each but the first
/// follows a comma or an opening bracket outside of strings. The member of an object is one value.
pub(crate) fn count(json: &[u8]) -> usize {
    let (mut nodes, mut in_string, mut escaped) = (1, false, false);
    for byte in json {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => in_string = true,
                b',' | b'[' | b'{' => nodes += 1,
                _ => {}
            }
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_strings() {
        for (json, nodes) in [
            ("7", 1),
            (r#""a,b[{\\\",""#, 1),
            ("[0,0,0]", 4),
            (r#"{"a":1,"b":[2,{"c":"},"}]}"#, 6),
        ] {
            assert_eq!(count(json.as_bytes()), nodes, "{json}");
        }
        let dense = "[0,".repeat(8 * 1024);
        assert!(count(&dense.as_bytes()[..16 * 1024]) < OBJECT_NODES);
    }
}
