//! Whose an object is, what is applied, what is refused.

use super::fixture::{credentials, owner, policy};
use super::model::{Model, WHOLE};
use crate::plan::ownership::{MARKER_KEY, Marker, Owner};
use crate::plan::policy::Policy;
use crate::resources::{Adopt, AdoptPolicy, DriftPolicy, Reason};
use serde_json::{Map, Value, json};

#[test]
fn a_predecessor_s_object_is_bound_only_where_a_restored_finalizer_asks_for_a_search() {
    let wanted = credentials("a", "x", &json!({}), &owner("uid"));
    for (finalizer, restored, expected) in [(true, true, 1), (true, false, 2), (false, false, 2)] {
        let mut model = Model::new();
        let left = model.add("a", Some(owner("former uid")));
        (model.record.finalizer, model.record.restored) = (finalizer, restored);
        model.restart();
        model.reconcile(Some(&wanted), &policy(), WHOLE, false);
        let live = model.live().len();
        assert_eq!(live, expected, "finalizer {finalizer}, restored {restored}");

        let mut model = Model::new();
        assert_eq!(model.add("a", Some(owner("former uid"))), left);
        (model.record.finalizer, model.record.restored) = (finalizer, restored);
        model.restart();
        model.reconcile(None, &policy(), WHOLE, false);
        assert_eq!(model.live().is_empty(), restored, "deleted");
    }
}

#[test]
fn of_two_objects_with_our_exact_marker_the_older_stays_and_the_other_is_deleted() {
    let wanted = credentials("a", "x", &json!({}), &owner("uid"));
    let mut model = Model::new();
    let oldest = model.add("a", Some(owner("uid")));
    model.add("a", Some(owner("uid")));
    model.record.finalizer = true;
    model.restart();
    model.reconcile(Some(&wanted), &policy(), WHOLE, false);
    let live: Vec<&String> = model.live().iter().map(|view| &view.id).collect();
    assert_eq!(live, [&oldest]);
}

#[test]
fn metadata_is_merged_and_our_keys_are_removed_when_they_are_no_longer_wanted() {
    let mut model = Model::new();
    let metadata = json!({"team": "blue", "old": 1});
    let before = credentials("a", "x", &metadata, &owner("uid"));
    model.reconcile(Some(&before), &policy(), WHOLE, false);
    let metadata = &mut model.objects[0].0.metadata;
    metadata.insert("theirs".to_owned(), json!(true));
    let after = credentials("a", "x", &json!({"team": "red"}), &owner("uid"));
    model.reconcile(Some(&after), &policy(), WHOLE, false);
    let mut left = model.objects[0].0.metadata.clone();
    left.remove(MARKER_KEY);
    assert_eq!(Value::Object(left), json!({"team": "red", "theirs": true}));
}

#[test]
fn a_metadata_key_that_was_sent_is_removed_even_if_that_was_never_acknowledged() {
    let with = credentials("a", "x", &json!({"team": "blue"}), &owner("uid"));
    let without = credentials("a", "x", &json!({}), &owner("uid"));
    let left = |model: &Model| {
        let mut left = model.objects[0].0.metadata.clone();
        left.remove(MARKER_KEY);
        Value::Object(left)
    };
    let mut created = Model::new();
    created.reconcile(Some(&with), &policy(), 2, true);
    created.restart();

    let mut updated = Model::new();
    updated.reconcile(Some(&without), &policy(), WHOLE, false);
    let before = updated.record.clone();
    updated.reconcile(Some(&with), &policy(), WHOLE, false);
    updated.record = before;

    for mut model in [created, updated] {
        assert_eq!(left(&model), json!({"team": "blue"}));
        model.reconcile(Some(&without), &policy(), WHOLE, false);
        assert_eq!(left(&model), json!({}));
        // Whoever writes it from now on is somebody else.
        let metadata = &mut model.objects[0].0.metadata;
        metadata.insert("team".to_owned(), json!("theirs"));
        model.reconcile(Some(&without), &policy(), WHOLE, false);
        assert_eq!(left(&model), json!({"team": "theirs"}));
    }
}

#[test]
fn a_marker_claims_no_more_keys_than_a_spec_may_have_and_none_that_are_not_there() {
    let read = |listed: &[&str], there: &[&str]| {
        let owner = owner("uid");
        let marker = Marker {
            owner,
            fingerprint: None,
            keys: listed.iter().map(|key| (*key).to_owned()).collect(),
        };
        let mut metadata = Map::from_iter([(MARKER_KEY.to_owned(), marker.to_json())]);
        metadata.extend(there.iter().map(|key| ((*key).to_owned(), json!(1))));
        Marker::read(&metadata).unwrap().keys
    };
    assert_eq!(read(&["a", "b", MARKER_KEY], &["b", "c"]), ["b"]);
    let many: Vec<String> = (0..100).map(|i| format!("key-{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(read(&many, &many).len(), 64);
    let long = "k".repeat(20_000);
    assert!(read(&[&long], &[&long]).is_empty());
}

#[test]
fn a_metadata_key_that_could_be_misread_is_named_in_quotes() {
    let mut model = Model::new();
    let note = |model: &mut Model, metadata: Value| {
        let wanted = credentials("a", "x", &metadata, &owner("uid"));
        let plan = model.reconcile(Some(&wanted), &policy(), WHOLE, false);
        plan.verdict.event.unwrap().1
    };
    let bare = credentials("a", "x", &json!({}), &owner("uid"));
    model.reconcile(Some(&bare), &policy(), WHOLE, false);
    for (key, named) in [
        ("", r#"metadata."""#),
        ("a, name", r#"metadata."a, name""#),
        ("a\nb", r#"metadata."a\nb""#),
        ("example.com/team_1-a", "metadata.example.com/team_1-a"),
    ] {
        let applied = format!("applied {named}");
        assert_eq!(note(&mut model, json!({key: 1})), applied);
        assert_eq!(note(&mut model, json!({})), applied, "removed");
    }
}

#[test]
fn somebody_elses_write_is_corrected_once_or_reported() {
    let wanted = credentials("a", "x", &json!({}), &owner("uid"));
    for (drift, writes) in [(DriftPolicy::Correct, 1), (DriftPolicy::Report, 0)] {
        for readable in [true, false] {
            let mut model = Model::new();
            model.reconcile(Some(&wanted), &policy(), WHOLE, false);
            if readable {
                model.objects[0].0.fields.insert("name", "theirs".into());
            }
            let now = model.now();
            model.objects[0].0.updated_at = now;
            let before = model.writes;
            let policy = Policy { drift, ..policy() };
            let plan = model.reconcile(Some(&wanted), &policy, WHOLE, false);
            let case = format!("{drift:?}, readable: {readable}");
            assert_eq!(model.writes - before, writes, "{case}");
            assert_eq!(plan.verdict.drift.is_empty(), drift == DriftPolicy::Correct);
            model.reconcile(Some(&wanted), &policy, WHOLE, false);
            assert_eq!(model.writes - before, writes, "once");
        }
    }
}

#[test]
fn a_value_that_the_api_keeps_in_another_form_is_applied_once() {
    let wanted = credentials("a", "x", &json!({}), &owner("uid"));
    let mut model = Model::new();
    model.reconcile(Some(&wanted), &policy(), WHOLE, false);
    model.objects[0].0.fields.insert("name", "A".into());
    let before = model.writes;
    let plan = model.reconcile(Some(&wanted), &policy(), WHOLE, false);
    assert_eq!(model.writes, before);
    assert_eq!(plan.verdict.reason, Reason::Synced);
    assert_eq!(plan.verdict.drift.len(), 1);
}

#[test]
fn adoption_refuses_what_differs_or_belongs_to_others_unless_spec_and_connection_allow_it() {
    let wanted = credentials("a", "x", &json!({}), &owner("uid"));
    let abroad = Owner {
        cluster: "elsewhere".into(),
        ..owner("other")
    };
    let theirs = || Some(abroad.clone());
    let (matching, overriding) = (AdoptPolicy::Match, AdoptPolicy::Override);
    let (nobody, them) = (&[][..], &["elsewhere".to_owned()][..]);
    let cases = [
        ("a", None, matching, nobody, Reason::Synced),
        ("b", None, matching, nobody, Reason::AdoptionMismatch),
        ("b", None, overriding, nobody, Reason::Synced),
        ("a", theirs(), matching, them, Reason::OwnershipConflict),
        ("a", theirs(), overriding, nobody, Reason::OwnershipConflict),
        ("a", theirs(), overriding, them, Reason::Synced),
    ];
    for (name, marker, how, from, reason) in cases {
        let mut model = Model::new();
        model.connection.adopt_from = from.to_vec();
        let id = model.add(name, marker.clone());
        let policy = adopting(id, how);
        let plan = model.reconcile(Some(&wanted), &policy, WHOLE, false);
        assert_eq!(plan.verdict.reason, reason, "{name} {marker:?} {how:?}");
        assert_eq!(model.creates, 0);
        assert_eq!(model.record.finalizer, reason == Reason::Synced);
    }
}

#[test]
fn an_object_of_another_provider_is_never_adopted() {
    let wanted = credentials("a", "x", &json!({}), &owner("uid"));
    let mut model = Model::new();
    let id = model.add("a", None);
    model.objects[0].0.details.provider_id = Some("pro_slack".to_owned());
    let policy = adopting(id, AdoptPolicy::Override);
    let plan = model.reconcile(Some(&wanted), &policy, WHOLE, false);
    assert_eq!(plan.verdict.reason, Reason::AdoptionMismatch);
    assert_eq!(model.writes, 0);
}

fn adopting(id: String, how: AdoptPolicy) -> Policy {
    let adopt = Some(Adopt {
        id,
        policy: Some(how),
    });
    Policy { adopt, ..policy() }
}
