//! The life of a resource, by behavior: each directory is one, and its stories run for all kinds.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a story that can't continue fails there, and a manifest is written where it is used"
)]

mod support;

mod adopt;
mod create;
mod delete;
mod deployments;
mod drift;
mod export;
mod import;
mod pauses;
mod plan;
mod publish;
mod replace;
mod rotate;
mod update;
