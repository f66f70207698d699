//! Which build of the operator this is.

/// The version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit, where the variable `METORIAL_OPERATOR_COMMIT` was set for the build.
pub const COMMIT: Option<&str> = match option_env!("METORIAL_OPERATOR_COMMIT") {
    Some(commit) if !commit.is_empty() => Some(commit),
    _ => None,
};
