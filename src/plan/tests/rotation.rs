//! Values that the API refuses to change, and scopes that it does not show.

use super::fixture::{
    Fixture, bound, created, credentials, lost, owner, policy, recorded, replaces_with, updates,
};
use crate::plan::desired::Desired;
use crate::plan::differences::differences;
use crate::plan::facts::{Answer, Query};
use crate::plan::observed::RemoteView;
use crate::plan::ownership::Marker;
use crate::plan::record::Record;
use crate::plan::request;
use crate::plan::steps::{Plan, Step};
use crate::resources::{Reason, Replace};
use serde_json::{Value, json};
use std::sync::Arc;

const SECRET: &str = "oauth.clientSecret";
const SCOPES: &str = "oauth.scopes";

fn app(name: &str, secret: &str) -> Desired {
    credentials(name, secret, &json!({}), &owner("uid"))
}

/// Credentials of a remote MCP provider, as the API shows them.
fn shown(desired: &Desired) -> RemoteView {
    let mut remote = created(desired, "current", 9);
    remote.fields.insert(SCOPES, json!([]));
    remote
}

/// The decision about `now`, where `before` is there and the API refused to change the values.
fn refused<'a>(now: &'a Desired, before: &Desired, replace: Option<Replace>) -> Fixture<'a> {
    let mut policy = policy();
    policy.lifecycle.replace = replace;
    let mut fixture = Fixture::of(now, recorded(before, "current"))
        .with_policy(policy)
        .observes(shown(before));
    fixture.refused = vec!["oauth.clientId", SECRET, SCOPES];
    fixture
}

#[test]
fn of_several_objects_that_replacements_left_the_one_with_the_desired_values_is_in_use() {
    let (before, now) = (app("a", "secret"), app("a", "rotated"));
    let found = |desired: &Desired, id: &str, at| created(desired, id, at);
    let chosen = |replace, found: Vec<RemoteView>| {
        let mut policy = policy();
        policy.lifecycle.replace = Some(replace);
        let fixture = Fixture::of(&now, lost()).with_policy(policy);
        let plan = fixture.finds(found).plan();
        let others = plan.steps.iter().map(|step| match step {
            Step::DeleteLater(id) => id.clone(),
            Step::Bind { .. } => String::new(),
            other => panic!("{other:?}"),
        });
        let others: Vec<String> = others.filter(|id| !id.is_empty()).collect();
        (bound(&plan).map(str::to_owned), others)
    };
    let later = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    for replace in [Replace::Allow, Replace::Never] {
        let replaced = vec![found(&before, "former", 1), found(&now, "current", 2)];
        let expected = (Some("current".to_owned()), later(&["former"]));
        assert_eq!(chosen(replace, replaced), expected, "{replace:?}");
    }
    let equal = || vec![found(&now, "older", 1), found(&now, "newer", 2)];
    let oldest = (Some("older".to_owned()), later(&["newer"]));
    assert_eq!(chosen(Replace::Never, equal()), oldest, "created twice");
    let newest = (Some("newer".to_owned()), later(&["older"]));
    assert_eq!(chosen(Replace::Allow, equal()), newest, "changed back");
}

/// The body of the PATCH in a plan.
fn patch(plan: &Plan, desired: &Desired) -> Value {
    let body = plan.steps.iter().find_map(|step| match step {
        Step::Update {
            remote,
            differences,
        } => Some(request::update(desired, differences, remote, &[])),
        _ => None,
    });
    body.unwrap()
}

#[test]
fn scopes_that_are_not_shown_differ_only_if_they_are_not_the_recorded_ones() {
    let before = app("a", "secret");
    let of = |now: &Desired, record: &Record| differences(now, &shown(&before), record).fields;
    let record = recorded(&before, "current");
    assert!(of(&before, &record).is_empty());
    assert_eq!(of(&app("b", "secret"), &record), ["name"]);
    // A status of an earlier version records nothing of them.
    let mut unrecorded = record;
    unrecorded.inputs.retain(|(name, _)| name != SCOPES);
    assert!(of(&before, &unrecorded).is_empty());
    assert_eq!(of(&app("b", "secret"), &unrecorded), ["name", SCOPES]);
    let lost = Record::default();
    assert!(of(&before, &lost).is_empty(), "it was created with them");
    let mut theirs = shown(&before);
    theirs.marker = None;
    let found = differences(&before, &theirs, &lost);
    assert!(found.fields.contains(&SCOPES), "somebody else made it");
}

#[test]
fn what_is_not_refused_is_applied_and_the_fingerprint_stays_that_of_the_former_values() {
    let (before, now) = (app("a", "secret"), app("b", "rotated"));
    for replace in [None, Some(Replace::Never)] {
        let plan = refused(&now, &before, replace).plan();
        assert_eq!(plan.verdict.reason, Reason::RotationRefused);
        assert!(plan.verdict.message.contains(SECRET));
        assert!(!plan.verdict.message.contains("clientId"));
        assert!(!plan.acknowledges);
        assert_eq!(patch(&plan, &now), json!({"name": "b"}));
    }
    let mut remote = shown(&before);
    remote.metadata.clear();
    remote.marker = remote.marker.map(|marker| Marker {
        owner: owner("predecessor"),
        ..marker
    });
    let mut fixture = Fixture::of(&now, recorded(&before, "current")).with_policy(policy());
    fixture.refused = vec![SECRET];
    let plan = fixture.observes(remote).plan();
    let metadata = patch(&plan, &now)["metadata"].clone();
    let sent = Marker::read(metadata.as_object().unwrap()).unwrap();
    assert_eq!(sent.fingerprint, before.marker.fingerprint);
}

#[test]
fn values_that_were_only_to_be_sent_again_are_taken_to_be_there() {
    let before = app("a", "secret");
    let mut fixture = refused(&before, &before, None);
    fixture.record.remote_updated_at = Some(super::fixture::second(1));
    let plan = fixture.plan();
    assert_eq!(plan.verdict.reason, Reason::Synced);
    assert!(plan.acknowledges && !updates(&plan), "{:?}", plan.steps);
}

#[test]
fn a_refused_rotation_replaces_the_object_where_the_spec_allows_it() {
    let (before, now) = (app("a", "secret"), app("a", "rotated"));
    let fixture = refused(&now, &before, Some(Replace::Allow));
    assert_eq!(fixture.decide(), Err(Query::Search));
    let plan = fixture.finds(vec![shown(&before)]).plan();
    assert_eq!(plan.steps, replaces_with(&now));

    let successor = created(&now, "successor", 10);
    let fixture = refused(&now, &before, Some(Replace::Allow));
    let plan = fixture.finds(vec![shown(&before), successor]).plan();
    assert_eq!(super::fixture::bound(&plan), Some("successor"));
}

#[test]
fn a_build_that_ignores_rotations_is_known_by_its_description_or_else_by_the_object() {
    let (before, now) = (app("a", "secret"), app("a", "rotated"));
    let reason = |ignores_rotation, described: Option<&[&str]>| {
        let remote = RemoteView {
            ignores_rotation,
            ..created(&before, "current", 9)
        };
        let taken = described.map(|fields| fields.iter().map(|it| (*it).to_owned()).collect());
        let fixture = Fixture::of(&now, recorded(&before, "current"))
            .with_policy(policy())
            .fact(Query::PatchFields, Answer::PatchFields(taken.map(Arc::new)))
            .observes(remote);
        let plan = fixture.plan();
        assert_eq!(updates(&plan), plan.acknowledges);
        plan.verdict.reason
    };
    let all = ["name", "client_id", "client_secret", "scopes"];
    for (ignores, described, expected) in [
        (true, None, Reason::RotationRefused),
        (true, Some(&["name"][..]), Reason::RotationRefused),
        (false, Some(&["name"][..]), Reason::RotationRefused),
        (false, None, Reason::Synced),
        (true, Some(&all[..]), Reason::Synced),
    ] {
        assert_eq!(
            reason(ignores, described),
            expected,
            "{ignores} {described:?}"
        );
    }
}
