//! Waiting until a part is ready, by asking its own health endpoint.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use kube::{Client, Config};

use crate::error::Error;
use crate::part::Part;
use crate::ports::Ports;

/// Long enough for a machine that is busy with something else; a part that fails ends much sooner, and that is noticed.
const PATIENCE: Duration = Duration::from_secs(120);

/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(50);

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(5);

/// How much of a log is shown when something fails.
const LOG_LINES: usize = 20;

/// Asks a part whether it is ready.
pub(crate) struct Probe {
    part: Part,
    client: Client,
    path: &'static str,
}

impl Probe {
    /// A probe for the current runtime; the admin's configuration says whom to trust.
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

    /// Waits until the part answers that it is ready, or `ended` says that it never will.
    pub(crate) async fn wait(
        &self,
        directory: &Path,
        mut ended: impl FnMut() -> bool,
    ) -> Result<(), Error> {
        let start = Instant::now();
        while !self.ready().await {
            if ended() {
                return Err(Error::Ended {
                    part: self.part,
                    log: end_of_log(self.part, directory),
                });
            }
            if start.elapsed() > PATIENCE {
                return Err(Error::NotReady {
                    part: self.part,
                    seconds: PATIENCE.as_secs(),
                    log: end_of_log(self.part, directory),
                });
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn ready(&self) -> bool {
        let request = http::Request::get(self.path)
            .body(Vec::new())
            .expect("a constant path");
        let answer = self.client.request_text(request);
        matches!(tokio::time::timeout(QUESTION, answer).await, Ok(Ok(_)))
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
