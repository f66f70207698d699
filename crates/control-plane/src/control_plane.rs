//! The control plane as its users see it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use kube::config::Kubeconfig;
use kube::{Client, Config};

use crate::certificates::{self, ADMIN, CONTROLLER_MANAGER};
use crate::error::{Error, Trying};
use crate::guardian::{Directory, Guardian};
use crate::kubeconfig;
use crate::part::{self, Part};
use crate::ports::Ports;
use crate::readiness::Probe;

/// How often the start is tried again with other ports, if somebody else took one of ours meanwhile.
const STARTS: usize = 3;

/// A running control plane. It ends when this is dropped, or when this process ends, however it does.
///
/// Not bound to a runtime: one control plane may be used from many, each with a [`client`](Self::client) of its own.
pub struct ControlPlane {
    // The parts come first: they are dropped, and gone, before their directory is.
    parts: Mutex<[Option<Guardian>; Part::ALL.len()]>,
    directory: Directory,
    assets: PathBuf,
    ports: Ports,
    admin: Config,
}

impl ControlPlane {
    /// Starts a control plane and waits until all of it is ready: a few seconds, or some minutes if the binaries must
    /// be [built](crate::assets()) first.
    ///
    /// # Errors
    /// If the binaries can't be had, or a part doesn't become ready; the error shows the end of its log.
    pub async fn start() -> Result<Self, Error> {
        let assets = tokio::task::spawn_blocking(crate::assets)
            .await
            .expect("looking for the binaries doesn't panic")?;
        let mut start = 1;
        loop {
            match Self::start_on(Ports::free()?, assets.clone()).await {
                Err(Error::Ended { log, .. })
                    if start < STARTS && log.contains("address already in use") =>
                {
                    start += 1;
                }
                result => return result,
            }
        }
    }

    /// The control plane that all tests of this process share; started by the first that asks, which blocks meanwhile.
    ///
    /// # Panics
    /// If it can't be started: tests that need it fail, they don't skip.
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
        // The caller's thread may be driving a runtime, where another one can't be entered.
        let on_a_thread = || {
            std::thread::spawn(start)
                .join()
                .unwrap_or_else(|_| Err("the start panicked".to_owned()))
        };
        match SHARED.get_or_init(on_a_thread) {
            Ok(control_plane) => control_plane,
            Err(error) => panic!("no control plane to test with: {error}"),
        }
    }

    /// A client that may do everything, for the current runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::try_from(self.admin.clone()).expect("the admin's certificates made a client before")
    }

    /// A client that is a ServiceAccount, and may do what RBAC grants it. The ServiceAccount must exist.
    ///
    /// # Errors
    /// If the API server gives no token.
    pub async fn client_for(&self, namespace: &str, name: &str) -> Result<Client, Error> {
        let kubeconfig = self.kubeconfig_for_service_account(namespace, name).await?;
        Ok(Client::try_from(kubeconfig::config(kubeconfig).await?)?)
    }

    /// The kubeconfig of a ServiceAccount, with a token for a day. The ServiceAccount must exist.
    ///
    /// # Errors
    /// If the API server gives no token.
    pub async fn kubeconfig_for_service_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Kubeconfig, Error> {
        let url = self.ports.api_server_url();
        kubeconfig::for_service_account(self.client(), self.directory(), &url, namespace, name)
            .await
    }

    /// The same as a file, for a process that is started with it.
    ///
    /// # Errors
    /// If the API server gives no token, or the file can't be written.
    pub async fn kubeconfig_file_for_service_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf, Error> {
        let kubeconfig = self.kubeconfig_for_service_account(namespace, name).await?;
        // A namespace has no dot in its name, so no two ServiceAccounts share a file.
        let path = kubeconfig::file(self.directory(), &format!("{namespace}.{name}"));
        kubeconfig::write(&kubeconfig, &path)?;
        Ok(path)
    }

    /// The kubeconfig of somebody who may do everything.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> PathBuf {
        kubeconfig::file(self.directory(), ADMIN.file)
    }

    /// The URL of the API server.
    #[must_use]
    pub fn url(&self) -> String {
        self.ports.api_server_url()
    }

    /// kubectl as the admin, with nothing of the user's own configuration.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(self.assets.join("kubectl"));
        command
            .env("KUBECONFIG", self.admin_kubeconfig())
            .env("KUBECACHEDIR", self.directory().join("kubectl"))
            .env("KUBERC", "off");
        command
    }

    /// Helm as the admin, with nothing of the user's own configuration.
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

    /// The requests of all ServiceAccounts and all requests for our kinds, one `audit.k8s.io/v1` Event as JSON a line.
    /// A line may come a moment after the answer.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        part::audit_log(self.directory())
    }

    /// What a part wrote since the first start.
    #[must_use]
    pub fn log(&self, part: Part) -> PathBuf {
        part.log(self.directory())
    }

    /// Kills a part at once, as a power cut would. Nothing happens if it doesn't run.
    pub fn stop(&self, part: Part) {
        let guardian = self.parts()[part as usize].take();
        drop(guardian);
    }

    /// Starts a part on the ports and the data that it had, and waits until it is ready; one that still runs is killed first.
    ///
    /// # Errors
    /// If it doesn't become ready; the error shows the end of its log.
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

    /// Makes a part stand still: connections to it stay open and nothing is answered.
    ///
    /// # Errors
    /// If it doesn't run.
    pub fn freeze(&self, part: Part) -> Result<(), Error> {
        self.with_running(part, Guardian::freeze)
    }

    /// Lets a frozen part go on from where it stood.
    ///
    /// # Errors
    /// If it doesn't run.
    pub fn thaw(&self, part: Part) -> Result<(), Error> {
        self.with_running(part, Guardian::thaw)
    }

    async fn start_on(ports: Ports, assets: PathBuf) -> Result<Self, Error> {
        let directory = Directory::create()?;
        let path = directory.path();
        certificates::write(path)?;
        fs::write(part::audit_policy(path), include_str!("audit-policy.yaml"))
            .trying(|| "writing the audit policy".to_owned())?;
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
            &part.flags(directory, self.ports),
            &part.log(directory),
            &self.directory,
        )?;
        self.parts()[part as usize] = Some(guardian);
        Ok(())
    }

    async fn until_ready(&self, part: Part) -> Result<(), Error> {
        let ended = || {
            self.parts()[part as usize]
                .as_mut()
                .is_none_or(Guardian::ended)
        };
        Probe::new(part, self.ports, &self.admin)?
            .wait(self.directory(), ended)
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
        // An ended process has given its id back, and a signal would reach whoever got it.
        if guardian.ended() {
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
