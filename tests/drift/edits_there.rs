//! Somebody edits the object at Metorial: pushed back once under `Correct`, told and left under `Report`.

use crate::support::{PATIENCE, World, condition, credentials, drifted, keys, ready, with};
use metorial_operator::resources::ProviderAuthCredentials;
use metorial_simulator::{Action, Fault, Gate};
use serde_json::{Value, json};

/// Ours, so that every edit below is one of something that the spec says.
fn wanted() -> Value {
    with(
        credentials("github"),
        json!({"spec": {"description": "ours", "metadata": {"team": "a", "tier": 1}}}),
    )
}

/// What somebody does there, the field that it is, and what a PATCH sends against it.
fn edits(metadata: &Value) -> Vec<(Value, &'static str, Vec<&'static str>)> {
    let with_metadata = |key: &str, value: Value| {
        let mut metadata = metadata.clone();
        metadata[key] = value;
        json!({"metadata": metadata})
    };
    let mut without = metadata.clone();
    without.as_object_mut().unwrap().remove("team");
    let mut unmarked = metadata.clone();
    unmarked.as_object_mut().unwrap().remove("kubernetes");
    vec![
        (json!({"name": "theirs"}), "name", vec!["name"]),
        (
            json!({"description": null}),
            "description",
            vec!["description"],
        ),
        (json!({"scopes": ["admin"]}), "oauth.scopes", vec!["scopes"]),
        (
            with_metadata("tier", json!(2)),
            "metadata.tier",
            vec!["metadata"],
        ),
        (
            json!({"metadata": without}),
            "metadata.team",
            vec!["metadata"],
        ),
        (
            json!({"client_secret": "theirs"}),
            "oauth.clientSecret",
            vec!["client_id", "client_secret"],
        ),
        (
            json!({"metadata": unmarked}),
            "metadata.kubernetes",
            vec!["client_id", "client_secret", "metadata"],
        ),
    ]
}

#[tokio::test]
async fn under_correct_each_edit_is_pushed_back_by_one_patch_and_told() {
    let world = World::running().await;
    world.make(wanted()).await;
    let ours = world.only_remote();
    for (i, (edit, field, sent)) in edits(&ours.readable["metadata"]).into_iter().enumerate() {
        world.sim.edit(&ours.id, edit);
        world.look_again("github").await;
        world.wait_recorded("github").await;
        assert_eq!(world.patches().len(), i + 1, "{field}");
        assert_eq!(keys(&world.patches()[i]), sent, "{field}");
        let now = world.only_remote();
        for same in ["name", "description", "scopes", "metadata"] {
            assert_eq!(now.readable[same], ours.readable[same], "{field}: {same}");
        }
        assert_eq!(now.write_only, ours.write_only, "{field}");
        let object = world.look_again("github").await;
        assert!(condition(&object, "Drifted").is_none(), "{field}");
    }
    for (_, field, _) in edits(&ours.readable["metadata"]) {
        world.wait_note("github", "DriftCorrected", field).await;
    }
    world.check_oracles().await;
}

#[tokio::test]
async fn under_report_each_edit_is_told_in_the_status_and_nothing_is_written() {
    let world = World::running().await;
    world
        .make(with(wanted(), json!({"spec": {"drift": "Report"}})))
        .await;
    let ours = world.only_remote();
    let former = ["name", "description", "scopes", "metadata"]
        .map(|field| (field.to_owned(), ours.readable[field].clone()));
    let former = Value::Object(former.into_iter().collect());
    for (edit, field, _) in edits(&ours.readable["metadata"]) {
        world.sim.edit(&ours.id, former.clone());
        world.sim.edit(&ours.id, edit);
        let object = world.look_again("github").await;
        let told = condition(&object, "Drifted").unwrap();
        assert_eq!(told.status, "True");
        assert!(told.message.contains(field), "{}", told.message);
        assert!(drifted(&object).contains(&field.to_owned()), "{field}");
        assert_eq!(ready(&object).unwrap().0, "True", "{field}");
        if field != "metadata.kubernetes" {
            world.check_oracles().await;
        }
    }
    for (_, field, _) in edits(&ours.readable["metadata"]) {
        world.wait_note("github", "DriftDetected", field).await;
    }
    assert_eq!(world.attempts(), ["POST /provider-auth-credentials"]);

    let correct = json!({"spec": {"drift": "Correct"}});
    world
        .patch::<ProviderAuthCredentials>("github", correct)
        .await;
    let object = world.wait_recorded("github").await;
    assert!(condition(&object, "Drifted").is_none());
    assert_eq!(drifted(&object), Vec::<String>::new());
    assert_eq!(world.patches().len(), 1);
    assert_eq!(world.only_remote().write_only, ours.write_only);
    world.check_oracles().await;
}

#[tokio::test]
async fn under_report_a_hidden_field_is_shown_as_hidden_and_a_restart_writes_nothing() {
    let mut world = World::running().await;
    world
        .make(with(wanted(), json!({"spec": {"drift": "Report"}})))
        .await;
    let ours = world.only_remote();
    world
        .sim
        .edit(&ours.id, json!({"client_secret": "their-secret-value"}));
    let before = world.look_again("github").await;
    let drift = crate::support::status(&before).drift.unwrap();
    assert!(
        drift
            .iter()
            .all(|entry| entry.desired == "<hidden>" && entry.observed == "<hidden>")
    );
    world.check_no_leak(&["their-secret-value"]).await;

    world.kill_operator();
    let reads = world.calls();
    world.start_operator();
    world
        .until("the new operator looked", async || {
            (world.calls() > reads).then_some(())
        })
        .await;
    world.check_oracles().await;
    let after = world.credentials("github").await;
    assert_eq!(
        after.metadata.resource_version,
        before.metadata.resource_version
    );
}

#[tokio::test]
async fn what_others_add_to_the_metadata_stays_whatever_is_corrected() {
    let world = World::running().await;
    world.make(wanted()).await;
    let ours = world.only_remote();
    let mut metadata = ours.readable["metadata"].clone();
    metadata["foreign"] = json!("kept");
    metadata["team"] = json!("theirs");
    world.sim.edit(&ours.id, json!({"metadata": metadata}));
    world.look_again("github").await;
    world.wait_recorded("github").await;

    let there = world.only_remote().readable["metadata"].clone();
    assert_eq!(keys(&there), ["foreign", "kubernetes", "team", "tier"]);
    assert_eq!(
        (&there["foreign"], &there["team"]),
        (&json!("kept"), &json!("a"))
    );
    world.check_oracles().await;
    assert_eq!(world.patches().len(), 1);
}

#[tokio::test]
async fn an_api_that_keeps_another_form_of_a_value_is_not_fought_with() {
    let mut world = World::new().await;
    let shouts = |answer: &mut Value| {
        if let Some(name) = answer["name"].as_str().map(str::to_uppercase) {
            answer["name"] = name.into();
        }
    };
    for method in ["POST", "PATCH", "GET"] {
        let fault = Fault::on(method, "/provider-auth-credentials");
        world.sim.faults().add(fault, Action::rewrite(shouts));
    }
    world.start_operator();
    world.make(credentials("github")).await;
    for _ in 0..3 {
        world.look_again("github").await;
    }
    assert_eq!(world.patches().len(), 0);
    let object = world.credentials("github").await;
    assert_eq!(drifted(&object), ["name"], "told, not fought with");
    assert_eq!(ready(&object).unwrap().0, "True");

    world
        .patch::<ProviderAuthCredentials>("github", json!({"spec": {"description": "new"}}))
        .await;
    world.wait_recorded("github").await;
    for _ in 0..3 {
        world.look_again("github").await;
    }
    assert_eq!(world.patches().len(), 1);
    world.check_oracles().await;
}

#[tokio::test]
async fn an_edit_that_slips_in_between_our_look_and_our_patch_is_corrected_at_the_next_look() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    let remote = world.only_remote();
    let gate = Gate::new();
    let push = Fault::on("PATCH", "/provider-auth-credentials").times(1);
    world
        .sim
        .faults()
        .add(push, Action::HoldBefore(gate.clone()));

    let edit = json!({"spec": {"description": "ours"}});
    world.patch::<ProviderAuthCredentials>("github", edit).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    world.sim.edit(&remote.id, json!({"name": "theirs"}));
    gate.open();
    world.wait_ready("github").await;
    world.look_again("github").await;
    world.wait_recorded("github").await;

    let remote = world.only_remote();
    assert_eq!(remote.readable["name"], "github");
    assert_eq!(remote.readable["description"], "ours");
    world.check_oracles().await;
    assert_eq!(world.patches().len(), 2);
}

#[tokio::test]
async fn a_patch_of_ours_that_a_persons_patch_overwrites_is_sent_once_more() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    let before = world.only_remote();
    world
        .patch::<ProviderAuthCredentials>("github", json!({"spec": {"description": "ours"}}))
        .await;
    world.wait_recorded("github").await;

    // Their PATCH read the object before ours was written, and writes all fields back.
    let stale = json!({"name": "theirs", "description": before.readable["description"]});
    world.sim.edit(&before.id, stale);
    world.look_again("github").await;
    world.wait_recorded("github").await;
    let remote = world.only_remote();
    assert_eq!(remote.readable["name"], "github");
    assert_eq!(remote.readable["description"], "ours");
    world.check_oracles().await;
    assert_eq!(world.patches().len(), 2);
}
