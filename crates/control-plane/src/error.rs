//! Errors of starting and using the control plane.

use std::io;
use std::path::PathBuf;

use crate::part::Part;

/// Failure to start or use the control plane.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The binaries are missing and the build failed; its output is on stderr.
    #[error("control plane binaries not found and not built by {script}: {problem}")]
    Assets {
        /// The script that was run.
        script: PathBuf,
        /// Reason of the failure.
        problem: String,
    },
    /// An operation on a file, a port or a process failed.
    #[error("{action}: {source}")]
    Io {
        /// The failed operation.
        action: String,
        /// The operating system's error.
        source: io::Error,
    },
    /// A key or a certificate could not be generated.
    #[error("generating certificates: {0}")]
    Certificates(#[from] rcgen::Error),
    /// A part exited before it was ready.
    #[error("{part} exited before it was ready; the end of its log:\n{log}")]
    Exited {
        /// The part.
        part: Part,
        /// The last lines of its log.
        log: String,
    },
    /// A part runs but did not become ready in time.
    #[error("{part} was not ready after {seconds} s; the end of its log:\n{log}")]
    NotReady {
        /// The part.
        part: Part,
        /// The timeout.
        seconds: u64,
        /// The last lines of its log.
        log: String,
    },
    /// The operation needs a running part.
    #[error("{0} is not running")]
    NotRunning(Part),
    /// A kubeconfig is not valid.
    #[error("configuring a client: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// A request to the API server failed.
    #[error("request to the API server: {0}")]
    Kube(#[from] kube::Error),
    /// The API server's response to a TokenRequest has no token.
    #[error("the API server returned no token for the ServiceAccount {namespace}/{name}")]
    NoToken {
        /// The ServiceAccount's namespace.
        namespace: String,
        /// The ServiceAccount's name.
        name: String,
    },
}

/// Conversion of an [`io::Error`], which doesn't name the failed operation, into an [`Error`] that does.
pub(crate) trait IoContext<T> {
    /// Adds the operation to the error.
    fn during(self, action: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn during(self, action: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            action: action(),
            source,
        })
    }
}
