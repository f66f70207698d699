//! Waiting until a part's health endpoint reports that it is ready.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use kube::{Client, Config};

use crate::error::Error;
use crate::part::Part;
use crate::ports::Ports;

/// Timeout for a part to become ready: enough for a busy machine. A part that fails exits, which is noticed much sooner.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// Pause between two requests.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Number of lines of the log that an error shows.
const LOG_LINES: usize = 20;

/// Readiness probe of one part.
pub(crate) struct Probe {
    part: Part,
    client: Client,
    path: &'static str,
}

impl Probe {
    /// Creates a probe for the current runtime; it trusts the certificate authority of the admin's configuration.
    pub(crate) fn new(part: Part, ports: Ports, admin: &Config) -> Result<Self, Error> {
        let (url, path) = match part {
            Part::Etcd => (ports.etcd_url(), "/readyz"),
            Part::ApiServer => (ports.api_server_url(), "/readyz"),
            Part::ControllerManager => (ports.controller_manager_url(), "/healthz"),
        };
        let mut config = admin.clone();
        config.cluster_url = url.parse().expect("a URL made of a number");
        config.default_retry = false;
        Ok(Self {
            part,
            client: Client::try_from(config)?,
            path,
        })
    }

    /// Waits until the part is ready or `exited` returns true.
    ///
    /// # Errors
    /// [`Error::Exited`] or [`Error::NotReady`], each with the end of the log.
    pub(crate) async fn wait(
        &self,
        directory: &Path,
        mut exited: impl FnMut() -> bool,
    ) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            let ready = self.ready().await;
            // Asked last: another process may have taken the port of one that exited.
            if exited() {
                return Err(Error::Exited {
                    part: self.part,
                    log: end_of_log(self.part, directory),
                });
            }
            if ready {
                return Ok(());
            }
            if start.elapsed() > READY_TIMEOUT {
                return Err(Error::NotReady {
                    part: self.part,
                    seconds: READY_TIMEOUT.as_secs(),
                    log: end_of_log(self.part, directory),
                });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn ready(&self) -> bool {
        let request = http::Request::get(self.path)
            .body(Vec::new())
            .expect("a constant path");
        let response = self.client.request_text(request);
        matches!(
            tokio::time::timeout(REQUEST_TIMEOUT, response).await,
            Ok(Ok(_))
        )
    }
}

fn end_of_log(part: Part, directory: &Path) -> String {
    let path = part.log(directory);
    match fs::read(&path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
        }
        Err(error) => format!("({} can't be read: {error})", path.display()),
    }
}
