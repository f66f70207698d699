//! Values that only an import or a replacement applies.

use super::fixture::{
    Fixture, auth_config, bound, config, created, deleted, lost, mac, marked, owner, policy,
    recorded, replaces_with, replacing, second, updates, wanted,
};
use crate::plan::approve::proposal;
use crate::plan::differences::{Differences, differences};
use crate::plan::facts::{Answer, Query};
use crate::plan::fingerprint::MacKey;
use crate::plan::observed::{Dependent, ListedImport, Relation};
use crate::plan::ownership::Marker;
use crate::plan::policy::{Lifecycle, Policy};
use crate::plan::record::{Record, Writes};
use crate::plan::request;
use crate::plan::steps::Step;
use crate::resources::{
    Adopt, AdoptPolicy, DeletionPolicy, Mode, ProviderAuthConfig, ProviderConfig, Reason,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub fn no_schema(fixture: Fixture<'_>) -> Fixture<'_> {
    let schema = fixture.desired.unwrap().schema.clone().unwrap();
    fixture.fact(Query::Violations(schema), Answer::Violations(None))
}

#[test]
fn a_status_lost_in_the_middle_of_a_replacement_leads_back_to_the_newer_object() {
    let (before, now) = (config("a"), config("b"));
    let found = vec![created(&before, "former", 1), created(&now, "current", 2)];
    let plan = Fixture::of(&now, lost()).finds(found).plan();
    assert_eq!(bound(&plan), Some("current"));
    let later = Step::DeleteLater("former".to_owned());
    assert!(plan.steps.contains(&later), "{:?}", plan.steps);
    assert!(deleted(&plan).is_empty(), "others may need it");
}

#[test]
fn what_a_predecessor_left_behind_is_nobodys_once_there_was_an_object() {
    let desired = config("a");
    let marker = Marker {
        owner: owner("predecessor"),
        fingerprint: desired.marker.fingerprint.clone(),
        keys: Vec::new(),
    };
    let left = || marked(created(&desired, "left", 1), Some(marker.clone()));
    let restored = Record {
        restored: true,
        ..lost()
    };
    let restored = Fixture::of(&desired, restored).finds(vec![left()]).plan();
    assert!(!restored.creates(), "a restored backup");

    let sent = Record {
        had_object: true,
        settles_in: Duration::from_secs(1),
        ..lost()
    };
    let waits = Fixture::of(&desired, sent).finds(vec![left()]).plan();
    assert_eq!(waits.verdict.reason, Reason::AmbiguousCreate);

    let gone = Fixture::of(&desired, recorded(&desired, "current"))
        .terminating()
        .misses("current")
        .finds(vec![left()]);
    assert!(deleted(&gone.plan()).is_empty());
}

#[test]
fn a_deletion_waits_for_the_other_half_of_a_replacement() {
    let desired = config("a");
    let record = Record {
        writes: Writes::Unknown,
        settles_in: Duration::from_secs(1),
        replacement: Some(desired.revision.clone()),
        ..recorded(&desired, "current")
    };
    let dependents = Query::Dependents(vec!["current".to_owned()]);
    let mut fixture = Fixture::of(&desired, record)
        .terminating()
        .observes(created(&desired, "current", 9))
        .finds(Vec::new())
        .fact(dependents, Answer::Dependents(Vec::new()));
    assert!(fixture.plan().steps.is_empty());
    let mut none_begun = fixture.record.clone();
    none_begun.replacement = None;
    let begun = std::mem::replace(&mut fixture.record, none_begun);
    assert_eq!(deleted(&fixture.plan()), ["current"]);
    fixture.record = begun;
    fixture.record.settles_in = Duration::ZERO;
    assert_eq!(deleted(&fixture.plan()), ["current"]);
}

#[test]
fn a_lost_marker_replaces_nothing_and_is_restored_by_a_patch() {
    let mut desired = config("a");
    let remote = marked(created(&desired, "current", 9), None);
    desired.revision = mac().fingerprint(&[b"another description"]);
    let record = Record {
        revision: None,
        ..recorded(&desired, "current")
    };
    let plan = Fixture::of(&desired, record).observes(remote).plan();
    assert!(updates(&plan) && plan.steps.len() == 1, "{:?}", plan.steps);
}

#[test]
fn a_lost_mac_key_replaces_and_imports_nothing() {
    let other = Arc::new(MacKey::new(vec![8; 32]).unwrap());
    let spec = json!({"providerId": "postgres", "value": {"literal": {"schema": "a"}}});
    let now = wanted::<ProviderConfig>("ProviderConfig", &spec, &other);
    let before = config("a");
    let record = recorded(&before, "current");
    let fixture = Fixture::of(&now, record).observes(created(&before, "current", 9));
    let plan = fixture.plan();
    assert!(updates(&plan) && plan.steps.len() == 1, "{:?}", plan.steps);

    let spec = json!({"authMethodId": "token", "value": {"literal": {"token": "a"}}});
    let now = wanted::<ProviderAuthConfig>("ProviderAuthConfig", &spec, &other);
    let before = auth_config("a");
    let record = recorded(&before, "current");
    let fixture = Fixture::of(&now, record).observes(created(&before, "current", 9));
    assert_eq!(
        bound(&fixture.plan()),
        Some("current"),
        "no list of imports"
    );
}

#[test]
fn a_patch_beside_an_import_does_not_record_the_value_in_the_marker() {
    let (before, now) = (auth_config("a"), auth_config("b"));
    let mut remote = created(&before, "current", 9);
    remote.fields.insert("name", "theirs".into());
    remote.metadata.clear();
    let found = differences(&now, &remote, &recorded(&before, "current"));
    let found = Differences {
        metadata: true,
        ..found
    };
    let body = request::update(&now, &found, &remote, &[]);
    let sent = body["metadata"].as_object().and_then(Marker::read).unwrap();
    assert_eq!(sent.fingerprint, before.marker.fingerprint);

    // The PATCH was applied and the import was not.
    remote.marker = Some(sent);
    let fixture = no_schema(Fixture::of(&now, recorded(&before, "current")))
        .with_policy(policy())
        .observes(remote);
    let imports = Query::Imports("current".to_owned());
    assert_eq!(fixture.decide(), Err(imports));
    let of_create = ListedImport {
        id: "paci_0".to_owned(),
        tag: None,
        of_create: true,
        created_at: second(1),
        expires_at: None,
    };
    let plan = fixture.lists_imports("current", vec![of_create]).plan();
    let imports = |step: &Step| matches!(step, Step::Import { .. });
    assert!(plan.has(imports), "{:?}", plan.steps);
}

#[test]
fn an_adopted_object_is_not_ready_before_its_value_is_imported() {
    let desired = auth_config("a");
    let never = Record {
        writes: Writes::Never,
        ..Record::default()
    };
    let plan = Fixture::of(&desired, never)
        .with_policy(adopting(policy(), None))
        .observes(marked(created(&desired, "theirs", 9), None))
        .plan();
    assert_eq!(plan.verdict.reason, Reason::Updating);
    assert_eq!(plan.steps.first(), Some(&Step::AddFinalizer));
    assert!(!plan.acknowledges);
}

#[test]
fn an_object_that_differs_in_a_fixed_field_is_not_adopted() {
    let desired = config("a");
    let mut theirs = marked(created(&desired, "theirs", 9), None);
    theirs.fields.insert("deploymentId", "pde_other".into());
    let never = Record {
        writes: Writes::Never,
        ..Record::default()
    };
    let plan = Fixture::of(&desired, never)
        .with_policy(adopting(replacing(), Some(AdoptPolicy::Override)))
        .observes(theirs)
        .fact(
            Query::Provider("postgres".to_owned()),
            Answer::Provider(Some("postgres".to_owned())),
        )
        .plan();
    assert_eq!(plan.verdict.reason, Reason::AdoptionMismatch);
    let message = &plan.verdict.message;
    assert!(message.contains("deploymentId"), "{message}");
    assert!(plan.steps.is_empty());
}

fn adopting(base: Policy, how: Option<AdoptPolicy>) -> Policy {
    let adopt = Some(Adopt {
        id: "theirs".to_owned(),
        policy: how,
    });
    Policy { adopt, ..base }
}

fn dependent(of: &str) -> Answer {
    Answer::Dependents(vec![Dependent {
        of: of.to_owned(),
        id: "pcf_1".to_owned(),
        name: None,
        namespace: None,
        relation: Relation::Parent,
    }])
}

#[test]
fn a_replaced_object_is_deleted_once_the_new_id_is_published_and_nothing_depends_on_it() {
    let desired = config("a");
    let both = vec!["used".to_owned(), "free".to_owned()];
    let record = |ready| Record {
        pending_deletion: both.iter().map(|id| (id.clone(), second(1))).collect(),
        ready,
        ..recorded(&desired, "current")
    };
    let fixture = |ready| {
        let fixture = Fixture::of(&desired, record(ready));
        let fixture = fixture.observes(created(&desired, "current", 9));
        both.iter().fold(fixture, |fixture, id| {
            fixture.observes(created(&desired, id, 1))
        })
    };
    let unpublished = fixture(false).plan();
    assert!(unpublished.steps.is_empty(), "its id is not published yet");
    let query = Query::Dependents(both.clone());
    assert_eq!(fixture(true).decide(), Err(query.clone()));
    let mut used = fixture(true).fact(query, dependent("used"));
    assert_eq!(deleted(&used.plan()), ["free"]);
    used.policy.lifecycle.replace_grace = Duration::from_secs(3600);
    assert!(deleted(&used.plan()).is_empty());
}

#[test]
fn a_replacement_is_recorded_before_it_begins_and_the_new_id_before_anything_else() {
    let (before, now) = (config("a"), config("b"));
    let mut remote = created(&before, "current", 9);
    remote.fields.insert("deploymentId", "pde_other".into());
    let plan = no_schema(Fixture::of(&now, recorded(&before, "current")))
        .observes(remote)
        .finds(Vec::new())
        .plan();
    assert_eq!(plan.steps, replaces_with(&now));
}

#[test]
fn a_replacement_is_refused_where_the_spec_says_never() {
    let (before, now) = (config("a"), config("b"));
    let policy = Policy {
        lifecycle: Lifecycle {
            replace: Some(crate::resources::Replace::Never),
            ..Lifecycle::default()
        },
        ..policy()
    };
    let plan = Fixture::of(&now, recorded(&before, "current"))
        .with_policy(policy)
        .observes(created(&before, "current", 9))
        .plan();
    assert_eq!(plan.verdict.reason, Reason::ImmutableFieldChanged);
    assert!(plan.steps.is_empty());
}

#[test]
fn an_approval_covers_one_import_and_not_the_same_one_again() {
    let (before, now) = (auth_config("a"), auth_config("b"));
    let mut fixture = no_schema(Fixture::of(&now, recorded(&before, "current")))
        .observes(created(&before, "current", 9))
        .lists_imports("current", Vec::new());
    let hash = |fixture: &Fixture<'_>| {
        let plan = fixture.plan();
        let proposal = fixture.ask(|case, facts| proposal(case, facts, &plan));
        proposal.unwrap().unwrap().hash
    };
    let first = hash(&fixture);
    assert_eq!(first, hash(&fixture));
    fixture.record.imports = vec!["paci_1".to_owned()];
    assert_ne!(first, hash(&fixture));
}

#[test]
fn a_deletion_is_blocked_whichever_of_several_objects_others_depend_on() {
    let desired = config("a");
    let record = Record {
        pending_deletion: vec![("former".to_owned(), second(1))],
        ..recorded(&desired, "current")
    };
    let fixture = Fixture::of(&desired, record)
        .terminating()
        .observes(created(&desired, "current", 9));
    let both = Query::Dependents(vec!["former".to_owned(), "current".to_owned()]);
    assert_eq!(fixture.policy.deletion, DeletionPolicy::Delete);
    assert_eq!(fixture.decide(), Err(both.clone()));
    let plan = fixture.fact(both, dependent("former")).plan();
    assert_eq!(plan.verdict.reason, Reason::DeletionBlocked);
}

#[test]
fn a_deletion_waits_for_its_approval_in_mode_plan() {
    let desired = config("a");
    let policy = Policy {
        mode: Mode::Plan,
        ..replacing()
    };
    let dependents = Query::Dependents(vec!["current".to_owned()]);
    let plan = Fixture::of(&desired, recorded(&desired, "current"))
        .with_policy(policy)
        .terminating()
        .observes(created(&desired, "current", 9))
        .fact(dependents, Answer::Dependents(Vec::new()))
        .plan();
    assert_eq!(plan.verdict.reason, Reason::PlanPending);
    assert!(plan.steps.is_empty() && plan.proposal.is_some());
}
