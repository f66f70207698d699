//! The record of behavior: for every kind, what its status, its events and the calls on both sides were in each
//! situation. A change that is meant to keep the behavior leaves every snapshot as it is. Where another behavior is
//! meant, `INSTA_UPDATE=always cargo test --test behavior` writes the snapshots anew, to be read before they are kept.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a story that can't continue fails there, and a manifest is written where it is used"
)]

#[path = "../support/mod.rs"]
mod support;

mod adoption;
mod calls;
mod connections;
mod drift;
mod exports;
mod faults;
mod imports;
mod kind;
mod lifecycle;
mod mask;
mod record;
mod refusals;
mod replacements;
mod story;
mod watches;
