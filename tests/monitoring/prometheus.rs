//! The programs of Prometheus, and the rules that the chart installs.

use crate::support::{Guarded, free_address, helm_chart, succeed};
use control_plane::ControlPlane;
use serde::Deserialize;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The namespace that the chart is rendered for, and so that of the metrics that its rules are about.
pub const NAMESPACE: &str = "metorial-system";

/// The program of this name, built from its pinned module if it isn't yet.
pub async fn program(name: &str) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/build-prometheus");
    let mut command = Command::new(script);
    command.stderr(Stdio::inherit());
    let built = tokio::task::spawn_blocking(move || command.output().unwrap());
    let built = built.await.unwrap();
    assert!(built.status.success(), "{}", built.status);
    let printed = String::from_utf8(built.stdout).unwrap();
    Path::new(printed.lines().last().unwrap()).join(name)
}

/// The groups of rules that the chart installs with all of its parts and these values.
pub async fn rules(values: &[&str]) -> Value {
    let plane = tokio::task::spawn_blocking(ControlPlane::shared).await;
    let mut template = helm_chart(plane.unwrap(), &["template", "metorial-operator"]);
    template
        .args(["--namespace", NAMESPACE])
        .args(["--show-only", "templates/prometheusrule.yaml"])
        .args(["--set", "metrics.prometheusRule.enabled=true"])
        .args(["--set", "metrics.kubeStateMetrics.enabled=true"])
        .args(values.iter().flat_map(|value| ["--set", value]));
    let rendered = succeed(template).await;
    let mut documents = serde_yaml_ng::Deserializer::from_str(&rendered);
    let mut rule = Value::deserialize(documents.next().unwrap()).unwrap();
    rule["spec"].take()
}

/// A new directory for the files of one test.
pub fn directory() -> PathBuf {
    let name = format!("monitoring-{:016x}", rand::random::<u64>());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// Writes JSON, which is YAML too.
pub fn write(directory: &Path, name: &str, json: &Value) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, json.to_string()).unwrap();
    path
}

/// A running Prometheus. Dropping it ends it and removes what it stored.
pub struct Prometheus {
    process: Guarded,
    directory: PathBuf,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts one with this configuration, whose relative paths are in `directory`.
    pub async fn start(directory: PathBuf, configuration: &Value) -> Self {
        let file = write(&directory, "prometheus.yaml", configuration);
        let address = free_address();
        let log = std::fs::File::create(directory.join("log")).unwrap();
        let mut command = Command::new(program("prometheus").await);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        Self {
            process: Guarded::start(&mut command),
            directory,
            address,
        }
    }

    /// What its API answers; `None` while it answers nothing.
    pub async fn get(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        // By this version of HTTP the answer is not sent in chunks.
        let request = format!(
            "GET /api/v1/{path} HTTP/1.0\r\nHost: {}\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let mut body: Value = serde_json::from_str(body).ok()?;
        (body["status"] == "success").then(|| body["data"].take())
    }

    /// The only result of a query, as a number; `None` while there is none.
    pub async fn value(&self, query: &str) -> Option<f64> {
        let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let found = self.get(&format!("query?query={encoded}")).await?;
        let value = found["result"].as_array()?.first()?["value"][1]
            .as_str()?
            .parse();
        value.ok()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.stop();
        std::fs::remove_dir_all(&self.directory).ok();
    }
}
