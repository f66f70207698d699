//! Somebody wrote the object, and a field differs that can be read: what can't be read may have been changed, too.

use super::fixture::{
    Fixture, bound, created, credentials, mac, owner, policy, recorded, second, updates, wanted,
};
use super::import_lists::{import, imports};
use super::values::no_schema;
use crate::plan::desired::Desired;
use crate::plan::differences::{Differences, others_since};
use crate::plan::facts::Query;
use crate::plan::observed::{ListedImport, RemoteView};
use crate::plan::ownership::Marker;
use crate::plan::policy::Policy;
use crate::plan::request;
use crate::plan::steps::{Plan, Step};
use crate::resources::{DriftPolicy, ProviderAuthConfig, Reason};
use jiff::SignedDuration;
use serde_json::json;
use std::time::Duration;

fn app(name: &str) -> Desired {
    credentials(name, "secret", &json!({}), &owner("uid"))
}

fn app_with(secret: &str) -> Desired {
    credentials("a", secret, &json!({}), &owner("uid"))
}

fn config(name: &str, value: &str) -> Desired {
    let spec =
        json!({"authMethodId": "token", "name": name, "value": {"literal": {"token": value}}});
    wanted::<ProviderAuthConfig>("ProviderAuthConfig", &spec, &mac())
}

fn reporting() -> Policy {
    Policy {
        drift: DriftPolicy::Report,
        ..policy()
    }
}

/// The object of `desired` under another name, as somebody wrote it after us.
fn renamed(desired: &Desired) -> RemoteView {
    let mut remote = written(desired);
    remote.fields.insert("name", "theirs".into());
    remote
}

/// The object of `desired`, as somebody wrote it after us.
fn written(desired: &Desired) -> RemoteView {
    RemoteView {
        updated_at: second(20),
        ..created(desired, "current", 9)
    }
}

fn restored(desired: &Desired) -> RemoteView {
    let remote = written(desired);
    let marker = remote.marker.clone().map(|marker| Marker {
        owner: owner("predecessor"),
        ..marker
    });
    RemoteView { marker, ..remote }
}

/// The differences that the PATCH of a plan applies.
fn sent(plan: &Plan) -> &Differences {
    let sent = plan.steps.iter().find_map(|step| match step {
        Step::Update { differences, .. } => Some(differences),
        _ => None,
    });
    sent.expect("a PATCH")
}

/// The keys of that PATCH.
fn keys(plan: &Plan, desired: &Desired, remote: &RemoteView) -> Vec<String> {
    let body = request::update(desired, sent(plan), remote, &[]);
    body.as_object().unwrap().keys().cloned().collect()
}

/// The decision about an auth config with this list of imports.
fn listing<'a>(
    now: &'a Desired,
    before: &Desired,
    remote: RemoteView,
    listed: Vec<ListedImport>,
) -> Fixture<'a> {
    no_schema(Fixture::of(now, recorded(before, "current")))
        .with_policy(policy())
        .lists_imports("current", listed)
        .observes(remote)
}

#[test]
fn credentials_that_somebody_wrote_are_sent_with_whatever_else_is_sent() {
    let (before, now) = (app("a"), app("b"));
    let hidden = ["client_id", "client_secret", "name"];
    let untouched = created(&before, "current", 9);
    for (now, remote, policy, expected) in [
        (&now, untouched, policy(), &["name"][..]),
        (&now, written(&before), policy(), &hidden),
        (&now, written(&before), reporting(), &hidden),
        (&before, renamed(&before), policy(), &hidden),
    ] {
        let fixture = Fixture::of(now, recorded(&before, "current")).with_policy(policy);
        let plan = fixture.observes(remote.clone()).plan();
        assert_eq!(keys(&plan, now, &remote), expected);
    }
    let remote = restored(&before);
    let fixture = Fixture::of(&before, recorded(&before, "current")).with_policy(policy());
    let plan = fixture.observes(remote.clone()).plan();
    let keys = keys(&plan, &before, &remote);
    assert_eq!(keys, ["client_id", "client_secret", "metadata"]);
}

#[test]
fn a_state_before_our_last_write_is_not_ours_once_no_read_lags_behind_it() {
    let desired = app("a");
    let restored = RemoteView {
        updated_at: second(5),
        ..renamed(&desired)
    };
    let plan = |settles_in: u64| {
        let mut fixture = Fixture::of(&desired, recorded(&desired, "current"));
        fixture.record.settles_in = Duration::from_secs(settles_in);
        fixture
            .with_policy(policy())
            .observes(restored.clone())
            .plan()
    };
    let sent = keys(&plan(0), &desired, &restored);
    assert_eq!(sent, ["client_id", "client_secret", "name"]);
    assert!(!updates(&plan(1)), "it may lag");
}

#[test]
fn a_readable_difference_is_reported_for_what_it_is() {
    let desired = app("a");
    for (policy, steps) in [(policy(), 1), (reporting(), 0)] {
        let fixture = Fixture::of(&desired, recorded(&desired, "current"));
        let plan = fixture
            .with_policy(policy)
            .observes(renamed(&desired))
            .plan();
        assert_eq!(plan.steps.len(), steps);
        let corrected = plan.verdict.event.iter().map(|(_, note)| note.clone());
        let left = plan.verdict.drift.iter().map(|entry| entry.field.clone());
        let notes: Vec<String> = corrected.chain(left).collect();
        assert_eq!(notes.len(), 1);
        assert!(!notes[0].contains("oauth"), "{notes:?}");
        assert_eq!(plan.acknowledges, steps > 0, "it stays open");
    }
}

#[test]
fn a_patch_that_was_applied_and_not_acknowledged_is_not_repeated() {
    let (before, now) = (app("a"), app("b"));
    let fixture = Fixture::of(&now, recorded(&before, "current")).with_policy(policy());
    let plan = fixture.observes(written(&now)).plan();
    assert_eq!(bound(&plan), Some("current"));
    assert!(!updates(&plan));
}

#[test]
fn an_import_before_a_crash_is_undone_although_a_name_was_changed_back_with_it() {
    let (before, after) = (config("a", "one"), config("b", "two"));
    let listed = vec![import(20, Some(after.import_tag(None)))];
    for now in [config("a", "one"), config("b", "one")] {
        let fixture = listing(&now, &before, written(&after), listed.clone());
        let plan = fixture.plan();
        assert!(imports(&plan), "{:?}", plan.steps);
        assert_eq!(updates(&plan), now.revision == before.revision);
    }
}

#[test]
fn the_import_of_somebody_else_is_found_although_a_readable_field_differs_too() {
    let (before, edited) = (config("a", "one"), config("b", "one"));
    for (now, remote) in [
        (&edited, written(&before)),
        (&before, renamed(&before)),
        (&before, restored(&before)),
    ] {
        let decide = |listed| listing(now, &before, remote.clone(), listed).plan();
        let theirs = decide(vec![import(20, None)]);
        assert!(imports(&theirs) && updates(&theirs), "{:?}", theirs.steps);
        // A list may lag behind: what it lacks is looked for later. Until then only another spec is applied, since each PATCH
        // begins the wait anew.
        let lags = decide(Vec::new());
        let mut none = listing(now, &before, remote.clone(), vec![import(1, None)]);
        none.record.imports = vec!["paci_1".to_owned()];
        for waits in [lags, none.plan()] {
            assert!(!imports(&waits), "{:?}", waits.steps);
            if now.revision == before.revision {
                assert!(waits.steps.is_empty(), "{:?}", waits.steps);
            } else {
                assert!(sent(&waits).keeps_write_time);
            }
        }
    }
}

#[test]
fn a_patch_that_leaves_open_what_others_wrote_does_not_move_the_time_of_our_last_write() {
    let desired = app("a");
    let record = recorded(&desired, "current");
    let since = |keeps_write_time: bool| {
        let sent = Differences {
            keeps_write_time,
            ..Differences::default()
        };
        let answer = RemoteView {
            updated_at: second(30),
            ..written(&desired)
        };
        others_since(&desired, &sent, &written(&desired), &answer, &record)
    };
    assert_eq!((since(true), since(false)), (Some(second(9)), None));
}

#[test]
fn drift_that_is_only_reported_hides_no_import() {
    let desired = config("a", "one");
    let record = || recorded(&desired, "current");
    let fixture = Fixture::of(&desired, record()).with_policy(reporting());
    let plan = fixture.observes(renamed(&desired)).plan();
    assert!(plan.steps.is_empty() && !plan.acknowledges, "no list");
    // The marker is not drift: it is put right, and the import stays open.
    let mut fixture = listing(
        &desired,
        &desired,
        restored(&desired),
        vec![import(20, None)],
    );
    fixture.policy = reporting();
    let plan = fixture.plan();
    assert!(
        sent(&plan).keeps_write_time && !imports(&plan),
        "{:?}",
        plan.steps
    );
    let drift: Vec<&str> = plan.verdict.drift.iter().map(|it| &*it.field).collect();
    assert_eq!(drift, ["value"]);
    assert_eq!(plan.verdict.reason, Reason::Synced);
}

#[test]
fn an_edit_is_applied_as_a_whole_where_others_imported_a_value_before_it() {
    let (before, now) = (config("a", "one"), config("b", "one"));
    let mut fixture = listing(&now, &before, written(&now), vec![import(20, None)]);
    fixture.policy = reporting();
    let plan = fixture.plan();
    assert!(imports(&plan) && plan.acknowledges, "{:?}", plan.steps);
}

#[test]
fn no_list_is_read_where_nobody_wrote() {
    let (before, now) = (config("a", "one"), config("b", "one"));
    let fixture = Fixture::of(&now, recorded(&before, "current")).with_policy(policy());
    let plan = fixture.observes(created(&before, "current", 9)).plan();
    assert!(updates(&plan) && !imports(&plan));
    let written = Fixture::of(&now, recorded(&before, "current")).observes(written(&before));
    let imports = Query::Imports("current".to_owned());
    assert_eq!(written.decide(), Err(imports));
}

#[test]
fn what_the_server_writes_just_after_our_create_is_ours() {
    let desired = app("a");
    let touched = |milliseconds| RemoteView {
        updated_at: second(9) + SignedDuration::from_millis(milliseconds),
        ..created(&desired, "current", 9)
    };
    let plan = |remote: RemoteView, policy| {
        let fixture = Fixture::of(&desired, recorded(&desired, "current")).with_policy(policy);
        fixture.observes(remote).plan()
    };
    for policy in [policy, reporting] {
        let ours = plan(touched(1000), policy());
        assert!(!updates(&ours) && ours.verdict.drift.is_empty());
        assert_eq!(bound(&ours), Some("current"), "its time is recorded");
        let renamed = RemoteView {
            fields: renamed(&desired).fields,
            ..touched(4)
        };
        let other_fingerprint = RemoteView {
            marker: written(&app_with("other")).marker,
            ..touched(4)
        };
        for theirs in [touched(1001), renamed, other_fingerprint] {
            let plan = plan(theirs, policy());
            assert_eq!(bound(&plan), None);
            assert!(updates(&plan) || !plan.acknowledges);
        }
    }
    let mut fixture = Fixture::of(&desired, recorded(&desired, "current")).with_policy(policy());
    fixture.record.remote_updated_at = Some(second(8));
    let plan = fixture.observes(touched(4)).plan();
    assert!(updates(&plan), "the last write was not the create");
}
