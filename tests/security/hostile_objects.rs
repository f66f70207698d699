//! Objects of one tenant that are hard to read: after a restart everybody else is served all the same.

use crate::support::{
    AllNamespaces, Environment, Kind, KubeGate, connection, credentials, literal_vault, secret,
};
use crate::unreadable_specs::store;
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde_json::{Value, json};

/// Two tenants of one operator, each with a connection.
struct Tenants {
    all: AllNamespaces,
    attacker: Environment,
    victim: Environment,
}

impl Tenants {
    async fn new() -> Self {
        let all = AllNamespaces::new().await;
        let (attacker, victim) = (tenant(&all).await, tenant(&all).await);
        Self {
            all,
            attacker,
            victim,
        }
    }

    /// Restarts the operator; after that a new resource of the victim becomes ready, and an old one is deleted. Every list is
    /// read as one page, whatever is in it.
    async fn check_victim_is_served_after_a_restart(&mut self) {
        self.check_victim_is_served_after_pages(1).await;
    }

    /// The same, where a list of credentials may be read in as many pages.
    async fn check_victim_is_served_after_pages(&mut self, most: usize) {
        self.victim.apply(credentials("old")).await;
        self.victim.credentials("old").wait_ready().await;
        self.all.home.kill_operator();
        self.victim.apply(credentials("new")).await;
        let gate = KubeGate::open();
        self.all.start_operator_behind(&gate);
        self.victim.credentials("new").wait_ready().await;
        self.victim.credentials("old").remove().await;
        for (kind, most) in [(Kind::Credentials, most), (Kind::Vault, 1)] {
            let (lists, pages) = gate.listed(&kind.plural());
            assert!(
                lists > 0 && pages <= lists * most,
                "{lists} lists of {kind:?} in {pages} pages"
            );
        }
    }
}

async fn tenant(all: &AllNamespaces) -> Environment {
    let tenant = all.namespace(json!({})).await;
    let key = secret("metorial", &[("api-key", &all.home.key)]);
    tenant.apply(key).await;
    tenant.apply(tenant.app_secret()).await;
    let default = connection("default", &all.home.sim.url());
    tenant.apply(default).await;
    tenant
}

/// An object with as many levels, itself included.
fn nested(levels: usize) -> Value {
    let inner = |value, _| json!({"a": value});
    (1..levels).fold(json!({}), inner)
}

/// Applies a manifest whose answer is nested too deep for the client of a test to read.
async fn apply_unread(env: &Environment, kind: Kind, manifest: impl Into<Value>) {
    let manifest: Value = manifest.into();
    let name = manifest["metadata"]["name"].as_str().unwrap();
    let params = PatchParams::apply("test").force();
    let request = collection(env, kind).patch(name, &params, &Patch::Apply(&manifest));
    let answer = env.client.request_text(request.unwrap()).await;
    answer.unwrap();
}

fn collection(env: &Environment, kind: Kind) -> Request {
    let (namespace, plural) = (&env.namespace, kind.plural());
    Request::new(format!(
        "/apis/metorial.com/v1alpha1/namespaces/{namespace}/{plural}"
    ))
}

/// Waits for the reason and the message of a resource that the client of a test can't read, without `spec`.
async fn wait_refused(env: &Environment, kind: Kind, name: &str, text: &str) {
    env.until(&format!("{name} is refused: {text}"), async || {
        let request = collection(env, kind).get(name, &Default::default());
        let found = env.client.request_text(request.unwrap()).await.unwrap();
        let refused = found.contains("\"reason\":\"InvalidSpec\"") && found.contains(text);
        refused.then_some(())
    })
    .await;
}

/// Credentials whose `suspend` is not what it has to be.
async fn store_unreadable(env: &Environment, name: &str) {
    let odd = credentials(name).spec(json!({"suspend": {"free": true}}));
    store(env, odd, "suspend").await;
}

#[tokio::test]
async fn metadata_of_150_levels_is_refused_and_keeps_nobody_else_from_being_served() {
    let mut tenants = Tenants::new().await;
    tenants.all.start_operator();
    let deep = credentials("deep").spec(json!({"metadata": {"a": nested(150)}}));
    apply_unread(&tenants.attacker, Kind::Credentials, deep).await;
    tenants.check_victim_is_served_after_a_restart().await;
    let limit = "spec.metadata has more than 8 levels";
    wait_refused(&tenants.attacker, Kind::Credentials, "deep", limit).await;
}

#[tokio::test]
async fn a_literal_of_150_levels_is_refused_and_keeps_nobody_else_from_being_served() {
    let mut tenants = Tenants::new().await;
    tenants.all.start_operator();
    let deep = literal_vault("deep").spec(json!({"value": {"literal": {"a": nested(150)}}}));
    apply_unread(&tenants.attacker, Kind::Vault, deep).await;
    tenants.check_victim_is_served_after_a_restart().await;
    let limit = "spec.value.literal has more than 16 levels";
    wait_refused(&tenants.attacker, Kind::Vault, "deep", limit).await;
}

#[tokio::test]
async fn managed_fields_of_150_levels_keep_nobody_from_being_served() {
    let mut tenants = Tenants::new().await;
    tenants.all.start_operator();
    let attacker = &tenants.attacker;
    attacker.create(credentials("deep")).await;
    let fields = (0..150).fold(json!({}), |inner, _| json!({"f:a": inner}));
    let patch = json!({"metadata": {"managedFields": [{
        "manager": "attacker",
        "operation": "Update",
        "apiVersion": "metorial.com/v1alpha1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:annotations": fields}},
    }]}});
    let collection = collection(attacker, Kind::Credentials);
    let request = collection.patch("deep", &PatchParams::default(), &Patch::Merge(patch));
    let answer = attacker.client.request_text(request.unwrap()).await;
    answer.unwrap();
    tenants.check_victim_is_served_after_a_restart().await;
}

#[tokio::test]
async fn annotations_of_250_kib_keep_nobody_from_being_served() {
    let mut tenants = Tenants::new().await;
    tenants.all.start_operator();
    let huge = json!({"annotations": {"a": "x".repeat(250 * 1024)}});
    for number in 0..20 {
        let huge = credentials(&format!("huge-{number}")).metadata(huge.clone());
        tenants.attacker.apply(huge).await;
    }
    // Pages with fewer and fewer objects until they are small enough, and then no more than one for each.
    tenants.check_victim_is_served_after_pages(30).await;
    tenants.attacker.credentials("huge-19").wait_ready().await;
}

#[tokio::test]
async fn the_longest_and_oddest_names_keep_nobody_from_being_served() {
    let mut tenants = Tenants::new().await;
    tenants.all.start_operator();
    let long = "a.".repeat(126) + "a";
    for name in ["0", "0.0", "continue", "null", "status", &long] {
        tenants.attacker.apply(credentials(name)).await;
    }
    tenants.check_victim_is_served_after_a_restart().await;
    tenants.attacker.credentials(&long).wait_ready().await;
}

#[tokio::test]
async fn a_spec_that_an_older_definition_admitted_keeps_nobody_else_from_being_served() {
    let mut tenants = Tenants::new().await;
    tenants.all.start_operator();
    store_unreadable(&tenants.attacker, "odd").await;
    tenants.check_victim_is_served_after_a_restart().await;
    let odd = tenants.attacker.credentials("odd");
    odd.wait_message("InvalidSpec", "spec.suspend").await;
}

#[tokio::test]
async fn a_connection_is_kept_for_a_resource_whose_spec_can_no_longer_be_read() {
    let mut tenants = Tenants::new().await;
    tenants.all.start_operator();
    let tenant = &tenants.attacker;
    tenant.create(credentials("odd")).await;
    store_unreadable(tenant, "odd").await;
    tenant.connection("default").delete().await;
    let kept = tenant.connection("default").wait_reason("Deleting").await;
    let user = format!("ProviderAuthCredentials {}/odd", tenant.namespace);
    assert!(kept.message().contains(&user), "{}", kept.message());
    tenants.check_victim_is_served_after_a_restart().await;
}
