//! Scenes of stories about making, losing and finding again: worlds under either profile, and what the books and the
//! API say about one resource.

use super::rights::SERVICE_ACCOUNT;
use super::world::{is_ready, status};
use super::{PATIENCE, Setup, World, credentials, with};
use jiff::Timestamp;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::rbac::v1::Role;
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use metorial::{ApiKey, AuthCredentials, Body, Client};
use metorial_operator::resources::{Connection, FINALIZER, ProviderAuthCredentials, condition};
use metorial_simulator::{Options, Profile, Stored};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

impl World {
    /// A world whose API behaves so, with the Secrets and the Connection of [`World::new`], and no operator.
    pub async fn of(profile: Profile) -> Self {
        let setup = Setup {
            options: Options::of(profile),
        };
        let world = Self::bare(setup).await;
        world.apply(world.key_secret()).await;
        world.apply(world.app_secret()).await;
        world.apply(world.connection()).await;
        world
    }

    /// Credentials that name their provider by its id, which servers of all profiles know.
    pub fn github(&self) -> Value {
        let provider = self.sim.catalog().provider("github").unwrap();
        with(
            credentials("github"),
            json!({"spec": {"providerId": provider.id}}),
        )
    }

    /// Starts an operator that lets this much time pass before it believes that something is not there.
    pub fn start_operator_settling(&mut self, settle: Duration) {
        let mut settings = self.settings();
        settings.timing.settle = settle;
        self.start_operator_with(settings);
    }

    /// Starts an operator that won't believe that something is not there for as long as any test lasts.
    pub fn start_operator_that_waits(&mut self) {
        self.start_operator_settling(PATIENCE * 2);
    }

    /// Whether the Connection `default` is ready.
    pub async fn connection_is_ready(&self) -> bool {
        let connection = self.api::<Connection>().get("default").await.unwrap();
        let conditions = connection.status.and_then(|status| status.conditions);
        condition(conditions.as_deref(), "Ready").is_some_and(|ready| ready.status == "True")
    }

    /// Whether the resource is ready, and its books tell of the one live object as it is now.
    pub async fn in_step(&self, name: &str) -> bool {
        let Some(object) = self
            .api::<ProviderAuthCredentials>()
            .get_opt(name)
            .await
            .unwrap()
        else {
            return false;
        };
        let (books, live) = (status(&object), self.remote());
        let [remote] = live.as_slice() else {
            return false;
        };
        let time = |text: Option<&str>| text.and_then(|text| text.parse::<Timestamp>().ok());
        is_ready(&object)
            && books.id.as_ref() == Some(&remote.id)
            && time(books.remote_updated_at.as_deref())
                == time(remote.readable["updated_at"].as_str())
    }

    /// Waits until the resource is ready, and its books tell of the one live object as it is now.
    pub async fn wait_in_step(&self, name: &str) -> Stored {
        let what = format!("{name} ready, in step with the one live object");
        self.wait_until(&what, async |world| world.in_step(name).await)
            .await;
        self.only_remote()
    }

    /// The resource has our finalizer once, and no other.
    pub async fn check_finalizer(&self, name: &str) {
        assert_eq!(self.credentials(name).await.finalizers(), [FINALIZER]);
    }

    /// An example's manifest with this world's URL and secrets in the places where users put theirs.
    pub fn filled_in(&self, mut manifest: Value) -> Value {
        let mut fill = |pointer: &str, value: &str| {
            if let Some(place) = manifest.pointer_mut(pointer) {
                *place = value.into();
            }
        };
        fill("/stringData/api-key", &self.key);
        fill("/stringData/client-secret", &self.client_secret);
        if manifest["kind"] == "Connection" {
            manifest["spec"]["baseUrl"] = self.sim.url().into();
        }
        manifest
    }

    /// Makes credentials at the API as somebody else does who has a key; answers their id.
    pub async fn post(&self, metadata: Value) -> String {
        let key = ApiKey::parse(&self.key).unwrap();
        let client = Client::builder(self.sim.url().parse().unwrap(), key).no_proxy();
        let provider = self.sim.catalog().provider("github").unwrap();
        let body = json!({
            "provider_id": provider.id,
            "name": "made by hand",
            "metadata": metadata,
            "config": {"client_id": "Iv1.other", "client_secret": "other", "scopes": ["repo"]},
        });
        let made = client
            .build()
            .unwrap()
            .create::<AuthCredentials>(&Body::from(body))
            .await;
        made.unwrap().value.id
    }

    /// Gives the operator the right to write statuses, or takes it away, and waits until that is in force.
    pub async fn permit_status(&self, permitted: bool) {
        let roles = self.api::<Role>();
        let mut role = roles.get(SERVICE_ACCOUNT).await.unwrap();
        for rule in role.rules.iter_mut().flatten() {
            for resource in rule.resources.iter_mut().flatten() {
                let plain = resource
                    .trim_end_matches("/status")
                    .trim_end_matches("/nothing");
                if plain != resource {
                    let part = if permitted { "status" } else { "nothing" };
                    *resource = format!("{plain}/{part}");
                }
            }
        }
        roles
            .replace(SERVICE_ACCOUNT, &PostParams::default(), &role)
            .await
            .unwrap();
        let review: SubjectAccessReview = serde_json::from_value(json!({"metadata": {}, "spec": {
            "user": format!("system:serviceaccount:{}:{SERVICE_ACCOUNT}", self.namespace),
            "resourceAttributes": {
                "namespace": self.namespace, "verb": "patch", "group": "metorial.com",
                "resource": "providerauthcredentials", "subresource": "status",
            },
        }}))
        .unwrap();
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        self.until("the right is as it was made", async || {
            let answer = reviews
                .create(&PostParams::default(), &review)
                .await
                .unwrap();
            (answer.status.unwrap().allowed == permitted).then_some(())
        })
        .await;
    }
}

/// The manifests in a file of an example.
pub fn example(folder: &str, file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(folder)
        .join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    documents
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}
