//! What the list of imports says about a value, and what it doesn't: it may lag behind what was imported.

use super::fixture::{
    Fixture, auth_config, bound, created, mac, owner, policy, recorded, second, wanted,
};
use super::values::no_schema;
use crate::plan::backoff::Retry;
use crate::plan::desired::Desired;
use crate::plan::facts::{Answer, MaxAge, Query};
use crate::plan::observed::{ListedImport, Observation, RemoteView};
use crate::plan::record::{Record, Writes};
use crate::plan::steps::{Plan, Step};
use crate::resources::{AuthImport, Reason};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// An import that was made at this second.
pub fn import(at: i64, tag: Option<String>) -> ListedImport {
    ListedImport {
        id: format!("paci_{at}"),
        tag,
        of_create: false,
        created_at: second(at),
        expires_at: None,
    }
}

pub fn imports(plan: &Plan) -> bool {
    plan.has(|step| matches!(step, Step::Import { .. }))
}

#[test]
fn a_write_that_the_list_does_not_explain_is_believed_to_be_no_import_only_after_a_while() {
    let desired = auth_config("a");
    let written = created(&desired, "pac_1", 20);
    let plan = |listed: Vec<ListedImport>, known_for: u64, remote: RemoteView| {
        let fixture = Fixture::of(&desired, recorded(&desired, "pac_1")).with_policy(policy());
        let known_for = Duration::from_secs(known_for);
        let fixture = no_schema(fixture).lists_imports("pac_1", listed).reads(
            "pac_1",
            Some(remote.clone()),
            known_for,
        );
        let view = Some(Arc::new(remote));
        let query = Query::Remote {
            id: "pac_1".to_owned(),
            max_age: MaxAge::Interval,
        };
        let observation = Observation {
            view,
            unchanged_for: known_for,
        };
        let answer = Answer::Remote(observation);
        fixture.fact(query, answer).plan()
    };
    let waits = plan(Vec::new(), 10, written.clone());
    assert_eq!(waits.verdict.reason, Reason::Synced);
    assert_eq!(bound(&waits), None, "the write is looked at again");
    assert!(matches!(waits.retry, Retry::Interval(Some(left)) if left > Duration::from_secs(34)));
    let patched = plan(Vec::new(), 45, written.clone());
    assert_eq!(bound(&patched), Some("pac_1"), "it was no import");
    assert!(!imports(&patched));
    let theirs = plan(vec![import(20, None)], 0, written);
    assert!(imports(&theirs), "{:?}", theirs.steps);
}

#[test]
fn a_list_that_lacks_the_recorded_import_leads_to_no_other_one() {
    let desired = auth_config("a");
    for (settles_in, again) in [(20, false), (0, true)] {
        let record = Record {
            imports: vec!["paci_9".to_owned()],
            settles_in: Duration::from_secs(settles_in),
            ..recorded(&desired, "pac_1")
        };
        let remote = created(&desired, "pac_1", 20);
        // Somebody's import before ours, as one that the API records with each create.
        let fixture = no_schema(Fixture::of(&desired, record)).with_policy(policy());
        let fixture = fixture
            .lists_imports("pac_1", vec![import(20, None)])
            .recalls(remote.clone())
            .observes(remote);
        assert_eq!(imports(&fixture.plan()), again);
    }
}

#[test]
fn a_lost_import_of_a_value_that_is_not_desired_any_more_is_waited_for_and_undone() {
    let (desired, lost) = (auth_config("a"), auth_config("b"));
    let of_lost = import(20, Some(lost.import_tag(Some("paci_9"))));
    let first = import(9, Some(desired.import_tag(None)));
    for (settles_in, listed, again) in [
        (20, vec![first.clone()], false),
        (0, vec![first.clone()], false),
        (0, vec![first, of_lost], true),
    ] {
        let record = Record {
            imports: vec!["paci_9".to_owned()],
            settles_in: Duration::from_secs(settles_in),
            lost_import: true,
            wrote: true,
            writes: Writes::Unknown,
            ..recorded(&desired, "pac_1")
        };
        let remote = created(&desired, "pac_1", 9);
        let fixture = no_schema(Fixture::of(&desired, record)).with_policy(policy());
        let fixture = fixture.lists_imports("pac_1", listed).observes(remote);
        let plan = fixture.plan();
        assert_eq!(imports(&plan), again);
        let waits = plan.verdict.reason == Reason::Importing;
        assert_eq!(waits, settles_in > 0);
    }
}

#[test]
fn the_import_of_another_value_is_not_taken_for_that_of_a_later_one() {
    let spec = |value: &str| json!({"note": "n", "providerId": "linear", "when": "Once", "value": {"literal": {"token": value}}});
    let [first, later] = ["a", "b"].map(|it| wanted::<AuthImport>("AuthImport", &spec(it), &mac()));
    assert_eq!(first.marker.owner, owner("uid"));
    let made = import(9, Some(first.import_tag(None)));
    for (desired, acknowledged) in [(&first, true), (&later, false)] {
        let record = Record {
            revision: None,
            inputs: Vec::new(),
            ..recorded(desired, "pac_1")
        };
        let fixture = Fixture::of(desired, record).with_policy(policy());
        let fixture = fixture
            .lists_imports("pac_1", vec![made.clone()])
            .observes(created(desired, "pac_1", 9))
            .recalls(created(desired, "pac_1", 9));
        let plan = fixture.plan();
        assert!(!imports(&plan), "{:?}", plan.steps);
        assert_eq!(plan.acknowledges, acknowledged);
    }
}

/// The decision about `desired` without a status, where this is the list of imports into its own auth config.
fn without_status(desired: &Desired, listed: Vec<ListedImport>) -> Plan {
    let record = Record {
        id: Some("pac_1".to_owned()),
        finalizer: true,
        ..Record::default()
    };
    let remote = created(desired, "pac_1", 1);
    let fixture = no_schema(Fixture::of(desired, record)).with_policy(policy());
    let fixture = fixture.lists_imports("pac_1", listed);
    fixture.recalls(remote.clone()).observes(remote).plan()
}

#[test]
fn an_import_of_somebody_else_after_ours_is_not_taken_for_ours() {
    let desired = auth_config("a");
    let ours = import(9, Some(desired.import_tag(None)));
    let plan = without_status(&desired, vec![ours.clone()]);
    assert!(!imports(&plan), "{:?}", plan.steps);
    let theirs = import(20, None);
    let plan = without_status(&desired, vec![ours.clone(), theirs.clone()]);
    assert!(imports(&plan), "{:?}", plan.steps);
    let again = import(30, Some(desired.import_tag(Some("paci_9"))));
    let plan = without_status(&desired, vec![ours, theirs, again]);
    assert!(!imports(&plan), "{:?}", plan.steps);
}

#[test]
fn an_import_is_recognized_whichever_of_ours_it_followed() {
    let (desired, other) = (auth_config("a"), auth_config("b"));
    let [first, of_other, unknown] = [
        (9, &desired, None),
        (10, &other, Some("paci_9")),
        (10, &desired, Some("paci_0")),
    ]
    .map(|(at, of, previous)| import(at, Some(of.import_tag(previous))));
    for previous in [None, Some("paci_9"), Some("paci_10")] {
        let last = import(11, Some(desired.import_tag(previous)));
        let listed = vec![first.clone(), of_other.clone(), last];
        let plan = without_status(&desired, listed);
        assert!(!imports(&plan), "after {previous:?}: {:?}", plan.steps);
    }
    for last in [of_other, unknown] {
        let plan = without_status(&desired, vec![first.clone(), last]);
        assert!(imports(&plan), "{:?}", plan.steps);
    }
}

#[test]
fn an_import_with_a_lost_answer_does_not_count_once_another_one_followed() {
    let (before, now) = (auth_config("a"), auth_config("b"));
    let lost = import(20, Some(now.import_tag(Some("paci_9"))));
    let undone = import(21, Some(before.import_tag(Some("paci_9"))));
    let theirs = import(21, None);
    for (later, again) in [(None, false), (Some(undone), true), (Some(theirs), true)] {
        let record = Record {
            imports: vec!["paci_9".to_owned()],
            ..recorded(&before, "pac_1")
        };
        let first = import(9, Some(before.import_tag(None)));
        let listed = [first, lost.clone()].into_iter().chain(later).collect();
        let fixture = no_schema(Fixture::of(&now, record)).with_policy(policy());
        let fixture = fixture.lists_imports("pac_1", listed);
        let plan = fixture.observes(created(&before, "pac_1", 9)).plan();
        assert_eq!(imports(&plan), again, "{:?}", plan.steps);
    }
}
