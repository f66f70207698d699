//! The kinds that own one remote object, with everything that differs between them in stories about all of them. The resource is always called `it`.

use super::story::{Name, Story};
use super::support::{credentials, with};
use metorial::{
    ApiKey, AuthConfig, AuthCredentials, AuthImport, Body, Client, Config, ConfigVault, Deployment,
};
use serde_json::{Value, json};
use std::time::Duration;

/// A kind that owns one remote object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Deployment,
    AuthCredentials,
    AuthConfig,
    Config,
    Vault,
}

use Kind::{
    AuthConfig as Auth, AuthCredentials as App, Config as Conf, Deployment as Deploy, Vault,
};

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Deploy, App, Auth, Conf, Vault];
    /// Those that have a value from a Secret.
    pub const VALUED: [Self; 4] = [App, Auth, Conf, Vault];

    /// Returns kind and name of the resource.
    pub const fn it(self) -> Name {
        let kind = match self {
            Deploy => "ProviderDeployment",
            App => "ProviderAuthCredentials",
            Auth => "ProviderAuthConfig",
            Conf => "ProviderConfig",
            Vault => "ProviderConfigVault",
        };
        (kind, "it")
    }

    /// Returns the prefix of its snapshots.
    pub fn word(self) -> &'static str {
        match self {
            Deploy => "deployment",
            App => "credentials",
            Auth => "auth_config",
            Conf => "config",
            Vault => "vault",
        }
    }

    /// Returns the path of its collection.
    pub fn path(self) -> &'static str {
        match self {
            Deploy => "/provider-deployments",
            App => "/provider-auth-credentials",
            Auth => "/provider-auth-configs",
            Conf => "/provider-configs",
            Vault => "/provider-config-vaults",
        }
    }

    /// Returns its manifest, with these fields in the spec beside the usual ones.
    pub fn manifest(self, spec: Value) -> Value {
        let (secret, _) = self.secret();
        let value = |pointer: &str| json!({"from": [{"pointer": pointer, "secretKeyRef": {"name": secret, "key": "token"}}]});
        let manifest = match self {
            Deploy => resource(self.it(), json!({"providerId": "postgres"})),
            App => credentials("it").into(),
            Auth => resource(
                self.it(),
                json!({"authMethodId": "linear-token", "value": value("/token")}),
            ),
            Conf | Vault => resource(
                self.it(),
                json!({"providerId": "postgres", "value": value("/schema")}),
            ),
        };
        with(manifest, Value::from_iter([("spec", spec)]))
    }

    /// Returns the Secret and the key of its value.
    pub fn secret(self) -> (&'static str, &'static str) {
        match self {
            App => ("oauth-app", "client-secret"),
            _ => ("values", "token"),
        }
    }
}

/// Returns the manifest of a resource of ours.
pub fn resource((kind, name): Name, spec: Value) -> Value {
    let mut manifest = json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
    });
    manifest["spec"] = spec;
    manifest
}

impl Story {
    /// Begins with the Secret `values`, and no resource.
    pub async fn of_kinds() -> Self {
        Self::of_kinds_settling(Duration::ZERO).await
    }

    /// Like [`Self::of_kinds`], with an operator that treats a missing object as gone only this long after its last
    /// write.
    pub async fn of_kinds_settling(settle: Duration) -> Self {
        let story = Self::begin_settling(settle).await;
        let values = super::support::secret("values", &[("token", "first")]);
        story.apply(values).await;
        story
    }

    /// Begins with `it` in place.
    pub async fn with(kind: Kind, spec: Value) -> Self {
        let mut story = Self::of_kinds().await;
        story.apply(kind.manifest(spec)).await;
        story.reach(kind.it(), "Synced").await;
        story
    }

    /// Returns the id of the remote object of a resource.
    pub async fn id(&self, of: Name) -> String {
        let id = self.read(of).await["status"]["id"].take();
        id.as_str().unwrap().to_owned()
    }

    /// Changes the value of a kind in its Secret; a deployment has none, and gets another description.
    pub async fn new_value(&self, kind: Kind, text: &str) {
        if kind == Deploy {
            return self.spec(kind.it(), json!({"description": text})).await;
        }
        let (secret, key) = kind.secret();
        self.rotate(secret, key, text).await;
    }

    /// Changes fields of the spec.
    pub async fn spec(&self, of: Name, spec: Value) {
        self.edit(of, json!({"spec": spec})).await;
    }

    /// Imports a value into an auth config as a person does.
    pub async fn import_by_hand(&self, id: &str, token: &str) {
        let body =
            json!({"provider_auth_config_id": id, "note": "by hand", "value": {"token": token}});
        let client = self.person();
        client
            .create::<AuthImport>(&Body::from(body))
            .await
            .unwrap();
    }

    /// Returns the client of a person, whose calls are not in the record.
    fn person(&self) -> Client {
        let key = ApiKey::parse(&self.key).unwrap();
        let client = Client::builder(self.sim.url().parse().unwrap(), key);
        client.no_proxy().build().unwrap()
    }

    /// Creates an object like that of `it`, but with another value, as a person does; returns its id.
    pub async fn by_hand(&self, kind: Kind, fields: Value) -> String {
        let client = self.person();
        let usual = match kind {
            Deploy => json!({"name": "it", "provider_id": "postgres"}),
            App => {
                json!({"name": "it", "provider_id": "github", "config": {"client_id": "theirs", "client_secret": "theirs", "scopes": ["read:user", "repo"]}})
            }
            Auth => {
                json!({"name": "it", "provider_auth_method_id": "linear-token", "value": {"token": "theirs"}})
            }
            Conf | Vault => {
                json!({"name": "it", "provider_id": "postgres", "value": {"schema": "theirs"}})
            }
        };
        let body = Body::from(with(usual, fields));
        match kind {
            Deploy => client.create::<Deployment>(&body).await.unwrap().value.id,
            App => {
                client
                    .create::<AuthCredentials>(&body)
                    .await
                    .unwrap()
                    .value
                    .id
            }
            Auth => client.create::<AuthConfig>(&body).await.unwrap().value.id,
            Conf => client.create::<Config>(&body).await.unwrap().value.id,
            Vault => client.create::<ConfigVault>(&body).await.unwrap().value.id,
        }
    }
}

/// Makes a test of each of these stories, which runs it for every kind.
macro_rules! every_kind {
    ($($story:ident)*) => {
        crate::kind::each_of! { every_kind ALL $($story)* }
    };
}
pub(crate) use every_kind;

/// Makes a test of each of these stories, which runs it for every kind that has a value from a Secret.
macro_rules! every_valued_kind {
    ($($story:ident)*) => {
        crate::kind::each_of! { every_valued_kind VALUED $($story)* }
    };
}
pub(crate) use every_valued_kind;

macro_rules! each_of {
    ($name:ident $kinds:ident $($story:ident)*) => {
        mod $name {
            use super::super::kind::Kind;
            use super::super::support::each;

            $(
                #[tokio::test]
                async fn $story() {
                    each(Kind::$kinds, super::$story).await;
                }
            )*
        }
    };
}
pub(crate) use each_of;
