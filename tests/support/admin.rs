//! The HTTP server for metrics and health of an operator, as a kubelet and a Prometheus see it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A page of the HTTP server for metrics and health.
pub struct Page {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Asks for a page; `None` while nothing is served there.
pub async fn page(admin: SocketAddr, path: &str) -> Option<Page> {
    page_as(admin, path, "*/*").await
}

/// Asks for a page in one of these formats; `None` while nothing is served there.
pub async fn page_as(admin: SocketAddr, path: &str, accept: &str) -> Option<Page> {
    let mut stream = TcpStream::connect(admin).await.ok()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {admin}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some(Page {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// The samples of `/metrics`, by name and labels as they are written there: `name{kind="Connection",verdict="Synced"}`, but
/// without the operator's prefix and the label of a shard.
pub struct Samples(pub BTreeMap<String, f64>);

impl Samples {
    /// Reads the metrics of the operator at this address, which must be served.
    pub async fn of(admin: SocketAddr) -> Self {
        Self::find(admin).await.expect("metrics are served")
    }

    /// Reads the metrics of the operator at this address; `None` while nothing is served there.
    pub async fn find(admin: SocketAddr) -> Option<Self> {
        let page = page(admin, "/metrics").await?;
        let samples = page.body.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let name = name.strip_prefix("metorial_operator_").unwrap_or(name);
            (without_shard(name), value.parse().unwrap())
        };
        Some(Self(samples.map(sample).collect()))
    }

    /// One sample, without the prefix that all have; 0 where it is absent.
    pub fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// The sum of all samples whose name begins with this.
    pub fn sum(&self, start: &str) -> f64 {
        let matching = self.0.iter().filter(|(name, _)| name.starts_with(start));
        matching.map(|(_, value)| value).sum()
    }
}

fn without_shard(name: &str) -> String {
    let Some((metric, labels)) = name.split_once("{shard=\"") else {
        return name.to_owned();
    };
    let (_, others) = labels.split_once('"').unwrap();
    match others.trim_start_matches(',') {
        "}" => metric.to_owned(),
        others => format!("{metric}{{{others}"),
    }
}
