//! Crashes and losses: an operator that is killed in any call, answers that get lost, statuses that are lost, edited or
//! can't be written, backups that are restored.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a story that can't continue fails there, and a manifest is written where it is used"
)]

#[path = "../support/mod.rs"]
mod support;

mod duplicates;
mod edited_status;
mod failing_calls;
mod killed;
mod late_arrivals;
mod lost_answers;
mod lost_status;
mod restarts;
mod restored_backups;
mod undone_changes;
mod unwritable_status;
