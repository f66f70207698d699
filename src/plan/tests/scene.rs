//! Single situations: what is wanted, what is there, what the books say.

use super::model::{mac, owner, policy};
use crate::kinds::{Inputs, Kind};
use crate::plan::*;
use crate::resources::{ProviderAuthConfig, ProviderConfig, Replace};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) fn wanted<K: Kind>(
    kind: &str,
    spec: &Value,
    owner: &Owner,
    key: &Arc<MacKey>,
) -> Desired {
    let resource: K = serde_json::from_value(json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": kind,
        "metadata": {"name": "github", "namespace": "team"},
        "spec": spec,
    }))
    .unwrap();
    resource.desired(&Inputs::default(), owner, key).unwrap()
}

pub(super) fn config(value: &str) -> Desired {
    let spec = json!({"providerId": "postgres", "value": {"literal": {"schema": value}}});
    wanted::<ProviderConfig>("ProviderConfig", &spec, &owner("uid"), &mac())
}

pub(super) fn auth(value: &str) -> Desired {
    let spec = json!({"authMethodId": "token", "value": {"literal": {"token": value}}});
    wanted::<ProviderAuthConfig>("ProviderAuthConfig", &spec, &owner("uid"), &mac())
}

/// The object that a create of this makes.
pub(super) fn made(desired: &Desired, id: &str, second: i64) -> RemoteView {
    let at = Timestamp::from_second(second).unwrap();
    let readable = |field: &&Field| field.rule.compare == Compare::Readable;
    let fields = desired.fields.iter().filter(readable);
    let metadata = Map::from_iter([(marker::MARKER_KEY.to_owned(), desired.marker.to_json())]);
    RemoteView {
        id: id.to_owned(),
        live: true,
        fields: fields.map(|f| (f.rule.name, f.expose().clone())).collect(),
        marker: Some(desired.marker.clone()),
        metadata,
        created_at: at,
        updated_at: at,
        status: Map::from_iter([("providerId".to_owned(), "postgres".into())]),
        consent: false,
        auth_method: None,
    }
}

pub(super) fn marked(mut remote: RemoteView, marker: Option<Marker>) -> RemoteView {
    remote.metadata.clear();
    remote.marker = marker;
    remote
}

/// Books that say that this is there and settled.
pub(super) fn books(desired: &Desired, id: &str) -> Ledger {
    let inputs = desired.inputs.iter();
    Ledger {
        id: Some(id.to_owned()),
        finalizer: true,
        lived: true,
        settled: true,
        certain: true,
        ready: true,
        revision: Some(desired.revision.clone()),
        inputs: inputs
            .map(|input| (input.field.to_owned(), input.fingerprint.clone()))
            .collect(),
        remote_updated_at: Some(Timestamp::from_second(9).unwrap()),
        ..Ledger::default()
    }
}

/// Books that were lost with the status.
pub(super) fn lost() -> Ledger {
    Ledger {
        finalizer: true,
        settled: true,
        ..Ledger::default()
    }
}

pub(super) fn replacing() -> Policy {
    Policy {
        replace: Some(Replace::Allow),
        ..policy()
    }
}

pub(super) struct Case<'a> {
    pub(super) desired: Option<&'a Desired>,
    pub(super) ledger: Ledger,
    pub(super) seen: Seen,
    pub(super) policy: Policy,
}

impl Case<'_> {
    pub(super) fn of<'a>(desired: &'a Desired, ledger: Ledger) -> Case<'a> {
        Case {
            desired: Some(desired),
            ledger,
            seen: Seen::default(),
            policy: replacing(),
        }
    }

    pub(super) fn sees(mut self, remote: RemoteView) -> Self {
        self.seen.object = Some(Sighting::Live(Box::new(remote)));
        self
    }

    pub(super) fn finds(mut self, found: Vec<RemoteView>) -> Self {
        self.seen.search = Some(found);
        self
    }

    pub(super) fn decide<R>(&self, by: impl FnOnce(&Situation) -> R) -> R {
        by(&Situation {
            terminating: self.desired.is_none(),
            owner: &owner("uid"),
            ledger: &self.ledger,
            desired: self.desired,
            seen: &self.seen,
            policy: &self.policy,
            now: Timestamp::from_second(1000).unwrap(),
        })
    }

    pub(super) fn plan(&self) -> Plan {
        self.decide(plan)
    }
}

pub(super) fn deleted(plan: &Plan) -> Vec<&str> {
    let ids = plan.steps.iter().filter_map(|step| match step {
        Step::Delete { id } => Some(id.as_str()),
        _ => None,
    });
    ids.collect()
}

pub(super) fn bound(plan: &Plan) -> Option<&str> {
    plan.steps.iter().find_map(|step| match step {
        Step::Bind { remote, .. } => Some(remote.id.as_str()),
        _ => None,
    })
}
