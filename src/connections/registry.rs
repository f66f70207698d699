//! The registry of connections: reads and verifies them, builds their sessions, and keeps the last good one.

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
use crate::resources::{ConnectionKey, ConnectionKind, Reason, UnreachablePolicy};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::Instant;

/// Default of `spec.onUnreachable.after`.
const DEFAULT_ORPHAN_AFTER: Duration = Duration::from_secs(3600);

/// The registry. Each connection has a slot with a lock of its own: one whose API does not answer holds up no other.
pub struct Connections {
    pub(super) factory: SessionFactory,
    pub(super) slots: Mutex<HashMap<ConnectionKey, Arc<AsyncMutex<Slot>>>>,
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
            slots: Mutex::default(),
            next_epoch: AtomicUsize::new(1),
            waiting: WaitingDeletions::default(),
            users: UserCounts::default(),
        }
    }

    /// Returns the state of a connection for a resource that uses it. Reads the connection only if it was not read yet.
    pub async fn state(&self, key: &ConnectionKey) -> ConnectionState {
        let mut slot = self.locked(key).await;
        self.read_once(key, &mut slot).await;
        slot.report_once();
        slot.state()
    }

    /// Reads the connection again; asks the API if the key changed, on request, or if the key was verified too long ago.
    pub async fn refresh(&self, key: &ConnectionKey) -> ConnectionState {
        // Less than the interval, which jitter shortens, so that each regular reconciliation asks.
        let max_age = self.factory.timing.connection_check.mul_f64(0.85);
        let mut slot = self.locked(key).await;
        self.read(key, &mut slot, max_age).await;
        // It must outlive one refresh at least, or the status would never show it.
        let lifetime = max_age.max(LOSSES_LIFETIME);
        slot.losses
            .take_if(|count| count.lost.at.elapsed() >= lifetime);
        slot.state_with_losses()
    }

    /// Records that a connection exists which nobody uses now, and which is not checked until then: the next resource that uses it
    /// reads it again.
    pub async fn set_unused(&self, key: &ConnectionKey, settings: &ConnectionSettings) {
        let mut slot = self.locked(key).await;
        slot.set_unused(settings);
    }

    /// Returns which resources have to be enqueued, because they may not know of the state of the connection. From now on they
    /// do.
    pub async fn report_change(&self, key: &ConnectionKey) -> Uninformed {
        let mut slot = self.locked(key).await;
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
    pub async fn suspect(&self, key: &ConnectionKey, began: Instant, error: &RemoteError) {
        let mut slot = self.locked(key).await;
        let is_gone = slot.not_ready.as_ref().is_some_and(NotReady::is_gone);
        if is_gone && error.refuses_key() && slot.identified.is_some() {
            slot.drop_key();
            return self.enqueue(key);
        }
        if error.refuses_key() && slot.checks.end_pause(Instant::now().into_std()) {
            return self.enqueue(key);
        }
        let is_suspect = slot.is_accepted() && slot.verified().is_none_or(|at| at < began);
        if is_suspect && slot.checks.doubt() {
            self.enqueue(key);
        }
    }

    /// Has a connection that reports an outage checked, because a resource got a response through it.
    pub async fn answered(&self, key: &ConnectionKey) {
        let mut slot = self.locked(key).await;
        if slot.checks.end_pause(Instant::now().into_std()) {
            self.enqueue(key);
        }
    }

    /// Enqueues a connection.
    pub(super) fn enqueue(&self, key: &ConnectionKey) {
        // The receiver ends only with the leadership itself.
        self.factory.queue.send(key.resource_key()).ok();
    }

    /// Returns true if the connection exists, for a resource that would use it then.
    pub async fn exists(&self, key: &ConnectionKey) -> bool {
        let mut slot = self.locked(key).await;
        self.read_once(key, &mut slot).await;
        slot.report_once();
        // One that could not be read may exist.
        let unread = slot.not_ready.as_ref().is_some_and(|it| it.transient);
        slot.settings.is_some() || unread
    }

    /// Returns the instance that the status of a connection names.
    pub(super) async fn recorded_instance(&self, key: &ConnectionKey) -> Option<String> {
        let slot = self.locked(key).await;
        slot.recorded_instance().map(str::to_owned)
    }

    /// Returns the time after which a deletion that can't reach the API leaves the object behind: by the connection, or by what
    /// was last known of one that is gone. `None`: never.
    pub async fn orphan_after(
        &self,
        key: &ConnectionKey,
        session: Option<&Session>,
    ) -> Option<Duration> {
        let slot = self.locked(key).await;
        let current = slot.settings.as_ref();
        let current = current.and_then(|settings| settings.common.on_unreachable.as_ref());
        let last_known = session.and_then(|session| session.on_unreachable.as_ref());
        let policy = current.or(last_known);
        let policy = policy.filter(|policy| policy.policy == UnreachablePolicy::OrphanAfter)?;
        let after = policy.after.as_ref().and_then(|after| after.duration());
        Some(after.unwrap_or(DEFAULT_ORPHAN_AFTER))
    }

    /// Returns the time for which the approval to create lost objects again still holds if nobody needs it again.
    pub async fn approval_left(&self, key: &ConnectionKey) -> Option<Duration> {
        let mut slot = self.locked(key).await;
        slot.approval_left(self.factory.timing.approval)
    }

    /// Forgets a connection that was deleted, but keeps its last good session for deletions that still need it. Returns
    /// false if it was forgotten before.
    pub async fn forget(&self, key: &ConnectionKey) -> bool {
        let mut slot = self.locked(key).await;
        let known = !slot.is_loaded || slot.settings.is_some();
        if known {
            self.users.forget(key);
        }
        slot.forget(key);
        known
    }

    /// Returns true if something is kept about a connection that does not exist.
    #[must_use]
    pub fn keeps_forgotten(&self, key: &ConnectionKey) -> bool {
        let slots = lock(&self.slots);
        let forgotten = |slot: &Arc<AsyncMutex<Slot>>| {
            let slot = slot.try_lock();
            slot.is_ok_and(|slot| slot.is_loaded && slot.settings.is_none())
        };
        slots.get(key).is_some_and(forgotten)
    }

    /// Returns true if a deletion may need the last good session of a connection that does not exist.
    pub async fn keeps_session(&self, key: &ConnectionKey) -> bool {
        self.locked(key).await.identified.is_some()
    }

    /// Drops everything about a connection that does not exist. The caller knows that no resource needs its last session,
    /// or waits for the connection to appear.
    pub fn drop_forgotten(&self, key: &ConnectionKey) {
        let mut slots = lock(&self.slots);
        // Another task that holds the slot is about to use it.
        let unused = |slot: &Arc<AsyncMutex<Slot>>| {
            let alone = Arc::strong_count(slot) == 1;
            alone && slot.try_lock().is_ok_and(|slot| slot.settings.is_none())
        };
        if slots.get(key).is_some_and(unused) {
            slots.remove(key);
        }
    }

    /// Returns the time until a connection is to be reconciled again.
    pub async fn next_check(&self, key: &ConnectionKey, terminating: bool) -> Duration {
        let mut slot = self.locked(key).await;
        let not_ready = slot.state_with_losses().not_ready;
        let (timing, now) = (&self.factory.timing, Instant::now().into_std());
        let checks = &mut slot.checks;
        checks.next(not_ready.as_ref(), terminating, timing, rand::random(), now)
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
            let slot = self.locked(key).await;
            let allowed = slot.settings.as_ref().and_then(|it| it.allowed.clone());
            let refused = || slot.not_ready.clone();
            allowed.ok_or_else(|| refused().unwrap_or_else(|| NotReady::not_found(key)))?
        };
        let labels = match &allowed.selector {
            Some(_) => self.factory.cluster.namespace_labels(namespace).await,
            None => Ok(BTreeMap::new()),
        };
        let labels = labels.map_err(|error| verify::of_unread(&error))?;
        verify::check_namespace(key, &allowed, namespace, &labels)
    }

    /// Locks the slot of a connection.
    pub(super) async fn locked(&self, key: &ConnectionKey) -> OwnedMutexGuard<Slot> {
        let slot = lock(&self.slots).entry(key.clone()).or_default().clone();
        slot.lock_owned().await
    }

    async fn read_once(&self, key: &ConnectionKey, slot: &mut Slot) {
        if !slot.is_loaded {
            self.read(key, slot, Duration::MAX).await;
        }
    }

    async fn read(&self, key: &ConnectionKey, slot: &mut Slot, max_age: Duration) {
        slot.handled = None;
        slot.checks.restart();
        let result = match self.factory.settings(key).await {
            Ok(Some(settings)) => {
                slot.store_settings(&settings);
                slot.handled = settings.requested().cloned();
                match &settings.unreadable {
                    Some(why) => Err(NotReady::new(Reason::InvalidSpec, why.clone())),
                    None => self.connect(key, slot, &settings, max_age).await,
                }
            }
            Ok(None) => {
                slot.remove_settings();
                Err(NotReady::not_found(key))
            }
            Err(not_ready) => Err(not_ready),
        };
        slot.not_ready = result.err();
        // Whatever ends this before, the next caller reads it again.
        slot.is_loaded = true;
    }
}
