//! Single decisions: what is desired, what exists, what is recorded.

pub use super::plans::{bound, deleted, replaces_with, updates};
use crate::kinds::{Inputs, Kind};
use crate::plan::case::{Case, ConnectionView, Failure, Unresolved};
use crate::plan::children::ChildKind;
use crate::plan::decide;
use crate::plan::desired::Desired;
use crate::plan::facts::{Answer, Facts, MaxAge, Query};
use crate::plan::fields::Compare;
use crate::plan::fingerprint::MacKey;
use crate::plan::observed::{ListedImport, Observation, RemoteView};
use crate::plan::ownership::{MARKER_KEY, Marker, Owner};
use crate::plan::pauses::Pause;
use crate::plan::policy::{Lifecycle, Policy};
use crate::plan::record::{Record, Writes};
use crate::plan::rewrites::Rewrites;
use crate::plan::steps::Plan;
use crate::plan::verdict::Verdict;
use crate::resources::{
    DeletionPolicy, DriftPolicy, Mode, ProviderAuthConfig, ProviderAuthCredentials, ProviderConfig,
    Reason, RemoteDetails, Replace,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub fn owner(uid: &str) -> Owner {
    Owner {
        cluster: "cluster".to_owned(),
        installation: "installation".to_owned(),
        namespace: "team".to_owned(),
        namespace_uid: "team-uid".to_owned(),
        name: "github".to_owned(),
        kind: "ProviderAuthCredentials".to_owned(),
        uid: uid.to_owned(),
    }
}

pub fn mac() -> Arc<MacKey> {
    Arc::new(MacKey::new(vec![7; 32]).unwrap())
}

pub fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Credentials whose secret is `secret`.
pub fn credentials(name: &str, secret: &str, metadata: &Value, owner: &Owner) -> Desired {
    let spec = json!({
        "providerId": "github",
        "name": name,
        "metadata": metadata,
        "oauth": {
            "clientId": {"value": "client"},
            "clientSecret": {"secretKeyRef": {"name": "app", "key": "secret"}},
            "scopes": ["repo"]
        }
    });
    let resource = resource::<ProviderAuthCredentials>("ProviderAuthCredentials", &spec);
    let mut inputs = Inputs::default();
    for reference in resource.references() {
        let bytes = secret.as_bytes().to_vec();
        inputs.insert(reference, bytes, "secret-uid").unwrap();
    }
    resource.desired(&inputs, owner, &mac()).unwrap()
}

pub fn config(value: &str) -> Desired {
    let spec = json!({"providerId": "postgres", "value": {"literal": {"schema": value}}});
    wanted::<ProviderConfig>("ProviderConfig", &spec, &mac())
}

pub fn auth_config(value: &str) -> Desired {
    let spec = json!({"authMethodId": "token", "value": {"literal": {"token": value}}});
    wanted::<ProviderAuthConfig>("ProviderAuthConfig", &spec, &mac())
}

pub fn wanted<K: Kind>(kind: &str, spec: &Value, key: &Arc<MacKey>) -> Desired {
    let resource = resource::<K>(kind, spec);
    resource
        .desired(&Inputs::default(), &owner("uid"), key)
        .unwrap()
}

fn resource<K: Kind>(kind: &str, spec: &Value) -> K {
    serde_json::from_value(json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": kind,
        "metadata": {"name": "github", "namespace": "team"},
        "spec": spec,
    }))
    .unwrap()
}

/// The object that a create of this makes.
pub fn created(desired: &Desired, id: &str, at: i64) -> RemoteView {
    let fields = desired.fields.iter();
    let readable = fields.filter(|field| {
        matches!(
            field.rule.compare,
            Compare::Readable | Compare::PartlyReadable
        )
    });
    let metadata = Map::from_iter([(MARKER_KEY.to_owned(), desired.marker.to_json())]);
    RemoteView {
        id: id.to_owned(),
        live: true,
        fields: readable
            .map(|field| (field.rule.name, field.expose().clone()))
            .collect(),
        marker: Some(desired.marker.clone()),
        metadata,
        created_at: second(at),
        updated_at: second(at),
        details: RemoteDetails {
            provider_id: Some("postgres".to_owned()),
            ..RemoteDetails::default()
        },
        authorized_by_user: false,
        ignores_rotation: false,
        auth_method: None,
    }
}

/// The same object with another marker.
pub fn marked(mut remote: RemoteView, marker: Option<Marker>) -> RemoteView {
    remote.metadata.clear();
    remote.marker = marker;
    remote
}

/// The state of a resource whose object is acknowledged and settled.
pub fn recorded(desired: &Desired, id: &str) -> Record {
    let inputs = desired.all_inputs();
    Record {
        id: Some(id.to_owned()),
        finalizer: true,
        had_object: true,
        writes: Writes::Known,
        reason: Some(Reason::Synced.to_string()),
        ready: true,
        revision: Some(desired.revision.clone()),
        inputs: inputs
            .map(|input| (input.field.to_owned(), input.fingerprint.clone()))
            .collect(),
        remote_updated_at: Some(second(9)),
        ..Record::default()
    }
}

/// The state of a resource whose status was lost.
pub fn lost() -> Record {
    Record {
        finalizer: true,
        writes: Writes::Unknown,
        ..Record::default()
    }
}

pub fn policy() -> Policy {
    Policy {
        mode: Mode::Enforce,
        deletion: DeletionPolicy::Delete,
        drift: DriftPolicy::Correct,
        interval: Duration::from_secs(600),
        suspend: false,
        adopt: None,
        lifecycle: Lifecycle::default(),
    }
}

pub fn replacing() -> Policy {
    let lifecycle = Lifecycle {
        replace: Some(Replace::Allow),
        ..Lifecycle::default()
    };
    Policy {
        lifecycle,
        ..policy()
    }
}

pub fn connected() -> ConnectionView {
    ConnectionView {
        name: "Connection/default".to_owned(),
        instance: Some("ins_1".to_owned()),
        external_ids: true,
        ..ConnectionView::default()
    }
}

/// A marker of this owner, without a fingerprint.
pub fn marker(owner: Owner) -> Option<Marker> {
    Some(Marker {
        owner,
        fingerprint: None,
        keys: Vec::new(),
    })
}

/// The marker of another resource of the same namespace.
pub fn sibling() -> Option<Marker> {
    let other = Owner {
        name: "slack".to_owned(),
        ..owner("other")
    };
    marker(other)
}

/// A shared connection that allows no ids of unmarked objects.
pub fn denying() -> ConnectionView {
    ConnectionView {
        name: "ClusterConnection/shared".to_owned(),
        shared: true,
        external_ids: false,
        ..connected()
    }
}

/// A resource over a connection that is ready, at the beginning of time. Without a desired object it is being deleted.
pub fn case<'a>(
    owner: &Owner,
    key: &'a MacKey,
    desired: Option<&'a Desired>,
    record: &Record,
) -> Case<'a> {
    Case {
        owner: owner.clone(),
        generation: 1,
        terminating: desired.is_none(),
        disabled: None,
        requested: None,
        approved: None,
        policy: policy(),
        desired: desired.ok_or(Unresolved::new(Reason::Deleting, "")),
        publish: None,
        record: record.clone(),
        details: RemoteDetails::default(),
        connection: connected(),
        paused: None,
        uncertain_failures: 0,
        rewrites: HashMap::new(),
        orphans: false,
        refused: Vec::new(),
        failure: None,
        list_lag: Duration::from_secs(45),
        read_lag: Duration::from_secs(10),
        key,
        nonce: "nonce".to_owned(),
        now: Timestamp::UNIX_EPOCH,
    }
}

/// A pause after an attempt that reported this.
pub fn pause(left: Duration, reported: Option<Verdict>) -> Pause {
    let reported = reported.map(Plan::report);
    Pause { left, reported }
}

/// One decision to be made.
pub struct Fixture<'a> {
    pub desired: Option<&'a Desired>,
    pub record: Record,
    pub policy: Policy,
    pub connection: ConnectionView,
    pub rewrites: HashMap<ChildKind, Rewrites>,
    pub disabled: Option<&'a str>,
    pub paused: Option<Pause>,
    pub failure: Option<Failure>,
    pub now: i64,
    pub refused: Vec<&'static str>,
    pub generation: i64,
    pub publish: Option<&'a str>,
    facts: Vec<(Query, Answer)>,
}

impl<'a> Fixture<'a> {
    pub fn of(desired: &'a Desired, record: Record) -> Self {
        Self {
            desired: Some(desired),
            record,
            policy: replacing(),
            connection: connected(),
            rewrites: HashMap::new(),
            disabled: None,
            paused: None,
            failure: None,
            now: 1000,
            generation: 1,
            publish: None,
            refused: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// The resource is being deleted.
    pub fn terminating(mut self) -> Self {
        self.desired = None;
        self
    }

    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// A read of this reconciliation shows this object.
    pub fn observes(self, remote: RemoteView) -> Self {
        let id = remote.id.clone();
        self.reads(&id, Some(remote), Duration::ZERO)
    }

    /// A read within the interval showed this object.
    pub fn recalls(self, remote: RemoteView) -> Self {
        let query = Query::Remote {
            id: remote.id.clone(),
            max_age: MaxAge::Interval,
        };
        let observation = Observation {
            view: Some(Arc::new(remote)),
            unchanged_for: Duration::ZERO,
        };
        self.fact(query, Answer::Remote(observation))
    }

    /// A read of this reconciliation shows that this object is gone.
    pub fn misses(self, id: &str) -> Self {
        self.reads(id, None, Duration::ZERO)
    }

    pub fn reads(self, id: &str, remote: Option<RemoteView>, unchanged_for: Duration) -> Self {
        let query = Query::Remote {
            id: id.to_owned(),
            max_age: MaxAge::ThisReconciliation,
        };
        let observation = Observation {
            view: remote.map(Arc::new),
            unchanged_for,
        };
        self.fact(query, Answer::Remote(observation))
    }

    pub fn finds(self, found: Vec<RemoteView>) -> Self {
        self.fact(Query::Search, Answer::Search(Arc::new(found)))
    }

    pub fn lists_imports(self, id: &str, imports: Vec<ListedImport>) -> Self {
        self.fact(Query::Imports(id.to_owned()), Answer::Imports(imports))
    }

    pub fn fact(mut self, query: Query, answer: Answer) -> Self {
        self.facts.push((query, answer));
        self
    }

    /// Only the answers to these queries are there.
    pub fn knowing(mut self, known: impl Fn(&Query) -> bool) -> Self {
        self.facts.retain(|(query, _)| known(query));
        self
    }

    pub fn ask<T>(&self, question: impl FnOnce(&Case<'_>, &Facts) -> T) -> T {
        let mut facts = Facts::default();
        for (query, answer) in &self.facts {
            facts.add(query.clone(), answer.clone());
        }
        // Most servers don't say which fields they take.
        if facts.patch_fields().is_err() {
            facts.add(Query::PatchFields, Answer::PatchFields(None));
        }
        let (owner, key) = (owner("uid"), mac());
        let case = Case {
            policy: self.policy.clone(),
            connection: self.connection.clone(),
            rewrites: self.rewrites.clone(),
            disabled: self.disabled,
            paused: self.paused.clone(),
            failure: self.failure.clone(),
            now: second(self.now),
            generation: self.generation,
            publish: self.publish.map(str::to_owned),
            refused: self.refused.clone(),
            ..case(&owner, &key, self.desired, &self.record)
        };
        question(&case, &facts)
    }

    pub fn decide(&self) -> Result<Plan, Query> {
        self.ask(decide)
    }

    /// Decides; every fact that the decision needs must be given.
    pub fn plan(&self) -> Plan {
        self.decide().unwrap()
    }
}
