//! What must never happen, whatever the story: a secret that gets out, a status that lies, a right that nobody needs,
//! one bad resource that harms the others.

#[path = "../support/mod.rs"]
mod support;

mod bad_passes;
mod canary;
mod kstatus;
mod kubectl;
mod leaks;
mod metrics;
mod rights;
mod status_history;
