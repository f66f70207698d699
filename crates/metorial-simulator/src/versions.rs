//! Names of the version of the API that has these routes.

use crate::options::{Options, Quirk};

/// Name of the version in the API's description of itself.
pub(crate) const MAGNETAR: &str = "mt_2026_01_01_magnetar";

/// Names that a request may use.
const NAMES: [&str; 5] = [
    "2026-01-01-magnetar",
    MAGNETAR,
    "magnetar",
    "2026-01-01",
    "2026_01_01",
];

/// Returns whether a request for this version is one for these routes.
pub(crate) fn is_known(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Returns the name that answers display.
pub(crate) fn displayed(options: &Options) -> &'static str {
    match options.has(Quirk::DisplaysLaterVersion) {
        true => "2026-02-01",
        false => "2026-01-01",
    }
}
