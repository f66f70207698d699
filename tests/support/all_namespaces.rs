//! An operator that serves all namespaces, on a control plane of its own: on the shared one it would reconcile the
//! resources of every other test.

use super::environment::{Environment, Setup};
use super::gate::KubeGate;
use super::helm::helm_chart;
use super::kinds::Kind;
use super::manifests::{Manifest, resource};
use super::rights::{SERVICE_ACCOUNT, wait_in_force};
use control_plane::ControlPlane;
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::Request;
use metorial_operator::settings::Settings;
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

static PLANE: OnceCell<&'static ControlPlane> = OnceCell::const_new();
static TURN: Mutex<()> = Mutex::const_new(());

/// A control plane that is this process's own, beside the shared one; the first who asks starts it.
pub async fn own_plane() -> &'static ControlPlane {
    let start = async || {
        let plane: &'static ControlPlane =
            Box::leak(Box::new(ControlPlane::start().await.unwrap()));
        plane
    };
    PLANE.get_or_init(start).await
}

/// Where an operator for all namespaces lives. One at a time.
pub struct AllNamespaces {
    /// The operator's own namespace, and the simulator that all namespaces use.
    pub home: Environment,
    _turn: MutexGuard<'static, ()>,
}

impl AllNamespaces {
    /// The chart's roles for all namespaces, and no operator yet. What the last story left is gone.
    pub async fn new() -> Self {
        let turn = TURN.lock().await;
        let home = Environment::on(own_plane().await, Setup::default()).await;
        sweep(&home.client).await;
        grant(&home).await;
        Self { home, _turn: turn }
    }

    /// Starts the operator; it may call the simulator of `home`.
    pub fn start_operator(&mut self) {
        let settings = self.settings();
        self.home.start_operator_with(settings);
    }

    /// Starts it behind a gate.
    pub fn start_operator_behind(&mut self, gate: &KubeGate) {
        let settings = self.settings();
        self.home.start_operator_with_gate(settings, gate);
    }

    /// Settings for tests: all namespaces, short pauses, no rivals.
    pub fn settings(&self) -> Settings {
        Settings {
            namespaces: Vec::new(),
            ..self.home.settings()
        }
    }

    /// A namespace with these labels that nothing is granted in.
    pub async fn namespace(&self, labels: Value) -> Environment {
        let env = Environment::on(self.home.plane, Setup::default()).await;
        self.label(&env, labels).await;
        env
    }

    /// Creates a namespace of this name again, once the former one is gone.
    pub async fn create_namespace(&self, name: &str) {
        super::environment::create_namespace(&self.home.client, name).await;
    }

    /// Sets labels of a namespace.
    pub async fn label(&self, env: &Environment, labels: Value) {
        let api = Api::<k8s_openapi::api::core::v1::Namespace>::all(self.home.client.clone());
        let patch = Patch::Merge(json!({"metadata": {"labels": labels}}));
        api.patch(&env.namespace, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// A ClusterConnection whose key is in the Secret `metorial` of `home`; null allows nobody.
    pub fn cluster_connection(&self, name: &str, allowed: Value) -> Manifest {
        let key = json!({"namespace": self.home.namespace, "name": "metorial", "key": "api-key"});
        let spec = json!({"baseUrl": self.home.sim.url(), "apiKey": {"secretKeyRef": key}});
        let manifest = resource("ClusterConnection", name, spec);
        match allowed.is_null() {
            true => manifest,
            false => manifest.spec(json!({"allowedNamespaces": allowed})),
        }
    }
}

/// Removes all objects of the operator's kinds, whose operator is gone.
pub async fn sweep(client: &Client) {
    for kind in Kind::NAMESPACED
        .into_iter()
        .chain([Kind::ClusterConnection])
    {
        sweep_kind(client, &kind.resource()).await;
    }
}

async fn sweep_kind(client: &Client, kind: &ApiResource) {
    // Read without the parts that somebody may have nested too deep to be decoded.
    #[derive(serde::Deserialize)]
    struct Left {
        items: Vec<Item>,
    }
    #[derive(serde::Deserialize)]
    struct Item {
        metadata: Name,
    }
    #[derive(serde::Deserialize)]
    struct Name {
        name: String,
        namespace: Option<String>,
    }
    let all: Api<DynamicObject> = Api::all_with(client.clone(), kind);
    let request = Request::new(all.resource_url()).list_metadata(&ListParams::default());
    let Ok(left) = client.request::<Left>(request.unwrap()).await else {
        return;
    };
    for Item { metadata } in left.items {
        let name = metadata.name;
        let api = match metadata.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), &namespace, kind),
            None => all.clone(),
        };
        let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        api.delete(&name, &DeleteParams::default()).await.ok();
        api.patch(&name, &PatchParams::default(), &free).await.ok();
    }
}

/// Applies everything of the chart, as it is without `watchNamespaces`, but the workload.
async fn grant(home: &Environment) {
    let mut helm = helm_chart(home.plane, &["template", SERVICE_ACCOUNT]);
    helm.args([
        "--namespace",
        &home.namespace,
        "--set",
        "crds.install=false",
    ]);
    for template in ["serviceaccount", "rbac"] {
        helm.args(["--show-only", &format!("templates/{template}.yaml")]);
    }
    let mut kubectl = home.plane.kubectl();
    kubectl.args(["apply", "--server-side", "--force-conflicts", "-f", "-"]);
    kubectl.stdin(Stdio::piped()).stdout(Stdio::null());
    let applied = tokio::task::spawn_blocking(move || {
        let rendered = helm.output().unwrap();
        let errors = String::from_utf8_lossy(&rendered.stderr).into_owned();
        assert!(rendered.status.success(), "{errors}");
        let mut kubectl = kubectl.spawn().unwrap();
        let mut stdin = kubectl.stdin.take().unwrap();
        stdin.write_all(&rendered.stdout).unwrap();
        drop(stdin);
        kubectl.wait().unwrap()
    });
    assert!(applied.await.unwrap().success());
    wait_in_force(&home.client, (&home.namespace, SERVICE_ACCOUNT)).await;
}
