//! Exports: a value into a Secret, exactly once for each due moment.

mod contested;
mod expiry;
mod exporting;
mod failures;
mod lost_answers;
mod references;
mod refused_secrets;
mod restarts;
mod restored_secrets;
mod shared_auth_configs;
