//! The examples: every file of every folder is applied as a user does who filled in the values, in many orders.
#![allow(clippy::unwrap_used, reason = "a story that can't go on fails here")]

#[path = "../support/mod.rs"]
mod support;

mod orders;
mod stories;
mod telling;
