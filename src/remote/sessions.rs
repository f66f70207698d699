//! The register of sessions: builds them from connections, checks whom a key opens, and keeps the last good one.

use super::budget::{Budget, Limit, WINDOW};
use super::connection::{ConnectionKey, ConnectionObject, Facts, admits};
use super::observations::Observations;
use super::session::{Line, Session};
use super::trouble::Trouble;
use crate::cluster::lease::Fence;
use crate::cluster::{Cluster, Missing};
use crate::kinds::Inputs;
use crate::metrics::Metrics;
use crate::plan::{Fingerprint, MacKey, Survey};
use crate::resources::{
    APPROVE, ClusterConnection, Connection, ConnectionKind, InstanceStatus, InstanceType,
    OnUnreachable, Reason,
};
use metorial::{ApiKey, Client, Instance, Method, Operation};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;
use url::Url;

/// What every session is built with.
pub struct Setup {
    /// Where connections and keys are read.
    pub cluster: Cluster,
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
    setup: Setup,
    slots: Mutex<HashMap<ConnectionKey, Arc<AsyncMutex<Slot>>>>,
    budgets: Mutex<HashMap<String, Arc<Budget>>>,
    instances: Mutex<HashMap<String, Arc<Observations>>>,
    serial: AtomicUsize,
}

/// How long a suspicious loss is believed without being counted again.
const FORGET_SUSPICION: Duration = Duration::from_secs(600);

#[derive(Default)]
struct Slot {
    /// Whether anybody looked yet.
    looked: bool,
    /// What the session was built from.
    material: Option<Fingerprint>,
    /// When the API last accepted the key.
    verified: Option<Instant>,
    session: Option<Arc<Session>>,
    down: Option<Down>,
    facts: Option<Facts>,
    /// A loss that looks like a mistake, and when it was last seen.
    suspicion: Option<(Instant, Survey)>,
    /// How the connection stood when objects last asked.
    told: Option<(usize, Option<Reason>)>,
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

fn down(reason: Reason, message: impl Into<String>) -> Down {
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
            serial: AtomicUsize::new(1),
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

    /// Whether there is such a connection.
    pub async fn exists(&self, key: &ConnectionKey) -> bool {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        self.look_once(key, &mut slot).await;
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
            // A namespaced operator has no right to cluster-wide objects: for it there are none.
            Err(error) if error.cause == crate::cluster::Cause::Forbidden => Ok(None),
            Err(error) => Err(Down {
                passing: true,
                ..down(Reason::ConnectionNotReady, error.to_string())
            }),
        }
    }

    async fn connect(
        &self,
        key: &ConnectionKey,
        slot: &mut Slot,
        facts: &Facts,
        max_age: Duration,
    ) -> Result<(), Down> {
        let url = self.base_url(facts)?;
        let inputs = self
            .setup
            .cluster
            .resolve(&facts.namespace, &facts.references())
            .await;
        let inputs = inputs.map_err(missing)?;
        let material = self.material(&url, facts, &inputs)?;
        let known = slot
            .session
            .as_ref()
            .filter(|_| slot.material.as_ref() == Some(&material));
        let fresh = slot.verified.is_some_and(|at| at.elapsed() < max_age);
        let serial = known
            .filter(|_| slot.down.is_none())
            .map(|session| session.serial);
        if let (Some(session), Some(serial), true) = (known, serial, fresh) {
            let (instance, line) = (session.instance.clone(), session.line.clone());
            check_instance(facts, slot, &instance)?;
            slot.session = Some(Arc::new(self.session(key, facts, instance, line, serial)));
            return Ok(());
        }
        let client = self.client(url, facts, &inputs)?;
        let (instance, line) = self.identify(slot, client).await?;
        check_instance(facts, slot, &instance)?;
        let serial = serial.unwrap_or_else(|| self.serial.fetch_add(1, Ordering::Relaxed));
        slot.session = Some(Arc::new(self.session(key, facts, instance, line, serial)));
        slot.material = Some(material);
        slot.verified = Some(Instant::now());
        Ok(())
    }

    fn base_url(&self, facts: &Facts) -> Result<Url, Down> {
        let text = facts
            .common
            .base_url
            .as_deref()
            .unwrap_or("https://api.metorial.com");
        let refuse = || {
            let message = "spec.baseUrl is not among the addresses that the operator may call: see its flag --allowed-base-urls";
            down(Reason::UrlNotAllowed, message)
        };
        let url = Url::parse(text).map_err(|_| refuse())?;
        let plain = url.username().is_empty() && url.password().is_none();
        let allowed = self.setup.allowed_base_urls.iter().any(|prefix| {
            let (url, prefix) = (url.as_str(), prefix.as_str().trim_end_matches('/'));
            url.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if plain && allowed {
            Ok(url)
        } else {
            Err(refuse())
        }
    }

    /// Recognises an unchanged key, address and roots.
    fn material(&self, url: &Url, facts: &Facts, inputs: &Inputs) -> Result<Fingerprint, Down> {
        let key = inputs
            .get(&facts.key)
            .map_err(|invalid| down(invalid.reason, invalid.message))?;
        let roots = facts.ca_bundle.as_ref().and_then(|ca| inputs.get(ca).ok());
        let roots = roots.map_or(&b""[..], str::as_bytes);
        Ok(self
            .setup
            .key
            .fingerprint(&[url.as_str().as_bytes(), key.as_bytes(), roots]))
    }

    fn client(&self, url: Url, facts: &Facts, inputs: &Inputs) -> Result<Client, Down> {
        let invalid = |message: String| down(Reason::InvalidValue, message);
        let text = inputs.get(&facts.key).map_err(|i| invalid(i.message))?;
        let key =
            ApiKey::parse(text).map_err(|error| invalid(format!("{}: {error}", facts.key)))?;
        let mut builder = Client::builder(url, key)
            .timeout(self.setup.request_timeout)
            .user_agent(concat!("metorial-operator/", env!("CARGO_PKG_VERSION")));
        if let Some(reference) = &facts.ca_bundle {
            let roots = inputs.get(reference).map_err(|i| invalid(i.message))?;
            builder = builder.add_root_certificates_pem(roots.as_bytes());
        }
        builder
            .build()
            .map_err(|error| invalid(format!("spec.caBundle: {error}")))
    }

    /// Asks whose key it is, and finds the budget of that organisation.
    async fn identify(&self, slot: &Slot, client: Client) -> Result<(InstanceStatus, Line), Down> {
        let known = slot
            .session
            .as_ref()
            .map(|session| session.line.budget.clone());
        let everybody = Limit {
            requests: 5000,
            per: WINDOW,
        };
        let mut line = Line {
            budget: known.unwrap_or_else(|| self.budget("", everybody)),
            client,
            fence: self.setup.fence.clone(),
            metrics: self.setup.metrics.clone(),
            organisation: slot
                .session
                .as_ref()
                .and_then(|s| s.line.organisation.clone()),
        };
        let operation = Operation {
            method: Method::Get,
            template: "/instance",
        };
        let instance = line
            .send(operation, line.client.instance())
            .await
            .map_err(|trouble| refused(&trouble))?;
        let instance = described(instance);
        let organisation = instance
            .organization_id
            .clone()
            .unwrap_or_else(|| instance.id.clone());
        let requests = if instance.type_.as_deref() == Some("development") {
            100
        } else {
            5000
        };
        line.budget = self.budget(
            &organisation,
            Limit {
                requests,
                per: WINDOW,
            },
        );
        line.organisation = Some(organisation);
        Ok((instance, line))
    }

    fn session(
        &self,
        key: &ConnectionKey,
        facts: &Facts,
        instance: InstanceStatus,
        line: Line,
        serial: usize,
    ) -> Session {
        if let Some(limit) = &facts.common.rate_limit {
            let per = limit
                .per
                .as_ref()
                .and_then(|per| per.duration())
                .unwrap_or(WINDOW);
            line.budget.limit(Limit {
                requests: u64::from(limit.requests),
                per,
            });
        }
        let observations = lock(&self.instances)
            .entry(instance.id.clone())
            .or_default()
            .clone();
        Session {
            connection: key.to_string(),
            serial,
            defaults: facts.common.defaults.clone().unwrap_or_default(),
            on_unreachable: facts.common.on_unreachable.clone(),
            recreation_approved: facts
                .annotations
                .get(APPROVE)
                .is_some_and(|what| what == "recreate"),
            instance,
            line,
            observations,
        }
    }

    fn budget(&self, organisation: &str, limit: Limit) -> Arc<Budget> {
        let mut budgets = lock(&self.budgets);
        let budget = budgets.entry(organisation.to_owned());
        budget
            .or_insert_with(|| Arc::new(Budget::new(limit)))
            .clone()
    }
}

impl Slot {
    /// All of the standing that changes what objects can do.
    fn news(&self) -> (usize, Option<Reason>) {
        let down = self.down.as_ref().map(|down| down.reason);
        (
            self.session.as_ref().map_or(0, |session| session.serial),
            down,
        )
    }

    fn standing(&self) -> Standing {
        Standing {
            session: self.session.clone(),
            down: self.down.clone(),
        }
    }
}

fn not_found(key: &ConnectionKey) -> Down {
    down(
        Reason::ConnectionNotFound,
        format!("{key} does not exist: create it"),
    )
}

fn missing(missing: Missing) -> Down {
    match missing {
        Missing::NotYet(not_yet) => down(not_yet.reason, not_yet.message),
        Missing::Invalid(invalid) => down(invalid.reason, invalid.message),
        Missing::Unread(error) => Down {
            passing: true,
            ..down(Reason::ConnectionNotReady, error.to_string())
        },
    }
}

fn refused(trouble: &Trouble) -> Down {
    let verdict = trouble.verdict();
    let reason = match trouble {
        Trouble::Api(error) if error.kind() == metorial::ErrorKind::Unauthorized => {
            Reason::Unauthorized
        }
        _ => verdict.reason,
    };
    let message = match reason {
        Reason::Unauthorized => {
            "the API refuses this key (401): put a current secret key into the Secret".to_owned()
        }
        _ => verdict.message,
    };
    Down {
        reason,
        message,
        passing: !trouble.needs_person(),
        wait: trouble.wait(),
    }
}

/// The key must open the instance that the spec insists on, and the one that was pinned.
fn check_instance(facts: &Facts, slot: &Slot, found: &InstanceStatus) -> Result<(), Down> {
    let guard = facts.common.instance.clone();
    let wanted_id = guard.as_ref().and_then(|guard| guard.id.clone());
    let wanted_type = guard
        .and_then(|guard| guard.type_)
        .map(|type_| match type_ {
            InstanceType::Development => "development",
            InstanceType::Production => "production",
        });
    let pinned = facts
        .status
        .instance
        .as_ref()
        .map(|instance| instance.id.clone());
    let pinned = pinned.or_else(|| {
        slot.session
            .as_ref()
            .map(|session| session.instance.id.clone())
    });
    let mismatch = |what: String| {
        Err(down(
            Reason::InstanceMismatch,
            format!(
                "the key opens instance {}, but {what}: use a key of the right instance, or a new connection",
                found.id
            ),
        ))
    };
    match (
        wanted_id.filter(|id| *id != found.id),
        pinned.filter(|id| *id != found.id),
    ) {
        (Some(id), _) => mismatch(format!("spec.instance.id asks for {id}")),
        (None, Some(id)) => mismatch(format!("this connection is pinned to {id}")),
        (None, None) => match wanted_type.filter(|type_| found.type_.as_deref() != Some(type_)) {
            Some(type_) => mismatch(format!("spec.instance.type asks for {type_}")),
            None => Ok(()),
        },
    }
}

fn described(instance: Instance) -> InstanceStatus {
    InstanceStatus {
        id: instance.id,
        name: instance.name,
        slug: instance.slug,
        type_: match instance.r#type {
            metorial::InstanceType::Development => Some("development".to_owned()),
            metorial::InstanceType::Production => Some("production".to_owned()),
            metorial::InstanceType::Unknown => None,
        },
        organization_id: instance.organization_id,
        project_id: instance.project.map(|project| project.id),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
