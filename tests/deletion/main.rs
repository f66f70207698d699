//! Stories about deletion: what goes, what waits and for whom, and what is left behind on purpose.
#![expect(
    clippy::unwrap_used,
    reason = "a story that can't go on fails where it stands"
)]

#[path = "../support/mod.rs"]
mod support;

mod dependents;
mod namespaces;
mod ordinary;
mod orphans;
mod unfinished;
mod unreachable;
