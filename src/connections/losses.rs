//! Counts of a connection's objects that are gone, and what they answer.

use crate::inventory::Lost;
use crate::plan::observed::Losses;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Time for which a suspicious loss is believed without being counted again.
pub const LOSSES_LIFETIME: Duration = Duration::from_secs(600);
/// Time for which any other count answers for the objects that it found to be gone: they may have to wait until reads are sure
/// to show everything.
const COUNT_LIFETIME: Duration = Duration::from_secs(60);

/// A count.
pub struct Count {
    /// The result.
    pub losses: Losses,
    /// The objects that were gone.
    pub lost: Arc<Lost>,
}

impl Count {
    /// Returns true if it answers for the lost object `id` at this time. Any object that it did not find to be gone was lost
    /// since, so they are counted again.
    #[must_use]
    pub fn answers(&self, id: Option<&str>, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.lost.at);
        if self.losses.suspicious() {
            age < LOSSES_LIFETIME
        } else {
            age < COUNT_LIFETIME && id.is_some_and(|id| self.lost.ids.contains(id))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(known: usize, lost: &[&str], at: Instant) -> Count {
        let lost = Lost {
            known,
            at,
            ids: lost.iter().map(|id| (*id).to_owned()).collect(),
        };
        Count {
            losses: lost.losses(false),
            lost: Arc::new(lost),
        }
    }

    #[test]
    fn a_count_answers_for_what_it_found_to_be_gone() {
        let at = Instant::now();
        let few = count(9, &["a", "b", "c"], at);
        assert!(few.answers(Some("b"), at));
        assert!(!few.answers(Some("d"), at), "it was lost since");
        assert!(!few.answers(None, at));
        assert!(!few.answers(Some("b"), at + COUNT_LIFETIME));
    }

    #[test]
    fn a_suspicious_loss_answers_for_all_objects() {
        let at = Instant::now();
        let most = count(4, &["a", "b", "c"], at);
        assert!(most.answers(Some("d"), at + COUNT_LIFETIME));
        assert!(!most.answers(Some("a"), at + LOSSES_LIFETIME));
    }
}
