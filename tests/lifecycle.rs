//! The life of a resource, by behavior: each directory is one, and its stories run for all kinds.
#![allow(
    clippy::unwrap_used,
    reason = "a story that can't go on fails where it stands"
)]

mod support;

mod adopt;
mod create;
mod delete;
mod drift;
mod export;
mod import;
mod plan;
mod publish;
mod replace;
mod rotate;
mod update;
