//! The operator as a process.

use crate::chart::{Invocation, NAMESPACE, RELEASE};
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::wait::{TIMEOUT, wait_until};
use control_plane::{ControlPlane, free_address};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::time::Instant;

/// Kills the process with this id when stdin closes. The kernel closes it however this process ends.
const WATCHDOG: &str = r#"read -r _; kill -KILL "$1""#;

/// Time that a dropped operator has to exit before it is killed.
const GRACE_PERIOD: Duration = Duration::from_secs(10);

/// Running operator. It exits when this is dropped or when this process ends in any way.
pub struct Operator {
    process: Child,
    watchdog: Child,
    kubeconfig: PathBuf,
    address: String,
    log: PathBuf,
    http: reqwest::Client,
}

impl Operator {
    /// Starts the operator that was built beside this program, with the arguments and environment of the installed
    /// Deployment and a token of its ServiceAccount. Its output is appended to `log`.
    ///
    /// # Errors
    /// Fails if the operator was not built or the chart is not installed.
    pub async fn start(plane: &ControlPlane, log: &Path) -> Result<Self, Failure> {
        let program = std::env::current_exe()?.with_file_name("metorial-operator");
        if !program.exists() {
            let missing = format!("{} not found; build it first", program.display());
            return Err(Failure::new(missing));
        }
        let invocation = Invocation::read(plane).await?;
        // Its pod would have an address of its own.
        let address = free_address().to_string();
        let kubeconfig = plane
            .kubeconfig_file_for_service_account(NAMESPACE, RELEASE)
            .await?;
        let file = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(program);
        command
            .args(&invocation.arguments)
            .env_clear()
            .envs(invocation.environment)
            .env("METORIAL_OPERATOR_LISTEN", &address)
            .env("KUBECONFIG", &kubeconfig)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            // Ctrl-C reaches this process only, which then stops the operator in order.
            .process_group(0);
        let mut process = command.spawn()?;
        let watchdog = watchdog(&process).inspect_err(|_| {
            // Fails only if the process has already exited.
            let _ = process.kill();
        })?;
        Ok(Self {
            process,
            watchdog,
            kubeconfig,
            address,
            log: log.to_owned(),
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// Returns the process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Returns the path of the kubeconfig that it uses.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// Fails if it exits or isn't ready in time.
    pub async fn ready(&mut self) -> Result<(), Failure> {
        wait_until("the operator is ready", TIMEOUT, async || {
            if let Some(status) = self.process.try_wait()? {
                let text = format!("the operator exited: {status}\n{}", self.end_of_log());
                return Err(Failure::new(text));
            }
            let answer = self.get("readyz").await;
            Ok(answer.ok().map(drop))
        })
        .await
    }

    /// Reads its metrics.
    ///
    /// # Errors
    /// Fails if it doesn't answer.
    pub async fn metrics(&self) -> Result<Metrics, Failure> {
        Ok(Metrics::parse(&self.get("metrics").await?))
    }

    /// Returns the last lines of its log.
    #[must_use]
    pub fn end_of_log(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Sends SIGTERM, as the kubelet does, and returns its exit status.
    ///
    /// # Errors
    /// Fails if it doesn't exit in time; it is killed then.
    pub async fn stop(mut self) -> Result<ExitStatus, Failure> {
        self.terminate();
        wait_until("the operator exits after SIGTERM", TIMEOUT, async || {
            Ok(self.process.try_wait()?)
        })
        .await
    }

    async fn get(&self, page: &str) -> Result<String, Failure> {
        let url = format!("http://{}/{page}", self.address);
        let answer = self.http.get(url).timeout(Duration::from_secs(5)).send();
        Ok(answer.await?.error_for_status()?.text().await?)
    }

    fn terminate(&self) {
        // The process was not waited for, so the id still belongs to it even if it has exited.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
    }
}

impl Drop for Operator {
    /// Stops it and waits until it has exited.
    fn drop(&mut self) {
        // First the watchdog: later the id may belong to another process, which it must not kill.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        if !matches!(self.process.try_wait(), Ok(None)) {
            return;
        }
        self.terminate();
        let deadline = Instant::now() + GRACE_PERIOD;
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.process.kill();
                let _ = self.process.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn watchdog(process: &Child) -> std::io::Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", WATCHDOG, "watchdog", &process.id().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}
