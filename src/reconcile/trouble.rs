//! What trouble means for a pass: nothing is tried again too early, and a deletion that can't go on waits or gives up.

use super::memory::Hold;
use super::pass::{Ended, Pass};
use super::see::Halt;
use super::subject::Subject;
use super::unreachable;
use crate::connections::ConnectionState;
use crate::kinds::Kind;
use crate::plan::{Policy, Verdict};
use crate::remote::RemoteError;
use crate::resources::{DeletionPolicy, Reason};
use tokio::time::Instant;

impl Pass<'_> {
    /// What failed is not tried again until it is time, or something about it changed.
    pub(super) fn held_back<K: Kind>(&self, subject: &Subject<K>) -> Option<Ended> {
        let hold = subject.memory.hold.as_ref()?;
        hold.holds(&self.hold(subject, hold.until)).then(|| Ended {
            wait: Some(hold.until.saturating_duration_since(Instant::now())),
            held_back: true,
            ..Ended::with(Verdict::new(
                Reason::RemoteUnavailable,
                "too early after a failure",
            ))
        })
    }

    pub(super) fn hold<K: Kind>(&self, subject: &Subject<K>, until: Instant) -> Hold {
        Hold {
            generation: subject.object.meta().generation,
            revision: self
                .desired
                .as_ref()
                .map(|desired| desired.revision.clone()),
            session: self.session.as_ref().map_or(0, |session| session.epoch),
            requested: subject.requested().cloned(),
            until,
        }
    }

    pub(super) async fn delete<K: Kind>(
        &mut self,
        subject: &mut Subject<K>,
        standing: &ConnectionState,
    ) -> Result<Ended, Halt> {
        let policy = subject.policy(&self.defaults);
        let ledger = &subject.ledger;
        if policy.leaves_remote() || !ledger.finalizer || ledger.surely_unmade() {
            return self.decide(subject, &policy).await;
        }
        let stuck = match (
            unreachable::blocked(subject, &self.connection, standing),
            self.held_back(subject),
        ) {
            (Some(blocked), _) => blocked,
            (None, Some(held_back)) => return Ok(held_back),
            (None, None) => match self.decide(subject, &policy).await {
                Err(Halt::Remote(trouble)) if unreachable::is(&trouble) => {
                    self.troubled(subject, &trouble).await
                }
                other => return other,
            },
        };
        if !unreachable::give_up(self.world, &self.connection, standing, subject).await? {
            return Ok(stuck);
        }
        let orphan = Policy {
            deletion: DeletionPolicy::Orphan,
            ..policy
        };
        self.decide(subject, &orphan).await
    }

    /// What an error of the API means for this resource, and for its connection.
    pub(super) async fn troubled<K: Kind>(
        &self,
        subject: &Subject<K>,
        trouble: &RemoteError,
    ) -> Ended {
        let sessions = &self.world.connections;
        if trouble.concerns_connection() && sessions.suspect(&self.connection, self.began).await {
            self.world.wake(self.connection.resource_key());
        }
        let mut verdict = Verdict::new(trouble.reason(), trouble.message());
        let creating = subject.ledger.id.is_none() && !subject.terminating();
        if trouble.maybe_applied() && creating {
            verdict.reason = Reason::AmbiguousCreate;
        }
        Ended {
            trouble: !trouble.needs_person() || trouble.concerns_connection(),
            refused: trouble.needs_person(),
            wait: trouble.wait(),
            held_back: false,
            verdict,
        }
    }
}
