//! Counts of a connection's objects that are gone. A count takes a request for every hundred objects, and each of the lost objects
//! would ask for one.

use super::inventories::Inventories;
use super::registry::Connections;
use super::settings::ConnectionKey;
use crate::cluster::error::ClusterError;
use crate::plan::observed::Losses;
use crate::remote::{RemoteError, Session};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Time for which a suspicious loss is believed without being counted again.
pub const LOSSES_LIFETIME: Duration = Duration::from_secs(600);
/// Time for which any other count answers for the objects that it found to be gone: they may have to wait until reads are sure
/// to show everything.
const COUNT_LIFETIME: Duration = Duration::from_secs(60);
/// The longest wait for a count that another resource makes. One that hangs must not hold up the others, one after the other.
const PATIENCE: Duration = Duration::from_secs(5);

/// A count.
#[derive(Clone, Debug)]
pub struct Count {
    /// The result.
    pub losses: Losses,
    /// When it was made.
    pub at: Instant,
    /// The objects that were gone.
    pub lost: HashSet<String>,
}

impl Count {
    /// Returns whether it answers for the lost object `id` at this time. Any object that it did not find to be gone was lost
    /// since, so they are counted again.
    #[must_use]
    pub fn answers(&self, id: Option<&str>, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.at);
        match self.losses.suspicious() {
            true => age < LOSSES_LIFETIME,
            false => age < COUNT_LIFETIME && id.is_some_and(|id| self.lost.contains(id)),
        }
    }
}

impl Connections {
    /// Counts the objects of a connection that are gone, unless a count answers for the lost object `id` already: many are lost at
    /// once. A suspicious loss stays until it is approved or its time is over.
    ///
    /// # Errors
    /// Kubernetes or the API failed; nothing is known then.
    pub async fn losses(
        &self,
        key: &ConnectionKey,
        id: Option<&str>,
        session: &Session,
        inventories: &Inventories,
    ) -> Result<Result<Losses, RemoteError>, ClusterError> {
        let approved = session.recreation_approved;
        let counting = self.slot(key).lock().await.counting.clone();
        let _turn = timeout(PATIENCE, counting.lock_owned()).await.ok();
        if let Some(known) = self.counted_losses(key, id).await {
            return Ok(Ok(Losses { approved, ..known }));
        }
        let counted = inventories.counted(&session.instance.id).await?;
        let at = Instant::now();
        let lost = match inventories.lost(session, &counted).await {
            Ok(lost) => lost,
            Err(error) => return Ok(Err(error)),
        };
        let losses = Losses {
            known: counted.len(),
            lost: lost.len(),
            approved,
        };
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        slot.losses = Some(Count { losses, at, lost });
        slot.use_approval();
        if losses.suspicious() {
            self.enqueue(key);
        }
        Ok(Ok(losses))
    }

    /// Returns a count that answers for the lost object `id`.
    async fn counted_losses(&self, key: &ConnectionKey, id: Option<&str>) -> Option<Losses> {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        slot.use_approval();
        let count = slot.losses.as_ref()?;
        count.answers(id, Instant::now()).then_some(count.losses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(known: usize, lost: &[&str], at: Instant) -> Count {
        Count {
            losses: Losses {
                known,
                lost: lost.len(),
                approved: false,
            },
            at,
            lost: lost.iter().map(|id| (*id).to_owned()).collect(),
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
