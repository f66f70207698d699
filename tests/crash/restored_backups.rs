//! A backup is restored: the same name with another uid, with its finalizer and with or without its status.

use crate::support::{
    Environment, Form, Given, Kind, PATIENCE, Scenario, Snapshot, VALUES, credentials, each,
};
use metorial_operator::resources::FINALIZER;
use metorial_simulator::{Action, Profile};
use serde_json::json;

/// Removes the resource from the cluster without the operator and applies it again, as a backup has it.
async fn restore(scenario: &mut Scenario, with_status: bool) -> Snapshot {
    scenario.stop_operator().await;
    let old = scenario.tested().drop_finalizers().await;
    scenario.tested().remove().await;
    let mut backup = scenario.manifest.clone();
    backup["spec"] = old.data["spec"].clone();
    let held = json!({"finalizers": [FINALIZER]});
    scenario.apply(backup.metadata(held)).await;
    let new = scenario.tested().get().await;
    assert_ne!(old.uid(), new.uid());
    if with_status {
        scenario
            .tested()
            .edit_status(old.data["status"].clone())
            .await;
    }
    scenario.sim.clear_journal();
    scenario.start();
    new
}

async fn is_bound(form: Form, profile: Profile, with_status: bool, value: &str) {
    let mut scenario = Given::form(form).at(profile).settled().await;
    if value != VALUES[0] {
        scenario.change(value).await;
        scenario.wait_synced(value).await;
    }
    let (ever, imports) = (scenario.ever_objects().len(), scenario.imports().len());
    let before = scenario.remote_object();
    let new = restore(&mut scenario, with_status).await;
    if Form::EDITABLE.contains(&form) || form == Form::ConfigOnVault {
        let marked = |object: &metorial_simulator::Stored| {
            object.readable["metadata"]["kubernetes"]["uid"] == new.uid().unwrap()
        };
        let kind = form.remote();
        let what = "the marker of the restored resource";
        scenario
            .wait_only(kind, what, |it| it.id == before.id && marked(it))
            .await;
    }
    scenario.wait_synced(value).await;
    let after = scenario.remote_object();
    assert_eq!(before.id, after.id, "{form:?}");
    if form == Form::Credentials {
        assert_eq!(before.versions, after.versions);
        let path = form.remote().path();
        assert_eq!(scenario.attempts(), [format!("PATCH {path}/{}", before.id)]);
    }
    assert_eq!(scenario.ever_objects().len(), ever, "{form:?}");
    assert_eq!(scenario.imports().len(), imports, "{form:?}");
    scenario.check_oracles().await;
}

#[tokio::test]
async fn a_backup_that_is_restored_as_it_was_made_is_bound_to_the_object_of_its_namesake() {
    each(Form::SENT_ONCE, async |form| {
        is_bound(form, Profile::Server, false, VALUES[0]).await;
    })
    .await;
}

#[tokio::test]
async fn a_backup_that_is_restored_after_a_change_is_bound_and_repeats_nothing() {
    each(Form::SENT_ONCE, async |form| {
        is_bound(form, Profile::Server, false, VALUES[1]).await;
    })
    .await;
}

#[tokio::test]
async fn a_restored_backup_whose_first_patch_fails_neither_creates_a_second_object_nor_forgets_the_first()
 {
    let bad = || (Action::error(400, "invalid_data"), "RemoteRejected");
    let limited = (Action::too_many_requests(Some("1")), "RateLimited");
    let lost = (Action::CloseBefore, "AmbiguousCreate");
    for ((fault, reason), removed) in [
        (bad(), false),
        (bad(), true),
        (limited, false),
        (lost, false),
    ] {
        let mut scenario = Given::form(Form::Credentials).settled().await;
        let before = scenario.remote_object();
        scenario.next("PATCH", Kind::Credentials.path(), fault);
        restore(&mut scenario, false).await;
        scenario.tested().wait_reason(reason).await;
        if removed {
            scenario.tested().remove().await;
            assert_eq!(scenario.live_objects().len(), 0);
            continue;
        }
        // An edit ends the pause after the failure.
        scenario.change(VALUES[1]).await;
        scenario.wait_synced(VALUES[1]).await;
        assert_eq!(scenario.remote_object().id, before.id);
        assert_eq!(scenario.ever_objects().len(), 1);
        scenario.check_oracles().await;
    }
}

#[tokio::test]
async fn a_backup_that_is_restored_with_its_status_is_bound_too() {
    is_bound(Form::Credentials, Profile::Server, true, VALUES[0]).await;
}

#[tokio::test]
async fn a_restored_backup_is_bound_at_an_api_like_the_published_reference_too() {
    is_bound(Form::Credentials, Profile::Reference, false, VALUES[0]).await;
}

#[tokio::test]
async fn a_restored_backup_whose_object_is_gone_is_created_once() {
    let mut env = Environment::new().await;
    let held = json!({"finalizers": [FINALIZER]});
    env.apply(credentials("github").metadata(held)).await;
    env.start_operator();
    env.credentials("github").wait_synced().await;
    assert_eq!(env.attempts(), ["POST /provider-auth-credentials"]);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_create_that_a_restart_interrupted_takes_over_nothing_that_was_left_on_purpose() {
    for deleted in [false, true] {
        let mut env = Environment::running().await;
        let orphaning = credentials("github").spec(json!({"deletionPolicy": "Orphan"}));
        let left = env.create(orphaning).await.id();
        env.credentials("github").remove().await;
        let gate = env.hold_before("POST", Kind::Credentials.path());
        env.apply(credentials("github")).await;
        assert!(gate.wait_for_arrivals(1, PATIENCE).await);
        env.kill_operator();
        env.sim.clear_journal();
        env.start_operator();
        match deleted {
            true => env.credentials("github").remove().await,
            false => assert_ne!(env.credentials("github").wait_ready().await.id(), left),
        }
        let object = env.sim.object(&left).unwrap();
        assert_eq!(object.readable["status"], "active");
        assert_eq!(object.versions, 1, "not written either");
        assert_eq!(env.live(Kind::Credentials).len(), 2 - usize::from(deleted));
    }
}
