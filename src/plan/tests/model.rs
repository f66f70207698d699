//! A small model of the API against which decisions are played; the operator can crash between any two steps.

use super::fixture::{case, connected, mac, owner, second};
use crate::plan::case::{Case, ConnectionView};
use crate::plan::decide;
use crate::plan::desired::Desired;
use crate::plan::facts::{Answer, Facts, Query};
use crate::plan::fields::FieldValue;
use crate::plan::observed::{Losses, Observation, RemoteView};
use crate::plan::ownership::{Claim, MARKER_KEY, Marker, Owner};
use crate::plan::policy::Policy;
use crate::plan::record::{Elsewhere, Record, Writes};
use crate::plan::request;
use crate::plan::steps::{Plan, Step};
use crate::resources::RemoteDetails;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The API and one resource of credentials, without any I/O.
#[derive(Clone)]
pub struct Model {
    /// The objects with their secrets.
    pub objects: Vec<(RemoteView, String)>,
    pub record: Record,
    pub clock: i64,
    pub creates: usize,
    pub writes: usize,
    pub released: bool,
    pub connection: ConnectionView,
}

pub const WHOLE: usize = usize::MAX;

impl Model {
    /// A new resource, and an API without objects.
    pub fn new() -> Self {
        Self {
            objects: Vec::new(),
            record: Record {
                writes: Writes::Never,
                ..Record::default()
            },
            clock: 0,
            creates: 0,
            writes: 0,
            released: false,
            connection: connected(),
        }
    }

    pub fn now(&mut self) -> Timestamp {
        self.clock += 1;
        second(self.clock)
    }

    /// Adds what a person or another operator created.
    pub fn add(&mut self, name: &str, marker: Option<Owner>) -> String {
        let now = self.now();
        let marker = marker.map(|owner| Marker {
            owner,
            fingerprint: None,
            keys: Vec::new(),
        });
        let metadata = marker.iter();
        let metadata = metadata.map(|marker| (MARKER_KEY.to_owned(), marker.to_json()));
        let id = format!("par_{:04}", self.clock);
        let view = RemoteView {
            id: id.clone(),
            live: true,
            fields: [
                ("name", Value::from(name)),
                ("description", Value::from("")),
                ("oauth.scopes", json!(["repo"])),
            ]
            .into_iter()
            .collect(),
            metadata: Map::from_iter(metadata),
            marker,
            created_at: now,
            updated_at: now,
            details: RemoteDetails {
                provider_id: Some("pro_github".to_owned()),
                ..RemoteDetails::default()
            },
            authorized_by_user: false,
            ignores_rotation: false,
            auth_method: None,
        };
        self.objects.push((view, String::new()));
        id
    }

    pub fn live(&self) -> Vec<&RemoteView> {
        let views = self.objects.iter().map(|(view, _)| view);
        views.filter(|view| view.live).collect()
    }

    fn answer(&self, query: &Query) -> Answer {
        match query {
            Query::Remote { id, .. } => {
                let found = self.objects.iter().find(|(view, _)| view.id == *id);
                Answer::Remote(Observation {
                    view: found.map(|(view, _)| Arc::new(view.clone())),
                    unchanged_for: Duration::ZERO,
                })
            }
            Query::Search => Answer::Search(Arc::new(self.live().into_iter().cloned().collect())),
            Query::OtherInstances => Answer::OtherInstances(Elsewhere::Nothing),
            Query::Dependents(_) => Answer::Dependents(Vec::new()),
            Query::Losses => Answer::Losses(Losses {
                known: 9,
                lost: 1,
                approved: false,
            }),
            Query::OwnerAlive(_) => Answer::OwnerAlive(false),
            Query::NamespaceTerminating => Answer::NamespaceTerminating(false),
            Query::PatchFields => Answer::PatchFields(None),
            Query::CallbackUrl(_) => Answer::CallbackUrl(None),
            Query::Provider(_) => Answer::Provider(Some("pro_github".to_owned())),
            other => unreachable!("credentials need no {other:?}"),
        }
    }

    fn write(&mut self, desired: &Desired, view: &mut RemoteView, body: &Value) {
        view.updated_at = self.now();
        if let Some(Value::Object(metadata)) = body.get("metadata") {
            view.metadata = metadata.clone();
            view.marker = Marker::read(metadata);
        }
        for field in &desired.fields {
            let Some(key) = field.rule.remedy.patch_key() else {
                continue;
            };
            let config = body.get("config");
            let sent = body.get(key).or(config.and_then(|config| config.get(key)));
            if let (Some(value), FieldValue::Plain(_)) = (sent, &field.value) {
                view.fields.insert(field.rule.name, value.clone());
            }
        }
    }

    /// Takes one step, and records what the status says afterward.
    fn take(&mut self, desired: Option<&Desired>, step: Step) {
        match step {
            Step::AddFinalizer => {
                self.record.finalizer = true;
                if self.record.id.is_none() {
                    self.record.writes = Writes::NothingCreated;
                }
            }
            Step::Create => {
                assert!(self.record.finalizer, "a create without its intent");
                let desired = desired.unwrap();
                self.add("", None);
                let (mut view, _) = self.objects.pop().unwrap();
                self.write(desired, &mut view, &request::create(desired));
                self.objects.push((view.clone(), secret_of(desired)));
                self.creates += 1;
                self.record(desired, &view);
            }
            Step::Update {
                remote,
                differences,
            } => {
                let desired = desired.unwrap();
                let keys = &self.record.metadata_keys;
                let body = request::update(desired, &differences, &remote, keys);
                let same = |(view, _): &(RemoteView, String)| view.id == remote.id;
                let place = self.objects.iter().position(same).unwrap();
                let (mut view, mut secret) = self.objects[place].clone();
                self.write(desired, &mut view, &body);
                if body.get("client_secret").is_some() {
                    secret = secret_of(desired);
                }
                self.objects[place] = (view.clone(), secret);
                self.record(desired, &view);
            }
            Step::Bind { remote, .. } => self.record(desired.unwrap(), &remote),
            Step::Delete(id) | Step::DeleteReplaced(id) => self.delete(&id),
            Step::RemoveFinalizer => self.released = true,
            Step::RecordStatus
            | Step::RecordDestination(_)
            | Step::Forget(_)
            | Step::Unbind
            | Step::RecordOrphan(_) => {}
            other => unreachable!("credentials need no {other:?}"),
        }
    }

    fn delete(&mut self, id: &str) {
        for (view, _) in self.objects.iter_mut().filter(|(view, _)| view.id == id) {
            let claim = Marker::claim(view.marker.as_ref(), &owner("uid"));
            assert!(
                matches!(claim, Claim::Ours | Claim::Namesake),
                "deleted an object of somebody else"
            );
            view.live = false;
        }
    }

    fn record(&mut self, desired: &Desired, view: &RemoteView) {
        let inputs = desired.inputs.iter();
        self.record = Record {
            id: Some(view.id.clone()),
            revision: Some(desired.revision.clone()),
            inputs: inputs
                .map(|input| (input.field.to_owned(), input.fingerprint.clone()))
                .collect(),
            remote_updated_at: Some(view.updated_at),
            metadata_keys: desired.metadata.keys().cloned().collect(),
            writes: Writes::Known,
            had_object: true,
            ..self.record.clone()
        };
    }

    /// Decides, answering each query.
    pub fn decide(&self, desired: Option<&Desired>, policy: &Policy) -> Plan {
        let (owner, key) = (owner("uid"), mac());
        let case = Case {
            policy: policy.clone(),
            connection: self.connection.clone(),
            ..case(&owner, &key, desired, &self.record)
        };
        let mut facts = Facts::default();
        loop {
            match decide(&case, &facts) {
                Ok(plan) => return plan,
                Err(query) => {
                    let answer = self.answer(&query);
                    facts.add(query, answer);
                }
            }
        }
    }

    /// One reconciliation that carries out `steps` steps and then crashes; with `answer_lost` the last of them is a remote
    /// write whose response, and with it the status, is lost. Returns the plan.
    pub fn reconcile(
        &mut self,
        desired: Option<&Desired>,
        policy: &Policy,
        steps: usize,
        answer_lost: bool,
    ) -> Plan {
        let plan = self.decide(desired, policy);
        let crashes = steps < plan.steps.len();
        let taken = plan.steps.iter().take(steps);
        let mut before = self.record.clone();
        for step in taken {
            let remote = matches!(
                step,
                Step::Create | Step::Update { .. } | Step::Delete(_) | Step::DeleteReplaced(_)
            );
            self.writes += usize::from(remote);
            before = self.record.clone();
            self.take(desired, step.clone());
            if !remote {
                before = self.record.clone();
            }
        }
        if crashes && answer_lost {
            self.record = Record {
                finalizer: self.record.finalizer,
                ..before
            };
        }
        plan
    }

    /// Restarts the operator: its memory is gone, and reads have had the time to catch up.
    pub fn restart(&mut self) {
        let traces = self.record.finalizer || self.record.had_object;
        self.record.writes = if traces {
            Writes::Unknown
        } else {
            Writes::Never
        };
        self.record.settles_in = Duration::ZERO;
    }
}

pub fn secret_of(desired: &Desired) -> String {
    let field = desired.field("oauth.clientSecret").unwrap();
    field.expose().as_str().unwrap().to_owned()
}
