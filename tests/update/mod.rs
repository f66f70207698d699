//! Updates: each edit of the spec is one, of what it changed, also where the API refuses, fails or differs.

mod builds;
mod edits;
mod interrupted_writes;
mod refusals;
mod unreliable_api;
