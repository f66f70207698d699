//! Requests and responses of HTTP/1.1.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::clock;

/// Largest number of headers of a request.
const MOST_HEADERS: usize = 128;

/// Received request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// As sent, percent-encoded.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Length of the request line and headers, in bytes.
    pub(crate) head_length: usize,
    pub(crate) peer: IpAddr,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn keeps_alive(&self) -> bool {
        !self
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// Response. `Content-Length` and `Connection` are added when it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// Creates an answer that isn't the API's. Adds `Date` and `Content-Type: application/json` unless they are given.
    pub(crate) fn new(
        status: u16,
        mut headers: Vec<(String, String)>,
        body: Vec<u8>,
        now: Timestamp,
    ) -> Self {
        let has = |headers: &[(String, String)], name: &str| {
            headers
                .iter()
                .any(|(header, _)| header.eq_ignore_ascii_case(name))
        };
        if !has(&headers, "date") {
            headers.push(("Date".to_owned(), clock::http_date(now)));
        }
        if !has(&headers, "content-type") {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        Self {
            status,
            headers,
            body,
        }
    }

    /// Returns the status line and the headers, without the empty line at their end.
    pub(crate) fn head(&self, content_length: u64, keep_alive: bool) -> Vec<u8> {
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!(
            "Content-Length: {content_length}\r\nConnection: {connection}\r\n"
        ));
        text.into_bytes()
    }

    /// Returns the whole response as it is sent.
    pub(crate) fn bytes(&self, keep_alive: bool) -> Vec<u8> {
        let mut bytes = self.head(self.body.len() as u64, keep_alive);
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Parses the request line and headers; None if they aren't HTTP.
pub(crate) fn parse_head(bytes: &[u8], peer: IpAddr) -> Option<Request> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    if !parsed.parse(bytes).is_ok_and(|status| status.is_complete()) {
        return None;
    }
    let target = parsed.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    Some(Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: parsed
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), text(header.value)))
            .collect(),
        body: Vec::new(),
        head_length: bytes.len(),
        peer,
    })
}

fn reason(status: u16) -> &'static str {
    match status {
        200..=299 => "OK",
        300..=399 => "Redirect",
        400..=499 => "Client Error",
        _ => "Server Error",
    }
}
