//! The operator as the process that the chart starts: with the chart's ServiceAccount, flags, signals and exit status.

use super::World;
use super::rights::SERVICE_ACCOUNT;
use super::threads;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An operator process. It is killed when this is dropped, and when the test is killed.
pub struct Process {
    child: Child,
    guard: Child,
    log: PathBuf,
    /// Where it serves `/metrics`, `/livez` and `/readyz`.
    pub admin: SocketAddr,
}

/// Kills the process whose id is the first argument once the other end of its stdin is gone.
const GUARD: &str = r#"cat >/dev/null; kill -KILL "$1""#;

impl World {
    /// The flags of a process that serves this world.
    pub fn flags(&self, admin: SocketAddr) -> Vec<String> {
        vec![
            format!("--watch-namespaces={}", self.namespace),
            format!("--operator-namespace={}", self.namespace),
            format!("--allowed-base-urls={}", self.sim.url()),
            format!("--listen={admin}"),
        ]
    }

    /// The file that tells a process which cluster it serves, and as whom.
    pub async fn kubeconfig(&self) -> PathBuf {
        self.plane
            .kubeconfig_file_for_service_account(&self.namespace, SERVICE_ACCOUNT)
            .await
            .unwrap()
    }

    /// Starts a process that serves this world; flags in `more` come after the usual ones.
    pub async fn start_process(&self, more: &[&str]) -> Process {
        let admin = free_address();
        let flags = self.flags(admin).into_iter();
        let flags: Vec<String> = flags.chain(more.iter().map(|f| (*f).to_owned())).collect();
        Process::start(&self.kubeconfig().await, &flags, admin)
    }

    /// Waits until the process leads.
    pub async fn wait_leads(&self, process: &Process) {
        self.until("the process leads", async || {
            let metrics = process.get("/metrics").await?.1;
            (sample(&metrics, "metorial_operator_leader") == 1.0).then_some(())
        })
        .await;
    }

    /// Waits until the process ended, and answers how and with what in its log.
    pub async fn wait_ended(&self, process: &mut Process) -> (ExitStatus, String) {
        let status = self
            .until("the process ended", async || process.ended())
            .await;
        (status, process.log())
    }
}

impl Process {
    /// Starts a process with these flags and nothing of the test's own environment.
    pub fn start(kubeconfig: &Path, flags: &[impl AsRef<OsStr>], admin: SocketAddr) -> Self {
        let name = format!("metorial-operator-{:016x}.log", rand::random::<u64>());
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let file = File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_metorial-operator"))
            .args(flags)
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let guard = Command::new("/bin/sh")
            .args(["-c", GUARD, "guard", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            guard,
            log,
            admin,
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as Kubernetes does.
    pub fn terminate(&self) {
        threads::signal(self.pid(), "TERM");
    }

    /// As Ctrl-C does.
    pub fn interrupt(&self) {
        threads::signal(self.pid(), "INT");
    }

    /// Ends it where it stands; nothing of it runs any more when this returns.
    pub fn kill(&self) {
        threads::kill(self.pid());
    }

    /// Stops it without its noticing; no thread of it runs any more when this returns.
    pub fn freeze(&self) {
        threads::freeze(self.pid());
    }

    /// Lets it run on.
    pub fn thaw(&self) {
        threads::thaw(self.pid());
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    /// Status and body of a page of its admin server; `None` while nothing is served there.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.admin).await.ok()?;
        let host = self.admin;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// How many requests to the API it counted whose operation begins with `method`.
    pub async fn api_requests(&self, method: &str) -> f64 {
        let (_, metrics) = self.get("/metrics").await.expect("the process serves");
        let start = format!("metorial_operator_api_requests_total{{operation=\"{method}");
        let counted = metrics.lines().filter(|line| line.starts_with(&start));
        counted.map(value).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guard goes first, or it could hit whoever got the process id next.
        self.guard.kill().ok();
        self.guard.wait().ok();
        self.child.kill().ok();
        self.child.wait().ok();
        fs::remove_file(&self.log).ok();
    }
}

/// An address of this machine that nobody listens on now.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// The value of a metric without labels; 0 where it is not told.
pub fn sample(metrics: &str, name: &str) -> f64 {
    let named = |line: &&str| line.split(' ').next() == Some(name);
    metrics.lines().find(named).map_or(0.0, value)
}

fn value(line: &str) -> f64 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
