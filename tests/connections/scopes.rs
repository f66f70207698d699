//! Keys with few scopes, keys of organizations, and what a refusal tells about the scope or the switch that is missing.

use crate::support::{Environment, Form, Kind, Manifest, VALUES, auth_config, config, credentials};
use crate::support::{deployment, export, import_new};
use metorial_simulator::InstanceType;
use serde_json::json;

#[tokio::test]
async fn a_key_that_may_not_read_its_instance_serves_and_its_type_is_unknown() {
    let mut env = Environment::new().await;
    let scopes = [
        "instance.provider.auth:read",
        "instance.provider.auth:write",
    ];
    env.sim.restrict_key(&env.key, scopes);
    env.start_operator();
    let ready = env.connection("default").wait_reason("Synced").await;
    let instance = ready.field("instance");
    assert_eq!(instance["id"], env.instance.as_str());
    assert!(instance["organizationId"].is_string(), "{instance}");
    assert!(instance["type"].is_null(), "{instance}");
    env.create(credentials("github")).await;
    let guard = json!({"instance": {"type": "production"}});
    env.connection("default").edit(guard).await;
    let connection = env.connection("default");
    let refused = connection.wait_reason("InstanceMismatch").await;
    let message = refused.message();
    assert!(message.contains("organization.instance:read"), "{message}");
}

#[tokio::test]
async fn a_key_of_an_organization_opens_the_instance_of_the_spec() {
    let mut env = Environment::new().await;
    let other = env
        .sim
        .add_instance(&env.organization, InstanceType::Development);
    let key = env.sim.add_organization_key(&env.organization);
    env.use_key(&key).await;
    env.start_operator();
    let connection = env.connection("default");
    let stalled = connection.wait_reason("InvalidSpec").await;
    let message = stalled.message();
    assert!(message.contains("set spec.instance.id"), "{message}");

    connection
        .edit(json!({"instance": {"id": "ins_none"}}))
        .await;
    connection.wait_message("InvalidSpec", "ins_none").await;
    connection
        .edit(json!({"instance": {"id": env.instance.as_str()}}))
        .await;
    let ready = connection.wait_reason("Synced").await;
    assert_eq!(ready.field("instance")["id"], env.instance.as_str());
    env.create(credentials("github")).await;
    assert_eq!(env.live(Kind::Credentials).len(), 1);
    assert!(env.live_in(&other).is_empty());
    env.check_no_leak(&[&key]).await;
}

#[tokio::test]
async fn a_refusal_names_the_scope_that_the_key_lacks() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    let theirs = env.auth_config_by_hand(json!({})).await;
    let scopes = ["organization.instance:read", "instance.provider.auth:read"];
    env.sim.restrict_key(&env.key, scopes);
    let unchecked = json!({"validation": "None"});
    let by_id = json!({"authConfigRef": null, "authConfigId": theirs});
    let switch = "allow auth config import/export";
    for (manifest, scope, names_switch) in [
        (credentials("one"), "instance.provider.auth:write", false),
        (config("one"), "instance.provider.config:write", false),
        (
            import_new("one").spec(unchecked),
            "instance.provider.auth:import",
            true,
        ),
        (
            export("one", "x", "out").spec(by_id),
            "instance.provider.auth:export",
            true,
        ),
    ] {
        let kind = Kind::named(manifest["kind"].as_str().unwrap());
        env.apply(manifest).await;
        let stalled = env.resource(kind, "one").wait_reason("Forbidden").await;
        let message = stalled.message();
        assert!(message.contains(&format!("`{scope}`")), "{message}");
        assert_eq!(message.contains(switch), names_switch, "{message}");
    }
}

#[tokio::test]
async fn where_a_project_allows_only_oauth_the_message_names_the_switch_and_no_scope() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    env.sim.set_only_oauth(&env.instance, true);
    env.apply(auth_config("one")).await;
    let stalled = env.auth_config("one").wait_reason("Forbidden").await;
    let message = stalled.message();
    assert!(message.contains("only OAuth methods"), "{message}");
    assert!(!message.contains("instance.provider"), "{message}");
}

/// The scopes that the documentation lists for a kind.
fn documented(kind: Kind) -> Vec<&'static str> {
    let page = include_str!("../../docs/find-ids.md");
    let begin = format!("| `{}` |", kind.name());
    let row = page.lines().find(|line| line.starts_with(&begin));
    let words = row.unwrap().split('`');
    words.filter(|word| word.contains(':')).collect()
}

/// The manifest of a form under another name, for the object of the same name at Metorial.
fn second(form: Form, theirs: &str) -> Manifest {
    let manifest = form.manifest(theirs);
    manifest.metadata(json!({"name": "second"}))
}

#[tokio::test]
async fn the_scopes_that_the_documentation_lists_for_a_kind_suffice_for_all_that_it_does() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    let theirs = env.auth_config_by_hand(json!({})).await;
    for form in [
        Form::Deployment,
        Form::Credentials,
        Form::AuthConfig,
        Form::Config,
        Form::Vault,
        Form::ImportInto,
        Form::ImportNew,
        Form::Export,
    ] {
        let kind = form.kind();
        env.sim.restrict_key(&env.key, documented(kind));
        let made = form.manifest(&theirs);
        if Kind::MARKED.contains(&kind) {
            let left = env.create(made.named("one").orphaning()).await;
            env.resource(kind, "tested").remove().await;
            let id = left.status().id.clone().unwrap();
            let adopted = second(form, &theirs).named("one").adopting(&id);
            let adopted = env.create(adopted).await;
            assert_eq!(adopted.status().id, Some(id));
            env.resource(kind, "second").remove().await;
        } else {
            env.create(made).await;
            env.resource(kind, "tested").remove().await;
        }
    }
}

#[tokio::test]
async fn without_the_scope_for_providers_an_object_is_adopted_whose_provider_is_named_by_its_id() {
    let env = Environment::running().await;
    let provider = env.sim.catalog().provider("linear").unwrap().id.clone();
    let theirs = env.sim.add_deployment(&env.instance, &provider, "theirs");
    let scopes = documented(Kind::Deployment).into_iter();
    let scopes = scopes.filter(|scope| *scope != "instance.provider:read");
    env.sim.restrict_key(&env.key, scopes);
    let adopting = deployment("linear").named("theirs").adopting(&theirs);
    env.apply(adopting).await;
    let adopted = env.deployment("linear");
    adopted
        .wait_message("Forbidden", "`instance.provider:read`")
        .await;
    adopted.edit(json!({"providerId": provider})).await;
    adopted.wait_ready().await;
}
