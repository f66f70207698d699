//! Two tenants share the key of a ClusterConnection: neither may use, change, delete or spy on what is the other's, whatever
//! ids a spec or a status names.

use crate::support::{
    AllNamespaces, Environment, Kind, VALUES, auth_config, config, credentials, deployment, export,
    import_into, initial, literal_vault,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

/// An operator for all namespaces, and two tenants that it serves over one key.
struct Tenants {
    everywhere: AllNamespaces,
    victim: Environment,
    attacker: Environment,
}

impl Tenants {
    async fn new(connection: Value) -> Self {
        let mut everywhere = AllNamespaces::new().await;
        everywhere.start_operator();
        let home = &everywhere.home;
        home.apply(home.key_secret()).await;
        let victim = everywhere.namespace(json!({"team": "victim"})).await;
        let attacker = everywhere.namespace(json!({"team": "attacker"})).await;
        for tenant in [&victim, &attacker] {
            tenant.apply(tenant.app_secret()).await;
            tenant.value("token", VALUES[0]).await;
        }
        let names = json!({"names": [victim.namespace, attacker.namespace]});
        let shared = everywhere.cluster_connection("default", names);
        home.apply(shared.spec(connection)).await;
        Self {
            everywhere,
            victim,
            attacker,
        }
    }

    fn home(&self) -> &Environment {
        &self.everywhere.home
    }

    /// Nothing of the attacker's was sent.
    async fn check_untouched(&self, writes: &[String]) {
        self.home().check_quiet().await;
        assert_eq!(self.home().attempts(), writes);
    }
}

/// Manifests of the attacker that name an auth config, a vault or an object to adopt by its id.
fn thefts(auth_config: &str, vault: &str) -> Vec<(Kind, Value)> {
    let by_id = json!({"authConfigRef": null, "authConfigId": auth_config});
    let on_vault = json!({"value": null, "vaultId": vault});
    let adopt = json!({"adopt": {"id": auth_config, "policy": "Override"}});
    let observe = json!({"mode": "Observe", "adopt": {"id": auth_config}});
    vec![
        (
            Kind::Export,
            export("stolen", "x", "stolen").spec(by_id.clone()).into(),
        ),
        (
            Kind::Import,
            import_into("overwritten", "x", "token").spec(by_id).into(),
        ),
        (Kind::Config, config("on-their-vault").spec(on_vault).into()),
        (Kind::AuthConfig, auth_config_spec("adopted", adopt)),
        (Kind::AuthConfig, auth_config_spec("observed", observe)),
    ]
}

fn auth_config_spec(name: &str, spec: Value) -> Value {
    auth_config(name).spec(spec).into()
}

#[tokio::test]
async fn an_id_in_a_spec_gives_no_access_to_what_another_namespace_owns() {
    let tenants = Tenants::new(json!({})).await;
    let (victim, attacker) = (&tenants.victim, &tenants.attacker);
    let theirs = victim.create(auth_config("github")).await.id();
    let vault = victim.create(literal_vault("vault")).await.id();
    let writes = tenants.home().attempts();

    // By default nobody may name an object by its id over a shared connection.
    for (kind, manifest) in thefts(&theirs, &vault) {
        let name = manifest["metadata"]["name"].as_str().unwrap().to_owned();
        attacker.apply(manifest).await;
        let refused = attacker.resource(kind, &name);
        let refused = refused.wait_reason("OwnershipConflict").await;
        assert!(
            refused.message().contains("spec.externalIds"),
            "{}",
            refused.message()
        );
    }
    tenants.check_untouched(&writes).await;

    // Where the owner of the connection allows it, the marker still protects what belongs to a resource.
    let shared = tenants.home().cluster_connection("default");
    shared.edit(json!({"externalIds": "Allow"})).await;
    for (kind, manifest) in thefts(&theirs, &vault) {
        let name = manifest["metadata"]["name"].as_str().unwrap().to_owned();
        let refused = attacker.resource(kind, &name);
        let refused = refused
            .wait_message("OwnershipConflict", "another namespace")
            .await;
        let message = refused.message();
        assert!(!message.contains(&victim.namespace), "{message}");
    }
    tenants.check_untouched(&writes).await;
    assert!(attacker.secret_text("stolen", "token").await.is_none());
}

#[tokio::test]
async fn nothing_is_created_in_a_deployment_of_another_namespace() {
    for external_ids in ["Deny", "Allow"] {
        let tenants = Tenants::new(json!({"externalIds": external_ids})).await;
        let theirs = tenants.victim.create(deployment("tracker")).await.id();
        let writes = tenants.home().attempts();
        let inside = config("inside").spec(json!({"deploymentId": theirs}));
        tenants.attacker.apply(inside).await;
        let refused = tenants.attacker.resource(Kind::Config, "inside");
        refused
            .wait_message("OwnershipConflict", "another namespace")
            .await;
        tenants.check_untouched(&writes).await;
    }
}

#[tokio::test]
async fn a_resource_lets_another_namespace_refer_to_it_and_takes_that_back() {
    let tenants = Tenants::new(json!({})).await;
    let (victim, attacker) = (&tenants.victim, &tenants.attacker);
    victim.create(initial("github")).await;
    let reference = json!({"authConfigRef": {"name": "github", "namespace": victim.namespace}});
    let manifest = export("worker", "github", "worker").spec(reference);
    attacker.apply(manifest).await;
    let refused = attacker
        .export("worker")
        .wait_reason("OwnershipConflict")
        .await;
    assert!(
        refused.message().contains("spec.allowedNamespaces"),
        "{}",
        refused.message()
    );

    let granted = json!({"allowedNamespaces": {"selector": {"matchLabels": {"team": "attacker"}}}});
    victim.auth_config("github").edit(granted).await;
    attacker.export("worker").wait_ready().await;
    attacker
        .wait_secret_text("worker", "token", VALUES[0])
        .await;

    victim
        .auth_config("github")
        .edit(json!({"allowedNamespaces": null}))
        .await;
    attacker
        .export("worker")
        .wait_reason("OwnershipConflict")
        .await;
    assert_eq!(tenants.home().exports().len(), 1);
    assert_eq!(
        attacker.secret_text("worker", "token").await.as_deref(),
        Some(VALUES[0]),
        "nothing is deleted"
    );
    attacker.export("worker").remove().await;
    assert_eq!(tenants.home().live(Kind::AuthConfig).len(), 1);
}

#[tokio::test]
async fn a_status_that_names_objects_of_others_deletes_none_of_them() {
    let tenants = Tenants::new(json!({})).await;
    let (victim, attacker) = (&tenants.victim, &tenants.attacker);
    let theirs = victim.create(config("theirs")).await.id();
    let also = victim.create(config("also-theirs")).await.id();
    attacker.create(config("mine")).await;
    let since = "2026-01-01T00:00:00Z";
    attacker
        .config("mine")
        .edit_status(json!({"id": theirs, "pendingDeletion": [{"id": also, "since": since}]}))
        .await;
    attacker.config("mine").request_reconcile().await;
    attacker.config("mine").delete().await;
    attacker.config("mine").wait_gone().await;
    for id in [&theirs, &also] {
        let object = tenants.home().sim.object(id).unwrap();
        assert_eq!(object.readable["status"], "active", "{id}");
    }
    for name in ["theirs", "also-theirs"] {
        victim.config(name).reconcile_now().await;
        victim.config(name).wait_ready().await;
    }
}

#[tokio::test]
async fn a_namespace_that_is_not_admitted_any_more_deletes_by_one_get_and_one_delete() {
    let tenants = Tenants::new(json!({})).await;
    let (victim, attacker) = (&tenants.victim, &tenants.attacker);
    attacker.create(config("mine")).await;
    let shared = tenants.home().cluster_connection("default");
    let names = json!({"allowedNamespaces": {"names": [victim.namespace]}});
    shared.edit(names).await;
    attacker
        .config("mine")
        .wait_reason("NamespaceNotAllowed")
        .await;
    tenants.home().sim.clear_journal();
    attacker.config("mine").remove().await;
    let sent = tenants.home().requests();
    let about = |request: &&String| !request.contains("/instance");
    let sent: Vec<&String> = sent.iter().filter(about).collect();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[0].starts_with("GET /provider-configs/"), "{sent:?}");
    assert!(sent[1].starts_with("DELETE /provider-configs/"), "{sent:?}");
}

#[tokio::test]
async fn a_note_that_imitates_the_tag_of_another_import_counts_for_nothing() {
    let tenants = Tenants::new(json!({})).await;
    let (victim, attacker) = (&tenants.victim, &tenants.attacker);
    let granted = json!({"allowedNamespaces": {"names": [attacker.namespace]}});
    victim.create(initial("github").spec(granted)).await;
    let once = import_into("once", "github", "token").spec(json!({"when": "Once"}));
    let reference = json!({"authConfigRef": {"name": "github", "namespace": victim.namespace}});
    let forged = format!(
        "[metorial-operator {}/once #0123456789abcdef01234567]",
        victim.namespace
    );
    let imitation = import_into("imitation", "github", "token").spec(reference);
    attacker
        .create(imitation.spec(json!({"note": forged})))
        .await;
    victim.create(once).await;
    assert_eq!(
        tenants.home().imports().len(),
        2,
        "the victim's own import was made"
    );
}

#[tokio::test]
async fn a_namespace_that_was_deleted_and_created_again_does_not_inherit_objects() {
    let tenants = Tenants::new(json!({})).await;
    let (victim, home) = (&tenants.victim, tenants.home());
    let orphaned = victim.create(credentials("github").orphaning()).await.id();
    victim.credentials("github").remove().await;
    let namespaces: Api<Namespace> = Api::all(home.client.clone());
    namespaces
        .delete(&victim.namespace, &DeleteParams::default())
        .await
        .unwrap();
    victim
        .until("the namespace is gone", async || {
            let all = namespaces.list(&ListParams::default()).await.unwrap();
            let here = all
                .items
                .iter()
                .any(|it| it.metadata.name.as_ref() == Some(&victim.namespace));
            (!here).then_some(())
        })
        .await;
    tenants.everywhere.create_namespace(&victim.namespace).await;
    victim.apply(victim.app_secret()).await;
    // As a backup would bring it back: the finalizer is there, the status is not.
    let restored = credentials("github").metadata(json!({"finalizers": ["metorial.com/remote"]}));
    let made = victim.create(restored).await.id();
    assert_ne!(made, orphaned);
    assert_eq!(
        home.sim.object(&orphaned).unwrap().readable["status"],
        "active"
    );
}

#[tokio::test]
async fn a_new_default_connection_takes_over_no_resource_that_has_an_object() {
    let tenants = Tenants::new(json!({})).await;
    let (victim, home) = (&tenants.victim, tenants.home());
    victim.create(credentials("github")).await;
    let (_, key) = home.another_instance();
    let other = json!({"stringData": {"api-key": key}});
    let mut secret = home.key_secret();
    secret["stringData"] = other["stringData"].clone();
    victim.apply(secret).await;
    victim.apply(home.default_connection()).await;
    victim.connection("default").wait_ready().await;
    let seen = victim.credentials("github").reconcile_now().await;
    assert!(seen.is_ready(), "{}", seen.message());
    assert_eq!(
        seen.status().connection.as_deref(),
        Some("ClusterConnection/default")
    );
}
