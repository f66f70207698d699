//! Reports a plan: the status, events, metrics, and when to reconcile again.

use super::case::attempt;
use super::context::{jitter, now};
use super::error::Error;
use super::run::Run;
use crate::cluster::handle::Records;
use crate::kinds::Kind;
use crate::plan::backoff::Retry;
use crate::plan::case::Case;
use crate::plan::events::{self, Event};
use crate::plan::expiry;
use crate::plan::fingerprint::Fingerprint;
use crate::plan::memory::Memory;
use crate::plan::outcome;
use crate::plan::pauses::Ended;
use crate::plan::referred::seen_by_others;
use crate::plan::replace;
use crate::plan::status;
use crate::plan::steps::{Effect, Plan};
use crate::resources::{
    Class, CommonStatus, ConnectionKey, READY, Reason, ResourceStatus, condition,
};
use jiff::Timestamp;
use std::time::Duration;
use tracing::Span;

impl<K: Kind> Run<'_, K> {
    /// Reports a plan that was carried out. Returns when to reconcile again.
    ///
    /// # Errors
    /// The status could not be written, or the resource belongs to another shard.
    pub async fn finish(
        &mut self,
        case: &Case<'_>,
        plan: &Plan,
    ) -> Result<Option<Duration>, Error> {
        if self.effects.contains(&Effect::FinalizerRemoved) {
            self.released(plan).await;
            return Ok(None);
        }
        // The report of another shard may be newer; but what was written at the API is recorded in any case.
        if !self.wrote() {
            self.confirm_shard().await?;
        }
        let plan = &outcome::with_refusals(plan, &self.effects);
        let next = status::next(&self.resource.handle.status, case, plan, &self.effects);
        let reported = &expiry::with_expiry(&next, case, plan);
        self.report(case, reported).await?;
        self.record_metrics(case, reported);
        let waits = plan.verdict.reason == Reason::OwnershipConflict;
        if !waits && !plan.verdict.keeps_conditions {
            self.resource.forget_awaited_owner();
        }
        let pause = self.requeue_after(case, plan);
        let changes_in = expiry::changes_in(&self.resource.handle.status, case);
        Ok([pause, changes_in].into_iter().flatten().min())
    }

    /// Writes the status where it differs, and the events of that change.
    ///
    /// # Errors
    /// The status could not be written.
    pub async fn report(&mut self, case: &Case<'_>, plan: &Plan) -> Result<(), Error> {
        let next = status::next(&self.resource.handle.status, case, plan, &self.effects);
        let records = match (self.wrote(), self.effects.is_empty()) {
            (true, _) => Records::Writes,
            (false, false) => Records::Effects,
            (false, true) => Records::Nothing,
        };
        if self.resource.handle.write_status(&next, records).await? {
            let (before, after) = (self.resource.handle.status.common(), next.common());
            let (verdict, recorded) = (&plan.verdict, self.event_recorded);
            let events = events::events(before, after, verdict, &self.effects, recorded);
            self.event_recorded |= plan.verdict.reason != Reason::Creating;
            self.emit_events(events).await;
        }
        let before = std::mem::replace(&mut self.resource.handle.status, next);
        self.enqueue_others(before.common());
        self.resource.remember_status();
        Ok(())
    }

    /// Records in the status what a new object is about to be created with that replaces the current one.
    ///
    /// # Errors
    /// The status could not be written: then nothing is created.
    pub async fn record_replacement(
        &mut self,
        case: &Case<'_>,
        revision: &Fingerprint,
    ) -> Result<(), Error> {
        let handle = &mut self.resource.handle;
        let next = status::announcing(&handle.status, case, &self.effects, revision);
        handle.write_status(&next, Records::Nothing).await?;
        handle.status = next;
        Ok(())
    }

    /// Returns true if anything was written at the API, or may have been by a create, that no status records yet.
    pub fn wrote(&self) -> bool {
        let status = self.resource.handle.status.common();
        let lost = self.resource.memory.sent_to.is_some() && status.instance_id.is_none();
        lost || self.effects.iter().any(Effect::is_of_write)
    }

    async fn emit_events(&self, events: impl IntoIterator<Item = Event>) {
        let about = (self.resource.key, self.resource.owner.uid.as_str());
        let cluster = &self.context.cluster;
        for event in events {
            let written = cluster.event(about, event.reason, event.type_, &event.note);
            written.await;
        }
    }

    /// Enqueues what depends on this resource, and the connection that it no longer uses.
    fn enqueue_others(&self, before: &CommonStatus) {
        let now = self.resource.handle.status.common();
        if seen_by_others(before) != seen_by_others(now) {
            self.context.enqueue_dependents(self.resource.key);
        }
        let former = before.connection.as_ref();
        let former = former.filter(|former| Some(*former) != now.connection.as_ref());
        let namespace = &self.resource.key.namespace;
        if let Some(former) = former.and_then(|text| ConnectionKey::parse(text, namespace)) {
            self.context.enqueue(former.resource_key());
        }
    }

    /// Ends a resource that was deleted.
    async fn released(&self, plan: &Plan) {
        let context = self.context;
        self.emit_events(events::of_plan(&plan.verdict, &self.effects))
            .await;
        // What it referred to may wait for it to be gone.
        for source in context.dependencies.sources(self.resource.key) {
            context.enqueue(source);
        }
        context.forget(self.resource.key);
        context.enqueue(self.connection.resource_key());
    }

    fn record_metrics(&self, case: &Case<'_>, plan: &Plan) {
        let status = &self.resource.handle.status;
        let ready = condition(status.common().conditions.as_deref(), READY);
        let shown = ready.and_then(|ready| Reason::parse(&ready.reason));
        let decided = shown.filter(|shown| *shown == plan.verdict.reason);
        let outcome = decided.map_or("Unchanged", Reason::as_str);
        let (metrics, key) = (&self.context.metrics, self.resource.key);
        metrics.reconciled(key.kind, outcome, self.began.elapsed());
        Span::current().record("verdict", outcome);
        // Whatever was decided, the metric shows what the status says.
        if let Some(shown) = shown {
            metrics.set_reason(key, shown);
        }
        let expires_at = expiry::expires_at(status, case).map(Timestamp::as_second);
        metrics.set_expiration(key, expires_at);
    }

    /// Remembers how the reconciliation ended, and returns when the next one is due.
    fn requeue_after(&mut self, case: &Case<'_>, plan: &Plan) -> Option<Duration> {
        let status = self.resource.handle.status.common();
        let pending_deletion = status.pending_deletion.as_deref();
        let retry = replace::retry(case, plan, pending_deletion.unwrap_or_default());
        // What was read may lack the last write of another shard.
        let taken_over = self.resource.memory.taken_over();
        let lacks = taken_over.filter(|at| *at > self.fresh_since.into_std());
        let retry = retry.no_later_than(lacks, now());
        let compared = !plan.verdict.keeps_conditions && !case.observes();
        if plan.verdict.reason.class() == Class::Done && compared {
            self.remember(Memory::confirm_all);
        }
        self.end_attempt(case, &retry, Some(plan))
    }

    /// Remembers when to decide again, and returns it; `plan`: what was decided.
    pub fn end_attempt(
        &mut self,
        case: &Case<'_>,
        retry: &Retry,
        plan: Option<&Plan>,
    ) -> Option<Duration> {
        let context = self.context;
        let delays = context.timing.delays(case.policy.interval, jitter());
        let desired = case.desired();
        let version = self.state.version(&case.connection);
        let ended = Ended {
            retry,
            attempt: attempt(&self.resource, desired, (self.connection, version)),
            plan,
            asked: self.asked,
        };
        self.remember(|memory| memory.pauses.next(ended, &delays, now()))
    }
}
