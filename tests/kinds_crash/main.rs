//! The other kinds under crashes: killed in every call of every story, they end as if nothing had happened.
#![allow(clippy::unwrap_used, reason = "a story that can't go on fails here")]

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, reason = "the scenes of all stories about these kinds")]
#[path = "../kinds/scene.rs"]
mod scene;

#[allow(dead_code, reason = "the cast of all stories about these kinds")]
#[path = "../kinds/cast.rs"]
mod cast;

mod books;
mod crash;
mod imports;
mod lost_answers;
mod plans;
mod replacing;
mod values;
