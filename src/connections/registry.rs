//! The registry of connections: reads and verifies them, builds their sessions, and keeps the last good one.

use super::settings::{ConnectionKey, ConnectionSettings};
use super::setup::Setup;
use super::state::{ConnectionState, LOSSES_LIFETIME, NotReady, Slot};
use super::verify;
use crate::plan::observed::Losses;
use crate::remote::Session;
use crate::remote::budget::{Budget, Limit};
use crate::remote::cache::Cache;
use crate::remote::transport::Transport;
use crate::resources::{APPROVE, ConnectionKind, InstanceStatus, UnreachablePolicy};
use metorial::Client;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

/// Time for which `OrphanAfter` waits where it doesn't say.
const DEFAULT_ORPHAN_AFTER: Duration = Duration::from_secs(3600);

/// The registry. Each connection has a slot with a lock of its own: one whose API does not answer holds up no other.
pub struct Connections {
    setup: Setup,
    slots: Mutex<HashMap<ConnectionKey, Arc<AsyncMutex<Slot>>>>,
    /// The budgets by organization; that of a key whose organization is unknown, by connection.
    budgets: Mutex<HashMap<String, Arc<Budget>>>,
    /// The caches by instance.
    caches: Mutex<HashMap<String, Arc<Cache>>>,
    next_epoch: AtomicUsize,
}

impl Connections {
    /// Returns an empty registry.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            slots: Mutex::default(),
            budgets: Mutex::default(),
            caches: Mutex::default(),
            next_epoch: AtomicUsize::new(1),
        }
    }

    /// Returns the state of a connection for a resource that uses it. Reads the connection only if nobody has yet.
    pub async fn state(&self, key: &ConnectionKey) -> ConnectionState {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        self.read_once(key, &mut slot).await;
        slot.last_reported = Some(slot.generation());
        slot.state()
    }

    /// Reads the connection again; asks the API if the key changed or was verified longer than `max_age` ago.
    pub async fn refresh(&self, key: &ConnectionKey, max_age: Duration) -> ConnectionState {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        self.read(key, &mut slot, max_age).await;
        // It must outlive one refresh at least, or the status would never show it.
        let lifetime = max_age.max(LOSSES_LIFETIME);
        slot.losses = slot.losses.filter(|(at, _)| at.elapsed() < lifetime);
        slot.state_with_losses()
    }

    /// Returns true if the state differs from the one that resources were last given, so that they have to be enqueued.
    pub async fn changed_since_reported(&self, key: &ConnectionKey) -> bool {
        let slot = self.slot(key);
        let slot = slot.lock().await;
        let last_reported = slot.last_reported.as_ref();
        last_reported.is_some_and(|last_reported| *last_reported != slot.generation())
    }

    /// Marks a connection as suspect after a request failed as if the connection were the cause, so that the next
    /// reconciliation of it asks the API. Returns true if it has to be enqueued for that.
    ///
    /// A connection that is known not to be ready is retried anyway. One that was verified after `began`, the start of
    /// the reconciliation that failed, is not suspect: many resources fail at once, and one request answers for all.
    pub async fn suspect(&self, key: &ConnectionKey, began: Instant) -> bool {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        let suspect = slot.not_ready.is_none() && slot.verified.is_none_or(|at| at < began);
        if suspect {
            slot.verified = None;
        }
        suspect
    }

    /// Returns true if the connection exists, for a resource that would use it then.
    pub async fn exists(&self, key: &ConnectionKey) -> bool {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        self.read_once(key, &mut slot).await;
        if slot.last_reported.is_none() {
            slot.last_reported = Some(slot.generation());
        }
        slot.settings.is_some()
    }

    /// Returns when a deletion that can't reach the API leaves the object behind: by the connection, or by what was last
    /// known of one that is gone. `None`: never.
    pub async fn orphan_after(
        &self,
        key: &ConnectionKey,
        session: Option<&Session>,
    ) -> Option<Duration> {
        let slot = self.slot(key);
        let slot = slot.lock().await;
        let current = slot.settings.as_ref();
        let current = current.and_then(|settings| settings.common.on_unreachable.as_ref());
        let last_known = session.and_then(|session| session.on_unreachable.as_ref());
        let policy = current.or(last_known);
        let policy = policy.filter(|policy| policy.policy == UnreachablePolicy::OrphanAfter)?;
        let after = policy.after.as_ref().and_then(|after| after.duration());
        Some(after.unwrap_or(DEFAULT_ORPHAN_AFTER))
    }

    /// Records how many objects are gone. A suspicious loss stays until it is approved or its time is over.
    pub async fn record_losses(&self, key: &ConnectionKey, losses: Losses) {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        slot.losses = losses.suspicious().then(|| (Instant::now(), losses));
    }

    /// Returns a suspicious loss that was counted recently: counting takes a request for every hundred objects, and each
    /// of the lost objects would ask for it.
    pub async fn suspicious_losses(&self, key: &ConnectionKey) -> Option<Losses> {
        let slot = self.slot(key);
        let slot = slot.lock().await;
        let (at, losses) = slot.losses?;
        (at.elapsed() < LOSSES_LIFETIME).then_some(losses)
    }

    /// Forgets a connection that was deleted, but keeps its last good session for deletions that still need it.
    pub async fn forget(&self, key: &ConnectionKey) {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        slot.read = true;
        slot.not_ready = Some(NotReady::not_found(key));
        slot.settings = None;
        slot.failures = 0;
        if let Some(session) = &slot.session {
            let budget = session.transport.budget();
            budget.set_user_limit(&key.resource_key(), None);
        }
    }

    /// Counts the reconciliations of a connection that failed in a row; a successful one starts again from zero.
    pub async fn count_failures(&self, key: &ConnectionKey, failed: bool) -> u32 {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        slot.failures = match failed {
            true => slot.failures.saturating_add(1),
            false => 0,
        };
        slot.failures
    }

    /// Checks that resources of a namespace may use the connection.
    ///
    /// # Errors
    /// They may not, or that is not known.
    pub async fn admit(&self, key: &ConnectionKey, namespace: &str) -> Result<(), NotReady> {
        if key.kind == ConnectionKind::Connection {
            return Ok(());
        }
        let slot = self.slot(key);
        let allowed = slot
            .lock()
            .await
            .settings
            .as_ref()
            .and_then(|settings| settings.allowed.clone());
        let Some(allowed) = allowed else {
            return Err(NotReady::not_found(key));
        };
        let labels = match &allowed.selector {
            Some(_) => self.setup.cluster.namespace_labels(namespace).await,
            None => Ok(BTreeMap::new()),
        };
        let labels = labels.map_err(|error| verify::of_unread(&error))?;
        verify::check_namespace(key, &allowed, namespace, &labels)
    }

    fn slot(&self, key: &ConnectionKey) -> Arc<AsyncMutex<Slot>> {
        lock(&self.slots).entry(key.clone()).or_default().clone()
    }

    async fn read_once(&self, key: &ConnectionKey, slot: &mut Slot) {
        if !slot.read {
            self.read(key, slot, Duration::MAX).await;
        }
    }

    async fn read(&self, key: &ConnectionKey, slot: &mut Slot, max_age: Duration) {
        slot.read = true;
        let result = match self.setup.settings(key).await {
            Ok(Some(settings)) => {
                slot.store_settings(&settings);
                self.connect(key, slot, &settings, max_age).await
            }
            Ok(None) => {
                slot.settings = None;
                Err(NotReady::not_found(key))
            }
            Err(not_ready) => Err(not_ready),
        };
        slot.not_ready = result.err();
    }

    /// Makes the slot's session match the settings. Asks the API only if the key changed, or was verified longer
    /// than `max_age` ago, or was not ready the last time.
    async fn connect(
        &self,
        key: &ConnectionKey,
        slot: &mut Slot,
        settings: &ConnectionSettings,
        max_age: Duration,
    ) -> Result<(), NotReady> {
        let base_url = settings.common.base_url.as_deref();
        let url = verify::base_url(base_url, &self.setup.allowed_base_urls)?;
        let cluster = &self.setup.cluster;
        let references = settings.references();
        let inputs = cluster.resolve(&settings.namespace, &references).await;
        let inputs = inputs.map_err(verify::of_missing)?;
        let material = verify::material(&self.setup.key, &url, settings, &inputs)?;
        let unchanged = slot.material.as_ref() == Some(&material) && slot.not_ready.is_none();
        let known = slot.session.clone().filter(|_| unchanged);
        let epoch = known
            .as_ref()
            .filter(|session| session.generation == settings.generation)
            .map(|session| session.epoch)
            .unwrap_or_else(|| self.next_epoch.fetch_add(1, Ordering::Relaxed));
        let verified = slot.verified.filter(|at| at.elapsed() < max_age);
        let (instance, transport, verified) = match (known, verified) {
            (Some(session), Some(at)) => (session.instance.clone(), session.transport.clone(), at),
            _ => {
                let client = self.setup.client(url, settings, &inputs)?;
                let (instance, transport) = self.identify(key, slot, client).await?;
                (instance, transport, Instant::now())
            }
        };
        verify::check_instance(settings, slot.pinned_instance(&settings.uid), &instance)?;
        slot.pinned = Some((settings.uid.clone(), instance.id.clone()));
        let former = slot.session.as_ref();
        let former = former.map(|session| session.transport.budget().clone());
        let limit = verify::user_limit(settings);
        apply_user_limit(key, former.as_deref(), transport.budget(), limit);
        let session = self.session(key, settings, instance, transport, epoch);
        slot.session = Some(Arc::new(session));
        slot.material = Some(material);
        slot.verified = Some(verified);
        Ok(())
    }

    /// Asks the API which instance the key opens, and finds the budget of its organization. The request itself counts
    /// against the last known budget, and later for the organization that it names.
    async fn identify(
        &self,
        key: &ConnectionKey,
        slot: &Slot,
        client: Client,
    ) -> Result<(InstanceStatus, Transport), NotReady> {
        let known = slot.session.as_ref().map(|session| &session.transport);
        let first = match known {
            Some(known) => known.budget().clone(),
            None => {
                let connection = format!("{}/{key}", key.namespace);
                self.budget(connection, verify::documented_limit(None))
            }
        };
        let (fence, metrics) = (self.setup.fence.clone(), self.setup.metrics.clone());
        let mut transport = Transport::new(client, first.clone(), fence, metrics);
        if let Some(organization) = known.and_then(Transport::organization) {
            transport = transport.of_organization(organization.clone(), first.clone());
        }
        let instance = transport.instance().await;
        let instance = verify::describe(instance.map_err(|error| verify::of_error(&error))?);
        let organization = instance.organization_id.as_ref().unwrap_or(&instance.id);
        let limit = verify::documented_limit(Some(&instance));
        let budget = self.budget(organization.clone(), limit);
        if known.is_none() {
            budget.take_over(&first);
        }
        let transport = transport.of_organization(organization.clone(), budget);
        Ok((instance, transport))
    }

    fn session(
        &self,
        key: &ConnectionKey,
        settings: &ConnectionSettings,
        instance: InstanceStatus,
        transport: Transport,
        epoch: usize,
    ) -> Session {
        let cache = lock(&self.caches)
            .entry(instance.id.clone())
            .or_default()
            .clone();
        let approval = settings.annotations.get(APPROVE);
        Session {
            connection: key.to_string(),
            epoch,
            generation: settings.generation,
            on_unreachable: settings.common.on_unreachable.clone(),
            recreation_approved: approval.is_some_and(|approved| approved == "recreate"),
            instance,
            transport,
            cache,
        }
    }

    fn budget(&self, owner: String, limit: Limit) -> Arc<Budget> {
        lock(&self.budgets)
            .entry(owner)
            .or_insert_with(|| Arc::new(Budget::new(limit)))
            .clone()
    }
}

/// Sets the user's limit on the budget that the connection uses now, and removes it from the one that it used before: a
/// connection that was deleted and created again may have a key of another organization.
fn apply_user_limit(
    key: &ConnectionKey,
    former: Option<&Budget>,
    current: &Budget,
    limit: Option<Limit>,
) {
    let key = key.resource_key();
    if let Some(former) = former.filter(|former| !std::ptr::eq(*former, current)) {
        former.set_user_limit(&key, None);
    }
    current.set_user_limit(&key, limit);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::budget::WINDOW;

    fn budget() -> Budget {
        Budget::new(Limit {
            requests: 100,
            per: WINDOW,
        })
    }

    #[test]
    fn the_limit_of_a_user_moves_with_the_connection_to_another_organization() {
        let key = ConnectionKey::new(ConnectionKind::Connection, "apps", "default");
        let limit = Some(Limit {
            requests: 5,
            per: WINDOW,
        });
        let (former, current, now) = (budget(), budget(), Instant::now());
        apply_user_limit(&key, None, &former, limit);
        assert_eq!(former.remaining(now), 5);
        apply_user_limit(&key, Some(&former), &former, limit);
        assert_eq!(former.remaining(now), 5);
        apply_user_limit(&key, Some(&former), &current, limit);
        assert_eq!((former.remaining(now), current.remaining(now)), (100, 5));
        apply_user_limit(&key, Some(&current), &current, None);
        assert_eq!(current.remaining(now), 100);
    }
}
