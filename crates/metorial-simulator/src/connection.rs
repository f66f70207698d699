//! HTTP/1.1 connections, without a library: none can cut, drip, pad or drop a response.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::{Request, Response, parse_head};

/// Largest accepted head of a request, in bytes.
const LONGEST_HEAD: usize = 1024 * 1024;
/// Largest accepted body of a request, in bytes.
const LONGEST_BODY: usize = 32 * 1024 * 1024;

/// Way in which a response is sent.
pub(crate) enum Delivery {
    Whole(Response),
    /// Sends the head and this many bytes of the body, then closes the connection.
    Cut(Response, usize),
    /// Sends a byte a second.
    Drip(Response),
    /// Sends this many bytes of white space before the body.
    Padded(Response, u64),
    /// Sends this many headers before the body.
    PaddedHead(Response, u64),
    /// Closes the connection.
    Close,
    /// Sends nothing, for ever.
    Hang,
}

/// Failure to read a request.
pub(crate) enum Unreadable {
    /// The client closed the connection.
    Closed,
    /// The request is not HTTP, or too large: answer with this status and close the connection.
    Refused(u16),
}

impl From<std::io::Error> for Unreadable {
    fn from(_: std::io::Error) -> Self {
        Unreadable::Closed
    }
}

/// Connection that serves one request after the other.
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

    /// Makes the connection end with a reset.
    pub(crate) fn reset(&self) {
        // On failure the connection ends without a reset, which tests hardly notice.
        let _ = self.stream.set_zero_linger();
    }

    /// Reads the next request; returns it, and whether the client keeps the connection open.
    pub(crate) async fn read(&mut self) -> Result<(Request, bool), Unreadable> {
        let head_length = self.read_head().await?;
        let mut request =
            parse_head(&self.unread[..head_length], self.peer).ok_or(Unreadable::Refused(400))?;
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
        let mut searched = 0;
        loop {
            let from = usize::saturating_sub(searched, 3);
            let end = self.unread[from..]
                .windows(4)
                .position(|end| end == b"\r\n\r\n");
            if let Some(end) = end {
                return Ok(from + end + 4);
            }
            if self.unread.len() > LONGEST_HEAD {
                return Err(Unreadable::Refused(431));
            }
            searched = self.unread.len();
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

    /// Sends a response; returns whether the connection stays open.
    pub(crate) async fn deliver(&mut self, delivery: Delivery, keep: bool) -> bool {
        match self.send(delivery, keep).await {
            Ok(stays_open) => stays_open && keep,
            Err(_) => false,
        }
    }

    async fn send(&mut self, delivery: Delivery, keep: bool) -> std::io::Result<bool> {
        match delivery {
            Delivery::Whole(response) => {
                self.stream.write_all(&response.bytes(keep)).await?;
                return Ok(true);
            }
            Delivery::Cut(response, at) => {
                let bytes = response.bytes(keep);
                let left_out = response.body.len().saturating_sub(at);
                let sent = &bytes[..bytes.len() - left_out];
                self.stream.write_all(sent).await?;
            }
            Delivery::Drip(response) => {
                for byte in response.bytes(false) {
                    self.stream.write_all(&[byte]).await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Delivery::Padded(response, padding) => self.send_padded(&response, padding).await?,
            Delivery::PaddedHead(response, lines) => {
                self.send_padded_head(&response, lines).await?;
            }
            Delivery::Close => {}
            Delivery::Hang => self.until_closed().await?,
        }
        self.stream.shutdown().await?;
        Ok(false)
    }

    /// Waits until the client closes the connection.
    async fn until_closed(&mut self) -> std::io::Result<()> {
        let mut ignored = [0; 1024];
        while self.stream.read(&mut ignored).await? > 0 {}
        Ok(())
    }

    async fn send_padded(&mut self, response: &Response, padding: u64) -> std::io::Result<()> {
        let length = padding.saturating_add(response.body.len() as u64);
        let mut bytes = response.head(length, false);
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
        let bytes = response.head(response.body.len() as u64, false);
        self.stream.write_all(&bytes).await?;
        for line in 0..lines {
            let header = format!("X-Padding-{line}: {line}\r\n");
            self.stream.write_all(header.as_bytes()).await?;
        }
        self.stream.write_all(b"\r\n").await?;
        self.stream.write_all(&response.body).await
    }
}
