//! One test's world.

use super::PATIENCE;
use super::gate::KubeGate;
use super::manifests::{canary, connection, secret};
use super::operator::Operator;
use super::rights::{SERVICE_ACCOUNT, apply, grant, try_apply};
use control_plane::ControlPlane;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Secret};
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams,
};
use kube::client::ClientBuilder;
use kube::core::NamespaceResourceScope;
use kube::{Client, Config, Resource, ResourceExt};
use metorial_operator::cluster::lease::Terms;
use metorial_operator::resources::{
    CommonStatus, Connection, ProviderAuthCredentials, condition, definitions,
};
use metorial_operator::settings::{Settings, Timing};
use metorial_simulator::{
    Collection, InstanceId, InstanceType, Options, OrganizationId, Simulator, Stored,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// One namespace, one instance at a simulator of its own, and at most one operator that the helpers manage.
pub struct World {
    pub plane: &'static ControlPlane,
    pub client: Client,
    pub namespace: String,
    pub sim: Simulator,
    pub organisation: OrganizationId,
    pub instance: InstanceId,
    /// The API key in the Secret `metorial`.
    pub key: String,
    /// The client secret in the Secret `oauth-app`.
    pub client_secret: String,
    operator: Option<Operator>,
    config: Config,
}

/// What a world is like before the story begins.
#[derive(Default)]
pub struct Setup {
    pub options: Options,
}

static DEFINITIONS: OnceCell<()> = OnceCell::const_new();

impl World {
    /// A world with the Secrets `metorial` (the API key) and `oauth-app`, the Connection `default`, and no operator.
    pub async fn new() -> Self {
        let world = Self::bare(Setup::default()).await;
        world.apply(world.key_secret()).await;
        world.apply(world.app_secret()).await;
        world.apply(world.connection()).await;
        world
    }

    /// The same with an operator at work.
    pub async fn running() -> Self {
        let mut world = Self::new().await;
        world.start_operator();
        world
    }

    /// A world with nothing in it but the rights of an operator.
    pub async fn bare(setup: Setup) -> Self {
        let plane = tokio::task::spawn_blocking(ControlPlane::shared)
            .await
            .unwrap();
        Self::on(plane, setup).await
    }

    /// A bare world on a control plane that the test may stop and freeze.
    pub async fn on(plane: &'static ControlPlane, setup: Setup) -> Self {
        let client = plane.client();
        install_definitions(plane, &client).await;
        let namespace = format!("t-{:08x}", rand::random::<u32>());
        let object = Namespace {
            metadata: ObjectMeta {
                name: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        Api::all(client.clone())
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
        grant(plane, &client, &namespace).await;
        let kubeconfig = plane
            .kubeconfig_for_service_account(&namespace, SERVICE_ACCOUNT)
            .await
            .unwrap();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &Default::default())
            .await
            .unwrap();
        config.proxy_url = None;
        let sim = Simulator::start(setup.options).await;
        let organisation = sim.add_organization("Acme");
        let instance = sim.add_instance(&organisation, InstanceType::Production);
        let key = sim.add_key(&instance);
        let client_secret = canary("client-secret");
        Self {
            plane,
            client,
            namespace,
            sim,
            organisation,
            instance,
            key,
            client_secret,
            operator: None,
            config,
        }
    }

    /// The Secret with the API key.
    pub fn key_secret(&self) -> Value {
        secret("metorial", &[("api-key", &self.key)])
    }

    /// The Secret with client id and client secret.
    pub fn app_secret(&self) -> Value {
        secret(
            "oauth-app",
            &[
                ("client-id", "Iv1.0123456789"),
                ("client-secret", &self.client_secret),
            ],
        )
    }

    /// The Connection `default`.
    pub fn connection(&self) -> Value {
        connection("default", &self.sim.url())
    }

    // ── the operator ──────────────────────────────────────────────────────────────────────────────────────────────

    /// Settings for tests: this namespace only, short pauses, no rivals.
    pub fn settings(&self) -> Settings {
        Settings {
            namespaces: vec![self.namespace.clone()],
            operator_namespace: self.namespace.clone(),
            allowed_base_urls: vec![self.sim.url().parse().unwrap()],
            listen: "127.0.0.1:0".parse().unwrap(),
            leader_elect: false,
            concurrency: 8,
            secret_watch: true,
            request_timeout: Duration::from_secs(20),
            pass_timeout: Duration::from_secs(60),
            timing: Timing {
                lease: Terms::default(),
                settle: Duration::from_millis(600),
                back_off: (Duration::from_millis(100), Duration::from_secs(2)),
                connection_check: Duration::from_secs(600),
                drain: Duration::from_secs(10),
            },
            hook: None,
        }
    }

    /// The config of the operator's ServiceAccount.
    pub fn operator_config(&self) -> Config {
        self.config.clone()
    }

    /// Starts the operator.
    pub fn start_operator(&mut self) {
        let settings = self.settings();
        self.start_operator_with(settings);
    }

    /// Starts it with other settings.
    pub fn start_operator_with(&mut self, settings: Settings) {
        assert!(self.operator.is_none(), "an operator is running");
        let config = self.config.clone();
        self.operator = Some(Operator::start(settings, move || {
            Client::try_from(config).unwrap()
        }));
    }

    /// Starts it behind a gate.
    pub fn start_operator_behind(&mut self, gate: &KubeGate) {
        assert!(self.operator.is_none(), "an operator is running");
        let (config, gate) = (self.config.clone(), gate.clone());
        let client = move || {
            ClientBuilder::try_from(config)
                .unwrap()
                .with_layer(&gate)
                .build()
        };
        self.operator = Some(Operator::start(self.settings(), client));
    }

    /// As SIGKILL does.
    pub fn kill_operator(&mut self) {
        self.operator.take().expect("an operator is running").kill();
    }

    /// As SIGTERM does.
    pub async fn stop_operator(&mut self) {
        let operator = self.operator.take().expect("an operator is running");
        operator.stop().await.unwrap();
    }

    // ── the cluster ───────────────────────────────────────────────────────────────────────────────────────────────

    /// Applies a manifest into the namespace, as `kubectl apply --server-side` does.
    pub async fn apply(&self, manifest: Value) -> DynamicObject {
        apply(&self.client, &self.namespace, manifest).await
    }

    /// The same, where it may be refused.
    pub async fn try_apply(&self, manifest: Value) -> kube::Result<DynamicObject> {
        try_apply(&self.client, &self.namespace, manifest, "test").await
    }

    /// An API of the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The credentials of that name as they are now.
    pub async fn credentials(&self, name: &str) -> ProviderAuthCredentials {
        self.api().get(name).await.unwrap()
    }

    /// A merge patch, as `kubectl patch --type merge` does.
    pub async fn patch<K>(&self, name: &str, patch: Value) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        self.api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap()
    }

    /// Deletes an object and does not wait.
    pub async fn delete<K>(&self, name: &str)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        self.api::<K>()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// Writes a Secret's text, as a rotation does.
    pub async fn rotate(&self, name: &str, key: &str, value: &str) {
        self.patch::<Secret>(name, json!({"stringData": {key: value}}))
            .await;
    }

    /// Waits until an object is as `wanted` says.
    pub async fn wait_for<K>(&self, name: &str, what: &str, wanted: impl Fn(&K) -> bool) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        let api = self.api::<K>();
        self.until(&format!("{} {name}: {what}", K::kind(&())), async || {
            api.get_opt(name)
                .await
                .unwrap()
                .filter(|object| wanted(object))
        })
        .await
    }

    /// Waits until an object is gone.
    pub async fn wait_gone<K>(&self, name: &str)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        let api = self.api::<K>();
        let what = format!("{} {name} is gone", K::kind(&()));
        self.until(&what, async || {
            api.get_opt(name).await.unwrap().is_none().then_some(())
        })
        .await;
    }

    /// Waits until credentials are ready for the generation that they have.
    pub async fn wait_ready(&self, name: &str) -> ProviderAuthCredentials {
        self.wait_for(name, "ready", is_ready).await
    }

    /// Waits until credentials have a reason.
    pub async fn wait_reason(&self, name: &str, reason: &str) -> ProviderAuthCredentials {
        let has = |object: &ProviderAuthCredentials| {
            let current = status(object).observed_generation == object.metadata.generation;
            current && ready(object).is_some_and(|(_, is, _)| is == reason)
        };
        self.wait_for(name, &format!("reason {reason}"), has).await
    }

    /// Waits until the Connection `default` has a reason.
    pub async fn wait_connection(&self, reason: &str) -> Connection {
        self.wait_for(
            "default",
            &format!("reason {reason}"),
            |connection: &Connection| {
                let conditions = connection
                    .status
                    .as_ref()
                    .and_then(|status| status.conditions.as_deref());
                condition(conditions, "Ready").is_some_and(|ready| ready.reason == reason)
            },
        )
        .await
    }

    /// Waits until `check` answers something; prints the world when it gives up.
    pub async fn until<T>(&self, what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = check().await {
                return found;
            }
            if Instant::now() > deadline {
                panic!("never came: {what}\n{}", self.describe().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The reasons of the events about an object.
    pub async fn events(&self, name: &str) -> Vec<String> {
        let all = self
            .api::<Event>()
            .list(&ListParams::default())
            .await
            .unwrap();
        let about = all
            .items
            .into_iter()
            .filter(|event| event.involved_object.name.as_deref() == Some(name));
        about.filter_map(|event| event.reason).collect()
    }

    // ── Metorial ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// Everything in the collection, archived objects included, but what Metorial itself manages.
    pub fn all_remote(&self) -> Vec<Stored> {
        let mut all = self
            .sim
            .objects(&self.instance, Collection::AuthCredentials);
        all.retain(|object| object.readable["is_managed"] != true);
        all
    }

    /// The live objects.
    pub fn remote(&self) -> Vec<Stored> {
        let mut all = self.all_remote();
        all.retain(|object| object.readable["status"] == "active");
        all
    }

    /// The one live object.
    pub fn only_remote(&self) -> Stored {
        let mut live = self.remote();
        assert_eq!(
            live.len(),
            1,
            "live objects: {:?}",
            live.iter().map(|o| &o.id).collect::<Vec<_>>()
        );
        live.remove(0)
    }

    /// Writes that the API applied, as `METHOD path`.
    pub fn writes(&self) -> Vec<String> {
        let journal = self.sim.journal();
        let writes = journal
            .iter()
            .filter(|entry| entry.is_write() && entry.applied);
        writes
            .map(|entry| format!("{} {}", entry.method, entry.path))
            .collect()
    }

    /// Writes that were sent, applied or not, as `METHOD path`.
    pub fn attempts(&self) -> Vec<String> {
        let journal = self.sim.journal();
        let writes = journal.iter().filter(|entry| entry.is_write());
        writes
            .map(|entry| format!("{} {}", entry.method, entry.path))
            .collect()
    }

    /// Waits until the API has a value in a write-only field of the only live object.
    pub async fn wait_remote(&self, what: &str, wanted: impl Fn(&Stored) -> bool) -> Stored {
        self.until(what, async || {
            let mut live = self.remote();
            let one = (live.len() == 1).then(|| live.remove(0));
            one.filter(|object| wanted(object))
        })
        .await
    }

    /// The world for a person who wonders why a test failed.
    pub async fn describe(&self) -> String {
        let mut text = format!("namespace {}\n", self.namespace);
        let kubectl = |args: &[&str]| {
            let mut kubectl = self.plane.kubectl();
            kubectl.args(["-n", &self.namespace]).args(args);
            kubectl
        };
        for args in [
            &["get", "metorial", "-o", "yaml"][..],
            &["get", "events"][..],
        ] {
            let mut command = kubectl(args);
            let output = tokio::task::spawn_blocking(move || command.output())
                .await
                .unwrap();
            text += &output.map_or_else(
                |e| e.to_string(),
                |o| String::from_utf8_lossy(&o.stdout).into_owned(),
            );
        }
        for entry in self.sim.journal() {
            text += &format!(
                "{} {}?{} → {} applied {}\n",
                entry.method, entry.path, entry.query, entry.status, entry.applied
            );
        }
        text
    }

    /// The ConfigMap of that name.
    pub async fn config_map(&self, name: &str) -> Option<ConfigMap> {
        self.api::<ConfigMap>().get_opt(name).await.unwrap()
    }
}

/// Installs the definitions once for a process, and waits until they are served. Tests on a control plane of their own
/// install them again there.
async fn install_definitions(plane: &'static ControlPlane, client: &Client) {
    let shared = plane.url();
    let install = async || {
        let api: Api<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition> =
            Api::all(client.clone());
        for definition in definitions() {
            let name = definition.name_any();
            let params = PatchParams::apply("test").force();
            api.patch(&name, &params, &Patch::Apply(&definition))
                .await
                .unwrap();
            let established = kube::runtime::conditions::is_crd_established();
            tokio::time::timeout(
                PATIENCE,
                kube::runtime::wait::await_condition(api.clone(), &name, established),
            )
            .await
            .expect("the definition is served in time")
            .unwrap();
        }
    };
    static SHARED: OnceCell<String> = OnceCell::const_new();
    let first = SHARED.get_or_init(async || shared.clone()).await;
    if *first == shared {
        DEFINITIONS.get_or_init(install).await;
    } else {
        install().await;
    }
}

/// The shared part of the status.
pub fn status(object: &ProviderAuthCredentials) -> CommonStatus {
    object.status.clone().unwrap_or_default().common
}

/// Ready: status, reason and message.
pub fn ready(object: &ProviderAuthCredentials) -> Option<(String, String, String)> {
    let status = status(object);
    let ready = condition(status.conditions.as_deref(), "Ready")?;
    Some((
        ready.status.clone(),
        ready.reason.clone(),
        ready.message.clone(),
    ))
}

/// Whether Ready is true for the generation that the object has.
pub fn is_ready(object: &ProviderAuthCredentials) -> bool {
    let current = status(object).observed_generation == object.metadata.generation;
    current && ready(object).is_some_and(|(status, ..)| status == "True")
}
