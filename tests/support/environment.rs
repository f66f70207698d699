//! Where a test takes place: one namespace with the rights of an operator, one instance at a simulator, and at most one
//! operator in this process.

use super::failing_calls::FailingCalls;
use super::gate::KubeGate;
use super::manifests::{Manifest, canary, connection, secret};
use super::operator::{Operator, test_settings};
use super::rights::{SERVICE_ACCOUNT, grant};
use super::{FOREVER, LONGEST_BACK_OFF, PATIENCE, QUIET};
use control_plane::ControlPlane;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use kube::client::ClientBuilder;
use kube::{Client, Config, ResourceExt};
use metorial_operator::resources::definitions;
use metorial_operator::settings::{Settings, Timing};
use metorial_simulator::{InstanceId, InstanceType, Options, OrganizationId, Profile, Simulator};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::OnceCell;

/// One namespace, one instance at a simulator of its own, and at most one operator in this process.
pub struct Environment {
    pub plane: &'static ControlPlane,
    pub client: Client,
    pub namespace: String,
    pub sim: Simulator,
    pub organization: OrganizationId,
    pub instance: InstanceId,
    /// The API key in the Secret `metorial`.
    pub key: String,
    /// The client secret in the Secret `oauth-app`.
    pub client_secret: String,
    /// How long nothing may be written before a story is over.
    pub quiet: Duration,
    operator: Option<Operator>,
    config: Config,
}

/// The simulator of an environment.
#[derive(Default)]
pub struct Setup {
    pub options: Options,
}

static DEFINITIONS: OnceCell<()> = OnceCell::const_new();

impl Environment {
    /// With the Secrets `metorial` (the API key) and `oauth-app`, the Connection `default`, and no operator.
    pub async fn new() -> Self {
        Self::with_profile(Profile::Server).await
    }

    /// The same with an operator at work.
    pub async fn running() -> Self {
        let mut env = Self::new().await;
        env.start_operator();
        env
    }

    /// The same as [`Environment::new`], at an API that behaves so.
    pub async fn with_profile(profile: Profile) -> Self {
        let options = Options::of(profile);
        let env = Self::bare(Setup { options }).await;
        env.apply_basics().await;
        env
    }

    /// With nothing in it but the rights of an operator.
    pub async fn bare(setup: Setup) -> Self {
        let plane = tokio::task::spawn_blocking(ControlPlane::shared)
            .await
            .unwrap();
        Self::on(plane, setup).await
    }

    /// A bare one on a control plane that the test may stop and freeze.
    pub async fn on(plane: &'static ControlPlane, setup: Setup) -> Self {
        let client = plane.client();
        install_definitions(plane, &client).await;
        let namespace = format!("t-{:08x}", rand::random::<u32>());
        create_namespace(&client, &namespace).await;
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
        let organization = sim.add_organization("Acme");
        let instance = sim.add_instance(&organization, InstanceType::Production);
        let key = sim.add_key(&instance);
        Self {
            plane,
            client,
            namespace,
            sim,
            organization,
            instance,
            key,
            client_secret: canary("client-secret"),
            quiet: QUIET,
            operator: None,
            config,
        }
    }

    /// Applies the API key, the OAuth app's values and the Connection `default`.
    pub async fn apply_basics(&self) {
        self.apply(self.key_secret()).await;
        self.apply(self.app_secret()).await;
        self.apply(self.default_connection()).await;
    }

    /// The Secret with the API key.
    pub fn key_secret(&self) -> Value {
        secret("metorial", &[("api-key", &self.key)])
    }

    /// The Secret with client id and client secret.
    pub fn app_secret(&self) -> Value {
        let texts = [
            ("client-id", "Iv1.0123456789"),
            ("client-secret", &self.client_secret),
        ];
        secret("oauth-app", &texts)
    }

    /// The Connection `default`.
    pub fn default_connection(&self) -> Manifest {
        connection("default", &self.sim.url())
    }

    /// Settings for tests: this namespace only, short pauses, no rivals.
    pub fn settings(&self) -> Settings {
        test_settings(&self.namespace, &self.sim.url())
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
        self.start_with_client(settings, |config| Client::try_from(config).unwrap());
    }

    fn start_with_client(
        &mut self,
        settings: Settings,
        client: impl FnOnce(Config) -> Client + Send + 'static,
    ) {
        assert!(self.operator.is_none(), "an operator is running");
        self.wait_as_long_as(&settings);
        let config = self.config.clone();
        self.operator = Some(Operator::start(settings, move || client(config)));
    }

    /// A story is over when nothing is written for longer than reads take to settle, and one more try after that: what only then is
    /// concluded from an absence is written after it. Where nothing is ever concluded, nothing is waited for.
    fn wait_as_long_as(&mut self, settings: &Settings) {
        let lags = [settings.timing.settle, settings.timing.read_lag];
        for lag in lags.into_iter().filter(|lag| *lag < FOREVER) {
            self.quiet = self.quiet.max(lag + LONGEST_BACK_OFF);
        }
    }

    /// Starts it with this settle time: how old an absence must be before anything is concluded from it.
    pub fn start_operator_settling(&mut self, settle: Duration) {
        let mut settings = self.settings();
        settings.timing.settle = settle;
        settings.timing.read_lag = settle.min(Timing::default().read_lag);
        self.start_operator_with(settings);
    }

    /// Starts it so that it concludes nothing from an absence for as long as any test lasts.
    pub fn start_operator_that_waits(&mut self) {
        self.start_operator_settling(FOREVER);
    }

    /// Starts it behind a gate.
    pub fn start_operator_behind(&mut self, gate: &KubeGate) {
        let settings = self.settings();
        self.start_operator_with_gate(settings, gate);
    }

    /// Starts it behind a gate and with other settings.
    pub fn start_operator_with_gate(&mut self, settings: Settings, gate: &KubeGate) {
        let gate = gate.clone();
        self.start_with_client(settings, move |config| {
            let builder = ClientBuilder::try_from(config).unwrap();
            builder.with_layer(&gate).build()
        });
    }

    /// Starts it at a Kubernetes API that fails calls.
    pub fn start_operator_failing(&mut self, calls: &FailingCalls) {
        let calls = calls.clone();
        self.start_with_client(self.settings(), move |config| {
            let builder = ClientBuilder::try_from(config).unwrap();
            builder.with_layer(&calls).build()
        });
    }

    /// Ends it as SIGKILL does.
    pub fn kill_operator(&mut self) {
        self.operator.take().expect("an operator is running").kill();
    }

    /// Ends it as SIGTERM does.
    pub async fn stop_operator(&mut self) {
        let operator = self.operator.take().expect("an operator is running");
        operator.stop().await.unwrap();
    }

    /// Kills it and starts another one.
    pub fn restart_operator(&mut self) {
        self.kill_operator();
        self.start_operator();
    }

    /// An instance of another organization, and a key of it.
    pub fn another_instance(&self) -> (InstanceId, String) {
        let organization = self.sim.add_organization("Globex");
        let kind = InstanceType::Development;
        let instance = self.sim.add_instance(&organization, kind);
        let key = self.sim.add_key(&instance);
        (instance, key)
    }

    /// Such an instance, which the Connection `other` opens.
    pub async fn connect_another_instance(&self) -> InstanceId {
        let (instance, key) = self.another_instance();
        self.connect("other", &key).await;
        instance
    }

    /// A Connection with this name and API key.
    pub async fn connect(&self, name: &str, key: &str) {
        let of_key = format!("{name}-key");
        self.apply(secret(&of_key, &[("api-key", key)])).await;
        let from = json!({"apiKey": {"secretKeyRef": {"name": of_key}}});
        self.apply(connection(name, &self.sim.url()).spec(from))
            .await;
    }

    /// Describes both sides for a person who wonders why a test failed.
    pub async fn describe(&self) -> String {
        let mut text = format!("namespace {}\n", self.namespace);
        if let Some(how) = self.operator.as_ref().and_then(Operator::ended) {
            text += &format!("{how}\n");
        }
        for args in [
            &["get", "metorial", "-o", "yaml"][..],
            &["get", "events"][..],
        ] {
            let mut kubectl = self.plane.kubectl();
            kubectl.args(["-n", &self.namespace]).args(args);
            let output = tokio::task::spawn_blocking(move || kubectl.output()).await;
            text += &output.unwrap().map_or_else(
                |error| error.to_string(),
                |output| String::from_utf8_lossy(&output.stdout).into_owned(),
            );
        }
        let journal = self.sim.journal();
        for entry in &journal {
            let (at, first) = (entry.at, journal[0].at);
            text += &format!(
                "{:.2?} {} {}?{} → {} applied {}\n",
                at.duration_since(first),
                entry.method,
                entry.path,
                entry.query,
                entry.status,
                entry.applied
            );
        }
        text
    }
}

/// Creates a namespace.
pub async fn create_namespace(client: &Client, name: &str) {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    };
    let object = Namespace {
        metadata,
        ..Namespace::default()
    };
    let api = Api::all(client.clone());
    api.create(&PostParams::default(), &object).await.unwrap();
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
            let served = kube::runtime::wait::await_condition(api.clone(), &name, established);
            let served = tokio::time::timeout(PATIENCE, served).await;
            served.expect("the definition is served in time").unwrap();
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
