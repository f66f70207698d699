//! Body of an answer while it arrives: whole up to a limit, and beyond it, for a page of a single item, without its long
//! strings. Such an item can't be asked for in smaller parts, and the next page can't be asked for without its id.

use std::borrow::Cow;

use crate::request::Request;
use crate::secret::Buffer;

/// Largest page of a single item that is read at all, in bytes.
const ITEM_CAP: usize = 64 << 20;
/// Longest string that is kept of it, in bytes: more than any id or name has.
const KEPT: usize = 1024;

/// Received body.
pub(crate) struct Received {
    pub(crate) bytes: Buffer,
    /// True if strings were left out: the body is valid JSON if it was, but not what the server sent.
    pub(crate) shortened: bool,
}

/// Body that is being received.
pub(crate) struct Incoming {
    cap: usize,
    shortens: bool,
    received: usize,
    bytes: Buffer,
    shortener: Option<Shortener>,
}

/// Failure to read a body.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is larger than this client reads.
    TooLarge,
    /// It did not arrive as a whole, for this cause.
    Incomplete(Cow<'static, str>),
}

impl Incoming {
    /// Creates an empty body of the answer to a request.
    ///
    /// # Errors
    /// The server announced more than can be accepted.
    pub(crate) fn new(request: &Request<'_>, announced: Option<u64>) -> Result<Self, BodyError> {
        let longest = if request.shortens {
            ITEM_CAP
        } else {
            request.cap
        };
        match usize::try_from(announced.unwrap_or(0)) {
            Ok(announced) if announced <= longest => Ok(Self {
                cap: request.cap,
                shortens: request.shortens,
                received: 0,
                bytes: Buffer::with_capacity(4096),
                shortener: None,
            }),
            _ => Err(BodyError::TooLarge),
        }
    }

    /// Adds what has arrived.
    ///
    /// # Errors
    /// The body is too large now, even without its long strings.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), BodyError> {
        self.received = self.received.saturating_add(chunk.len());
        if self.shortener.is_none() && self.received > self.cap {
            if !self.shortens {
                return Err(BodyError::TooLarge);
            }
            let whole = std::mem::replace(&mut self.bytes, Buffer::with_capacity(4096));
            let mut shortener = Shortener::default();
            shortener.push(&whole, &mut self.bytes);
            self.shortener = Some(shortener);
        }
        match &mut self.shortener {
            Some(shortener) => shortener.push(chunk, &mut self.bytes),
            None => self.bytes.push(chunk),
        }
        match self.bytes.len() <= self.cap && self.received <= ITEM_CAP {
            true => Ok(()),
            false => Err(BodyError::TooLarge),
        }
    }

    /// Returns the whole body.
    pub(crate) fn end(self) -> Received {
        Received {
            bytes: self.bytes,
            shortened: self.shortener.is_some(),
        }
    }
}

/// Copies JSON that arrives in parts, with empty strings in place of those that are longer than [`KEPT`].
#[derive(Default)]
struct Shortener {
    /// Where the string began in the copy, after its quotation mark; `None` between strings.
    string: Option<usize>,
    /// True if the string is too long to be kept.
    long: bool,
    /// True after a backslash in a string.
    escaped: bool,
}

impl Shortener {
    fn push(&mut self, json: &[u8], copy: &mut Buffer) {
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\');
        for run in json.split_inclusive(is_special) {
            // A character is escaped only by the one right before it.
            let escaped = std::mem::take(&mut self.escaped) && run.len() == 1;
            let special = run.last().filter(|_| !escaped);
            let Some(start) = self.string else {
                copy.push(run);
                if special == Some(&b'"') {
                    self.string = Some(copy.len());
                }
                continue;
            };
            // The closing quotation mark, if the run has it, does not count.
            self.long |= copy.len() + run.len() > start + KEPT + 1;
            if !self.long {
                copy.push(run);
            }
            match special {
                Some(b'\\') => self.escaped = true,
                Some(b'"') => {
                    if std::mem::take(&mut self.long) {
                        copy.truncate(start);
                        copy.push(b"\"");
                    }
                    self.string = None;
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Returns the copy of `json` that arrives in parts of this size.
    fn shortened(json: &str, part: usize) -> String {
        let (mut shortener, mut copy) = (Shortener::default(), Buffer::with_capacity(16));
        for part in json.as_bytes().chunks(part) {
            shortener.push(part, &mut copy);
        }
        String::from_utf8(copy.to_vec()).expect("UTF-8")
    }

    #[test]
    fn only_strings_of_more_than_1024_bytes_are_left_out_wherever_the_parts_end() {
        let (kept, long) = ("k".repeat(KEPT), "l".repeat(KEPT + 1));
        let quoted = "\\\"\u{e4}".repeat(KEPT);
        let json = json!({
            "id": "par_1", "a": ["", "\"", "\\", "\\\"", "\u{1}\u{1f600}", 1, true, null],
            "kept": kept, "long": long, "quoted": quoted, (long.clone()): {"after": long},
        });
        let mut expected = json.clone();
        expected["long"] = "".into();
        expected["quoted"] = "".into();
        let members = expected.as_object_mut().expect("an object");
        members.remove(&long);
        members.insert(String::new(), json!({"after": ""}));
        let text = json.to_string();
        for part in [1, 2, 3, 1023, text.len()] {
            let copy = shortened(&text, part);
            let copy: Value = serde_json::from_str(&copy).expect("JSON");
            assert_eq!(copy, expected, "parts of {part}");
        }
    }

    #[test]
    fn a_body_is_shortened_only_beyond_the_limit_and_only_where_the_request_allows_it() {
        let string = format!("\"{}\"", "x".repeat(4000));
        for (cap, shortens, expected) in [
            (4002, false, Some((4002, false))),
            (4002, true, Some((4002, false))),
            (4001, true, Some((2, true))),
            (4001, false, None),
            (1, true, None),
        ] {
            let request = Request {
                cap,
                shortens,
                ..Request::get("/")
            };
            let mut incoming = Incoming::new(&request, None).expect("nothing is announced");
            let mut parts = string.as_bytes().chunks(1000);
            let received = parts.try_for_each(|part| incoming.push(part));
            let received: Result<(), BodyError> = received;
            let received = received.ok().map(|()| incoming.end());
            let received = received.map(|body| (body.bytes.len(), body.shortened));
            assert_eq!(received, expected, "{cap} {shortens}");
        }
    }

    #[test]
    fn an_announced_body_is_refused_before_it_arrives() {
        for (shortens, announced, accepted) in [
            (false, 1 << 20, true),
            (false, (1 << 20) + 1, false),
            (true, 64 << 20, true),
            (true, (64 << 20) + 1, false),
            (true, u64::MAX, false),
        ] {
            let request = Request {
                shortens,
                ..Request::get("/")
            };
            let incoming = Incoming::new(&request, Some(announced));
            assert_eq!(incoming.is_ok(), accepted, "{announced}");
        }
    }
}
