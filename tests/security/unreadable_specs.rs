//! Objects whose spec can't be read, because an older definition admitted it: each says so, and can be deleted.

use crate::support::{Environment, Kind, Manifest, api_of, canary, connection, credentials};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use metorial_operator::resources::definitions;
use serde_json::{Value, json};

/// Gives a field below `spec` of a kind another schema.
async fn define(client: &Client, kind: Kind, path: &str, schema: &Value) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let patch = json!([{"op": "replace", "path": path, "value": schema}]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).unwrap());
    let name = format!("{}.metorial.com", kind.plural());
    let params = PatchParams::default();
    api.patch(&name, &params, &patch).await.unwrap();
}

/// Stores a resource that today's definition refuses because of this field below `spec`.
pub async fn store(env: &Environment, manifest: Manifest, field: &str) {
    let kind = Kind::named(manifest["kind"].as_str().unwrap());
    let path =
        format!("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/{field}");
    // Not the cluster's own, which another test may have changed for a moment.
    let today = definitions().into_iter();
    let mut today = today.filter(|definition| definition.spec.names.kind == kind.name());
    let today = serde_json::to_value(today.next().unwrap()).unwrap();
    let free = json!({"x-kubernetes-preserve-unknown-fields": true, "description": "free"});
    env.until("the definition admits it", async || {
        define(&env.client, kind, &path, &free).await;
        env.try_apply(manifest.clone()).await.ok()
    })
    .await;
    let schema = today.pointer(&path).unwrap();
    define(&env.client, kind, &path, schema).await;
    // Nothing is stored by that: what is wrong already may stay so.
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let other: DynamicObject =
        serde_json::from_value(manifest.metadata(json!({"name": "other"})).into()).unwrap();
    let api = api_of(&env.client, &env.namespace, &other);
    env.until("the definition refuses it", async || {
        api.create(&dry, &other).await.err()
    })
    .await;
}

#[tokio::test]
async fn a_resource_names_the_field_and_is_deleted_by_its_id_and_marker() {
    let mut env = Environment::new().await;
    env.start_operator();
    env.create(credentials("github").publishing("ids")).await;
    let id = env.only(Kind::Credentials).id;
    let value = canary("spec");
    let odd = credentials("github").publishing("ids");
    let odd = odd.spec(json!({"suspend": value, "description": "changed"}));
    store(&env, odd, "suspend").await;
    let github = env.credentials("github");
    let found = github.wait_message("InvalidSpec", "spec.suspend").await;
    assert_eq!(found.field("id"), id.as_str());
    let text = json!([found.message(), github.notes("InvalidSpec").await]);
    assert!(!text.to_string().contains(&value), "{text}");
    let published = env.config_map("ids").await.unwrap().data.unwrap();
    assert_eq!(published["id"], id);

    // The API server can't merge a server-side apply with such an object.
    github.edit(json!({"suspend": null})).await;
    github.wait_ready().await;
    let odd = credentials("github").publishing("ids");
    let odd = odd.spec(json!({"suspend": value}));
    store(&env, odd, "suspend").await;
    github.wait_message("InvalidSpec", "spec.suspend").await;
    env.sim.clear_journal();
    github.remove().await;
    let path = Kind::Credentials.path();
    assert_eq!(env.attempts(), [format!("DELETE {path}/{id}")]);
    env.wait_gone::<ConfigMap>("ids").await;
}

#[tokio::test]
async fn one_that_never_had_an_object_creates_none_and_is_deleted() {
    let mut env = Environment::new().await;
    let odd = credentials("github").spec(json!({"suspend": "no"}));
    store(&env, odd, "suspend").await;
    env.start_operator();
    let github = env.credentials("github");
    github.wait_message("InvalidSpec", "spec.suspend").await;
    github.remove().await;
    assert!(env.attempts().is_empty(), "{:?}", env.attempts());
}

#[tokio::test]
async fn where_it_can_not_be_read_whether_the_object_is_deleted_it_is_left_at_metorial() {
    let mut env = Environment::new().await;
    env.start_operator();
    env.create(credentials("github")).await;
    let odd = credentials("github").spec(json!({"deletionPolicy": "Archive"}));
    store(&env, odd, "deletionPolicy").await;
    let github = env.credentials("github");
    github
        .wait_message("InvalidSpec", "spec.deletionPolicy")
        .await;
    github.remove().await;
    assert_eq!(env.live(Kind::Credentials).len(), 1);
    github.wait_event("Orphaned").await;
}

#[tokio::test]
async fn a_connection_names_the_field_and_its_resources_wait() {
    let mut env = Environment::new().await;
    env.start_operator();
    env.create(credentials("github")).await;
    let odd = connection("default", &env.sim.url());
    let odd = odd.spec(json!({"rateLimit": {"requests": "many"}}));
    store(&env, odd, "rateLimit").await;
    let default = env.connection("default");
    default
        .wait_message("InvalidSpec", "spec.rateLimit.requests")
        .await;
    check_dependents(&env, "spec.rateLimit.requests", json!({"rateLimit": null})).await;
}

#[tokio::test]
async fn where_kubernetes_refuses_the_status_as_well_an_event_names_the_field() {
    let mut env = Environment::new().await;
    env.start_operator();
    env.create(credentials("github")).await;
    let odd = connection("default", &env.sim.url());
    // A rule of the definition can't be evaluated on a number, not even where only the status changes.
    let odd = odd.spec(json!({"instance": {"id": 7}}));
    // It must not write the status while the other definition is in force.
    env.stop_operator().await;
    store(&env, odd, "instance").await;
    env.start_operator();
    let default = env.connection("default");
    default.wait_note("InvalidSpec", "spec.instance.id").await;
    assert!(
        default.get().await.ready().observed_generation < default.get().await.metadata.generation
    );
    check_dependents(&env, "spec.instance.id", json!({"instance": null})).await;
}

#[tokio::test]
async fn the_same_is_reported_for_a_resource() {
    let mut env = Environment::new().await;
    let odd = credentials("github").spec(json!({"publish": {"configMap": {"name": 7}}}));
    store(&env, odd, "publish").await;
    env.start_operator();
    let github = env.credentials("github");
    github
        .wait_note("InvalidSpec", "spec.publish.configMap.name")
        .await;
    assert!(!github.get().await.is_current());
    github.remove().await;
    assert!(env.attempts().is_empty(), "{:?}", env.attempts());
}

/// What uses the Connection `default` waits and names the field, until the spec is corrected. All of it can be deleted.
async fn check_dependents(env: &Environment, field: &str, correction: Value) {
    env.apply(credentials("slack")).await;
    let slack = env.credentials("slack");
    slack.wait_message("ConnectionNotReady", field).await;
    let default = env.connection("default");
    default.edit(correction).await;
    slack.wait_ready().await;
    env.credentials("github").remove().await;
    slack.remove().await;
    default.remove().await;
}
