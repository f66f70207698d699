//! The registry of connections: reads and verifies them, builds their sessions, and keeps the last good one.

use super::limits::UserLimits;
use super::settings::{ConnectionKey, ConnectionSettings, default_connections};
use super::setup::Setup;
use super::state::{ConnectionState, LOSSES_LIFETIME, NotReady, Slot};
use super::verify;
use crate::lock::lock;
use crate::plan::fingerprint::Fingerprint;
use crate::plan::observed::Losses;
use crate::plan::purpose::Purpose;
use crate::remote::Session;
use crate::remote::budget::{OwnLimit, Requester};
use crate::remote::cache::Cache;
use crate::remote::shared::Shared;
use crate::remote::transport::Transport;
use crate::resources::{
    APPROVE, ConnectionKind, ConnectionRef, InstanceStatus, Reason, UnreachablePolicy,
};
use metorial::Client;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

/// Time for which `OrphanAfter` waits where it doesn't say.
const DEFAULT_ORPHAN_AFTER: Duration = Duration::from_secs(3600);

/// The registry. Each connection has a slot with a lock of its own: one whose API does not answer holds up no other.
pub struct Connections {
    setup: Setup,
    slots: Mutex<HashMap<ConnectionKey, Arc<AsyncMutex<Slot>>>>,
    /// The budgets of organizations and the caches of instances.
    shared: Shared,
    next_epoch: AtomicUsize,
}

impl Connections {
    /// Returns an empty registry.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self {
            shared: Shared::new(setup.metrics.clone(), setup.queue.clone()),
            setup,
            slots: Mutex::default(),
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
        // One that could not be read may exist.
        let unread = slot.not_ready.as_ref().is_some_and(|it| it.transient);
        slot.settings.is_some() || unread
    }

    /// Returns the connection of a resource in `namespace`: the one that it asks for, or else the one that its object was
    /// created through, as long as that exists, or else the namespace's `default`, where there is one, or else the cluster's.
    /// So a new connection `default` takes over no resource that already has an object through another.
    pub async fn choose(
        &self,
        namespace: &str,
        asked: Option<&ConnectionRef>,
        recorded: Option<ConnectionKey>,
    ) -> ConnectionKey {
        if let Some(asked) = asked {
            let kind = asked.kind.unwrap_or(ConnectionKind::Connection);
            return ConnectionKey::new(kind, namespace, &asked.name);
        }
        if let Some(key) = recorded
            && self.exists(&key).await
        {
            return key;
        }
        let [own, shared] = default_connections(namespace);
        let shared_only = !self.exists(&own).await && self.exists(&shared).await;
        if shared_only { shared } else { own }
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

    /// Forgets a connection that was deleted, but keeps its last good session for deletions that still need it. Returns
    /// false if it was forgotten before.
    pub async fn forget(&self, key: &ConnectionKey) -> bool {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        let known = !slot.read || slot.settings.is_some();
        slot.read = true;
        slot.not_ready = Some(NotReady::not_found(key));
        slot.settings = None;
        slot.failures = 0;
        if let Some(session) = &slot.session {
            let budget = session.transport.budget();
            budget.leave(&key.resource_key(), Instant::now());
        }
        known
    }

    /// Returns true if something is kept about a connection that does not exist.
    #[must_use]
    pub fn keeps_forgotten(&self, key: &ConnectionKey) -> bool {
        let slots = lock(&self.slots);
        let forgotten = |slot: &Arc<AsyncMutex<Slot>>| {
            let slot = slot.try_lock();
            slot.is_ok_and(|slot| slot.read && slot.settings.is_none())
        };
        slots.get(key).is_some_and(forgotten)
    }

    /// Drops everything about a connection that does not exist. The caller knows that no resource needs its last session,
    /// or waits for the connection to appear.
    pub fn drop_forgotten(&self, key: &ConnectionKey) {
        let mut slots = lock(&self.slots);
        // Somebody else who holds the slot is about to use it.
        let unused = |slot: &Arc<AsyncMutex<Slot>>| {
            let alone = Arc::strong_count(slot) == 1;
            alone && slot.try_lock().is_ok_and(|slot| slot.settings.is_none())
        };
        if slots.get(key).is_some_and(unused) {
            slots.remove(key);
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
                match &settings.unreadable {
                    Some(why) => Err(NotReady::new(Reason::InvalidSpec, why.clone())),
                    None => self.connect(key, slot, &settings, max_age).await,
                }
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
        let server = url.origin().ascii_serialization();
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
        let limits = UserLimits::of(key, settings);
        slot.limit_own_requests(key, limits.own, &self.setup.queue);
        let (instance, transport, verified) = match (known, verified) {
            (Some(session), Some(at)) => (session.instance.clone(), session.transport.clone(), at),
            _ => {
                let client = self.setup.client(url, settings, &inputs)?;
                let (instance, transport) = self.identify(key, slot, &material, client).await?;
                (instance, transport, Instant::now())
            }
        };
        verify::check_instance(settings, slot.pinned_instance(&settings.uid), &instance)?;
        verify::check_account(&self.setup.allowed_accounts, &instance)?;
        slot.pinned = Some((settings.uid.clone(), instance.id.clone()));
        let own_limit = slot.own_limit.clone();
        let transport = self.with_account(&server, &instance, transport, own_limit);
        let former = slot.session.as_ref();
        let former = former.map(|session| session.transport.budget().clone());
        limits.apply_to_organization(key, former.as_deref(), transport.budget(), Instant::now());
        let cache = self.shared.cache(&server, &instance.id);
        let session = session(key, settings, instance, transport, cache, epoch);
        slot.session = Some(Arc::new(session));
        slot.material = Some(material);
        slot.unidentified = None;
        slot.verified = Some(verified);
        Ok(())
    }

    /// Asks the API which instance the key opens.
    async fn identify(
        &self,
        key: &ConnectionKey,
        slot: &mut Slot,
        material: &Fingerprint,
        client: Client,
    ) -> Result<(InstanceStatus, Transport), NotReady> {
        let limit = verify::documented_limit(None);
        let budget = slot.budget_to_identify(material, limit, &self.setup.queue);
        let purpose = Purpose::of_check(key.resource_key());
        let requester = Requester::new(budget, slot.own_limit.clone(), purpose);
        let (fence, metrics) = (self.setup.fence.clone(), self.setup.metrics.clone());
        let transport = Transport::new(client, requester, fence, metrics);
        let instance = transport.instance().await;
        let instance = instance.map_err(|error| verify::of_error(&error))?;
        Ok((verify::describe(instance), transport))
    }

    /// Returns the transport on the budget of the key's organization. The request that asked for it counts there too.
    fn with_account(
        &self,
        server: &str,
        instance: &InstanceStatus,
        transport: Transport,
        own_limit: Option<Arc<OwnLimit>>,
    ) -> Transport {
        let organization = instance.organization_id.as_ref().unwrap_or(&instance.id);
        let limit = verify::documented_limit(Some(instance));
        let account = self.shared.account(server, organization, limit);
        account
            .budget()
            .take_over(transport.budget(), Instant::now());
        transport.of_account(account, own_limit)
    }
}

/// Returns the session of a verified connection.
fn session(
    key: &ConnectionKey,
    settings: &ConnectionSettings,
    instance: InstanceStatus,
    transport: Transport,
    cache: Arc<Cache>,
    epoch: usize,
) -> Session {
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
        loader: Arc::default(),
    }
}
