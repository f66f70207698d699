//! Alerts and metrics with the real Prometheus and kube-state-metrics: rule tests, and a server that scrapes an operator or
//! what kube-state-metrics shows of its resources.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a story that can't continue fails there, and a manifest is written where it is used"
)]

#[path = "../support/mod.rs"]
mod support;

mod kube_state_metrics;
mod objects;
mod prometheus;
mod resources;
mod rules;
mod scraped;
