//! HTTP/1.1 by hand: a server that may cut, drip, flood or drop its answers can't leave that to a library.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The head that the server accepts, and the one that the simulator can take at all.
pub(crate) const LONG_HEAD: usize = 16 * 1024;
const LONGEST_HEAD: usize = 1024 * 1024;
const LONGEST_BODY: usize = 32 * 1024 * 1024;
const MOST_HEADERS: usize = 128;

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// As sent, still percent-encoded.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How long the request line and headers were.
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

    fn keeps_alive(&self) -> bool {
        !self
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// An answer; `Content-Length` and `Connection` are added when it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// How an answer gets onto the wire.
pub(crate) enum Delivery {
    Whole(Response),
    /// The head and so many bytes of the body, then the end.
    Cut(Response, usize),
    /// A byte a second.
    Drip(Response),
    /// So many bytes of white space before the body.
    Padded(Response, u64),
    /// So many headers before the body.
    PaddedHead(Response, u64),
    /// The end.
    Close,
    /// Nothing, for ever.
    Hang,
}

/// Why a request could not be read.
pub(crate) enum Unreadable {
    /// The other side went away.
    Closed,
    /// It is not HTTP, or too large: this status, then the end.
    Refused(u16),
}

impl From<std::io::Error> for Unreadable {
    fn from(_: std::io::Error) -> Self {
        Unreadable::Closed
    }
}

/// One connection: requests in, answers out, one after the other.
pub(crate) struct Connection {
    stream: TcpStream,
    peer: IpAddr,
    unread: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, peer: IpAddr) -> Self {
        Connection {
            stream,
            peer,
            unread: Vec::new(),
        }
    }

    /// Makes the end of the connection a reset.
    pub(crate) fn reset(&self) {
        // Without it the connection ends orderly, which is nearly as good.
        let _ = self.stream.set_zero_linger();
    }

    /// The next request, and whether the connection is kept after it.
    pub(crate) async fn read(&mut self) -> Result<(Request, bool), Unreadable> {
        let head_length = self.read_head().await?;
        let mut request = parse_head(&self.unread[..head_length], self.peer)?;
        self.unread.drain(..head_length);
        if request.header("expect").is_some() {
            self.stream
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                .await?;
        }
        let chunked = request
            .header("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        request.body = if chunked {
            self.read_chunks().await?
        } else {
            let length = match request.header("content-length") {
                Some(length) => length.parse().map_err(|_| Unreadable::Refused(400))?,
                None => 0,
            };
            self.take(length).await?
        };
        let keep = request.keeps_alive();
        Ok((request, keep))
    }

    async fn fill(&mut self) -> Result<(), Unreadable> {
        if self.stream.read_buf(&mut self.unread).await? == 0 {
            return Err(Unreadable::Closed);
        }
        Ok(())
    }

    async fn read_head(&mut self) -> Result<usize, Unreadable> {
        let mut seen = 0;
        loop {
            let from = usize::saturating_sub(seen, 3);
            let end = self.unread[from..]
                .windows(4)
                .position(|end| end == b"\r\n\r\n");
            if let Some(end) = end {
                return Ok(from + end + 4);
            }
            if self.unread.len() > LONGEST_HEAD {
                return Err(Unreadable::Refused(431));
            }
            seen = self.unread.len();
            self.fill().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, Unreadable> {
        if length > LONGEST_BODY {
            return Err(Unreadable::Refused(413));
        }
        while self.unread.len() < length {
            self.fill().await?;
        }
        Ok(self.unread.drain(..length).collect())
    }

    async fn read_chunks(&mut self) -> Result<Vec<u8>, Unreadable> {
        let mut body = Vec::new();
        loop {
            let (start, size) = match httparse::parse_chunk_size(&self.unread) {
                Ok(httparse::Status::Complete(found)) => found,
                Ok(httparse::Status::Partial) => {
                    self.fill().await?;
                    continue;
                }
                Err(_) => return Err(Unreadable::Refused(400)),
            };
            let size = usize::try_from(size).map_err(|_| Unreadable::Refused(413))?;
            if body.len().saturating_add(size) > LONGEST_BODY {
                return Err(Unreadable::Refused(413));
            }
            self.unread.drain(..start);
            let chunk = self.take(size + 2).await?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    /// Sends an answer; whether the connection can go on after it.
    pub(crate) async fn deliver(&mut self, delivery: Delivery, keep: bool) -> bool {
        match self.send(delivery, keep).await {
            Ok(goes_on) => goes_on && keep,
            Err(_) => false,
        }
    }

    async fn send(&mut self, delivery: Delivery, keep: bool) -> std::io::Result<bool> {
        match delivery {
            Delivery::Whole(response) => {
                let mut bytes = head(&response, response.body.len() as u64, keep);
                bytes.extend_from_slice(b"\r\n");
                bytes.extend_from_slice(&response.body);
                self.stream.write_all(&bytes).await?;
                return Ok(true);
            }
            Delivery::Cut(response, at) => {
                let mut bytes = head(&response, response.body.len() as u64, keep);
                bytes.extend_from_slice(b"\r\n");
                bytes.extend_from_slice(&response.body[..at.min(response.body.len())]);
                self.stream.write_all(&bytes).await?;
            }
            Delivery::Drip(response) => {
                let mut bytes = head(&response, response.body.len() as u64, false);
                bytes.extend_from_slice(b"\r\n");
                bytes.extend_from_slice(&response.body);
                for byte in bytes {
                    self.stream.write_all(&[byte]).await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Delivery::Padded(response, padding) => self.send_padded(&response, padding).await?,
            Delivery::PaddedHead(response, lines) => {
                self.send_padded_head(&response, lines).await?;
            }
            Delivery::Close => {}
            Delivery::Hang => self.wait_for_the_end().await?,
        }
        self.stream.shutdown().await?;
        Ok(false)
    }

    /// Until the other side has had enough.
    async fn wait_for_the_end(&mut self) -> std::io::Result<()> {
        let mut ignored = [0; 1024];
        while self.stream.read(&mut ignored).await? > 0 {}
        Ok(())
    }

    async fn send_padded(&mut self, response: &Response, padding: u64) -> std::io::Result<()> {
        let length = padding.saturating_add(response.body.len() as u64);
        let mut bytes = head(response, length, false);
        bytes.extend_from_slice(b"\r\n");
        self.stream.write_all(&bytes).await?;
        let blank = [b' '; 16 * 1024];
        let mut left = padding;
        while left > 0 {
            let now = left.min(blank.len() as u64);
            self.stream.write_all(&blank[..now as usize]).await?;
            left -= now;
        }
        self.stream.write_all(&response.body).await
    }

    async fn send_padded_head(&mut self, response: &Response, lines: u64) -> std::io::Result<()> {
        let bytes = head(response, response.body.len() as u64, false);
        self.stream.write_all(&bytes).await?;
        for line in 0..lines {
            let header = format!("X-Padding-{line}: {line}\r\n");
            self.stream.write_all(header.as_bytes()).await?;
        }
        self.stream.write_all(b"\r\n").await?;
        self.stream.write_all(&response.body).await
    }
}

fn parse_head(bytes: &[u8], peer: IpAddr) -> Result<Request, Unreadable> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    if !parsed.parse(bytes).is_ok_and(|status| status.is_complete()) {
        return Err(Unreadable::Refused(400));
    }
    let target = parsed.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    Ok(Request {
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

/// Status line and headers, without the empty line at their end.
fn head(response: &Response, length: u64, keep: bool) -> Vec<u8> {
    let connection = if keep { "keep-alive" } else { "close" };
    let mut text = format!(
        "HTTP/1.1 {} {}\r\n",
        response.status,
        reason(response.status)
    );
    for (name, value) in &response.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!(
        "Content-Length: {length}\r\nConnection: {connection}\r\n"
    ));
    text.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200..=299 => "OK",
        300..=399 => "Redirect",
        400..=499 => "Client Error",
        _ => "Server Error",
    }
}
