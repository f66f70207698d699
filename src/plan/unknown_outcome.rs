//! Writes whose outcome is unknown, because their response was lost or says nothing: may they have been applied, and how long to
//! wait until reads show it. [`Writes`] is what is recorded of them, [`Memory::end_write`] decides when reads are settled, and
//! [`recover`] searches for an object that they may have created.
//!
//! [`Writes`]: super::record::Writes
//! [`Memory::end_write`]: super::memory::Memory::end_write
//! [`recover`]: super::recover::recover

use super::backoff::{Backoff, MOMENT};
use super::record::Record;
use super::steps::Plan;
use crate::resources::Reason;

/// The effect of a write that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaybeApplied {
    /// It was not.
    No,
    /// It may have been; the API answered, so it is not being applied any more.
    Answered,
    /// It may have been, or may still be: there was no response.
    InFlight,
}

impl Plan {
    /// Returns the plan that waits until reads have caught up, where an earlier read would be useless: the API answered
    /// the write without saying whether it was applied, so it does not turn up at some later time.
    #[must_use]
    pub fn wait_for_answered_write(record: &Record, reason: Reason, message: &str) -> Option<Self> {
        let answered = record.may_have_unrecorded_write() && record.inconclusive;
        (answered && !record.settled()).then(|| Self::wait_for_reads(record, reason, message))
    }

    /// Returns the plan that waits until reads are sure to show every write, and asks for nothing before.
    #[must_use]
    pub fn wait_for_reads(record: &Record, reason: Reason, message: &str) -> Self {
        let backoff = Backoff::transient().at_least(record.settles_in + MOMENT);
        Self::because(reason, message).with_backoff(backoff)
    }

    /// Returns a plan that waits until reads are sure to show every write, because one may have been applied.
    #[must_use]
    pub fn wait_until_settled(record: &Record, reason: Reason, message: &str) -> Self {
        Self::because(reason, message)
            .with_backoff(Backoff::transient().until_settled(record.settles_in))
    }
}
