//! The end of a pass: publish ids, write the status, tell events, and say when to come back.

use super::pass::{Ended, Pass};
use super::queue::After;
use super::report::Report;
use super::subject::Subject;
use super::world::jitter;
use crate::cluster::{Cause, ClusterError, merge_patch};
use crate::connections::ConnectionKey;
use crate::kinds::Kind;
use crate::plan::export::is_unexplained;
use crate::plan::look::nothing_to_bring_in;
use crate::plan::{Policy, Sighting, Verdict, pace};
use crate::resources::{Class, CommonStatus, Reason, condition};
use backon::Retryable;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Past the end of what is waited for.
const MOMENT: Duration = Duration::from_millis(50);

impl Pass<'_> {
    /// Publishes, reports, and says when to come back.
    ///
    /// # Errors
    /// Kubernetes failed.
    pub(super) async fn finish<K: Kind>(
        &mut self,
        subject: &mut Subject<K>,
        ended: Ended,
    ) -> Result<After, ClusterError> {
        if self.outcome.released {
            self.released(subject, &ended).await;
            return Ok(After::Never);
        }
        let mut ended = ended;
        if self.outcome.created {
            // The id is recorded before anything else is done; ready is who has published it too.
            let publishing = Ended::with(Verdict::new(
                Reason::Creating,
                "created at Metorial; its ids are being published",
            ));
            let publishes = subject.object.common().publish.is_some();
            let first = if publishes { &publishing } else { &ended };
            self.report(subject, first).await?;
        }
        if let (Some(conflict), false) = (self.publish(subject).await?, ended.trouble) {
            ended = Ended::with(conflict);
        }
        self.report(subject, &ended).await?;
        self.count(subject, &ended);
        Ok(self.next(subject, &ended))
    }

    async fn released<K: Kind>(&self, subject: &Subject<K>, ended: &Ended) {
        if let Some((event, note)) = &ended.verdict.event {
            let about = subject.reference();
            self.world
                .cluster
                .event(&about, event.as_str(), false, note)
                .await;
        }
        // What it referred to may have waited for it to go.
        for source in self.world.dependencies.sources(&subject.key) {
            self.world.wake(source);
        }
        self.world.forget(&subject.key);
        self.world.wake(self.connection.resource_key());
    }

    /// The one writer of status. What follows a create is tried again and again: the id must be recorded.
    async fn report<K: Kind>(
        &self,
        subject: &mut Subject<K>,
        ended: &Ended,
    ) -> Result<(), ClusterError> {
        let policy = subject.policy(&self.defaults);
        let settled = nothing_to_bring_in(&self.situation(subject, &policy));
        let said = condition(subject.status.conditions.as_deref(), "Ready").is_some();
        let report = Report {
            before: &subject.before,
            status: &subject.status,
            generation: subject.object.meta().generation.unwrap_or_default(),
            requested: subject.requested(),
            place: self
                .session
                .as_ref()
                .map(|s| (s.connection.as_str(), s.instance.id.as_str())),
            desired: self.desired.as_ref(),
            outcome: &self.outcome,
            verdict: &ended.verdict,
            planned: self.planned.as_ref(),
            published: self.published.as_ref(),
            replaces: policy.replace.is_some(),
            unexplained: self.unexplained(subject, &policy),
            keep: ended.held_back || (ended.trouble && settled && said),
            now: Timestamp::now(),
        };
        let next = report.next();
        let keep = report.keep;
        if let Some(difference) = merge_patch(&subject.before, &next) {
            let api = subject.api(self.world);
            let write = || {
                self.world
                    .cluster
                    .patch_status(&api, &subject.object, difference.clone())
            };
            let tries = if self.outcome.wrote { 6 } else { 0 };
            let pauses = backon::ExponentialBuilder::default().with_max_times(tries);
            write
                .retry(pauses)
                .when(|error| !matches!(error.cause, Cause::NotFound | Cause::NotLeader))
                .await?;
            self.tell(subject, ended, keep).await;
        }
        let former = subject.status.connection.take();
        let before = std::mem::take(&mut subject.status);
        subject.status = serde_json::from_value(next.clone()).unwrap_or_default();
        subject.before = next;
        if usable(&before) != usable(&subject.status) {
            self.world.wake_dependents(&subject.key);
        }
        let left = former.filter(|former| Some(former) != subject.status.connection.as_ref());
        let left = left.and_then(|text| ConnectionKey::parse(&text, &subject.key.namespace));
        if let Some(left) = left {
            self.world.wake(left.resource_key());
        }
        if subject.memory.created.is_some() && subject.memory.created == subject.status.id {
            subject.remember(self.world, |memory| memory.created = None);
        }
        Ok(())
    }

    /// Events: what changed for a person. The ordinary way, made and ready, is told by the status alone.
    async fn tell<K: Kind>(&self, subject: &Subject<K>, ended: &Ended, keep: bool) {
        let about = subject.reference();
        let verdict = &ended.verdict;
        if let Some((event, note)) = &verdict.event {
            self.world
                .cluster
                .event(&about, event.as_str(), false, note)
                .await;
        }
        let before = condition(subject.status.conditions.as_deref(), "Ready");
        let changed = before.is_none_or(|before| before.reason != verdict.reason.as_str());
        let ordinary = verdict.reason == Reason::Creating
            || verdict.reason.class() == Class::Done
                && before
                    .is_none_or(|b| b.status == "True" || b.reason == Reason::Creating.as_str());
        if changed && !keep && !ordinary {
            let warning = matches!(verdict.reason.class(), Class::NeedsPerson | Class::Waiting);
            let reason = verdict.reason.as_str();
            self.world
                .cluster
                .event(&about, reason, warning, &verdict.message)
                .await;
        }
    }

    fn count<K: Kind>(&self, subject: &Subject<K>, ended: &Ended) {
        let said = condition(subject.status.conditions.as_deref(), "Ready");
        let keep = said.is_none_or(|said| said.reason != ended.verdict.reason.as_str());
        let word = if keep {
            "Unchanged"
        } else {
            ended.verdict.reason.as_str()
        };
        let took = self.began.elapsed();
        self.world.metrics.reconciled(subject.key.kind, word, took);
        if !keep {
            let name = format!("{}/{}", subject.key.namespace, subject.key.name);
            let reason = ended.verdict.reason;
            self.world
                .metrics
                .set_reason(subject.key.kind, name, reason);
        }
    }

    fn next<K: Kind>(&self, subject: &mut Subject<K>, ended: &Ended) -> After {
        let world = self.world;
        let policy = subject.policy(&self.defaults);
        let reason = ended.verdict.reason;
        if let (true, Some(wait)) = (ended.held_back, ended.wait) {
            return After::In(wait);
        }
        let uncertain = matches!(self.seen.object, Some(Sighting::Lagging))
            || matches!(
                reason,
                Reason::AmbiguousCreate | Reason::Replacing | Reason::Importing
            )
            || (reason == Reason::Deleting && !self.outcome.released);
        let failed =
            ended.trouble || ended.refused || uncertain || reason == Reason::DeletionBlocked;
        let interval = pace::interval(policy.interval, jitter());
        if let (false, Some(pause)) = (failed, self.retirement(subject, &policy)) {
            return After::In(pause.min(interval));
        }
        if !failed && reason == Reason::Updating {
            return After::In(Duration::ZERO);
        }
        if !failed {
            subject.remember(world, |memory| {
                (memory.failures, memory.hold) = (0, None);
                memory.certain |= reason.class() == Class::Done;
            });
            // What waits for something else than time would be due again at once.
            let due = self.export_due(subject);
            let due = due.filter(|_| reason.class() == Class::Done);
            let moved = subject.memory.moved.map(|(_, since)| since);
            let soon = moved.filter(|_| self.unexplained(subject, &policy));
            let soon = soon.map(|since| world.unsettled_for(Some(since)) + MOMENT);
            let next = [Some(interval), due, soon].into_iter().flatten().min();
            return After::In(next.unwrap_or(interval));
        }
        let failures = subject.memory.failures.saturating_add(1);
        let pause = if ended.refused {
            pace::refused(failures, jitter())
        } else {
            pace::back_off(world.timing.backoff, failures, jitter())
        };
        let mut pause = pause.max(ended.wait.unwrap_or_default());
        if uncertain && !subject.unsettled_for.is_zero() {
            pause = pause.min(subject.unsettled_for + MOMENT);
        }
        let hold =
            (ended.trouble || ended.refused).then(|| self.hold(subject, Instant::now() + pause));
        subject.remember(world, |memory| {
            (memory.failures, memory.hold) = (failures, hold);
        });
        After::In(pause)
    }

    /// How long until the next export that is made at intervals.
    fn export_due<K: Kind>(&self, subject: &Subject<K>) -> Option<Duration> {
        let exporting = self.desired.as_ref()?.exporting.as_ref()?;
        let made = self.outcome.export.as_ref();
        let last = made.unwrap_or(&subject.ledger.export).exported_at.as_ref();
        exporting.due_in(last?.0, Timestamp::now())
    }

    /// Whether an exported auth config moved, and the pass could not tell why.
    fn unexplained<K: Kind>(&self, subject: &Subject<K>, policy: &Policy) -> bool {
        !self.outcome.wrote && is_unexplained(&self.situation(subject, policy))
    }

    /// When to look after what was replaced and is still to be deleted.
    fn retirement<K: Kind>(&self, subject: &mut Subject<K>, policy: &Policy) -> Option<Duration> {
        let retiring = subject.status.retiring.as_ref()?.first()?;
        let rested = Timestamp::now().duration_since(retiring.since.0);
        let rested = Duration::try_from(rested).unwrap_or_default();
        if let Some(left) = policy
            .replace_grace
            .checked_sub(rested)
            .filter(|left| !left.is_zero())
        {
            return Some(left);
        }
        // It is due, so either the next pass deletes it or something still needs it.
        let failures = subject.memory.failures.saturating_add(1);
        subject.remember(self.world, |memory| memory.failures = failures);
        Some(match self.outcome.created {
            true => Duration::ZERO,
            false => pace::back_off(self.world.timing.backoff, failures, jitter()),
        })
    }
}

/// What others that refer to a resource depend on: its id, its generation, the values that it pushed, and whether it is ready.
fn usable(status: &CommonStatus) -> (Option<&String>, Option<i64>, Vec<&str>, bool) {
    let ready = condition(status.conditions.as_deref(), "Ready");
    let ready = ready.is_some_and(|ready| ready.status == "True");
    let pushed = status.inputs.iter().flatten();
    let pushed = pushed.map(|input| input.fingerprint.as_str()).collect();
    (
        status.id.as_ref(),
        status.observed_generation,
        pushed,
        ready,
    )
}
