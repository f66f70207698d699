//! The spec is edited: each edit is one PATCH of what it changed.

use crate::support::{World, credentials, keys, ready, secret, status, with};
use metorial_operator::resources::ProviderAuthCredentials;
use serde_json::{Value, json};

async fn edit(world: &World, spec: Value) -> ProviderAuthCredentials {
    world
        .patch::<ProviderAuthCredentials>("github", json!({"spec": spec}))
        .await;
    world.wait_ready("github").await
}

#[tokio::test]
async fn each_edit_of_the_spec_is_one_patch_of_the_field_that_it_changed() {
    let world = World::running().await;
    let created = world.make(credentials("github")).await;
    let edits = [
        (json!({"name": "GitHub"}), "name", json!("GitHub")),
        (
            json!({"description": "our app"}),
            "description",
            json!("our app"),
        ),
        (
            json!({"oauth": {"scopes": ["repo"]}}),
            "scopes",
            json!(["repo"]),
        ),
        (json!({"name": null}), "name", json!("github")),
        (json!({"description": null}), "description", json!("")),
        (json!({"oauth": {"scopes": []}}), "scopes", json!([])),
    ];
    for (i, (spec, field, value)) in edits.into_iter().enumerate() {
        let edited = edit(&world, spec).await;
        assert_eq!(status(&edited).id, status(&created).id);
        assert_eq!(world.patches().len(), i + 1, "{field}");
        assert_eq!(world.patches()[i], json!({field: value}));
        assert_eq!(world.only_remote().readable[field], value);
    }
    let told = world.wait_event("github", "Updated").await;
    assert!(told.contains("pushed"), "{told}");
    world.check_oracles().await;
}

#[tokio::test]
async fn metadata_is_merged_key_by_key_and_a_key_taken_out_of_the_spec_goes_there_too() {
    let world = World::running().await;
    let metadata = json!({"team": "a", "tier": {"level": 1, "of": [1, 2.5, null]}, "former": true});
    world
        .make(with(
            credentials("github"),
            json!({"spec": {"metadata": metadata}}),
        ))
        .await;
    let remote = world.only_remote();
    let mut theirs = remote.readable["metadata"].clone();
    theirs["foreign"] = json!({"kept": true});
    world.sim.edit(&remote.id, json!({"metadata": theirs}));

    edit(&world, json!({"metadata": {"team": "b", "former": null}})).await;
    let there = world.only_remote().readable["metadata"].clone();
    assert_eq!(keys(&there), ["foreign", "kubernetes", "team", "tier"]);
    assert_eq!(there["team"], "b");
    assert_eq!(there["tier"], metadata["tier"]);
    assert_eq!(there["foreign"], json!({"kept": true}));
    assert_eq!(world.patches().len(), 1);

    edit(&world, json!({"metadata": null})).await;
    let there = world.only_remote().readable["metadata"].clone();
    assert_eq!(keys(&there), ["foreign", "kubernetes"]);
    assert_eq!(world.patches().len(), 2);
    world.check_oracles().await;
}

#[tokio::test]
async fn what_means_the_same_is_no_difference() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    let calls = world.calls();
    for spec in [
        json!({"oauth": {"scopes": ["read:user", "repo"]}}),
        json!({"oauth": {"scopes": ["repo", "read:user", "repo"]}}),
        json!({"name": "github"}),
        json!({"name": "  github "}),
        json!({"description": ""}),
        json!({"description": " \n"}),
        json!({"interval": "1h", "metadata": {}}),
        json!({"providerId": "github", "deletionPolicy": "Cascade"}),
    ] {
        edit(&world, spec).await;
    }
    world.check_oracles().await;
    assert_eq!(world.calls(), calls, "none of this is worth a call");
}

#[tokio::test]
async fn another_secret_with_the_same_value_is_no_difference_and_one_with_another_is_one_patch() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    world
        .apply(secret("copy", &[("key", &world.client_secret)]))
        .await;
    world
        .apply(secret("other", &[("key", "other value")]))
        .await;
    let from = |name: &str| json!({"oauth": {"clientSecret": {"secretKeyRef": {"name": name, "key": "key"}}}});

    edit(&world, from("copy")).await;
    assert_eq!(world.patches().len(), 0);
    edit(&world, from("other")).await;
    assert_eq!(world.patches().len(), 1);
    assert_eq!(
        world.only_remote().write_only["client_secret"],
        "other value"
    );
    let known = status(&world.credentials("github").await).inputs.unwrap();
    assert!(known.iter().any(|input| input.source == "Secret/other/key"));

    world.rotate("copy", "key", "of no interest").await;
    world.check_oracles().await;
    assert_eq!(world.patches().len(), 1);
}

#[tokio::test]
async fn an_id_written_into_the_spec_is_pushed_like_any_other() {
    let world = World::running().await;
    let literal = |id: &str| json!({"oauth": {"clientId": {"secretKeyRef": null, "value": id}}});
    world
        .make(with(
            credentials("github"),
            json!({"spec": literal("first")}),
        ))
        .await;
    assert_eq!(world.only_remote().write_only["client_id"], "first");
    edit(&world, literal("second")).await;
    assert_eq!(world.only_remote().write_only["client_id"], "second");
    assert_eq!(world.patches().len(), 1);
    world.check_oracles().await;
}

#[tokio::test]
async fn a_bad_edit_between_two_good_ones_leaves_no_trace() {
    let world = World::running().await;
    let alone = World::running().await;
    let good = with(
        credentials("github"),
        json!({"spec": {"name": "good", "metadata": {"k": 1}, "oauth": {"scopes": ["repo"]}}}),
    );
    world.make(credentials("github")).await;
    let missing = json!({"secretKeyRef": {"name": "nowhere", "key": "client-secret"}});
    edit_badly(
        &world,
        json!({"name": "bad", "oauth": {"clientSecret": missing}}),
        "SecretNotFound",
    )
    .await;
    edit_badly(
        &world,
        json!({"connectionRef": {"name": "nowhere"}}),
        "SecretNotFound",
    )
    .await;
    let both = json!({"oauth": {"clientSecret": {"secretKeyRef": {"name": "oauth-app"}}}});
    edit_badly(&world, both, "ConnectionNotFound").await;
    assert!(world.patches().is_empty(), "nothing bad was sent");
    let long =
        json!({"connectionRef": null, "oauth": {"clientId": {"secretKeyRef": null, "value": "x"}}});
    edit(&world, long).await;

    let clear = json!({"oauth": {"clientId": {"value": null, "secretKeyRef": {"name": "oauth-app", "key": "client-id"}}}});
    edit(&world, clear).await;
    world.make(good.clone()).await;
    alone.make(good).await;

    let masked = |world: &World| {
        let remote = world.only_remote();
        let mut readable = remote.readable.clone();
        for field in ["id", "created_at", "updated_at"] {
            readable[field] = Value::Null;
        }
        readable["metadata"]["kubernetes"] = Value::Null;
        (readable, remote.write_only["client_id"].clone())
    };
    world.wait_recorded("github").await;
    assert_eq!(masked(&world), masked(&alone));
    world.check_oracles().await;
    alone.check_oracles().await;
}

async fn edit_badly(world: &World, spec: Value, reason: &str) {
    world
        .patch::<ProviderAuthCredentials>("github", json!({"spec": spec}))
        .await;
    let object = world.wait_reason("github", reason).await;
    assert_eq!(ready(&object).unwrap().0, "False");
}
