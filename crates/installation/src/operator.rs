//! The operator as a process.

use crate::chart::Invocation;
use crate::{Failure, Metrics, NAMESPACE, PATIENCE, RELEASE, until};
use control_plane::ControlPlane;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::time::Instant;

/// Kills the process of that id when stdin closes, which happens however this process ends.
const WATCH: &str = r#"read -r _; kill -KILL "$1""#;

/// How long an operator that is dropped may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// A running operator. It ends when this is dropped, or when this process ends, however it does.
pub struct Operator {
    process: Child,
    watch: Child,
    kubeconfig: PathBuf,
    address: String,
    log: PathBuf,
    http: reqwest::Client,
}

impl Operator {
    /// Starts the operator that was built beside this program, as the installed Deployment says, and with the token of
    /// its ServiceAccount. What it logs is added to `log`.
    ///
    /// # Errors
    /// It was not built, or the chart was not installed.
    pub async fn start(plane: &ControlPlane, log: &Path) -> Result<Self, Failure> {
        let program = std::env::current_exe()?.with_file_name("metorial-operator");
        if !program.exists() {
            let missing = format!("{} is missing: build it first", program.display());
            return Err(Failure::new(missing));
        }
        let invocation = Invocation::read(plane).await?;
        let kubeconfig = plane
            .kubeconfig_file_for_service_account(NAMESPACE, RELEASE)
            .await?;
        let file = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(program);
        command
            .args(&invocation.arguments)
            .env_clear()
            .envs(invocation.environment.clone())
            .env("KUBECONFIG", &kubeconfig)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            // Ctrl-C is for us, who stop it in order.
            .process_group(0);
        let mut process = command.spawn()?;
        let watch = watch(&process).inspect_err(|_| {
            // It can only have ended already.
            let _ = process.kill();
        })?;
        let address = invocation.variable("METORIAL_OPERATOR_LISTEN");
        Ok(Self {
            process,
            watch,
            kubeconfig,
            address: address.unwrap_or_default().to_owned(),
            log: log.to_owned(),
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The kubeconfig that it uses.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// It ended, or took too long.
    pub async fn ready(&mut self) -> Result<(), Failure> {
        until("the operator is ready", PATIENCE, async || {
            if let Some(status) = self.process.try_wait()? {
                let text = format!("the operator ended: {status}\n{}", self.end_of_log());
                return Err(Failure::new(text));
            }
            let answer = self.get("readyz").await;
            Ok(answer.ok().map(drop))
        })
        .await
    }

    /// What it counts, as of now.
    ///
    /// # Errors
    /// It doesn't answer.
    pub async fn metrics(&self) -> Result<Metrics, Failure> {
        Ok(Metrics::parse(&self.get("metrics").await?))
    }

    /// The last lines of its log.
    #[must_use]
    pub fn end_of_log(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Asks it to end, as Kubernetes does, and answers how it ended.
    ///
    /// # Errors
    /// It did not end in time; it is killed then.
    pub async fn stop(mut self) -> Result<ExitStatus, Failure> {
        self.terminate();
        until("the operator ends after SIGTERM", PATIENCE, async || {
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
        // It was not waited for, so the id is still its own, even if it ended.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
    }
}

impl Drop for Operator {
    /// Ends it, and waits until it is gone.
    fn drop(&mut self) {
        // First the watch: it must not kill by an id that is somebody else's by then.
        let _ = self.watch.kill();
        let _ = self.watch.wait();
        if !matches!(self.process.try_wait(), Ok(None)) {
            return;
        }
        self.terminate();
        let deadline = Instant::now() + GRACE;
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

fn watch(process: &Child) -> std::io::Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", WATCH, "watch", &process.id().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}
