//! The spec is edited: each edit is one PATCH of what it changed.

use crate::support::{Environment, Kind, Snapshot, credentials, keys, secret};
use serde_json::{Value, json};

async fn edit(env: &Environment, spec: Value) -> Snapshot {
    env.credentials("github").edit(spec).await;
    env.credentials("github").wait_ready().await
}

#[tokio::test]
async fn each_edit_of_the_spec_is_one_patch_of_the_field_that_it_changed() {
    let env = Environment::running().await;
    let created = env.create(credentials("github")).await;
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
        let edited = edit(&env, spec).await;
        assert_eq!(edited.status().id, created.status().id);
        assert_eq!(env.patches().len(), i + 1, "{field}");
        assert_eq!(env.patches()[i], json!({field: value}));
        assert_eq!(env.only(Kind::Credentials).readable[field], value);
    }
    let note = env.credentials("github").wait_event("Updated").await;
    assert!(note.contains("applied"), "{note}");
    env.check_oracles().await;
}

#[tokio::test]
async fn metadata_is_merged_key_by_key_and_a_key_removed_from_the_spec_is_removed_there_too() {
    let env = Environment::running().await;
    let metadata = json!({"team": "a", "tier": {"level": 1, "of": [1, 2.5, null]}, "former": true});
    env.create(credentials("github").spec(json!({"metadata": metadata})))
        .await;
    let remote = env.only(Kind::Credentials);
    let mut theirs = remote.readable["metadata"].clone();
    theirs["foreign"] = json!({"kept": true});
    env.sim.edit(&remote.id, json!({"metadata": theirs}));

    edit(&env, json!({"metadata": {"team": "b", "former": null}})).await;
    let there = env.only(Kind::Credentials).readable["metadata"].clone();
    assert_eq!(keys(&there), ["foreign", "kubernetes", "team", "tier"]);
    assert_eq!(there["team"], "b");
    assert_eq!(there["tier"], metadata["tier"]);
    assert_eq!(there["foreign"], json!({"kept": true}));
    assert_eq!(env.patches().len(), 1);

    edit(&env, json!({"metadata": null})).await;
    let there = env.only(Kind::Credentials).readable["metadata"].clone();
    assert_eq!(keys(&there), ["foreign", "kubernetes"]);
    assert_eq!(env.patches().len(), 2);
    env.check_oracles().await;
}

#[tokio::test]
async fn what_means_the_same_is_no_difference() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    let calls = env.calls();
    for spec in [
        json!({"oauth": {"scopes": ["read:user", "repo"]}}),
        json!({"name": "github"}),
        json!({"name": "  github "}),
        json!({"description": ""}),
        json!({"description": " \n"}),
        json!({"interval": "1h", "metadata": {}}),
        json!({"providerId": "github", "deletionPolicy": "Cascade"}),
    ] {
        edit(&env, spec).await;
    }
    env.check_oracles().await;
    assert_eq!(env.calls(), calls, "none of this is worth a call");
}

#[tokio::test]
async fn another_secret_with_the_same_value_is_no_difference_and_one_with_another_is_one_patch() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    env.apply(secret("copy", &[("key", &env.client_secret)]))
        .await;
    env.apply(secret("other", &[("key", "other value")])).await;
    let from = |name: &str| json!({"oauth": {"clientSecret": {"secretKeyRef": {"name": name, "key": "key"}}}});

    edit(&env, from("copy")).await;
    assert_eq!(env.patches().len(), 0);
    edit(&env, from("other")).await;
    assert_eq!(env.patches().len(), 1);
    assert_eq!(
        env.only(Kind::Credentials).write_only["client_secret"],
        "other value"
    );
    let known = env
        .credentials("github")
        .get()
        .await
        .status()
        .inputs
        .unwrap();
    assert!(known.iter().any(|input| input.source == "Secret/other/key"));

    env.rotate("copy", "key", "of no interest").await;
    env.check_oracles().await;
    assert_eq!(env.patches().len(), 1);
}

#[tokio::test]
async fn an_id_written_into_the_spec_is_pushed_like_any_other() {
    let env = Environment::running().await;
    let literal = |id: &str| json!({"oauth": {"clientId": {"secretKeyRef": null, "value": id}}});
    env.create(credentials("github").spec(literal("first")))
        .await;
    assert_eq!(env.only(Kind::Credentials).write_only["client_id"], "first");
    edit(&env, literal("second")).await;
    assert_eq!(
        env.only(Kind::Credentials).write_only["client_id"],
        "second"
    );
    assert_eq!(env.patches().len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_bad_edit_between_two_good_ones_leaves_no_trace() {
    let env = Environment::running().await;
    let alone = Environment::running().await;
    let good = credentials("github")
        .spec(json!({"name": "good", "metadata": {"k": 1}, "oauth": {"scopes": ["repo"]}}));
    env.create(credentials("github")).await;
    let missing = json!({"secretKeyRef": {"name": "nowhere", "key": "client-secret"}});
    edit_badly(
        &env,
        json!({"name": "bad", "oauth": {"clientSecret": missing}}),
        "SecretNotFound",
    )
    .await;
    edit_badly(
        &env,
        json!({"connectionRef": {"name": "nowhere"}}),
        "SecretNotFound",
    )
    .await;
    let both = json!({"oauth": {"clientSecret": {"secretKeyRef": {"name": "oauth-app"}}}});
    edit_badly(&env, both, "ConnectionNotFound").await;
    assert!(env.patches().is_empty(), "nothing bad was sent");
    let long =
        json!({"connectionRef": null, "oauth": {"clientId": {"secretKeyRef": null, "value": "x"}}});
    edit(&env, long).await;

    let clear = json!({"oauth": {"clientId": {"value": null, "secretKeyRef": {"name": "oauth-app", "key": "client-id"}}}});
    edit(&env, clear).await;
    env.create(good.clone()).await;
    alone.create(good).await;

    let masked = |env: &Environment| {
        let remote = env.only(Kind::Credentials);
        let mut readable = remote.readable.clone();
        for field in ["id", "created_at", "updated_at"] {
            readable[field] = Value::Null;
        }
        readable["metadata"]["kubernetes"] = Value::Null;
        (readable, remote.write_only["client_id"].clone())
    };
    env.credentials("github").wait_recorded().await;
    assert_eq!(masked(&env), masked(&alone));
    env.check_oracles().await;
    alone.check_oracles().await;
}

async fn edit_badly(env: &Environment, spec: Value, reason: &str) {
    env.credentials("github").edit(spec).await;
    let object = env.credentials("github").wait_reason(reason).await;
    assert_eq!(object.ready().status, "False");
}
