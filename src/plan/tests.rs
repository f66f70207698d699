//! Properties of decisions, checked by playing them against a small model of the API that can crash the operator
//! between any two effects.

use super::desired::FieldValue;
use super::look::{self, Look, Seen, Sighting, Survey};
use super::*;
use crate::kinds::{Inputs, Kind};
use crate::resources::{Adopt, AdoptPolicy, DeletionPolicy, ProviderAuthCredentials, Replace};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

fn owner(uid: &str) -> Owner {
    Owner {
        cluster: "cluster".to_owned(),
        namespace: "team".to_owned(),
        name: "github".to_owned(),
        kind: "ProviderAuthCredentials".to_owned(),
        uid: uid.to_owned(),
    }
}

fn mac() -> Arc<MacKey> {
    Arc::new(MacKey::new(vec![7; 32]).unwrap())
}

/// Credentials whose secret is written into the spec: the plan does not care where a value came from.
fn desired(name: &str, secret: &str, metadata: &Value, owner: &Owner) -> Desired {
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

fn policy() -> Policy {
    Policy {
        mode: Mode::Enforce,
        deletion: DeletionPolicy::Delete,
        drift: DriftPolicy::Correct,
        interval: Duration::from_secs(600),
        suspend: false,
        adopt: None,
        replace: Some(Replace::Allow),
        replace_grace: Duration::ZERO,
        borrows: false,
    }
}

/// The API and one resource, without any I/O.
#[derive(Clone, Default)]
struct Model {
    objects: Vec<(RemoteView, String)>,
    ledger: Ledger,
    clock: i64,
    creates: usize,
    released: bool,
    writes: usize,
}

impl Model {
    fn now(&mut self) -> Timestamp {
        self.clock += 1;
        Timestamp::from_second(self.clock).unwrap()
    }

    /// What a person or another operator put there.
    fn add(&mut self, name: &str, marker: Option<Owner>) -> String {
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

    fn live(&self) -> Vec<&RemoteView> {
        self.objects
            .iter()
            .map(|(view, _)| view)
            .filter(|view| view.live)
            .collect()
    }

    fn seen(&self, look: Look, seen: &mut Seen) {
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
            Look::Provider(_) => seen.provider = Some(Some("pro_github".to_owned())),
            Look::Secret => seen.secret = Some(SecretSeen::Missing),
        }
    }

    fn write(&mut self, desired: &Desired, view: &mut RemoteView, body: &Value) {
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
    fn take(&mut self, desired: Option<&Desired>, step: Step) {
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
            Step::Import { .. } | Step::Export { .. } | Step::Deliver => {
                unreachable!("credentials have no records")
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

    fn record(&mut self, desired: &Desired, view: &RemoteView) {
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
    fn pass(&mut self, desired: Option<&Desired>, policy: &Policy, dies: usize) -> Plan {
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
    fn restart(&mut self) {
        self.ledger.intent = Intent::Unknown;
        self.ledger.settled = true;
    }
}

fn secret_of(desired: &Desired) -> String {
    let field = desired
        .fields
        .iter()
        .find(|field| field.rule.name == "oauth.clientSecret");
    field.unwrap().expose().as_str().unwrap().to_owned()
}

const WHOLE: usize = usize::MAX;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_dies_when_there_is_one_object_in_the_end_and_nothing_left_to_do(
        deaths in prop::collection::vec(0_usize..4, 0..5),
        names in prop::collection::vec("[a-c]", 1..4),
        secrets in prop::collection::vec("[x-z]", 1..4),
        strangers in 0_usize..3,
    ) {
        let (mut model, owner) = (Model::default(), owner("uid"));
        for stranger in 0..strangers {
            let marker = (stranger > 0).then(|| Owner { name: "other".into(), ..super::tests::owner("other") });
            model.add("stranger", marker);
        }
        let wanted = |i: usize| desired(&names[i % names.len()], &secrets[i % secrets.len()], &json!({}), &owner);
        for (i, dies) in deaths.iter().enumerate() {
            model.pass(Some(&wanted(i)), &policy(), *dies);
            model.restart();
        }
        let last = wanted(deaths.len());
        model.pass(Some(&last), &policy(), WHOLE);
        let writes = model.writes;
        let idle = model.pass(Some(&last), &policy(), WHOLE);
        prop_assert_eq!(model.writes, writes, "a settled pass writes nothing: {:?}", idle);
        prop_assert_eq!(idle.verdict.reason, Reason::Synced);
        let mine: Vec<_> = model.objects.iter().filter(|(view, _)| view.live)
            .filter(|(view, _)| Marker::claim(view.marker.as_ref(), &owner) == Claim::Ours).collect();
        prop_assert_eq!(mine.len(), 1);
        prop_assert_eq!(&mine[0].1, &secret_of(&last));
        prop_assert_eq!(model.live().len(), 1 + strangers);
        prop_assert_eq!(model.creates, 1);
    }

    #[test]
    fn a_deletion_leaves_nothing_of_ours_and_all_of_the_others_whatever_dies_when(
        create_dies in 0_usize..4,
        deaths in prop::collection::vec(0_usize..3, 0..4),
    ) {
        let (mut model, owner) = (Model::default(), owner("uid"));
        model.add("stranger", None);
        let wanted = desired("a", "x", &json!({}), &owner);
        model.pass(Some(&wanted), &policy(), create_dies);
        for dies in deaths {
            model.restart();
            model.pass(None, &policy(), dies);
            prop_assume!(!model.released);
        }
        model.restart();
        model.pass(None, &policy(), WHOLE);
        prop_assert!(model.released);
        prop_assert_eq!(model.live().len(), 1);
    }

    #[test]
    fn no_plan_makes_an_object_while_one_is_known(
        id_known in any::<bool>(),
        settled in any::<bool>(),
        report in any::<bool>(),
        live in any::<bool>(),
    ) {
        let (mut model, owner) = (Model::default(), owner("uid"));
        let wanted = desired("a", "x", &json!({}), &owner);
        model.pass(Some(&wanted), &policy(), WHOLE);
        model.ledger.settled = settled;
        if !id_known {
            model.ledger.id = None;
            model.ledger.intent = Intent::Unknown;
        }
        model.objects[0].0.live = live;
        let policy = Policy { drift: if report { DriftPolicy::Report } else { DriftPolicy::Correct }, ..policy() };
        let plan = model.pass(Some(&wanted), &policy, 0);
        let creates = plan.steps.iter().filter(|step| **step == Step::Create).count();
        prop_assert!(creates <= 1);
        if live {
            prop_assert_eq!(creates, 0);
        }
        if creates == 1 {
            prop_assert!(settled, "an absence that is too young to believe");
        }
    }
}

#[test]
fn a_namesake_is_bound_only_where_a_restored_finalizer_asks_for_a_search() {
    let wanted = desired("a", "x", &json!({}), &owner("uid"));
    for (restored, expected) in [(true, 1), (false, 2)] {
        let mut model = Model::default();
        model.add("a", Some(owner("former uid")));
        model.ledger.finalizer = restored;
        model.restart();
        model.pass(Some(&wanted), &policy(), WHOLE);
        assert_eq!(model.live().len(), expected, "restored: {restored}");
    }
}

#[test]
fn a_duplicate_with_our_exact_marker_goes_and_the_oldest_stays() {
    let wanted = desired("a", "x", &json!({}), &owner("uid"));
    let mut model = Model::default();
    let oldest = model.add("a", Some(owner("uid")));
    model.add("a", Some(owner("uid")));
    model.ledger.finalizer = true;
    model.restart();
    model.pass(Some(&wanted), &policy(), WHOLE);
    assert_eq!(
        model.live().iter().map(|view| &view.id).collect::<Vec<_>>(),
        [&oldest]
    );
}

#[test]
fn metadata_is_merged_and_what_was_ours_goes_when_it_is_no_longer_wanted() {
    let mut model = Model::default();
    let before = desired("a", "x", &json!({"team": "blue", "old": 1}), &owner("uid"));
    model.pass(Some(&before), &policy(), WHOLE);
    model.objects[0]
        .0
        .metadata
        .insert("theirs".to_owned(), json!(true));
    let after = desired("a", "x", &json!({"team": "red"}), &owner("uid"));
    model.pass(Some(&after), &policy(), WHOLE);
    let mut left = model.objects[0].0.metadata.clone();
    left.remove(marker::MARKER_KEY);
    assert_eq!(Value::Object(left), json!({"team": "red", "theirs": true}));
}

#[test]
fn somebody_elses_write_is_corrected_once_or_reported() {
    let wanted = desired("a", "x", &json!({}), &owner("uid"));
    for (drift, writes) in [(DriftPolicy::Correct, 1), (DriftPolicy::Report, 0)] {
        for readable in [true, false] {
            let mut model = Model::default();
            model.pass(Some(&wanted), &policy(), WHOLE);
            if readable {
                model.objects[0].0.fields.insert("name", "theirs".into());
            }
            let now = model.now();
            model.objects[0].0.updated_at = now;
            let before = model.writes;
            let policy = Policy { drift, ..policy() };
            let plan = model.pass(Some(&wanted), &policy, WHOLE);
            assert_eq!(
                model.writes - before,
                writes,
                "{drift:?}, readable: {readable}"
            );
            assert_eq!(plan.verdict.drift.is_empty(), drift == DriftPolicy::Correct);
            model.pass(Some(&wanted), &policy, WHOLE);
            assert_eq!(model.writes - before, writes, "once");
        }
    }
}

#[test]
fn a_value_that_the_api_keeps_in_another_form_is_pushed_once() {
    let wanted = desired("a", "x", &json!({}), &owner("uid"));
    let mut model = Model::default();
    model.pass(Some(&wanted), &policy(), WHOLE);
    model.objects[0].0.fields.insert("name", "A".into());
    let before = model.writes;
    let plan = model.pass(Some(&wanted), &policy(), WHOLE);
    assert_eq!(
        (model.writes, plan.verdict.reason),
        (before, Reason::Synced)
    );
    assert_eq!(plan.verdict.drift.len(), 1);
}

#[test]
fn adoption_refuses_what_differs_or_belongs_to_others_unless_told_otherwise() {
    let wanted = desired("a", "x", &json!({}), &owner("uid"));
    let abroad = Owner {
        cluster: "elsewhere".into(),
        ..owner("other")
    };
    let cases = [
        ("a", None, AdoptPolicy::Match, Reason::Synced),
        ("b", None, AdoptPolicy::Match, Reason::AdoptionMismatch),
        ("b", None, AdoptPolicy::Override, Reason::Synced),
        (
            "a",
            Some(abroad.clone()),
            AdoptPolicy::Match,
            Reason::OwnershipConflict,
        ),
        ("a", Some(abroad), AdoptPolicy::Override, Reason::Synced),
    ];
    for (name, marker, how, reason) in cases {
        let mut model = Model::default();
        let id = model.add(name, marker.clone());
        let adopt = Some(Adopt {
            id,
            policy: Some(how),
        });
        let policy = Policy { adopt, ..policy() };
        let plan = model.pass(Some(&wanted), &policy, WHOLE);
        assert_eq!(plan.verdict.reason, reason, "{name} {marker:?} {how:?}");
        assert_eq!(model.creates, 0);
        assert_eq!(model.ledger.finalizer, reason == Reason::Synced);
    }
}

#[test]
fn an_object_of_another_provider_is_never_taken_over() {
    let wanted = desired("a", "x", &json!({}), &owner("uid"));
    let mut model = Model::default();
    let id = model.add("a", None);
    model.objects[0]
        .0
        .status
        .insert("providerId".to_owned(), "pro_slack".into());
    let policy = Some(AdoptPolicy::Override);
    let adopt = Some(Adopt { id, policy });
    let plan = model.pass(
        Some(&wanted),
        &Policy {
            adopt,
            ..self::policy()
        },
        WHOLE,
    );
    assert_eq!(plan.verdict.reason, Reason::AdoptionMismatch);
    assert_eq!(model.writes, 0);
}

#[test]
fn many_losses_at_once_are_not_believed() {
    let survey = |known, lost, approved| {
        Survey {
            known,
            lost,
            approved,
        }
        .suspicious()
    };
    assert!(survey(4, 3, false));
    assert!(!survey(4, 3, true));
    assert!(!survey(2, 2, false));
    assert!(!survey(6, 3, false));
}
