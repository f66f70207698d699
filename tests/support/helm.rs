//! The chart, as Helm renders or installs it.

use control_plane::ControlPlane;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The image that a chart without a published one has to be given.
const IMAGE: &str = r#"image.repository="metorial-operator""#;

/// The directory of the chart.
pub fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/chart")
}

/// A helm command such as `template NAME` for the chart, with an image.
pub fn helm_chart(plane: &ControlPlane, verb: &[&str]) -> Command {
    helm_of(plane, verb, &chart())
}

/// The same for another version of the chart.
pub fn helm_of(plane: &ControlPlane, verb: &[&str], chart: &Path) -> Command {
    let mut helm = plane.helm();
    helm.args(verb).arg(chart).args(["--set-json", IMAGE]);
    helm
}
