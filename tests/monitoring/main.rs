//! Alerts and metrics with the real Prometheus: its rule tests, and a server that scrapes an operator.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a story that can't continue fails there, and a manifest is written where it is used"
)]

#[path = "../support/mod.rs"]
mod support;

mod prometheus;
mod rules;
mod scraped;
