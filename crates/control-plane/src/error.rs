//! What can go wrong while the control plane starts or is used.

use std::io;
use std::path::PathBuf;

use crate::part::Part;

/// Why the control plane didn't do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The binaries are neither there nor could they be built; what the build said is on stderr.
    #[error("{script} found or built no control plane: {problem}")]
    Assets {
        /// The script that was run.
        script: PathBuf,
        /// How it ended.
        problem: String,
    },
    /// A file, a port or a process could not be had.
    #[error("{action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// What the system answered.
        source: io::Error,
    },
    /// A key or a certificate could not be made.
    #[error("making certificates: {0}")]
    Certificates(#[from] rcgen::Error),
    /// A part ended while it was waited for.
    #[error("{part} ended by itself; the end of its log:\n{log}")]
    Ended {
        /// The part.
        part: Part,
        /// The last lines that it wrote.
        log: String,
    },
    /// A part runs but did not become ready in time.
    #[error("{part} was not ready after {seconds} s; the end of its log:\n{log}")]
    NotReady {
        /// The part.
        part: Part,
        /// How long it was waited for.
        seconds: u64,
        /// The last lines that it wrote.
        log: String,
    },
    /// A part that doesn't run was asked to do something.
    #[error("{0} is not running")]
    NotRunning(Part),
    /// The configuration of a client was refused.
    #[error("configuring a client: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// The API server refused a request, or didn't answer.
    #[error("asking the API server: {0}")]
    Kube(#[from] kube::Error),
    /// The API server answered a TokenRequest without a token.
    #[error("the API server gave no token for the ServiceAccount {namespace}/{name}")]
    NoToken {
        /// The ServiceAccount's namespace.
        namespace: String,
        /// The ServiceAccount's name.
        name: String,
    },
}

/// Names what was tried, for the errors of the system, which don't.
pub(crate) trait Trying<T> {
    /// Adds the action to the error.
    fn trying(self, action: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Trying<T> for io::Result<T> {
    fn trying(self, action: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            action: action(),
            source,
        })
    }
}
