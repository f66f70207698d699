//! The register of sessions: builds them from connections, checks whom a key opens, and keeps the last good one.

use super::budget::Budget;
use super::cache::Cache;
use super::connection::{ConnectionKey, ConnectionObject, Facts, admits};
use super::session::Session;
use crate::cluster::Cluster;
use crate::cluster::fence::Fence;
use crate::metrics::Metrics;
use crate::plan::{Fingerprint, MacKey, Survey};
use crate::resources::{
    APPROVE, ClusterConnection, Connection, ConnectionDefaults, ConnectionKind, OnUnreachable,
    Reason,
};
use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;
use url::Url;

/// What every session is built with.
pub struct Setup {
    /// Where connections and keys are read.
    pub cluster: Cluster,
    /// Whether all namespaces are served, and with them ClusterConnections.
    pub cluster_wide: bool,
    /// Prefixes that a base URL may have.
    pub allowed_base_urls: Vec<Url>,
    /// How long one call may take.
    pub request_timeout: Duration,
    /// The fence of every write.
    pub fence: Fence,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// For recognising an unchanged key without keeping it.
    pub key: Arc<MacKey>,
}

/// All sessions of the process.
pub struct Sessions {
    pub(super) setup: Setup,
    slots: Mutex<HashMap<ConnectionKey, Arc<AsyncMutex<Slot>>>>,
    pub(super) budgets: Mutex<HashMap<String, Arc<Budget>>>,
    pub(super) instances: Mutex<HashMap<String, Arc<Cache>>>,
    pub(super) epochs: AtomicUsize,
}

/// How a connection stands, as far as its objects care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    epoch: usize,
    down: Option<Reason>,
    generation: Option<i64>,
    approved: bool,
}

/// How long a suspicious loss is believed without being counted again.
const FORGET_SUSPICION: Duration = Duration::from_secs(600);

#[derive(Default)]
pub(super) struct Slot {
    /// Whether anybody looked yet.
    pub(super) looked: bool,
    /// What the session was built from.
    pub(super) material: Option<Fingerprint>,
    /// When the API last accepted the key.
    pub(super) verified: Option<Instant>,
    pub(super) session: Option<Arc<Session>>,
    pub(super) down: Option<Down>,
    pub(super) facts: Option<Facts>,
    /// The defaults that the connection has, or had before it went.
    pub(super) defaults: ConnectionDefaults,
    /// The instance that this very connection (by uid) was seen to open.
    pub(super) pinned: Option<(String, String)>,
    /// A loss that looks like a mistake, and when it was last seen.
    pub(super) suspicion: Option<(Instant, Survey)>,
    /// How the connection stood when objects last asked.
    pub(super) told: Option<News>,
}

/// Why a connection can't be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Down {
    /// From the closed list.
    pub reason: Reason,
    /// For a person.
    pub message: String,
    /// Whether it will pass by itself, so that objects may go on trying with what they have.
    pub passing: bool,
    /// How long the API asks to wait.
    pub wait: Option<Duration>,
}

/// How a connection stands.
#[derive(Clone)]
pub struct Standing {
    /// The way to the API: current, or the last that was good.
    pub session: Option<Arc<Session>>,
    /// What is wrong with the connection now.
    pub down: Option<Down>,
    /// The connection's defaults for its objects, which hold whether or not its key works.
    pub defaults: ConnectionDefaults,
}

impl Standing {
    /// The session that may be used for creates and changes.
    ///
    /// # Errors
    /// Why there is none.
    pub fn usable(&self) -> Result<&Arc<Session>, Down> {
        match (&self.session, &self.down) {
            (Some(session), None) => Ok(session),
            (Some(session), Some(down)) if down.passing => Ok(session),
            (_, Some(down)) => Err(down.clone()),
            (None, None) => Err(down(Reason::ConnectionNotReady, "not looked at yet")),
        }
    }
}

pub(super) fn down(reason: Reason, message: impl Into<String>) -> Down {
    Down {
        reason,
        message: message.into(),
        passing: false,
        wait: None,
    }
}

impl Sessions {
    /// No session yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            slots: Mutex::default(),
            budgets: Mutex::default(),
            instances: Mutex::default(),
            epochs: AtomicUsize::new(1),
        }
    }

    /// How a connection stands, for an object that uses it; looks only if nobody has yet.
    pub async fn standing(&self, key: &ConnectionKey) -> Standing {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        self.look_once(key, &mut slot).await;
        slot.told = Some(slot.news());
        slot.standing()
    }

    /// Looks at the connection again; asks the API if the key changed or was verified longer than `max_age` ago.
    pub async fn refresh(&self, key: &ConnectionKey, max_age: Duration) -> Standing {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        self.look(key, &mut slot, max_age).await;
        let forgotten = max_age.max(FORGET_SUSPICION);
        slot.suspicion = slot.suspicion.filter(|(at, _)| at.elapsed() < forgotten);
        let approved = slot
            .session
            .as_ref()
            .is_some_and(|session| session.recreation_approved);
        let mut standing = slot.standing();
        if let (Some((_, survey)), None, false) = (slot.suspicion, &standing.down, approved) {
            let message = format!(
                "{} of {} objects are gone at Metorial at once: nothing is made again. If that is right, annotate this connection with {APPROVE}=recreate",
                survey.lost, survey.known
            );
            standing.down = Some(down(Reason::SuspiciousLoss, message));
        }
        standing
    }

    /// Whether the connection stands otherwise than its objects were told.
    pub async fn news(&self, key: &ConnectionKey) -> bool {
        let slot = self.slot(key);
        let slot = slot.lock().await;
        slot.told.as_ref().is_some_and(|told| *told != slot.news())
    }

    /// Notes that a call of a pass that began at `began` failed as if the connection itself were in trouble: the next
    /// look asks the API. Answers whether to look; a connection that is known to be down looks again by itself.
    pub async fn doubt(&self, key: &ConnectionKey, began: Instant) -> bool {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        let sound = slot.down.is_none() && slot.verified.is_none_or(|at| at < began);
        if sound {
            slot.verified = None;
        }
        sound
    }

    /// Whether there is such a connection, for an object that would use it then.
    pub async fn exists(&self, key: &ConnectionKey) -> bool {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        self.look_once(key, &mut slot).await;
        if slot.told.is_none() {
            slot.told = Some(slot.news());
        }
        slot.facts.is_some()
    }

    /// What the connection says about deletions that can't be carried out.
    pub async fn on_unreachable(&self, key: &ConnectionKey) -> Option<OnUnreachable> {
        let slot = self.slot(key);
        let slot = slot.lock().await;
        slot.facts.as_ref()?.common.on_unreachable.clone()
    }

    /// Notes how many objects are gone; a suspicious loss stands until it is approved or forgotten.
    pub async fn lost(&self, key: &ConnectionKey, survey: Survey) {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        slot.suspicion = survey.suspicious().then(|| (Instant::now(), survey));
    }

    /// A suspicious loss that was seen lately: it need not be counted again.
    pub async fn suspicion(&self, key: &ConnectionKey) -> Option<Survey> {
        let slot = self.slot(key);
        let slot = slot.lock().await;
        let lately = slot
            .suspicion
            .filter(|(at, _)| at.elapsed() < FORGET_SUSPICION);
        lately.map(|(_, survey)| survey)
    }

    /// Forgets a connection that is no more, but keeps its last good session for deletions that still need it.
    pub async fn gone(&self, key: &ConnectionKey) {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        slot.looked = true;
        slot.down = Some(not_found(key));
        slot.facts = None;
        if let Some(session) = &slot.session {
            session
                .transport
                .budget()
                .set_user_limit(&key.resource_key(), None);
        }
    }

    /// Whether the namespace may use the connection.
    ///
    /// # Errors
    /// Why not.
    pub async fn admit(&self, key: &ConnectionKey, namespace: &str) -> Result<(), Down> {
        if key.kind == ConnectionKind::Connection {
            return Ok(());
        }
        let slot = self.slot(key);
        let allowed = slot
            .lock()
            .await
            .facts
            .as_ref()
            .and_then(|facts| facts.allowed.clone());
        let Some(allowed) = allowed else {
            return Err(not_found(key));
        };
        let labels = match &allowed.selector {
            Some(_) => self.setup.cluster.namespace_labels(namespace).await,
            None => Ok(std::collections::BTreeMap::new()),
        };
        let labels = labels.map_err(|error| Down {
            passing: true,
            ..down(Reason::ConnectionNotReady, error.to_string())
        })?;
        if admits(&allowed, namespace, &labels) {
            return Ok(());
        }
        Err(down(
            Reason::NamespaceNotAllowed,
            format!("{key} does not admit namespace {namespace}: add it to spec.allowedNamespaces"),
        ))
    }

    fn slot(&self, key: &ConnectionKey) -> Arc<AsyncMutex<Slot>> {
        lock(&self.slots).entry(key.clone()).or_default().clone()
    }

    async fn look_once(&self, key: &ConnectionKey, slot: &mut Slot) {
        if !slot.looked {
            self.look(key, slot, Duration::MAX).await;
        }
    }

    async fn look(&self, key: &ConnectionKey, slot: &mut Slot, max_age: Duration) {
        slot.looked = true;
        let looked = match self.facts(key).await {
            Ok(Some(facts)) => {
                slot.facts = Some(facts.clone());
                slot.defaults = facts.common.defaults.clone().unwrap_or_default();
                self.connect(key, slot, &facts, max_age).await
            }
            Ok(None) => {
                slot.facts = None;
                Err(not_found(key))
            }
            Err(down) => Err(down),
        };
        slot.down = looked.err();
    }

    async fn facts(&self, key: &ConnectionKey) -> Result<Option<Facts>, Down> {
        let cluster = &self.setup.cluster;
        let (namespace, name) = (&key.namespace, &key.name);
        let found = match key.kind {
            ConnectionKind::Connection => {
                let api = Connection::api(cluster.client(), namespace);
                cluster
                    .get(&api, name)
                    .await
                    .map(|found| found.map(|found| found.facts()))
            }
            ConnectionKind::ClusterConnection if !self.setup.cluster_wide => {
                let message = format!(
                    "{key} is not served: this operator serves single namespaces, so refer to a Connection"
                );
                return Err(down(Reason::ConnectionNotFound, message));
            }
            ConnectionKind::ClusterConnection => {
                let api = ClusterConnection::api(cluster.client(), namespace);
                cluster
                    .get(&api, name)
                    .await
                    .map(|found| found.map(|found| found.facts()))
            }
        };
        match found {
            Ok(found) => Ok(found),
            Err(error) => Err(Down {
                passing: true,
                ..down(Reason::ConnectionNotReady, error.to_string())
            }),
        }
    }
}

impl Slot {
    /// All of the standing that changes what objects can do.
    fn news(&self) -> News {
        News {
            epoch: self.session.as_ref().map_or(0, |session| session.epoch),
            down: self.down.as_ref().map(|down| down.reason),
            generation: self.facts.as_ref().and_then(|facts| facts.generation),
            approved: self
                .session
                .as_ref()
                .is_some_and(|session| session.recreation_approved),
        }
    }

    fn standing(&self) -> Standing {
        Standing {
            session: self.session.clone(),
            down: self.down.clone(),
            defaults: self.defaults.clone(),
        }
    }
}

fn not_found(key: &ConnectionKey) -> Down {
    down(
        Reason::ConnectionNotFound,
        format!("{key} does not exist: create it"),
    )
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
