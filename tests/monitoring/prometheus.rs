//! The programs of Prometheus, and the rules that the chart installs.

use crate::support::{Guarded, free_address, helm_chart, succeed};
use control_plane::ControlPlane;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The labels of a series.
pub type Labels = BTreeMap<String, String>;

/// The namespace that the chart is rendered for, and so that of the metrics that its rules are about.
pub const NAMESPACE: &str = "metorial-system";

/// A program of a module in `tools`, which is built if it isn't yet.
pub async fn program(module: &str, name: &str) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/build-monitoring");
    let mut command = Command::new(script);
    command.arg(module).stderr(Stdio::inherit());
    let built = tokio::task::spawn_blocking(move || command.output().unwrap());
    let built = built.await.unwrap();
    assert!(built.status.success(), "{}", built.status);
    let printed = String::from_utf8(built.stdout).unwrap();
    Path::new(printed.lines().last().unwrap()).join(name)
}

/// The only object of a template of the chart, with all parts for monitoring and these values.
pub async fn rendered(template: &str, values: &[&str]) -> Value {
    let plane = tokio::task::spawn_blocking(ControlPlane::shared).await;
    let mut helm = helm_chart(plane.unwrap(), &["template", "metorial-operator"]);
    helm.args(["--namespace", NAMESPACE])
        .args(["--show-only", &format!("templates/{template}.yaml")])
        .args(["--set", "metrics.prometheusRule.enabled=true"])
        .args(["--set", "metrics.kubeStateMetrics.enabled=true"])
        .args(values.iter().flat_map(|value| ["--set", value]));
    let text = succeed(helm).await;
    let mut documents = serde_yaml_ng::Deserializer::from_str(&text);
    Value::deserialize(documents.next().unwrap()).unwrap()
}

/// The groups of rules that the chart installs with all of its parts and these values.
pub async fn rules(values: &[&str]) -> Value {
    rendered("prometheusrule", values).await["spec"].take()
}

/// The same rules, whose alerts fire after a second.
pub fn impatient(mut rules: Value) -> Value {
    for group in rules["groups"].as_array_mut().unwrap() {
        for rule in group["rules"].as_array_mut().unwrap() {
            rule["for"] = "1s".into();
        }
    }
    rules
}

/// A new directory for the files of one test.
pub fn directory() -> PathBuf {
    let name = format!("monitoring-{:016x}", rand::random::<u64>());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// Starts a program of a module in `tools`, which logs to the file `log` in this directory.
pub async fn start(module: &str, arguments: &[String], directory: &Path) -> Guarded {
    let log = std::fs::File::create(directory.join("log")).unwrap();
    let mut command = Command::new(program(module, module).await);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    Guarded::start(&mut command)
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
        let storage = directory.join("data");
        let arguments = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", storage.display()),
            format!("--web.listen-address={address}"),
        ];
        Self {
            process: start("prometheus", &arguments, &directory).await,
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

    /// What a query finds now, each with its labels; `None` while there is no answer.
    pub async fn query(&self, query: &str) -> Option<Vec<(Labels, f64)>> {
        let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let found = self.get(&format!("query?query={encoded}")).await?;
        let results = found["result"].as_array()?.iter().map(|result| {
            let labels = Labels::deserialize(&result["metric"]).ok()?;
            let value = result["value"][1].as_str()?.parse().ok()?;
            Some((labels, value))
        });
        results.collect()
    }

    /// The only result of a query, as a number; `None` while there is none.
    pub async fn value(&self, query: &str) -> Option<f64> {
        let found = self.query(query).await?;
        found.first().map(|(_, value)| *value)
    }

    /// The alerts with this name that fire now; `None` while there is no answer.
    pub async fn firing(&self, name: &str) -> Option<Vec<Value>> {
        let mut alerts = self.get("alerts").await?;
        let mut alerts = std::mem::take(alerts["alerts"].as_array_mut()?);
        alerts.retain(|alert| alert["labels"]["alertname"] == name && alert["state"] == "firing");
        Some(alerts)
    }

    /// It logged no error.
    pub fn check_log(&self) {
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap();
        // A warning may be about a slow machine.
        let bad = |line: &&str| line.contains("level=ERROR");
        assert_eq!(log.lines().find(bad), None);
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.stop();
        std::fs::remove_dir_all(&self.directory).ok();
    }
}
