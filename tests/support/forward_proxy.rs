//! An HTTP proxy of a company: it tunnels CONNECT requests and forwards others, and wants a user and a password.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request that came through: its method and the address that it is for.
pub type Proxied = (String, String);

/// A running proxy. Dropping it ends it.
pub struct ForwardProxy {
    address: SocketAddr,
    password: String,
    passed: Arc<Mutex<BTreeSet<Proxied>>>,
    task: JoinHandle<()>,
}

impl ForwardProxy {
    /// Starts a proxy that lets the user `operator` with this password pass, who is to be named in `expected`, the value of
    /// `Proxy-Authorization`.
    pub async fn start(password: &str, expected: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let passed = Arc::new(Mutex::new(BTreeSet::new()));
        let (seen, expected) = (passed.clone(), expected.to_owned());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (seen, expected) = (seen.clone(), expected.clone());
                tokio::spawn(async move { serve(client, &expected, &seen).await });
            }
        });
        Self {
            address,
            password: password.to_owned(),
            passed,
            task,
        }
    }

    /// Its URL with user and password, as an environment variable has it.
    pub fn url(&self) -> String {
        format!("http://operator:{}@{}", self.password, self.address)
    }

    /// What came through so far.
    pub fn passed(&self) -> BTreeSet<Proxied> {
        self.passed.lock().unwrap().clone()
    }
}

impl Drop for ForwardProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection; `None` if it ended early.
async fn serve(
    mut client: TcpStream,
    expected: &str,
    seen: &Mutex<BTreeSet<Proxied>>,
) -> Option<()> {
    let (head, rest) = read_head(&mut client).await?;
    let mut words = head.split_ascii_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let authorized = head.lines().any(|line| {
        let (name, value) = line.split_once(": ").unwrap_or_default();
        name.eq_ignore_ascii_case("proxy-authorization") && value == expected
    });
    if !authorized {
        let refused = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        client.write_all(refused.as_bytes()).await.ok()?;
        return None;
    }
    let tunnel = method == "CONNECT";
    let address = match target.strip_prefix("http://") {
        Some(rest) => rest.split('/').next()?.to_owned(),
        None => target.clone(),
    };
    seen.lock().unwrap().insert((method, address.clone()));
    let mut server = TcpStream::connect(&address).await.ok()?;
    if tunnel {
        let established = b"HTTP/1.1 200 Connection Established\r\n\r\n";
        client.write_all(established).await.ok()?;
    } else {
        let path = &target["http://".len() + address.len()..];
        // One request for each connection, because only the first is rewritten here.
        let head = head.replacen(&target, path, 1);
        let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        server.write_all(head.as_bytes()).await.ok()?;
    }
    server.write_all(&rest).await.ok()?;
    copy_bidirectional(&mut client, &mut server).await.ok()?;
    Some(())
}

/// Reads up to the blank line after the head, and returns what came after it, too.
async fn read_head(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(end) = end {
            let rest = bytes.split_off(end + 4);
            return Some((String::from_utf8(bytes).ok()?, rest));
        }
    }
}
