//! Exports: a value into a Secret, exactly once for each due moment.

mod contested;
mod exporting;
mod failures;
mod lost_answers;
mod references;
mod shared_auth_configs;
