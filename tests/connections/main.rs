//! Connections: wrong keys, limits that are reached, an API that is away or refuses, addresses that may not be called, and
//! connections that come, go and serve many namespaces.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a story that can't continue fails there, and a manifest is written where it is used"
)]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod addresses;
mod all_namespaces;
mod budgets;
mod endpoints;
mod growth;
mod held_checks;
mod instances;
mod keys;
mod lifetime;
mod limits;
mod outages;
mod references;
mod refusals;
mod scopes;
mod servers;
