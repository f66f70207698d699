//! A GitOps engine as a process.

use crate::support::{Environment, Guarded};
use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::sync::OnceCell;

/// The variable by which `make gitops` names the directory that `tools/build-gitops-engines` prints.
const ENGINES: &str = "GITOPS_ENGINES";

/// How many lines of the log of an engine are shown if a test fails.
const SHOWN: usize = 30;

/// A running engine with a directory of its own.
pub struct Program {
    name: String,
    process: Guarded,
    directory: PathBuf,
}

/// A file that `tools/build-gitops-engines` provides.
pub fn engine_file(name: &str) -> PathBuf {
    let directory = env::var_os(ENGINES);
    let directory = directory.unwrap_or_else(|| panic!("{ENGINES} is not set: run make gitops"));
    Path::new(&directory).join(name)
}

/// Installs the definitions of all engines once.
pub async fn install_definitions(env: &Environment) {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let install = async || {
        let directory = engine_file("crds");
        let directory = directory.to_str().unwrap();
        let apply = ["apply", "--server-side", "-f", directory];
        env.kubectl_prints(&apply, "").await;
        // It fails, instead of waiting, as long as a definition has no conditions.
        let wait = ["wait", "--for=condition=Established", "-f", directory];
        env.until("the definitions are served", async || {
            let waited = env.kubectl(&wait, "").await;
            waited.status.success().then_some(())
        })
        .await;
    };
    INSTALLED.get_or_init(install).await;
}

impl Program {
    /// Starts a program that `make gitops` built, as the administrator of the cluster and with nothing of the test's own
    /// environment. `configure` gets its directory and adds arguments.
    pub fn start(
        env: &Environment,
        name: &str,
        configure: impl FnOnce(&mut Command, &Path),
    ) -> Self {
        let directory = format!("{}-{name}", env.namespace);
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory);
        std::fs::create_dir_all(&directory).unwrap();
        let log = File::create(directory.join("log")).unwrap();
        let mut command = Command::new(engine_file(name));
        command
            .env_clear()
            .env("KUBECONFIG", env.plane.admin_kubeconfig())
            .env("HOME", &directory)
            .env("TMPDIR", &directory)
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        configure(&mut command, &directory);
        Self {
            name: name.to_owned(),
            process: Guarded::start(&mut command),
            directory,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.stop();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(SHOWN)..];
            eprintln!("the log of {} ends so:\n{}", self.name, last.join("\n"));
        }
        std::fs::remove_dir_all(&self.directory).ok();
    }
}
