//! The state of one connection: for the resources that use it, and for its own status.

use super::checks::Checks;
use super::losses::Count;
use super::not_ready::NotReady;
use super::settings::ConnectionSettings;
use crate::plan::attempt::ConnectionVersion;
use crate::plan::case::{ConnectionView, Problem};
use crate::plan::fingerprint::Fingerprint;
use crate::remote::Session;
use crate::remote::budget::{Budget, Limit, OwnLimit};
use crate::resources::{
    APPROVE, ConnectionDefaults, ConnectionKey, ConnectionKind, RECREATE, Reason, ResourceKey,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// The permissions that the owner of a connection gives its users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// True if their specs may name objects by their ids that no resource of this cluster created.
    pub external_ids: bool,
    /// The clusters whose objects they may take over.
    pub adopt_from: Vec<String>,
}

/// The state of a connection.
#[derive(Clone)]
pub struct ConnectionState {
    /// The session that is current, or else the last good one, which deletions may still use.
    pub session: Option<Arc<Session>>,
    /// The cause why the connection can't be used now.
    pub not_ready: Option<NotReady>,
    /// The generation of its spec; `None` where there is none.
    pub generation: Option<i64>,
    /// The permissions that its owner gives.
    pub permissions: Permissions,
    /// The defaults that the connection gives its resources. They apply even while its key does not work, and after the
    /// connection was deleted: a deletion policy must not change because of that.
    pub defaults: ConnectionDefaults,
    /// The user's request that this state answers.
    pub handled: Option<String>,
}

/// The part of a connection's state whose change can change what its resources do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    epoch: usize,
    not_ready: Option<Reason>,
    spec: Option<i64>,
    recreation_approved: bool,
}

/// Everything that is known of one connection. Locked while the connection is read and verified, so that resources which
/// start at the same time cause one request.
#[derive(Default)]
pub struct Slot {
    /// True once the connection was read.
    pub read: bool,
    /// The settings that were last read; `None` if there is no such connection.
    pub settings: Option<ConnectionSettings>,
    /// The defaults that the connection has, or had before it was deleted.
    pub defaults: ConnectionDefaults,
    /// The current session, or the last good one.
    pub session: Option<Arc<Session>>,
    /// The fingerprint of the address, key and certificates that the session was built from.
    pub material: Option<Fingerprint>,
    /// The time at which the API last accepted the key.
    pub verified: Option<Instant>,
    /// The cause why the connection can't be used now.
    pub not_ready: Option<NotReady>,
    /// The uid of the connection, and the instance that its key opened. The status pins the instance as well, but only
    /// once it is written, and the key may be replaced before that.
    pub pinned: Option<(String, String)>,
    /// The last count of the objects that are gone.
    pub losses: Option<Count>,
    /// Held by whoever counts the lost objects.
    pub counting: Arc<AsyncMutex<()>>,
    /// When the approval to create lost objects again was last needed, or seen first.
    pub approval_used: Option<Instant>,
    /// When that approval was seen first.
    pub approval_since: Option<Instant>,
    /// The state of which the deletions know that wait for any connection that they may use.
    pub reported_to_waiting: Option<Generation>,
    /// The state of which all resources of this connection know: the first that one asked for, or a later one for which they were
    /// enqueued.
    pub reported: Option<Generation>,
    /// When the API is asked about the key.
    pub checks: Checks,
    /// The user's request that was handled with the settings that were last read.
    pub handled: Option<String>,
    /// The limit that a Connection sets for its own requests.
    pub own_limit: Option<Arc<OwnLimit>>,
    /// The budget of a key until the API has named its organization, and the key's fingerprint. What one key's server says
    /// must not count for the organization of the key before it.
    pub unidentified: Option<(Fingerprint, Arc<Budget>)>,
}

impl ConnectionState {
    /// Returns whether its session opens this instance.
    #[must_use]
    pub fn opens(&self, instance: &str) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.instance.id == instance)
    }

    /// Returns whether a deletion of an object in this instance can use it: with the last good key, where the connection or its
    /// Secret is gone.
    #[must_use]
    pub fn deletes_in(&self, instance: &str) -> bool {
        self.opens(instance) && self.not_ready.as_ref().is_none_or(NotReady::keeps_session)
    }

    /// Returns the connection as decisions about a resource see it; `named`: whether its spec names it; `refusal`: why its
    /// namespace may not use it.
    #[must_use]
    pub fn view(
        &self,
        key: &ConnectionKey,
        named: bool,
        refusal: Option<Problem>,
    ) -> ConnectionView {
        let session = self.session.as_ref();
        ConnectionView {
            name: key.to_string(),
            instance: session.map(|session| session.instance.id.clone()),
            problem: self.not_ready.clone().map(Problem::from),
            refusal,
            named,
            shared: key.kind == ConnectionKind::ClusterConnection,
            external_ids: self.permissions.external_ids,
            adopt_from: self.permissions.adopt_from.clone(),
        }
    }

    /// Returns the part of the state that an attempt of a resource depends on; `view`: as decisions see it.
    #[must_use]
    pub fn version(&self, view: &ConnectionView) -> ConnectionVersion {
        let session = self.session.as_ref();
        ConnectionVersion {
            name: view.name.clone(),
            epoch: session.map_or(0, |session| session.epoch),
            generation: self.generation,
            recreation_approved: session.is_some_and(|session| session.recreation_approved),
            unusable: view.unusable().map(|problem| problem.reason),
        }
    }
}

impl Slot {
    /// Sets or removes the limit of the connection's own requests. What was sent stays counted.
    pub fn limit_own_requests(
        &mut self,
        key: &ConnectionKey,
        limit: Option<Limit>,
        queue: &UnboundedSender<ResourceKey>,
    ) {
        match (&self.own_limit, limit) {
            (Some(own), Some(limit)) => own.set(limit, Instant::now()),
            (_, limit) => {
                let own = |limit| OwnLimit::new(key.resource_key(), limit, queue.clone());
                self.own_limit = limit.map(own).map(Arc::new);
            }
        }
    }

    /// Returns the budget for asking which organization this key belongs to: that of the session if it has the same key.
    pub fn budget_to_identify(
        &mut self,
        material: &Fingerprint,
        limit: Limit,
        queue: &UnboundedSender<ResourceKey>,
    ) -> Arc<Budget> {
        let session = self.session.as_ref();
        if let Some(session) = session.filter(|_| self.material.as_ref() == Some(material)) {
            return session.transport.budget().clone();
        }
        if let Some((of, budget)) = &self.unidentified
            && of == material
        {
            return budget.clone();
        }
        let whose = "the organization of this key";
        let budget = Arc::new(Budget::new(whose, limit, queue.clone()));
        self.unidentified = Some((material.clone(), budget.clone()));
        budget
    }

    /// Returns the state for resources that use the connection.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        ConnectionState {
            session: self.session.clone(),
            not_ready: self.not_ready.clone(),
            generation: self.spec_generation(),
            permissions: self.permissions(),
            defaults: self.defaults.clone(),
            handled: self.handled.clone(),
        }
    }

    /// Returns what the connection allows; nothing where there is none.
    fn permissions(&self) -> Permissions {
        let settings = self.settings.as_ref();
        settings.map_or_else(Permissions::default, |settings| Permissions {
            external_ids: settings.external_ids,
            adopt_from: settings.common.adopt_from.clone().unwrap_or_default(),
        })
    }

    /// Returns the state for the connection's own status, which a suspicious loss of objects makes not ready. Resources
    /// that lost nothing go on working, so their state does not contain it.
    #[must_use]
    pub fn state_with_losses(&self) -> ConnectionState {
        let mut state = self.state();
        let approved = self.recreation_approved();
        let losses = self.losses.as_ref().map(|count| count.losses);
        let losses = losses.filter(|losses| losses.suspicious());
        if let (Some(losses), None, false) = (losses, &state.not_ready, approved) {
            let message = format!(
                "{} of {} objects were not found at Metorial at once; nothing is created again: if they were deleted on purpose, annotate this connection with {APPROVE}={RECREATE}",
                losses.lost, losses.known
            );
            state.not_ready = Some(NotReady::new(Reason::SuspiciousLoss, message));
        }
        state
    }

    /// Returns the part of the state whose change can change what resources do.
    #[must_use]
    pub fn generation(&self) -> Generation {
        let session = self.session.as_ref();
        Generation {
            epoch: session.map_or(0, |session| session.epoch),
            not_ready: self.not_ready.as_ref().map(|not_ready| not_ready.reason),
            spec: self.spec_generation(),
            recreation_approved: self.recreation_approved(),
        }
    }

    /// Records that a resource asked for the state.
    pub fn report_once(&mut self) {
        if self.reported.is_none() {
            self.reported = Some(self.generation());
        }
    }

    /// Returns whether the state differs from the one of which all resources know. From now on they know of this one: one that
    /// asked earlier than the others must not keep them from it.
    pub fn report_change(&mut self) -> bool {
        let generation = self.generation();
        match &mut self.reported {
            Some(known) => std::mem::replace(known, generation.clone()) != generation,
            None => false,
        }
    }

    /// Returns whether the connection can be used in a way that deletions which wait for any connection don't know of. From now
    /// on they do.
    pub fn report_to_waiting(&mut self) -> bool {
        let usable = Some(self.generation()).filter(|_| self.not_ready.is_none());
        let known = std::mem::replace(&mut self.reported_to_waiting, usable);
        self.reported_to_waiting.is_some() && known != self.reported_to_waiting
    }

    /// Returns the instance that the status of the connection names.
    #[must_use]
    pub fn recorded_instance(&self) -> Option<&str> {
        let instance = self.settings.as_ref()?.status.instance.as_ref()?;
        Some(&instance.id)
    }

    /// Records that somebody needed the approval to create lost objects again, if there is one.
    pub fn use_approval(&mut self) {
        if self.recreation_approved() {
            self.approval_used = Some(Instant::now());
        }
    }

    /// Returns for how long the approval still holds if nobody needs it again; `None` without one. With it ends the loss.
    pub fn approval_left(&mut self, lifetime: Duration) -> Option<Duration> {
        if !self.recreation_approved() {
            (self.approval_used, self.approval_since) = (None, None);
            return None;
        }
        self.approval_since.get_or_insert_with(Instant::now);
        let used = self.approval_used.get_or_insert_with(Instant::now);
        let left = lifetime.saturating_sub(used.elapsed());
        if left.is_zero() {
            // What was approved must not be reported again.
            self.losses = None;
        }
        Some(left)
    }

    /// Returns the session if its approval to create lost objects again was seen first less than this time ago.
    #[must_use]
    pub fn approved_within(&self, time: Duration, now: Instant) -> Option<Arc<Session>> {
        let recent = self.approval_since.is_some_and(|since| now < since + time);
        self.session.clone().filter(|_| recent)
    }

    fn recreation_approved(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.recreation_approved)
    }

    fn spec_generation(&self) -> Option<i64> {
        self.settings.as_ref()?.generation
    }

    /// Returns the instance that the connection with this uid opened before.
    #[must_use]
    pub fn pinned_instance(&self, uid: &str) -> Option<&str> {
        let (of, instance) = self.pinned.as_ref()?;
        (of == uid).then_some(instance.as_str())
    }

    /// Stores the settings that were read. Failures of a deleted connection of the same name do not count.
    pub fn store_settings(&mut self, settings: &ConnectionSettings) {
        let former = self.settings.as_ref();
        if former.is_none_or(|former| former.uid != settings.uid) {
            self.checks = Checks::default();
        }
        self.defaults = settings.common.defaults.clone().unwrap_or_default();
        self.settings = Some(settings.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_that_asks_for_a_new_state_keeps_no_other_from_being_enqueued() {
        let mut slot = Slot::default();
        assert!(!slot.report_change(), "nobody has asked");
        slot.report_once();
        assert!(!slot.report_change());
        slot.not_ready = Some(NotReady::new(Reason::Unauthorized, "no"));
        slot.report_once();
        assert!(slot.report_change());
        assert!(!slot.report_change(), "once");
        slot.not_ready = None;
        assert!(slot.report_change());
    }

    #[test]
    fn a_deletion_that_waits_for_any_connection_is_enqueued_once_whoever_else_asked_for_it() {
        let mut slot = Slot {
            not_ready: Some(NotReady::new(Reason::Unauthorized, "no")),
            ..Slot::default()
        };
        assert!(!slot.report_to_waiting());
        slot.not_ready = None;
        slot.report_once();
        assert!(!slot.report_change());
        assert!(slot.report_to_waiting());
        assert!(!slot.report_to_waiting());
    }
}
