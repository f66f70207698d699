//! The operator as the process that the chart starts: with the chart's ServiceAccount, flags, signals and exit status.

use super::Environment;
use super::QUIET_PROCESS;
use super::admin::{Samples, page};
use super::guarded::Guarded;
use super::rights::SERVICE_ACCOUNT;
use super::threads;
use control_plane::free_address;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// An operator process.
pub struct Process {
    child: Guarded,
    log: PathBuf,
    /// Where it serves `/metrics`, `/livez` and `/readyz`.
    pub admin: SocketAddr,
}

impl Environment {
    /// The flags of a process that serves this environment.
    pub fn flags(&self, admin: SocketAddr) -> Vec<String> {
        vec![
            format!("--watch-namespaces={}", self.namespace),
            format!("--operator-namespace={}", self.namespace),
            format!("--allowed-base-urls={}", self.sim.url()),
            format!("--listen={admin}"),
        ]
    }

    /// The kubeconfig file of a process: which cluster it serves, and as whom.
    pub async fn kubeconfig(&self) -> PathBuf {
        self.plane
            .kubeconfig_file_for_service_account(&self.namespace, SERVICE_ACCOUNT)
            .await
            .unwrap()
    }

    /// Starts a process that serves this environment; flags in `more` come after the usual ones.
    pub async fn start_process(&self, more: &[&str]) -> Process {
        let admin = free_address();
        let flags = self.flags(admin).into_iter();
        let flags: Vec<String> = flags.chain(more.iter().map(|f| (*f).to_owned())).collect();
        Process::start(&self.kubeconfig().await, &flags, admin)
    }

    /// Waits until the process leads.
    pub async fn wait_leads(&self, process: &Process) {
        self.until("the process leads", async || {
            process.leads().await.filter(|leads| *leads)
        })
        .await;
    }

    /// Waits until the process leads no more.
    pub async fn wait_leads_no_more(&self, process: &Process) {
        self.until("the process leads no more", async || {
            process.leads().await.filter(|leads| !*leads)
        })
        .await;
    }

    /// Waits until the process is ready, as a leader or as a replica that stands by.
    pub async fn wait_serves(&self, process: &Process) {
        self.until("the process is ready", async || {
            let page = process.get("/readyz").await;
            page.filter(|(status, _)| *status == 200)
        })
        .await;
    }

    /// Nothing is written on either side for longer than a process pauses after its first two failures.
    pub async fn check_quiet_process(&self) {
        self.check_quiet_for(QUIET_PROCESS).await;
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
        Self::start_with(kubeconfig, flags, &[], admin)
    }

    /// Starts a process with these flags and, of environment variables, only these.
    pub fn start_with(
        kubeconfig: &Path,
        flags: &[impl AsRef<OsStr>],
        variables: &[(&str, &str)],
        admin: SocketAddr,
    ) -> Self {
        let mut command = program(kubeconfig);
        command.args(flags).envs(variables.iter().copied());
        Self::spawn(command, admin)
    }

    /// Starts it as this command does.
    pub fn spawn(mut command: Command, admin: SocketAddr) -> Self {
        let name = format!("metorial-operator-{:016x}.log", rand::random::<u64>());
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let file = File::create(&log).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        Self {
            child: Guarded::start(&mut command),
            log,
            admin,
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Asks it to end, as Kubernetes does.
    pub fn terminate(&self) {
        threads::signal(self.pid(), "TERM");
    }

    /// Asks it to end, as Ctrl-C does.
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
        self.child.ended()
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    /// Status and body of a page of its HTTP server for metrics and health; `None` while nothing is served there.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let page = page(self.admin, path).await?;
        Some((page.status, page.body))
    }

    /// The value of a metric; `None` while nothing is served.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        Some(Samples::find(self.admin).await?.get(name))
    }

    /// Whether it says that it leads; `None` while it says nothing.
    pub async fn leads(&self) -> Option<bool> {
        Some(self.metric("leader").await? == 1.0)
    }

    /// How many requests to the API it counted whose operation begins with `method`.
    pub async fn api_requests(&self, method: &str) -> f64 {
        let samples = Samples::of(self.admin).await;
        samples.sum(&format!("api_requests_total{{operation=\"{method}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.stop();
        fs::remove_file(&self.log).ok();
    }
}

/// The program for this cluster, with nothing of the test's own environment.
pub fn program(kubeconfig: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metorial-operator"));
    command.env_clear().env("KUBECONFIG", kubeconfig);
    command
}
