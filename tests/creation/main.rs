//! One object for one resource: whatever the order of what is applied, whatever gets lost on the way, and whatever is
//! remembered of it.

#![allow(clippy::unwrap_used, reason = "a story that can't go on fails here")]

#[path = "../support/mod.rs"]
mod support;

mod garbage;
mod lag;
mod lost_answers;
mod lost_books;
mod orders;
