//! Everything that is known of one connection.

use super::endpoint::Endpoint;
use super::key_checks::KeyChecks;
use super::limits::Joined;
use super::losses::Count;
use super::settings::ConnectionSettings;
use super::single_flight::SingleFlight;
use super::state::{ConnectionState, version};
use crate::inventory::CountResult;
use crate::plan::attempt::ConnectionVersion;
use crate::plan::fingerprint::Fingerprint;
use crate::plan::not_ready::NotReady;
use crate::remote::budget::{Budget, Limit, OwnLimit};
use crate::remote::{Loader, Session};
use crate::resources::{
    APPROVE, ConnectionDefaults, ConnectionKey, ConnectionKind, RECREATE, Reason, ResourceKey,
};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// Everything that is known of one connection.
#[derive(Default)]
pub struct Slot {
    /// True once the connection was read, and the API was asked about its key if that was due.
    pub is_loaded: bool,
    /// The time since when a task has been reading it.
    pub read_since: Option<Instant>,
    /// The resources that are enqueued when it has been read.
    pub postponed: HashSet<ResourceKey>,
    /// The settings that were last read; `None` if there is no such connection.
    pub settings: Option<ConnectionSettings>,
    /// The endpoint by these settings.
    pub endpoint: Option<Endpoint>,
    /// The defaults that the connection has, or had before it was deleted.
    pub defaults: ConnectionDefaults,
    /// The user's request that was handled with the settings that were last read.
    pub handled: Option<String>,
    /// The cause why the connection can't be used now.
    pub not_ready: Option<NotReady>,
    /// The current key, or the last good one, with its session.
    pub identified: Option<Identified>,
    /// The instance that the key opened.
    pub pinned: Option<Pinned>,
    /// The times at which the API is asked about the key.
    pub checks: KeyChecks,
    /// The budget of a key until the API has named its organization, and the key's fingerprint. What one key's server says
    /// must not count for the organization of the key before it.
    pub unidentified: Option<(Fingerprint, Arc<Budget>)>,
    /// The budget of the organization that the key belongs to, with the limit that a ClusterConnection sets for it.
    pub joined: Option<Joined>,
    /// The limit that a Connection sets for its own requests.
    pub own_limit: Option<Arc<OwnLimit>>,
    /// The last count of the objects that are gone.
    pub losses: Option<Count>,
    /// The count of the lost objects that is under way.
    pub counting: Arc<SingleFlight<CountResult>>,
    /// The approval to create lost objects again.
    pub approval: Approval,
    /// The versions that were reported.
    pub reported: Reported,
}

/// A key that the API accepted, and the session that was built with it.
pub struct Identified {
    /// The session.
    pub session: Arc<Session>,
    /// The fingerprint of the address, key and certificates that the session was built from.
    pub fingerprint: Fingerprint,
    /// The endpoint that the session was built for.
    pub endpoint: Option<Endpoint>,
    /// The time at which the API last accepted the key; `None` if it was never asked.
    pub verified: Option<Instant>,
}

/// The instance that a connection opened. Its status pins that as well, but only once it is written, and the key may be
/// replaced before that.
pub struct Pinned {
    /// The uid of the connection.
    pub uid: String,
    /// The id of the instance.
    pub instance: String,
}

/// The times of an approval to create lost objects again.
#[derive(Default)]
pub struct Approval {
    /// The time at which it was last needed, or seen first.
    pub used: Option<Instant>,
    /// The time at which it was seen first.
    pub since: Option<Instant>,
}

/// The versions of a connection that were reported to resources.
#[derive(Default)]
pub struct Reported {
    /// The version that all resources of this connection know: the first that one asked for, or a later one for which they were
    /// enqueued.
    pub to_users: Option<ConnectionVersion>,
    /// The version that the deletions know which wait for any connection that they may use.
    pub to_waiting: Option<ConnectionVersion>,
}

impl Slot {
    /// Sets or removes the limit of the connection's own requests, which only a `Connection` has. What was sent stays counted.
    pub fn limit_own_requests(
        &mut self,
        key: &ConnectionKey,
        limit: Option<Limit>,
        queue: &UnboundedSender<ResourceKey>,
    ) {
        let own = limit.filter(|_| key.kind == ConnectionKind::Connection);
        let Some(limit) = own else {
            self.own_limit = None;
            return;
        };
        match &self.own_limit {
            Some(own) => own.set(limit, Instant::now()),
            None => {
                let own = OwnLimit::new(key.resource_key(), limit, queue.clone());
                self.own_limit = Some(Arc::new(own));
            }
        }
    }

    /// Drops the key that was last accepted, and the budget that was joined with it.
    pub fn drop_key(&mut self) {
        self.identified = None;
        self.joined = None;
    }

    /// Stores the settings that were read, and returns them if the connection may be used with them. If not, this ends the read.
    pub fn begin_read(
        &mut self,
        key: &ConnectionKey,
        settings: Result<Option<ConnectionSettings>, NotReady>,
    ) -> Option<ConnectionSettings> {
        self.handled = None;
        self.checks.restart();
        match self.settings_to_check(key, settings) {
            Ok(settings) => {
                self.unload_unusable();
                Some(settings)
            }
            Err(not_ready) => {
                self.end_read(Some(not_ready));
                None
            }
        }
    }

    /// Ends a read of the connection. `not_ready`: the cause why it can't be used now; `None` if it can.
    pub fn end_read(&mut self, not_ready: Option<NotReady>) {
        self.not_ready = not_ready;
        self.is_loaded = true;
    }

    /// Has those wait for the check who can't use the connection by what was known before: that may have been about another spec,
    /// key or endpoint.
    fn unload_unusable(&mut self) {
        let has_session = self.usable_session().is_some();
        self.is_loaded &= NotReady::blocking(has_session, self.not_ready.as_ref()).is_none();
    }

    fn settings_to_check(
        &mut self,
        key: &ConnectionKey,
        settings: Result<Option<ConnectionSettings>, NotReady>,
    ) -> Result<ConnectionSettings, NotReady> {
        let Some(settings) = settings? else {
            self.remove_settings();
            return Err(NotReady::not_found(key));
        };
        self.store_settings(&settings);
        self.handled = settings.requested().cloned();
        match &settings.unreadable {
            Some(why) => Err(NotReady::new(Reason::InvalidSpec, why.clone())),
            None => Ok(settings),
        }
    }

    /// Records that the connection was deleted. The last good session stays, for deletions that still need it, but nothing that
    /// the connection set does.
    pub fn forget(&mut self, key: &ConnectionKey) {
        self.is_loaded = true;
        self.not_ready = Some(NotReady::not_found(key));
        self.remove_settings();
        self.checks = KeyChecks::default();
    }

    /// Records that there is no such connection.
    pub fn remove_settings(&mut self) {
        self.settings = None;
        self.endpoint = None;
        self.joined = None;
    }

    /// Records that nobody uses the connection, whose settings are not read again until then.
    pub fn set_unused(&mut self, settings: &ConnectionSettings) {
        self.store_settings(settings);
        self.is_loaded = false;
        self.joined = None;
    }

    /// Returns the budget for asking which organization this key belongs to: that of the session if it has the same key.
    pub fn budget_to_identify(
        &mut self,
        fingerprint: &Fingerprint,
        limit: Limit,
        queue: &UnboundedSender<ResourceKey>,
    ) -> Arc<Budget> {
        if let Some(session) = self.session()
            && self.is_of(fingerprint)
        {
            return session.transport.budget().clone();
        }
        if let Some((of, budget)) = &self.unidentified
            && of == fingerprint
        {
            return budget.clone();
        }
        let whose = "the organization of this key";
        let budget = Arc::new(Budget::new(whose, limit, queue.clone()));
        self.unidentified = Some((fingerprint.clone(), budget.clone()));
        budget
    }

    /// Returns the state for resources that use the connection.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        let settings = self.settings.as_ref();
        let adopt_from = settings.and_then(|it| it.common.adopt_from.as_ref());
        ConnectionState {
            session: self.usable_session().cloned(),
            not_ready: self.not_ready.clone(),
            generation: self.spec_generation(),
            external_ids: settings.is_some_and(|it| it.external_ids),
            adopt_from: adopt_from.cloned().unwrap_or_default(),
            defaults: self.defaults.clone(),
            handled: self.handled.clone(),
        }
    }

    /// Returns the state for the connection's own status, which a suspicious loss of objects makes not ready. Resources
    /// that lost nothing keep working, so their state does not contain it.
    #[must_use]
    pub fn state_with_losses(&self) -> ConnectionState {
        let mut state = self.state();
        let losses = self.losses.as_ref().map(|count| count.losses);
        if let Some(losses) = losses
            && losses.suspicious()
            && state.not_ready.is_none()
            && !self.recreation_approved()
        {
            let approve = format!("annotate this connection with {APPROVE}={RECREATE}");
            let message = losses.message(&approve);
            state.not_ready = Some(NotReady::new(Reason::SuspiciousLoss, message));
        }
        state
    }

    /// Returns the part of the state whose change can change what resources do.
    #[must_use]
    pub fn version(&self) -> ConnectionVersion {
        let session = self.usable_session().map(|session| &**session);
        let problem = NotReady::blocking(session.is_some(), self.not_ready.as_ref());
        let problem = problem.map(|problem| problem.reason);
        version(session, self.spec_generation(), problem)
    }

    /// Returns the current session, or the last good one.
    #[must_use]
    pub fn session(&self) -> Option<&Arc<Session>> {
        Some(&self.identified.as_ref()?.session)
    }

    /// Returns the session, unless it is of another endpoint than the current settings. While the API can't be asked about a new
    /// key, the former one stays in use: the same server decides what it may do.
    fn usable_session(&self) -> Option<&Arc<Session>> {
        let identified = self.identified.as_ref()?;
        let usable = match (&identified.endpoint, &self.endpoint) {
            (Some(former), Some(current)) => {
                // The last good key deletes also for a namesake that has none.
                let is_gone = self.not_ready.as_ref().is_some_and(NotReady::is_gone);
                former.is_same_place(current) && (is_gone || former.is_of_connection(current))
            }
            _ => true,
        };
        usable.then_some(&identified.session)
    }

    /// Returns true if the session was built from what has this fingerprint.
    #[must_use]
    pub fn is_of(&self, fingerprint: &Fingerprint) -> bool {
        let identified = self.identified.as_ref();
        identified.is_some_and(|identified| identified.fingerprint == *fingerprint)
    }

    /// Returns what the reads of a key share: that of the session if it was built from what has this fingerprint, or else a new
    /// one. The server and the rights of another key may differ.
    #[must_use]
    pub fn loader_of(&self, fingerprint: &Fingerprint) -> Arc<Loader> {
        let session = self.session().filter(|_| self.is_of(fingerprint));
        session.map_or_else(Arc::default, |session| session.loader.clone())
    }

    /// Returns true if the API accepted the key when it was last asked, and nothing but reads from Kubernetes failed since.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        let not_ready = self.not_ready.as_ref();
        not_ready.is_none_or(|it| it.transient && !self.checks.has_failed())
    }

    /// Returns the time at which the API last accepted the key.
    #[must_use]
    pub fn verified(&self) -> Option<Instant> {
        self.identified.as_ref()?.verified
    }

    /// Returns the instance that the status of the connection names.
    #[must_use]
    pub fn recorded_instance(&self) -> Option<&str> {
        let instance = self.settings.as_ref()?.status.instance.as_ref()?;
        Some(&instance.id)
    }

    /// Records that a resource needed the approval to create lost objects again, if there is one.
    pub fn use_approval(&mut self) {
        if self.recreation_approved() {
            self.approval.used = Some(Instant::now());
        }
    }

    /// Returns the time for which the approval still holds if no resource needs it again; `None` without one. When the approval
    /// ends, so does the recorded loss.
    pub fn approval_left(&mut self, lifetime: Duration) -> Option<Duration> {
        if !self.recreation_approved() {
            self.approval = Approval::default();
            return None;
        }
        self.approval.since.get_or_insert_with(Instant::now);
        let used = self.approval.used.get_or_insert_with(Instant::now);
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
        let since = self.approval.since?;
        if now < since + time {
            self.session().cloned()
        } else {
            None
        }
    }

    fn recreation_approved(&self) -> bool {
        self.session()
            .is_some_and(|session| session.recreation_approved)
    }

    fn spec_generation(&self) -> Option<i64> {
        self.settings.as_ref()?.generation
    }

    /// Returns the instance that the connection with this uid opened before.
    #[must_use]
    pub fn pinned_instance(&self, uid: &str) -> Option<&str> {
        let pinned = self.pinned.as_ref()?;
        (pinned.uid == uid).then_some(pinned.instance.as_str())
    }

    /// Stores the settings that were read. Failures of a deleted connection of the same name do not count, nor what was lost
    /// there.
    pub fn store_settings(&mut self, settings: &ConnectionSettings) {
        let former = self.settings.as_ref();
        if former.is_none_or(|former| former.uid != settings.uid) {
            self.checks = KeyChecks::default();
            self.losses = None;
            self.counting = Arc::default();
        }
        self.defaults = settings.common.defaults.clone().unwrap_or_default();
        self.endpoint = Some(Endpoint::new(settings, self.endpoint.as_ref()));
        self.settings = Some(settings.clone());
    }

    /// Records the additional root certificates that the settings refer to.
    pub fn set_roots(&mut self, roots: Fingerprint) {
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.set_roots(roots);
            self.unload_unusable();
        }
    }
}
