//! The checkout that this crate was built from.

use std::path::{Path, PathBuf};

/// Returns the root of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
