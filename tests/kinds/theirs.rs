//! Other people at the same objects: what they edit is put right once or told, what belongs to them is only looked at.

use super::cast::{Auth, Cast, Config, VALUES, Vault};
use super::scene::{auth_config, status};
use super::support::{World, credentials, each, keys, with};
use metorial_operator::resources::{ProviderAuthConfig, ProviderAuthCredentials};
use serde_json::{Value, json};

/// The cast in step, with everything in its spec that a person can edit there.
async fn wanted(cast: Cast, drift: &str) -> (World, String) {
    let world = World::running().await;
    world.value("token", VALUES[0]).await;
    let mut spec = json!({"description": "ours", "metadata": {"team": "a"}, "drift": drift});
    if cast != Vault {
        spec["toolFilters"] = json!([
            {"type": "tool_keys", "keys": ["b", "a"]},
            {"type": "resource_regex", "pattern": "^docs"}
        ]);
    }
    world
        .apply(with(cast.manifest(""), json!({"spec": spec})))
        .await;
    world.arrive(cast, VALUES[0]).await;
    let id = world.living(cast.collection())[0].id.clone();
    (world, id)
}

/// What somebody does there, the field that it is, and the key of a PATCH against it.
fn edits(cast: Cast, metadata: &Value) -> Vec<(Value, &'static str, &'static str)> {
    let other = with(metadata.clone(), json!({"team": "b"}));
    let mut edits = vec![
        (json!({"name": "theirs"}), "name", "name"),
        (
            json!({"description": "theirs"}),
            "description",
            "description",
        ),
        (json!({"metadata": other}), "metadata.team", "metadata"),
    ];
    if cast != Vault {
        let all = json!({"tool_filter": {"type": "allow_all"}});
        edits.push((all, "toolFilters", "tool_filters"));
    }
    edits
}

#[tokio::test]
async fn under_correct_each_edit_of_each_kind_is_pushed_back_by_one_patch() {
    each([Auth, Config, Vault], async |cast| {
        let (world, id) = wanted(cast, "Correct").await;
        let before = world.sim.object(&id).unwrap().readable;
        for (edit, field, key) in edits(cast, &before["metadata"]) {
            world.sim.clear_journal();
            world.sim.edit(&id, edit);
            world.look(cast).await;
            world.arrive(cast, VALUES[0]).await;
            let patches = world.patches();
            assert_eq!(patches.len(), 1, "{cast:?} {field}: {:?}", world.attempts());
            assert_eq!(keys(&patches[0]), [key], "{cast:?} {field}");
            assert_eq!(world.writes().len(), 1, "{cast:?} {field}");
            let now = world.sim.object(&id).unwrap().readable;
            for part in ["name", "description", "metadata", "tool_filter"] {
                assert_eq!(now[part], before[part], "{cast:?} {field}");
            }
        }
        world.check_cast_quiet(cast).await;
    })
    .await;
}

#[tokio::test]
async fn under_report_each_edit_of_each_kind_is_told_and_left() {
    each([Auth, Config, Vault], async |cast| {
        let (world, id) = wanted(cast, "Report").await;
        world.sim.clear_journal();
        let metadata = world.sim.object(&id).unwrap().readable["metadata"].clone();
        let mut fields = Vec::new();
        for (edit, field, _) in edits(cast, &metadata) {
            world.sim.edit(&id, edit);
            fields.push(field);
        }
        world.look(cast).await;
        let object = world.cast(cast).await.unwrap();
        let told = object["status"]["drift"].as_array().unwrap();
        for field in fields {
            assert!(
                told.iter().any(|entry| entry["field"] == field),
                "{cast:?} {field}: {told:?}"
            );
        }
        assert!(world.cast_is_ready(cast).await, "{cast:?}");
        world.check_cast_quiet(cast).await;
        assert!(
            world.attempts().is_empty(),
            "{cast:?}: {:?}",
            world.attempts()
        );
    })
    .await;
}

#[tokio::test]
async fn an_auth_config_of_a_persons_consent_is_looked_at_and_never_written() {
    let world = World::running().await;
    world.value("token", VALUES[0]).await;
    let app = world.make(credentials("github")).await;
    let app = super::support::status(&app).id.unwrap();
    let consent = json!({"name": "somebody's"});
    let id = world.sim.add_auth_config(&world.instance, &app, consent);
    world.sim.clear_journal();
    let adopting = |more: Value| {
        let spec = with(json!({"adopt": {"id": id, "policy": "Override"}}), more);
        with(auth_config("theirs"), json!({"spec": spec}))
    };
    world.apply(adopting(json!({}))).await;
    let message = world
        .reason::<ProviderAuthConfig>("theirs", "AdoptionMismatch")
        .await;
    assert!(
        message.contains("consent") && message.contains("Observe"),
        "{message}"
    );
    world
        .patch::<ProviderAuthConfig>("theirs", json!({"spec": {"mode": "Observe"}}))
        .await;
    world
        .reason::<ProviderAuthConfig>("theirs", "Observed")
        .await;
    let object: ProviderAuthConfig = world.ready("theirs").await;
    assert_eq!(status(&object).id.as_ref(), Some(&id));
    world.value("token", VALUES[1]).await;
    world.check_quiet().await;
    world.delete::<ProviderAuthConfig>("theirs").await;
    world.wait_gone::<ProviderAuthConfig>("theirs").await;
    assert!(world.attempts().is_empty(), "{:?}", world.attempts());
    assert_eq!(world.sim.object(&id).unwrap().readable["status"], "active");
    world.delete::<ProviderAuthCredentials>("github").await;
    let message = world
        .reason::<ProviderAuthCredentials>("github", "DeletionBlocked")
        .await;
    assert!(message.contains(&id), "{message}");
}
