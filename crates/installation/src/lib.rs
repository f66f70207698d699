//! The operator as its chart installs it, on a real control plane. Helm installs definitions, rights and a Deployment; no
//! node runs pods there, so the operator runs as a process with the Deployment's arguments and environment and a token of
//! the chart's ServiceAccount.
//!
//! The demo (`--bin demo`) and the benchmark (`--bin bench`) use it.

mod chart;
mod command;
mod failure;
mod metrics;
mod operator;
mod repository;
mod wait;

pub use chart::{NAMESPACE, RELEASE, install_command};
pub use command::output;
pub use failure::Failure;
pub use metrics::Metrics;
pub use operator::Operator;
pub use repository::root;
pub use wait::{TIMEOUT, wait_until};
