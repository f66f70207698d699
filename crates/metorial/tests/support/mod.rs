//! Minimal HTTP server that answers as a test defines, byte by byte, and records the requests.

#![allow(dead_code, reason = "each test program uses a part of this")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metorial::{ApiKey, Client, ClientBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Key of every client. It must not show up anywhere.
pub const KEY: &str = "metorial_sk_canary4x6yKJ4aBcDeFgHj";

/// Reaction of the server to one request.
#[derive(Clone)]
pub enum Reaction {
    /// Sends these bytes and closes.
    Send(Vec<u8>),
    /// Sends these bytes, then keeps the connection open and sends nothing.
    Stall(Vec<u8>),
    /// Sends the first bytes, then repeats the second until the client disconnects.
    Pour(Vec<u8>, Vec<u8>),
    /// Like `Pour`, but sends the second a byte at a time.
    Drip(Vec<u8>, Vec<u8>),
}

/// Received request.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GET /instance HTTP/1.1`
    pub line: String,
    /// Headers in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns path and query.
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// Returns the decoded value of a query parameter.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target().split_once('?')?;
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(part, _)| part == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// Server on 127.0.0.1, which stops when dropped.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Starts a server that reacts to each request with `react`.
    pub async fn start(react: impl Fn(&Seen) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, react) = (seen.clone(), Arc::new(react));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, log.clone(), react.clone()));
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }

    /// Starts a server with the same reaction to every request.
    pub async fn always(reaction: Reaction) -> Self {
        Self::start(move |_| reaction.clone()).await
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panicked here").clone()
    }

    /// Returns method and target of each request.
    pub fn lines(&self) -> Vec<String> {
        let seen = self.seen();
        seen.iter()
            .map(|seen| seen.line.trim_end_matches(" HTTP/1.1").to_owned())
            .collect()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns a client with a timeout that requests keep on a busy machine, too.
    pub fn client(&self) -> Client {
        builder(&self.url())
            .timeout(Duration::from_secs(10))
            .build()
            .expect("a client")
    }
}

/// Returns a builder with the key of these tests that ignores the environment's proxies.
pub fn builder(url: &str) -> ClientBuilder {
    Client::builder(
        url.parse().expect("a URL"),
        ApiKey::parse(KEY).expect("a key"),
    )
    .no_proxy()
}

/// Reads one request from `stream` and reacts to it.
pub async fn serve<S, R>(mut stream: S, seen: Arc<Mutex<Vec<Seen>>>, react: Arc<R>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    R: Fn(&Seen) -> Reaction,
{
    let Some(request) = read(&mut stream).await else {
        return;
    };
    seen.lock()
        .expect("no test panicked here")
        .push(request.clone());
    // In some tests the client disconnects early.
    let _ = write(&mut stream, react(&request)).await;
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), reaction: Reaction) -> std::io::Result<()> {
    match reaction {
        Reaction::Send(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        }
        Reaction::Stall(bytes) => {
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            std::future::pending().await
        }
        Reaction::Pour(head, more) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&more).await?;
            }
        }
        Reaction::Drip(head, more) => {
            stream.write_all(&head).await?;
            for byte in more.iter().cycle() {
                stream.write_all(&[*byte]).await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(())
        }
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut lines = text.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|header| header.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length
        .and_then(|(_, length)| length.parse().ok())
        .unwrap_or(0);
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen {
        line,
        headers,
        body,
    })
}

/// Returns a complete answer with these headers (each with its line end) and this body.
pub fn answer(status: u16, headers: &str, body: &str) -> Reaction {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} Whatever\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    );
    Reaction::Send(text.into_bytes())
}

/// Returns a complete answer of the API.
pub fn json_answer(status: u16, body: &Value) -> Reaction {
    let headers = "content-type: application/json\r\nmetorial-version: 2026-01-01\r\nmetorial-req-id: req_1\r\n";
    answer(status, headers, &body.to_string())
}

/// Returns an answer with the API's error object.
pub fn error_answer(status: u16, code: &str, entity: &str) -> Reaction {
    let body =
        json!({"object": "error", "ok": false, "status": status, "code": code, "entity": entity});
    json_answer(status, &body)
}

/// Returns auth credentials with this id.
pub fn credentials(id: &str) -> Value {
    json!({
        "object": "provider.auth_credentials", "id": id, "status": "active", "provider_id": "pro_1",
        "created_at": "2025-09-15T10:30:00.000Z", "updated_at": "2025-09-15T10:30:00.000Z",
    })
}

/// Returns a page of these items.
pub fn page(items: &[Value], has_more_after: bool) -> Value {
    json!({"object": "list", "items": items,
        "pagination": {"has_more_before": false, "has_more_after": has_more_after}})
}

/// Asserts that a call fails, and returns its error.
pub async fn failure<T>(call: impl Future<Output = Result<T, metorial::Error>>) -> metorial::Error {
    match call.await {
        Ok(_) => panic!("the call succeeded"),
        Err(error) => error,
    }
}
