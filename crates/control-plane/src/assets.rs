//! Location of the binaries: `KUBEBUILDER_ASSETS`, or a cache that `tools/build-control-plane` fills from pinned sources.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;

/// Returns the directory that holds etcd, kube-apiserver, kube-controller-manager, kubectl and helm.
///
/// Builds them first if they are missing, which takes minutes and shows its progress on stderr. Blocks the thread.
///
/// # Errors
/// [`Error::Assets`] if a binary is missing and can't be built.
pub fn assets() -> Result<PathBuf, Error> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/build-control-plane");
    let failed = |problem: String| Error::Assets {
        script: script.clone(),
        problem,
    };
    let output = Command::new(&script)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    match stdout.lines().last() {
        Some(directory) => Ok(PathBuf::from(directory)),
        None => Err(failed("it printed no directory".to_owned())),
    }
}
