//! Single decisions: whose object it is, what is pushed, what is refused.

use super::model::{Model, WHOLE, desired, owner, policy};
use crate::plan::*;
use crate::resources::{Adopt, AdoptPolicy};
use serde_json::{Value, json};

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
