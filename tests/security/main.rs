//! What must never happen: a secret that leaks, a status that is wrong, a right that nobody needs.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a story that can't continue fails there, and a manifest is written where it is used"
)]

#[path = "../support/mod.rs"]
mod support;

mod all_kinds;
mod canary_forms;
mod deletions;
mod fairness;
mod hostile_objects;
mod kstatus;
mod kstatus_of_values;
mod leaks;
mod leaks_of_values;
mod library_logs;
mod orphan_records;
mod rights;
mod server_answers;
mod server_lists;
mod server_schemas;
mod status_history;
mod strangers;
mod tenants;
mod tour;
mod unreadable_specs;
