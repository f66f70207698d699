//! Credentials of remote and container MCP providers: the API shows no scopes of them, and refuses to change their client id,
//! client secret and scopes.

use crate::support::{Environment, Handle, Kind, Manifest, credentials, each, keys};
use metorial_simulator::{Action, Fault, Quirk, Stored};
use serde_json::{Value, json};

/// A provider that is a remote MCP server.
const PROVIDER: &str = "notion";

fn of_mcp_server(spec: Value) -> Manifest {
    let manifest = credentials("app").spec(json!({"providerId": PROVIDER}));
    manifest.spec(spec)
}

/// Such credentials, ready.
async fn settled(spec: Value) -> Environment {
    let env = Environment::running().await;
    env.create(of_mcp_server(spec)).await;
    assert_eq!(env.only(Kind::Credentials).readable["scopes"], json!([]));
    env
}

fn app(env: &Environment) -> Handle<'_> {
    env.credentials("app")
}

#[tokio::test]
async fn scopes_that_read_as_none_are_no_drift_and_a_rename_sends_the_name_alone() {
    let env = settled(json!({})).await;
    let before = app(&env).get().await;
    let synced = app(&env).reconcile_now().await;
    assert!(synced.is_ready() && synced.field("drift").is_null());
    assert!(env.patches().is_empty());
    app(&env).edit(json!({"name": "renamed"})).await;
    app(&env).wait_recorded().await;
    assert_eq!(env.only(Kind::Credentials).readable["name"], "renamed");
    let patches = env.patches();
    assert_eq!(patches.len(), 1);
    assert_eq!(keys(&patches[0]), ["name"]);
    assert_eq!(app(&env).get().await.id(), before.id());
    env.check_oracles().await;
}

#[tokio::test]
async fn a_rotation_that_is_refused_is_reported_the_rest_is_applied_and_undoing_it_is_enough() {
    let mut env = settled(json!({})).await;
    let (former, id) = (env.client_secret.clone(), app(&env).get().await.id());
    env.rotate("oauth-app", "client-secret", "rotated").await;
    let refused = app(&env).wait_reason("RotationRefused").await;
    let message = refused.message();
    for part in ["oauth.clientSecret", &id, "spec.replace: Allow"] {
        assert!(message.contains(part), "{message}");
    }
    app(&env)
        .edit(json!({"name": "renamed", "oauth": {"scopes": ["other"]}}))
        .await;
    let renamed = |remote: &Stored| remote.readable["name"] == "renamed";
    env.wait_only(Kind::Credentials, "renamed", renamed).await;
    app(&env)
        .wait_message("RotationRefused", "oauth.scopes")
        .await;
    env.check_quiet().await;
    let remote = env.only(Kind::Credentials);
    assert_eq!(remote.write_only["client_secret"], former.as_str());

    // A restarted operator does not know that the API refuses it, and asks once more.
    let asked = env.attempts().len();
    env.restart_operator();
    env.until("it was asked once more", async || {
        (env.attempts().len() == asked + 1).then_some(())
    })
    .await;
    env.rotate("oauth-app", "client-secret", &former).await;
    app(&env)
        .edit(json!({"oauth": {"scopes": ["repo", "read:user"]}}))
        .await;
    app(&env).wait_ready().await;
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
    env.check_oracles().await;
    env.check_no_leak(&["rotated"]).await;
}

#[tokio::test]
async fn metadata_that_was_applied_beside_a_refused_rotation_is_removed_when_both_are_undone() {
    let mut env = settled(json!({})).await;
    let former = env.client_secret.clone();
    env.stop_operator().await;
    env.rotate("oauth-app", "client-secret", "rotated").await;
    app(&env).edit(json!({"metadata": {"team": "a"}})).await;
    env.start_operator();
    app(&env).wait_reason("RotationRefused").await;
    let has_team = |remote: &Stored| !remote.readable["metadata"]["team"].is_null();
    env.wait_only(Kind::Credentials, "the rest is applied", has_team)
        .await;
    env.stop_operator().await;
    env.rotate("oauth-app", "client-secret", &former).await;
    app(&env).edit(json!({"metadata": null})).await;
    env.start_operator();
    let remote = app(&env).wait_synced().await;
    assert_eq!(keys(&remote.readable["metadata"]), ["kubernetes"]);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_rotation_that_is_refused_replaces_the_credentials_where_the_spec_allows_it() {
    let env = settled(json!({"replace": "Allow"})).await;
    let former = app(&env).get().await.id();
    env.rotate("oauth-app", "client-secret", "rotated").await;
    let rotated = |remote: &Stored| remote.write_only["client_secret"] == "rotated";
    let remote = env
        .wait_only(Kind::Credentials, "the new credentials", rotated)
        .await;
    app(&env).wait_synced().await;
    let object = app(&env).get().await;
    assert_eq!(object.id(), remote.id);
    assert_eq!(object.field("previousIds")[0]["id"], former.as_str());
    assert_eq!(env.ever(Kind::Credentials).len(), 2);
    env.check_oracles().await;
    app(&env).remove().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn a_replacement_whose_response_was_lost_is_found_and_not_made_again() {
    let mut env = settled(json!({"replace": "Allow"})).await;
    env.next("POST", Kind::Credentials.path(), Action::CloseAfterApply);
    env.rotate("oauth-app", "client-secret", "rotated").await;
    env.until("the new credentials are created", async || {
        (env.ever(Kind::Credentials).len() == 2).then_some(())
    })
    .await;
    env.restart_operator();
    app(&env).wait_synced().await;
    assert_eq!(env.ever(Kind::Credentials).len(), 2);
    assert_eq!(
        env.only(Kind::Credentials).write_only["client_secret"],
        "rotated"
    );
    env.check_oracles().await;
}

#[tokio::test]
async fn a_replacement_for_other_scopes_whose_response_was_lost_is_not_made_again() {
    let env = settled(json!({"replace": "Allow"})).await;
    let former = app(&env).get().await.id();
    env.next("POST", Kind::Credentials.path(), Action::CloseAfterApply);
    app(&env)
        .edit(json!({"oauth": {"scopes": ["other"]}}))
        .await;
    let tested = app(&env);
    let replaced = tested.wait("another id", |object| {
        object.is_ready() && object.field("id") != former.as_str()
    });
    replaced.await;
    tested.wait_synced().await;
    assert_eq!(env.ever(Kind::Credentials).len(), 2);
    env.check_oracles().await;
}

#[tokio::test]
async fn replaced_credentials_stay_while_people_have_authorized_with_them() {
    let env = settled(json!({"replace": "Allow"})).await;
    let former = app(&env).get().await.id();
    let theirs = env.sim.add_auth_config(&env.instance, &former, json!({}));
    env.rotate("oauth-app", "client-secret", "rotated").await;
    let tested = app(&env);
    let replaced = tested.wait("another id", |object| {
        object.is_ready() && object.field("id") != former.as_str()
    });
    let replaced = replaced.await;
    assert_eq!(replaced.field("pendingDeletion")[0]["id"], former.as_str());
    env.check_quiet().await;
    assert_eq!(env.live(Kind::Credentials).len(), 2);
    env.sim.archive(&theirs);
    app(&env).reconcile_now().await;
    app(&env).wait_synced().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn replaced_credentials_stay_while_people_use_them_even_if_the_status_is_lost_and_replace_is_removed()
 {
    let mut env = settled(json!({"replace": "Allow"})).await;
    let former = app(&env).get().await.id();
    let theirs = env.sim.add_auth_config(&env.instance, &former, json!({}));
    env.rotate("oauth-app", "client-secret", "rotated").await;
    let replaced = app(&env)
        .wait("another id", |object| {
            object.is_ready() && object.field("id") != former.as_str()
        })
        .await;
    env.stop_operator().await;
    app(&env).edit(json!({"replace": null})).await;
    app(&env).lose_status().await;
    env.sim.clear_journal();
    env.start_operator();
    let found = app(&env).wait_ready().await;
    assert_eq!(found.id(), replaced.id());
    env.check_quiet().await;
    assert!(env.attempts().is_empty(), "{:?}", env.attempts());
    let kept = app(&env).get().await;
    assert_eq!(kept.field("pendingDeletion")[0]["id"], former.as_str());

    env.sim.archive(&theirs);
    app(&env).reconcile_now().await;
    env.wait_only(Kind::Credentials, "the former is gone", |remote| {
        remote.id == replaced.id()
    })
    .await;
    env.check_oracles().await;
}

/// A build that answers rotations with success and ignores them.
async fn ignoring() -> Environment {
    let env = Environment::running().await;
    env.sim.set_quirk(Quirk::CredentialsPatchIgnored, true);
    env.create(credentials("app")).await;
    env
}

#[tokio::test]
async fn a_server_that_ignores_rotations_is_known_by_its_own_description() {
    let env = ignoring().await;
    app(&env).edit(json!({"name": "renamed"})).await;
    app(&env).wait_recorded().await;
    env.rotate("oauth-app", "client-secret", "rotated").await;
    app(&env)
        .wait_message("RotationRefused", "oauth.clientSecret")
        .await;
    let sent: Vec<_> = env.patches().iter().map(keys).collect();
    assert_eq!(sent, [["name"]]);
    env.check_quiet().await;
}

/// Returns whether the object still has the client secret that it was created with, and never had another one.
async fn is_untouched(env: &Environment) -> bool {
    let id = app(env).get().await.id();
    let remote = env.sim.object(&id).unwrap();
    remote.write_only["client_secret"] == env.client_secret && remote.versions == 1
}

#[tokio::test]
async fn a_server_that_ignores_rotations_and_does_not_describe_itself_is_known_by_what_it_leaves_out()
 {
    let env = ignoring().await;
    let description = Fault::on("GET", "/metorial/introspect");
    env.sim.faults().add(description, Action::no_such_route());
    app(&env).edit(json!({"name": "renamed"})).await;
    app(&env).wait_recorded().await;
    let history = env.history_of(Kind::Credentials).await;
    env.rotate("oauth-app", "client-secret", "rotated").await;
    app(&env)
        .wait_message("RotationRefused", "oauth.clientSecret")
        .await;
    app(&env).edit(json!({"oauth": {"scopes": ["repo"]}})).await;
    app(&env)
        .wait_message("RotationRefused", "oauth.scopes")
        .await;
    let sent: Vec<_> = env.patches().iter().map(keys).collect();
    assert_eq!(sent, [["name"]]);
    env.check_quiet().await;
    assert!(is_untouched(&env).await);
    assert!(!history.had("app", "Synced"));
}

#[tokio::test]
async fn nothing_is_rotated_at_a_server_that_ignores_it_while_its_description_can_not_be_read() {
    let env = ignoring().await;
    app(&env).wait_recorded().await;
    let history = env.history_of(Kind::Credentials).await;
    let description = Fault::on("GET", "/metorial/introspect");
    let fails = Action::error(503, "unavailable");
    env.sim.faults().add(description, fails);
    env.rotate("oauth-app", "client-secret", "rotated").await;
    app(&env)
        .wait_message("RotationRefused", "oauth.clientSecret")
        .await;
    assert!(env.patches().is_empty());
    assert!(is_untouched(&env).await);
    assert!(!history.had("app", "Synced"));
}

#[tokio::test]
async fn a_server_that_changes_credentials_needs_no_description_of_itself() {
    let of_a_gateway = Action::answer(403, "<html>no</html>");
    let failing = Action::error(503, "unavailable");
    let answers = [Action::no_such_route(), of_a_gateway, failing];
    each(answers, async |answer| {
        let env = Environment::running().await;
        env.create(credentials("app")).await;
        let description = Fault::on("GET", "/metorial/introspect");
        env.sim.faults().add(description, answer);
        env.rotate("oauth-app", "client-secret", "rotated").await;
        let rotated = |remote: &Stored| remote.write_only["client_secret"] == "rotated";
        env.wait_only(Kind::Credentials, "rotated", rotated).await;
        app(&env).wait_synced().await;
        env.check_oracles().await;
    })
    .await;
}
