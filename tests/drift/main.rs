//! What differs between the spec and Metorial, whoever changed it: brought in once, or told and left.
#![expect(
    clippy::unwrap_used,
    reason = "a story that can't go on fails where it stands"
)]

#[path = "../support/mod.rs"]
mod support;

mod defaults;
mod edits_here;
mod edits_there;
mod losses;
mod quiet;
