//! A small model of the API, against which decisions are played; it can crash the operator between any two effects.

use crate::kinds::{Inputs, Kind};
use crate::plan::desired::FieldValue;
use crate::plan::look::{self, Look, Seen, Sighting, Survey};
use crate::plan::*;
use crate::resources::{DeletionPolicy, ProviderAuthCredentials};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

pub(super) fn owner(uid: &str) -> Owner {
    Owner {
        cluster: "cluster".to_owned(),
        namespace: "team".to_owned(),
        name: "github".to_owned(),
        kind: "ProviderAuthCredentials".to_owned(),
        uid: uid.to_owned(),
    }
}

pub(super) fn mac() -> Arc<MacKey> {
    Arc::new(MacKey::new(vec![7; 32]).unwrap())
}

/// Credentials whose secret is written into the spec: the plan does not care where a value came from.
pub(super) fn desired(name: &str, secret: &str, metadata: &Value, owner: &Owner) -> Desired {
    let resource: ProviderAuthCredentials = serde_json::from_value(json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": "ProviderAuthCredentials",
        "metadata": {"name": "github", "namespace": "team"},
        "spec": {
            "providerId": "github",
            "name": name,
            "metadata": metadata,
            "oauth": {
                "clientId": {"value": "client"},
                "clientSecret": {"secretKeyRef": {"name": "app", "key": "secret"}},
                "scopes": ["repo"]
            }
        }
    }))
    .unwrap();
    let mut inputs = Inputs::default();
    for reference in resource.references() {
        inputs
            .insert(reference, secret.as_bytes().to_vec())
            .unwrap();
    }
    resource.desired(&inputs, owner, &mac()).unwrap()
}

pub(super) fn policy() -> Policy {
    Policy {
        mode: Mode::Enforce,
        deletion: DeletionPolicy::Delete,
        drift: DriftPolicy::Correct,
        interval: Duration::from_secs(600),
        suspend: false,
        adopt: None,
        replace: None,
        replace_grace: Duration::ZERO,
        borrows: false,
    }
}

/// The API and one resource, without any I/O.
#[derive(Clone, Default)]
pub(super) struct Model {
    pub(super) objects: Vec<(RemoteView, String)>,
    pub(super) ledger: Ledger,
    pub(super) clock: i64,
    pub(super) creates: usize,
    pub(super) released: bool,
    pub(super) writes: usize,
}

impl Model {
    pub(super) fn now(&mut self) -> Timestamp {
        self.clock += 1;
        Timestamp::from_second(self.clock).unwrap()
    }

    /// What a person or another operator put there.
    pub(super) fn add(&mut self, name: &str, marker: Option<Owner>) -> String {
        let now = self.now();
        let mut metadata = Map::new();
        if let Some(owner) = marker {
            let marker = Marker {
                owner,
                fingerprint: None,
            };
            metadata.insert(marker::MARKER_KEY.to_owned(), marker.to_json());
        }
        let id = format!("par_{:04}", self.clock);
        let view = RemoteView {
            id: id.clone(),
            live: true,
            fields: [
                ("name", Value::from(name)),
                ("description", Value::from("")),
                ("oauth.scopes", json!(["repo"])),
            ]
            .into(),
            marker: Marker::read(&metadata),
            metadata,
            created_at: now,
            updated_at: now,
            status: Map::from_iter([("providerId".to_owned(), "pro_github".into())]),
            consent: false,
            auth_method: None,
        };
        self.objects.push((view, String::new()));
        id
    }

    pub(super) fn live(&self) -> Vec<&RemoteView> {
        self.objects
            .iter()
            .map(|(view, _)| view)
            .filter(|view| view.live)
            .collect()
    }

    pub(super) fn seen(&self, look: Look, seen: &mut Seen) {
        match look {
            Look::Object(id) => {
                let found = self.objects.iter().find(|(view, _)| view.id == id);
                seen.object = Some(Sighting::of(&id, found.map(|(view, _)| view), &self.ledger));
            }
            Look::Search => seen.search = Some(self.live().into_iter().cloned().collect()),
            Look::Dependents(_) => seen.dependents = Some(Vec::new()),
            Look::Losses => {
                seen.losses = Some(Survey {
                    known: 9,
                    lost: 1,
                    approved: false,
                });
            }
            Look::Owner(_) => seen.owner_alive = Some(false),
            Look::Imports(_) => seen.imports = Some(Vec::new()),
            Look::Exports(_) => seen.exports = Some(Vec::new()),
            Look::Provider(_) => seen.provider = Some(Some("pro_github".to_owned())),
            Look::Secret => seen.secret = Some(SecretSeen::Missing),
        }
    }

    pub(super) fn write(&mut self, desired: &Desired, view: &mut RemoteView, body: &Value) {
        let now = self.now();
        view.updated_at = now;
        if let Some(Value::Object(metadata)) = body.get("metadata") {
            view.metadata = metadata.clone();
            view.marker = Marker::read(metadata);
        }
        for field in &desired.fields {
            let key = match field.rule.remedy {
                Remedy::Patch(key) => key,
                Remedy::Fixed | Remedy::Import | Remedy::Replace => continue,
            };
            let sent = body
                .get(key)
                .or_else(|| body.get("config").and_then(|config| config.get(key)));
            if let (Some(value), FieldValue::Plain(_)) = (sent, &field.value) {
                view.fields.insert(field.rule.name, value.clone());
            }
        }
    }

    /// One effect, and what the status then says of it.
    pub(super) fn take(&mut self, desired: Option<&Desired>, step: Step) {
        match step {
            Step::Hold => {
                self.ledger.finalizer = true;
                if self.ledger.id.is_none() {
                    self.ledger.intent = Intent::Clean;
                }
            }
            Step::Create => {
                assert!(self.ledger.finalizer, "a create without its intent");
                let desired = desired.unwrap();
                let id = self.add("", None);
                let (mut view, _) = self.objects.pop().unwrap();
                self.write(desired, &mut view, &body::create(desired));
                assert_eq!(view.id, id);
                self.ledger.intent = Intent::Ambiguous;
                self.objects.push((view.clone(), secret_of(desired)));
                self.creates += 1;
                self.writes += 1;
                self.record(desired, &view);
            }
            Step::Update {
                remote,
                differences,
            } => {
                let desired = desired.unwrap();
                let body = body::update(desired, &differences, &remote, &self.ledger.metadata_keys);
                let place = self
                    .objects
                    .iter()
                    .position(|(view, _)| view.id == remote.id)
                    .unwrap();
                let (mut view, mut secret) = self.objects[place].clone();
                self.write(desired, &mut view, &body);
                if body.get("client_secret").is_some() {
                    secret = secret_of(desired);
                }
                self.objects[place] = (view.clone(), secret);
                self.writes += 1;
                self.record(desired, &view);
            }
            Step::Bind { remote, .. } => self.record(desired.unwrap(), &remote),
            Step::Import { .. } | Step::Export { .. } | Step::Deliver | Step::Retire { .. } => {
                unreachable!("credentials have no records and are never replaced")
            }
            Step::Delete { id } => {
                let claim = self.objects.iter().find(|(view, _)| view.id == id).unwrap();
                let claim = Marker::claim(claim.0.marker.as_ref(), &owner("uid"));
                let ours = self.ledger.id.as_ref() == Some(&id);
                assert!(
                    ours || matches!(claim, Claim::Ours | Claim::Namesake),
                    "deleted a stranger"
                );
                self.objects
                    .iter_mut()
                    .filter(|(view, _)| view.id == id)
                    .for_each(|(view, _)| view.live = false);
                self.writes += 1;
            }
            Step::Release => self.released = true,
        }
    }

    pub(super) fn record(&mut self, desired: &Desired, view: &RemoteView) {
        let inputs = desired.inputs.iter();
        self.ledger = Ledger {
            id: Some(view.id.clone()),
            revision: Some(desired.revision.clone()),
            inputs: inputs
                .map(|input| (input.field.to_owned(), input.fingerprint.clone()))
                .collect(),
            remote_updated_at: Some(view.updated_at),
            metadata_keys: desired.metadata.keys().cloned().collect(),
            intent: Intent::Clean,
            ..self.ledger.clone()
        };
    }

    /// One pass that dies before its step `dies`; answers the plan that it followed.
    pub(super) fn pass(&mut self, desired: Option<&Desired>, policy: &Policy, dies: usize) -> Plan {
        let owner = owner("uid");
        let mut seen = Seen::default();
        let situation = |model: &Self, seen: &Seen| -> (Option<Look>, Plan) {
            let situation = Situation {
                terminating: desired.is_none(),
                owner: &owner,
                ledger: &model.ledger,
                desired,
                seen,
                policy,
                now: Timestamp::UNIX_EPOCH,
            };
            (look::next(&situation), plan(&situation))
        };
        while let (Some(look), _) = situation(self, &seen) {
            self.seen(look, &mut seen);
        }
        let (_, plan) = situation(self, &seen);
        for step in plan.steps.iter().take(dies) {
            let status = self.ledger.clone();
            self.take(desired, step.clone());
            let remote_write = matches!(step, Step::Create | Step::Update { .. });
            if remote_write && dies < plan.steps.len() + 1 && dies % 2 == 1 {
                // The answer, and with it the status write, is lost.
                self.ledger = Ledger {
                    finalizer: self.ledger.finalizer,
                    ..status
                };
            }
        }
        plan
    }

    /// A restart: memory is gone, and reads have had the time to catch up.
    pub(super) fn restart(&mut self) {
        self.ledger.intent = Intent::Unknown;
        self.ledger.settled = true;
    }
}

pub(super) fn secret_of(desired: &Desired) -> String {
    let field = desired
        .fields
        .iter()
        .find(|field| field.rule.name == "oauth.clientSecret");
    field.unwrap().expose().as_str().unwrap().to_owned()
}

pub(super) const WHOLE: usize = usize::MAX;
