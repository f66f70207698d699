//! The registry of connections: reads and verifies them, builds their sessions, and keeps the last good one.

use super::entry::{Entry, Postponed, Reading};
use super::losses::LOSSES_LIFETIME;
use super::session_factory::SessionFactory;
use super::settings::ConnectionSettings;
use super::slot::Slot;
use super::state::ConnectionState;
use super::users::UserCounts;
use super::verify;
use super::waiting::WaitingDeletions;
use crate::lock::lock;
use crate::plan::not_ready::NotReady;
use crate::remote::shared::Shared;
use crate::remote::{RemoteError, Session};
use crate::resources::{ConnectionKey, ConnectionKind, ResourceKey, UnreachablePolicy};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Default of `spec.onUnreachable.after`.
const DEFAULT_ORPHAN_AFTER: Duration = Duration::from_secs(3600);

/// The registry. Each connection has an entry with locks of its own: one whose API does not answer holds up no other.
pub struct Connections {
    pub(super) factory: SessionFactory,
    pub(super) entries: Mutex<HashMap<ConnectionKey, Arc<Entry>>>,
    /// The budgets of organizations and the caches of instances.
    pub(super) shared: Arc<Shared>,
    pub(super) next_epoch: AtomicUsize,
    /// The deletions that wait for any connection which opens the instance of their object.
    pub waiting: WaitingDeletions,
    /// The users of connections that are being deleted.
    pub users: UserCounts,
}

/// The resources that don't know of the current state of a connection.
pub struct Uninformed {
    /// True if the resources that use it don't.
    pub users: bool,
    /// True if the deletions that wait for any connection don't, and it can be used.
    pub waiting: bool,
}

impl Connections {
    /// Returns an empty registry.
    #[must_use]
    pub fn new(factory: SessionFactory) -> Self {
        Self {
            shared: Shared::new(factory.metrics.clone(), factory.queue.clone()),
            factory,
            entries: Mutex::default(),
            next_epoch: AtomicUsize::new(1),
            waiting: WaitingDeletions::default(),
            users: UserCounts::default(),
        }
    }

    /// Returns the state of a connection for `user`, a resource that uses it. Reads the connection only if it was not read yet.
    ///
    /// # Errors
    /// Another task reads it and nothing that was known before can be used; `user` is enqueued when that has ended.
    pub async fn state(
        &self,
        key: &ConnectionKey,
        user: &ResourceKey,
    ) -> Result<ConnectionState, Postponed> {
        let state = |slot: &mut Slot| {
            slot.report_once();
            slot.state()
        };
        self.loaded(key, user, state).await
    }

    /// Reads the connection again; asks the API if the key changed, on request, or if the key was verified too long ago.
    ///
    /// # Errors
    /// Another task reads it, and `who` is enqueued when that has ended.
    pub async fn refresh(
        &self,
        key: &ConnectionKey,
        who: &ResourceKey,
    ) -> Result<ConnectionState, Postponed> {
        // Less than the interval, which jitter shortens, so that each regular reconciliation asks.
        let max_age = self.factory.timing.connection_check.mul_f64(0.85);
        let reading = self.reading(key, who).await?;
        self.read(key, &reading, max_age).await;
        let mut slot = reading.slot();
        // It must outlive one refresh at least, or the status would never show it.
        let lifetime = max_age.max(LOSSES_LIFETIME);
        slot.losses
            .take_if(|count| count.lost.at.elapsed() >= lifetime);
        Ok(slot.state_with_losses())
    }

    /// Records that a connection exists which nobody uses now, and which is not checked until then: the next resource that uses it
    /// reads it again.
    ///
    /// # Errors
    /// Another task reads it, and it is enqueued when that has ended.
    pub async fn set_unused(
        &self,
        key: &ConnectionKey,
        settings: &ConnectionSettings,
    ) -> Result<(), Postponed> {
        let reading = self.reading(key, &key.resource_key()).await?;
        reading.slot().set_unused(settings);
        Ok(())
    }

    /// Returns which resources have to be enqueued, because they may not know of the state of the connection. From now on they
    /// do.
    pub fn report_change(&self, key: &ConnectionKey) -> Uninformed {
        let entry = self.entry(key);
        let mut slot = entry.slot();
        Uninformed {
            users: slot.report_change(),
            waiting: slot.report_to_waiting(),
        }
    }

    /// Marks a connection as suspect after a request failed as if the connection were the cause, and enqueues
    /// it: its next reconciliation asks the API.
    ///
    /// A connection that is known not to be ready is retried anyway. One that was verified after `began`, the start of
    /// the reconciliation that failed, is not suspect: many resources fail together, and one request answers for all.
    /// Where the API accepts the key nevertheless, the next suspicion waits for a minute.
    ///
    /// Where the connection or its Secret is gone, nothing is left to ask with once the API refuses the last good key:
    /// deletions use another connection then, or say what they need.
    pub fn suspect(&self, key: &ConnectionKey, began: Instant, error: &RemoteError) {
        let entry = self.entry(key);
        let mut slot = entry.slot();
        let is_gone = slot.not_ready.as_ref().is_some_and(NotReady::is_gone);
        if is_gone && error.refuses_key() && slot.identified.is_some() {
            slot.drop_key();
            return self.enqueue(key);
        }
        if error.refuses_key() && slot.checks.end_pause(Instant::now().into_std()) {
            return self.enqueue(key);
        }
        let is_suspect = slot.is_accepted() && slot.verified().is_none_or(|at| at < began);
        if is_suspect && slot.checks.doubt(Instant::now().into_std()) {
            self.enqueue(key);
        }
    }

    /// Has a connection that reports an outage checked, because a resource got a response through it.
    pub fn answered(&self, key: &ConnectionKey) {
        let now = Instant::now().into_std();
        if self.entry(key).slot().checks.end_pause(now) {
            self.enqueue(key);
        }
    }

    /// Enqueues a connection.
    pub(super) fn enqueue(&self, key: &ConnectionKey) {
        // The receiver ends only with the leadership itself.
        self.factory.queue.send(key.resource_key()).ok();
    }

    /// Returns true if the connection exists, for `user`, a resource that would use it then.
    ///
    /// # Errors
    /// As for [`Connections::state`].
    pub async fn exists(&self, key: &ConnectionKey, user: &ResourceKey) -> Result<bool, Postponed> {
        let exists = |slot: &mut Slot| {
            slot.report_once();
            // One that could not be read may exist.
            let unread = slot.not_ready.as_ref().is_some_and(|it| it.transient);
            slot.settings.is_some() || unread
        };
        self.loaded(key, user, exists).await
    }

    /// Returns the instance that the status of a connection names.
    pub(super) fn recorded_instance(&self, key: &ConnectionKey) -> Option<String> {
        self.entry(key)
            .slot()
            .recorded_instance()
            .map(str::to_owned)
    }

    /// Returns the time after which a deletion that can't reach the API leaves the object behind: by the connection, or by what
    /// was last known of one that is gone. `None`: never.
    pub fn orphan_after(&self, key: &ConnectionKey, session: Option<&Session>) -> Option<Duration> {
        let entry = self.entry(key);
        let slot = entry.slot();
        let current = slot.settings.as_ref();
        let current = current.and_then(|settings| settings.common.on_unreachable.as_ref());
        let last_known = session.and_then(|session| session.on_unreachable.as_ref());
        let policy = current.or(last_known);
        let policy = policy.filter(|policy| policy.policy == UnreachablePolicy::OrphanAfter)?;
        let after = policy.after.as_ref().and_then(|after| after.duration());
        Some(after.unwrap_or(DEFAULT_ORPHAN_AFTER))
    }

    /// Returns the time for which the approval to create lost objects again still holds if nobody needs it again.
    pub fn approval_left(&self, key: &ConnectionKey) -> Option<Duration> {
        let lifetime = self.factory.timing.approval;
        self.entry(key).slot().approval_left(lifetime)
    }

    /// Forgets a connection that was deleted, but keeps its last good session for deletions that still need it. Returns
    /// false if it was forgotten before.
    ///
    /// # Errors
    /// Another task reads it, and it is enqueued when that has ended.
    pub async fn forget(&self, key: &ConnectionKey) -> Result<bool, Postponed> {
        let reading = self.reading(key, &key.resource_key()).await?;
        let mut slot = reading.slot();
        let known = !slot.is_loaded || slot.settings.is_some();
        if known {
            self.users.forget(key);
        }
        slot.forget(key);
        Ok(known)
    }

    /// Returns true if something is kept about a connection that does not exist.
    #[must_use]
    pub fn keeps_forgotten(&self, key: &ConnectionKey) -> bool {
        let entry = lock(&self.entries).get(key).cloned();
        entry.is_some_and(|entry| {
            let slot = entry.slot();
            slot.is_loaded && slot.settings.is_none()
        })
    }

    /// Returns true if a deletion may need the last good session of a connection that does not exist.
    #[must_use]
    pub fn keeps_session(&self, key: &ConnectionKey) -> bool {
        self.entry(key).slot().identified.is_some()
    }

    /// Drops everything about a connection that does not exist. The caller knows that no resource needs its last session,
    /// or waits for the connection to appear.
    pub fn drop_forgotten(&self, key: &ConnectionKey) {
        let mut entries = lock(&self.entries);
        // Another task that has the entry is about to use it.
        let unused =
            |entry: &Arc<Entry>| Arc::strong_count(entry) == 1 && entry.slot().settings.is_none();
        if entries.get(key).is_some_and(unused) {
            entries.remove(key);
        }
    }

    /// Returns the time until a connection is to be reconciled again.
    ///
    /// # Errors
    /// Another task reads it, so that the check which it needs is not known; it is enqueued when that has ended.
    pub async fn next_check(
        &self,
        key: &ConnectionKey,
        terminating: bool,
    ) -> Result<Duration, Postponed> {
        let reading = self.reading(key, &key.resource_key()).await?;
        let mut slot = reading.slot();
        let not_ready = slot.state_with_losses().not_ready;
        let (timing, now) = (&self.factory.timing, Instant::now().into_std());
        let checks = &mut slot.checks;
        let next = checks.next(not_ready.as_ref(), terminating, timing, rand::random(), now);
        Ok(next)
    }

    /// Checks that resources of a namespace may use the connection.
    ///
    /// # Errors
    /// They may not, or that is not known.
    pub async fn admit(&self, key: &ConnectionKey, namespace: &str) -> Result<(), NotReady> {
        if key.kind == ConnectionKind::Connection {
            return Ok(());
        }
        let allowed = {
            let entry = self.entry(key);
            let slot = entry.slot();
            let allowed = slot.settings.as_ref().and_then(|it| it.allowed.clone());
            let refused = || slot.not_ready.clone().unwrap_or_else(NotReady::unchecked);
            allowed.ok_or_else(refused)?
        };
        let labels = match &allowed.selector {
            Some(_) => self.factory.cluster.namespace_labels(namespace).await,
            None => Ok(BTreeMap::new()),
        };
        let labels = labels.map_err(|error| verify::of_unread(&error))?;
        verify::check_namespace(key, &allowed, namespace, &labels)
    }

    /// Returns the entry of a connection.
    pub(super) fn entry(&self, key: &ConnectionKey) -> Arc<Entry> {
        let mut entries = lock(&self.entries);
        entries.entry(key.clone()).or_default().clone()
    }

    async fn reading(&self, key: &ConnectionKey, who: &ResourceKey) -> Result<Reading, Postponed> {
        self.entry(key).read(&self.factory.queue, who).await
    }

    /// Looks at a connection, which is read first if it was not read yet.
    async fn loaded<T>(
        &self,
        key: &ConnectionKey,
        user: &ResourceKey,
        look: impl FnOnce(&mut Slot) -> T,
    ) -> Result<T, Postponed> {
        let entry = self.entry(key);
        let if_loaded = || Some(entry.slot()).filter(|slot| slot.is_loaded);
        if let Some(mut slot) = if_loaded() {
            return Ok(look(&mut slot));
        }
        match self.reading(key, user).await {
            Ok(reading) => {
                if !reading.slot().is_loaded {
                    self.read(key, &reading, Duration::MAX).await;
                }
                Ok(look(&mut reading.slot()))
            }
            Err(postponed) => {
                let mut slot = if_loaded().ok_or(postponed)?;
                Ok(look(&mut slot))
            }
        }
    }

    async fn read(&self, key: &ConnectionKey, reading: &Reading, max_age: Duration) {
        let settings = self.factory.settings(key).await;
        let Some(settings) = reading.slot().begin_read(key, settings) else {
            return;
        };
        let connected = self.connect(key, reading, &settings, max_age).await;
        let mut slot = reading.slot();
        let stored = connected.map(|connected| self.store_session(key, &mut slot, connected));
        // Whatever ends this before, the next user reads it again.
        slot.end_read(stored.err());
    }
}
