//! Keys with few scopes, keys of organizations, and what a refusal tells about the scope or the switch that is missing.

use crate::support::{Environment, Kind, VALUES, auth_config, config, credentials};
use crate::support::{export, import_new};
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
