//! The control plane: its public interface.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use kube::config::Kubeconfig;
use kube::{Client, Config};

use crate::assets::assets;
use crate::certificates::{self, ADMIN, CONTROLLER_MANAGER};
use crate::error::{Error, IoContext};
use crate::flags;
use crate::guardian::{Directory, Guardian};
use crate::kubeconfig;
use crate::part::Part;
use crate::ports::Ports;
use crate::readiness::Probe;

/// Number of attempts to start: another process may take a chosen port before a part listens on it.
const START_ATTEMPTS: usize = 3;

/// Running control plane. It stops when this is dropped or when this process ends in any way.
///
/// It is not bound to a runtime: several runtimes may use it, each with a [`client`](Self::client) of its own.
pub struct ControlPlane {
    // Fields are dropped in this order: the parts exit before their directory is removed.
    parts: Mutex<[Option<Guardian>; Part::ALL.len()]>,
    directory: Directory,
    assets: PathBuf,
    ports: Ports,
    admin: Config,
}

impl ControlPlane {
    /// Starts a control plane and waits until all parts are ready: a few seconds, or some minutes if the binaries must be
    /// [built](assets()) first.
    ///
    /// # Errors
    /// Fails if the binaries are missing and can't be built, or if a part doesn't become ready.
    pub async fn start() -> Result<Self, Error> {
        let assets = tokio::task::spawn_blocking(assets)
            .await
            .expect("finding the binaries doesn't panic")?;
        let mut start = 1;
        loop {
            match Self::start_on(Ports::free()?, assets.clone()).await {
                Err(Error::Exited { log, .. })
                    if start < START_ATTEMPTS && log.contains("address already in use") =>
                {
                    start += 1;
                }
                result => return result,
            }
        }
    }

    /// Returns the control plane that all tests of this process share. The first call starts it and blocks meanwhile.
    ///
    /// # Panics
    /// Panics if it can't be started: tests that need it fail, they are not skipped.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
        let start = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| error.to_string())?;
            runtime
                .block_on(Self::start())
                .map_err(|error| error.to_string())
        };
        // The caller's thread may already drive a runtime, and a second one can't be entered there.
        let on_a_thread = || {
            std::thread::spawn(start)
                .join()
                .unwrap_or_else(|_| Err("the start panicked".to_owned()))
        };
        match SHARED.get_or_init(on_a_thread) {
            Ok(control_plane) => control_plane,
            Err(error) => panic!("the control plane did not start: {error}"),
        }
    }

    /// Returns a client with all rights, for the current runtime.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::try_from(self.admin.clone()).expect("the admin's certificates made a client before")
    }

    /// Returns a client that authenticates as an existing ServiceAccount and has the rights that RBAC grants it.
    ///
    /// # Errors
    /// Fails if the API server returns no token.
    pub async fn client_for(&self, namespace: &str, name: &str) -> Result<Client, Error> {
        let kubeconfig = self.kubeconfig_for_service_account(namespace, name).await?;
        Ok(Client::try_from(kubeconfig::config(kubeconfig).await?)?)
    }

    /// Returns the kubeconfig of an existing ServiceAccount, with a token that is valid for a day.
    ///
    /// # Errors
    /// Fails if the API server returns no token.
    pub async fn kubeconfig_for_service_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Kubeconfig, Error> {
        let url = self.ports.api_server_url();
        kubeconfig::for_service_account(self.client(), self.directory(), &url, namespace, name)
            .await
    }

    /// Writes [`kubeconfig_for_service_account`](Self::kubeconfig_for_service_account) to a file and returns its path.
    ///
    /// # Errors
    /// Fails if the API server returns no token or the file can't be written.
    pub async fn kubeconfig_file_for_service_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf, Error> {
        let kubeconfig = self.kubeconfig_for_service_account(namespace, name).await?;
        // The name of a namespace contains no dot, so no two ServiceAccounts share a file.
        let path = kubeconfig::file(self.directory(), &format!("{namespace}.{name}"));
        kubeconfig::write(&kubeconfig, &path)?;
        Ok(path)
    }

    /// Returns the path of the kubeconfig of the administrator, who has all rights.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> PathBuf {
        kubeconfig::file(self.directory(), ADMIN.file)
    }

    /// Returns the URL of the API server.
    #[must_use]
    pub fn url(&self) -> String {
        self.ports.api_server_url()
    }

    /// Returns a kubectl command that runs as the administrator and ignores the user's own configuration.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(self.assets.join("kubectl"));
        command
            .env("KUBECONFIG", self.admin_kubeconfig())
            .env("KUBECACHEDIR", self.directory().join("kubectl"))
            .env("KUBERC", "off");
        command
    }

    /// Returns a helm command that runs as the administrator and ignores the user's own configuration.
    #[must_use]
    pub fn helm(&self) -> Command {
        let home = self.directory().join("helm");
        let mut command = Command::new(self.assets.join("helm"));
        command
            .env("KUBECONFIG", self.admin_kubeconfig())
            .env("HELM_CACHE_HOME", home.join("cache"))
            .env("HELM_CONFIG_HOME", home.join("config"))
            .env("HELM_DATA_HOME", home.join("data"));
        command
    }

    /// Returns the path of the audit log: the requests of all ServiceAccounts and all requests for the operator's kinds,
    /// one `audit.k8s.io/v1` Event as JSON a line. A line may be written a moment after the response.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        flags::audit_log(self.directory())
    }

    /// Returns the path of a part's log, which covers all of its starts.
    #[must_use]
    pub fn log(&self, part: Part) -> PathBuf {
        part.log(self.directory())
    }

    /// Kills a part with SIGKILL and waits until it has exited. Does nothing if it isn't running.
    pub fn stop(&self, part: Part) {
        let guardian = self.parts()[part as usize].take();
        drop(guardian);
    }

    /// Starts a part with the ports and data it had before, and waits until it is ready. Kills it first if it is running.
    ///
    /// # Errors
    /// Fails if it doesn't become ready; the error shows the end of its log.
    pub async fn start_again(&self, part: Part) -> Result<(), Error> {
        self.stop(part);
        self.spawn(part)?;
        self.until_ready(part).await?;
        let api_server_too = part == Part::Etcd
            && self.parts()[Part::ApiServer as usize]
                .as_ref()
                .is_some_and(|guardian| !guardian.is_frozen());
        if api_server_too {
            self.until_ready(Part::ApiServer).await?;
        }
        Ok(())
    }

    /// Suspends a part: connections to it stay open and no request is answered.
    ///
    /// # Errors
    /// [`Error::NotRunning`] if the part isn't running.
    pub fn freeze(&self, part: Part) -> Result<(), Error> {
        self.with_running(part, Guardian::freeze)
    }

    /// Resumes a frozen part.
    ///
    /// # Errors
    /// [`Error::NotRunning`] if the part isn't running.
    pub fn thaw(&self, part: Part) -> Result<(), Error> {
        self.with_running(part, Guardian::thaw)
    }

    async fn start_on(ports: Ports, assets: PathBuf) -> Result<Self, Error> {
        let directory = Directory::create()?;
        let path = directory.path();
        certificates::write(path)?;
        fs::write(flags::audit_policy(path), include_str!("audit-policy.yaml"))
            .during(|| "writing the audit policy".to_owned())?;
        for user in [&ADMIN, &CONTROLLER_MANAGER] {
            let kubeconfig = kubeconfig::for_user(path, &ports.api_server_url(), user);
            kubeconfig::write(&kubeconfig, &kubeconfig::file(path, user.file))?;
        }
        let admin = kubeconfig::for_user(path, &ports.api_server_url(), &ADMIN);
        let control_plane = Self {
            parts: Mutex::default(),
            admin: kubeconfig::config(admin).await?,
            directory,
            assets,
            ports,
        };
        for part in Part::ALL {
            control_plane.spawn(part)?;
            control_plane.until_ready(part).await?;
        }
        Ok(control_plane)
    }

    fn spawn(&self, part: Part) -> Result<(), Error> {
        let directory = self.directory();
        let guardian = Guardian::start(
            &self.assets.join(part.program()),
            &flags::of(part, directory, self.ports),
            &part.log(directory),
            &self.directory,
        )?;
        self.parts()[part as usize] = Some(guardian);
        Ok(())
    }

    async fn until_ready(&self, part: Part) -> Result<(), Error> {
        let exited = || {
            self.parts()[part as usize]
                .as_mut()
                .is_none_or(Guardian::has_exited)
        };
        Probe::new(part, self.ports, &self.admin)?
            .wait(self.directory(), exited)
            .await
    }

    fn with_running(
        &self,
        part: Part,
        act: impl FnOnce(&mut Guardian) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut parts = self.parts();
        let guardian = parts[part as usize]
            .as_mut()
            .ok_or(Error::NotRunning(part))?;
        // The id of an exited process may belong to another process by now, which must not get the signal.
        if guardian.has_exited() {
            return Err(Error::NotRunning(part));
        }
        act(guardian)
    }

    fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn parts(&self) -> MutexGuard<'_, [Option<Guardian>; Part::ALL.len()]> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
