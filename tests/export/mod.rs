//! Exports: a value into a Secret, exactly once for each due moment.

mod exporting;
mod failures;
mod lost_answers;
mod references;
mod shared_auth_configs;
