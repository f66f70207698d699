//! What must never happen, whatever the story: a secret that gets out, a status that lies, a right that nobody needs,
//! one bad resource that harms the others.
#![allow(clippy::unwrap_used, reason = "a story that can't go on fails here")]

#[path = "../support/mod.rs"]
mod support;

mod bad_passes;
mod canary;
mod kstatus;
mod kstatus_of_values;
mod kubectl;
mod leaks;
mod leaks_of_values;
mod metrics;
mod rights;
mod status_history;
mod tour;
mod values;
