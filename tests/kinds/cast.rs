//! The resource that a story is about: each kind in each of its forms, in words that all of them share.

use super::scene::{auth_config, config, part, resource};
use super::support::{World, with};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use metorial::{ApiKey, AuthConfig, AuthImport, Body, Client};
use metorial_operator::resources::{ProviderConfig, ProviderConfigVault};
use metorial_simulator::{Collection, Stored};
use serde_json::{Value, json};

/// The resource that a story is about. It is always called `cast`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    AuthConfig,
    Config,
    ConfigOnVault,
    Vault,
    /// With the config `user` on it.
    VaultInUse,
    ImportInto,
    ImportNew,
    Export,
}

pub use Cast::{
    AuthConfig as Auth, Config, ConfigOnVault, Export, ImportInto, ImportNew, Vault, VaultInUse,
};

/// Where exports are made.
pub const EXPORTS: &str = "/provider-auth-config-exports";

/// The value before and after a change.
pub const VALUES: [&str; 2] = ["first-0123456789", "second-0123456789"];

impl Cast {
    /// Its kind.
    pub fn kind(self) -> &'static str {
        match self {
            Auth => "ProviderAuthConfig",
            Config | ConfigOnVault => "ProviderConfig",
            Vault | VaultInUse => "ProviderConfigVault",
            ImportInto | ImportNew => "AuthImport",
            Export => "AuthExport",
        }
    }

    /// Where its remote object lives.
    pub fn collection(self) -> Collection {
        match self {
            Config | ConfigOnVault => Collection::Configs,
            Vault | VaultInUse => Collection::ConfigVaults,
            _ => Collection::AuthConfigs,
        }
    }

    /// The path of its remote objects.
    pub fn path(self) -> &'static str {
        match self {
            Config | ConfigOnVault => "/provider-configs",
            Vault | VaultInUse => "/provider-config-vaults",
            _ => "/provider-auth-configs",
        }
    }

    /// Its manifest; `theirs` is an auth config that a person made.
    pub fn manifest(self, theirs: &str) -> Value {
        let token = json!({"from": [part("/token", "token")]});
        let spec = match self {
            Auth => return auth_config("cast"),
            Config => {
                let value = json!({"value": {"from": [part("/schema", "token")]}});
                return with(config("cast"), json!({"spec": value}));
            }
            ConfigOnVault => {
                let value = json!({"value": null, "vaultRef": {"name": "one"}});
                return with(config("cast"), json!({"spec": value}));
            }
            Vault | VaultInUse => return vault("cast", "token"),
            ImportInto => {
                json!({"note": "rotation", "authConfigId": theirs, "value": token})
            }
            ImportNew => json!({"note": "moved", "providerId": "linear", "value": token}),
            Export => {
                json!({"note": "worker", "authConfigId": theirs, "secret": {"name": "exported"}})
            }
        };
        resource(self.kind(), "cast", spec)
    }
}

/// A vault of Postgres with one text of the Secret `values` in it.
pub fn vault(name: &str, key: &str) -> Value {
    let value = json!({"from": [part("/schema", key)]});
    resource(
        "ProviderConfigVault",
        name,
        json!({"providerId": "postgres", "value": value}),
    )
}

/// The config `user` on the vault `cast`.
pub fn user() -> Value {
    let value = json!({"value": null, "vaultRef": {"name": "cast"}});
    with(config("user"), json!({"spec": value}))
}

impl World {
    /// What a person with a key works with.
    pub fn person(&self) -> Client {
        let key = ApiKey::parse(&self.key).unwrap();
        let client = Client::builder(self.sim.url().parse().unwrap(), key);
        client.no_proxy().build().unwrap()
    }

    /// An auth config of Linear that a person made; answers its id.
    pub async fn theirs(&self) -> String {
        let body = json!({"provider_auth_method_id": "linear-token", "name": "theirs", "value": {"token": VALUES[0]}});
        let made = self
            .person()
            .create::<AuthConfig>(&Body::from(body))
            .await
            .unwrap();
        made.value.id
    }

    /// A person brings a value into an auth config.
    pub async fn import_by_hand(&self, id: &str, token: &str) {
        let body =
            json!({"provider_auth_config_id": id, "note": "by hand", "value": {"token": token}});
        self.person()
            .create::<AuthImport>(&Body::from(body))
            .await
            .unwrap();
    }

    fn cast_api(&self, cast: Cast) -> Api<DynamicObject> {
        let kind = cast.kind();
        let resource = ApiResource {
            group: "metorial.com".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: "metorial.com/v1alpha1".to_owned(),
            kind: kind.to_owned(),
            plural: format!("{}s", kind.to_lowercase()),
        };
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// The cast as it is now.
    pub async fn cast(&self, cast: Cast) -> Option<Value> {
        let object = self.cast_api(cast).get_opt("cast").await.unwrap();
        object.map(|object| serde_json::to_value(object).unwrap())
    }

    /// Patches the cast.
    pub async fn patch_cast(&self, cast: Cast, patch: Value) {
        self.cast_api(cast)
            .patch("cast", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }

    /// Takes the status of the cast away, as a restored backup has none.
    pub async fn lose_status(&self, cast: Cast) {
        self.cast_api(cast)
            .patch_status(
                "cast",
                &PatchParams::default(),
                &Patch::Merge(json!({"status": null})),
            )
            .await
            .unwrap();
    }

    /// Deletes the cast and does not wait.
    pub async fn delete_cast(&self, cast: Cast) {
        self.cast_api(cast)
            .delete("cast", &DeleteParams::default())
            .await
            .unwrap();
    }

    /// All objects of a collection that ever were.
    pub fn ever(&self, collection: Collection) -> Vec<Stored> {
        self.sim.objects(&self.instance, collection)
    }

    /// Whether the cast is ready for its generation.
    pub async fn cast_is_ready(&self, cast: Cast) -> bool {
        self.cast(cast).await.is_some_and(|object| ready(&object))
    }

    /// Whether the cast is ready with this value, and its books tell of the objects as they are.
    pub async fn cast_in_step(&self, cast: Cast, value: &str) -> bool {
        let Some(object) = self.cast(cast).await.filter(ready) else {
            return false;
        };
        let status = &object["status"];
        let live = self.living(cast.collection());
        let [remote] = live.as_slice() else {
            return false;
        };
        let time = |text: &Value| text.as_str()?.parse::<jiff::Timestamp>().ok();
        let imports = self.imports();
        let last_import = imports.last().map(|import| import.id.as_str());
        let in_step = status["id"] == remote.id.as_str()
            && status["retiring"].is_null()
            && time(&status["remoteUpdatedAt"]) == time(&remote.readable["updated_at"]);
        in_step
            && match cast {
                Auth => {
                    let recorded = status["imports"][0]["id"].as_str() == last_import;
                    remote.write_only["value"]["token"] == value && recorded
                }
                Config | Vault => remote.write_only["value"]["schema"] == value,
                ConfigOnVault => self.on_vault(&object, remote).await,
                VaultInUse => {
                    remote.write_only["value"]["schema"] == value
                        && self.user_is_on(&remote.id).await
                }
                ImportInto | ImportNew => {
                    let recorded = status["importId"].as_str() == last_import;
                    remote.write_only["value"]["token"] == value
                        && recorded
                        && last_import.is_some()
                }
                Export => {
                    let exports = self.ever(Collection::AuthExports);
                    let last = exports.last().map(|export| export.id.as_str());
                    status["exportId"].as_str() == last
                        && self.exported().await.as_deref() == Some(value)
                }
            }
    }

    /// Whether the config `user`, and no other, is there and made from this vault.
    async fn user_is_on(&self, vault: &str) -> bool {
        let user = self.api::<ProviderConfig>().get("user").await.unwrap();
        let user = serde_json::to_value(user).unwrap();
        let live = self.living(Collection::Configs);
        let [config] = live.as_slice() else {
            return false;
        };
        ready(&user)
            && user["status"]["id"] == config.id.as_str()
            && user["status"]["retiring"].is_null()
            && config.readable["from_vault"]["id"] == vault
    }

    async fn on_vault(&self, object: &Value, remote: &Stored) -> bool {
        let name = object["spec"]["vaultRef"]["name"].as_str().unwrap();
        let vault = self.api::<ProviderConfigVault>().get(name).await.unwrap();
        let id = vault.status.and_then(|status| status.common.id);
        remote.readable["from_vault"]["id"].as_str() == id.as_deref()
    }

    /// The token in the Secret that exports go into.
    pub async fn exported(&self) -> Option<String> {
        let secret = self.api::<Secret>().get_opt("exported").await.unwrap()?;
        let bytes = secret.data?.remove("token")?;
        Some(String::from_utf8(bytes.0).unwrap())
    }

    /// Waits until the cast is in step with this value.
    pub async fn arrive(&self, cast: Cast, value: &str) {
        let what = format!("{cast:?} is in step with {value}");
        self.wait_until(&what, async |world| world.cast_in_step(cast, value).await)
            .await;
    }

    /// Makes the operator look at the cast now, and waits until it has looked.
    pub async fn look(&self, cast: Cast) {
        let asked = format!("{:08x}", rand::random::<u32>());
        let annotation = json!({"metorial.com/reconcile-requested-at": asked});
        self.patch_cast(cast, json!({"metadata": {"annotations": annotation}}))
            .await;
        self.wait_until("the request is handled", async |world| {
            let object = world.cast(cast).await.unwrap();
            object["status"]["lastHandledReconcileAt"] == asked.as_str()
        })
        .await;
    }

    /// Nothing is written to the cast or to the API for a while.
    pub async fn check_cast_quiet(&self, cast: Cast) {
        let version = async || {
            let object = self.cast(cast).await;
            object.map(|object| object["metadata"]["resourceVersion"].clone())
        };
        let before = version().await;
        self.check_quiet().await;
        assert_eq!(before, version().await, "no write to the cast");
    }
}

fn ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Ready");
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
        && ready.is_some_and(|ready| ready["status"] == "True")
}
