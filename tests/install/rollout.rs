//! An installation on a control plane of its own, with resources in use, while versions of the operator follow each other. No
//! node runs pods there, so a process stands for the Deployment's pod: the next one starts before the former one ends.

use crate::support::{Container, PATIENCE, Process, example, free_address, run, succeed};
use control_plane::ControlPlane;
use metorial_simulator::{InstanceType, Options, Profile, Simulator};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::time::{Duration, Instant, sleep};

pub const NAMESPACE: &str = "metorial-system";
/// The version before the current one, and the current one.
pub const VERSIONS: [&str; 2] = ["0.0.9", env!("CARGO_PKG_VERSION")];
/// Where the resources are.
const TEAM: &str = "team";

/// The cluster, Metorial, and the running operator.
pub struct Rollout {
    pub plane: ControlPlane,
    pub sim: Simulator,
    key: String,
    running: Option<Process>,
    /// For files of versions.
    directory: PathBuf,
}

impl Rollout {
    /// Starts a cluster without the operator.
    pub async fn new(name: &str) -> Self {
        let sim = Simulator::start(Options::of(Profile::Server)).await;
        let organization = sim.add_organization("Acme");
        let instance = sim.add_instance(&organization, InstanceType::Production);
        let name = format!("{name}-{:08x}", rand::random::<u32>());
        Self {
            plane: ControlPlane::start().await.unwrap(),
            key: sim.add_key(&instance),
            sim,
            running: None,
            directory: Path::new(env!("CARGO_TARGET_TMPDIR")).join(name),
        }
    }

    /// Copies a directory of `deploy/` to the files of a version, and changes what differs in the former one: the version
    /// everywhere, and a column of the definitions.
    pub fn copy(&self, from: &str, version: &str) -> PathBuf {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("deploy")
            .join(from);
        let target = self.directory.join(version).join(from);
        copy(&source, &target, &|text| match version == VERSIONS[1] {
            true => text,
            false => text
                .replace(VERSIONS[1], version)
                .replace("name: Id\n", "name: Identifier\n"),
        });
        target
    }

    pub fn kubectl(&self, args: &[&str]) -> Command {
        let mut kubectl = self.plane.kubectl();
        kubectl.args(args);
        kubectl
    }

    /// The image of the installed Deployment.
    pub async fn image(&self) -> String {
        self.container().await.image
    }

    /// The name of the column with the id, which the former version calls otherwise.
    pub async fn column(&self) -> String {
        let name = "{.spec.versions[0].additionalPrinterColumns[2].name}";
        let output = format!("jsonpath={name}");
        let definition = "crd/providerauthcredentials.metorial.com";
        succeed(self.kubectl(&["get", definition, "-o", &output])).await
    }

    async fn container(&self) -> Container {
        let get = [
            "get",
            "deployment",
            "metorial-operator",
            "-n",
            NAMESPACE,
            "-o",
            "json",
        ];
        let deployment = succeed(self.kubectl(&get)).await;
        let deployment: Value = serde_json::from_str(&deployment).unwrap();
        Container::of(&deployment["spec"]["template"]["spec"], NAMESPACE)
    }

    /// Starts the operator that the Deployment describes, and stops the former one when it is ready, as a rolling update
    /// does. Returns when the new one has reconciled everything.
    pub async fn roll(&mut self) {
        let kubeconfig = self
            .plane
            .kubeconfig_file_for_service_account(NAMESPACE, "metorial-operator")
            .await
            .unwrap();
        let admin = free_address();
        let mut command = self.container().await.command(&kubeconfig);
        // Two pods have an address each, two processes don't.
        command.arg(format!("--listen={admin}"));
        let next = Process::spawn(command, admin);
        until("the new operator is ready", async || {
            next.get("/readyz")
                .await
                .is_some_and(|(status, _)| status == 200)
        })
        .await;
        self.stop().await;
        until("the new operator leads", async || {
            next.leads().await == Some(true)
        })
        .await;
        self.running = Some(next);
    }

    /// Stops the operator, as the deletion of its pod does.
    pub async fn stop(&mut self) {
        let Some(mut former) = self.running.take() else {
            return;
        };
        former.terminate();
        until("the operator ended", async || former.ended().is_some()).await;
        assert!(former.ended().unwrap().success(), "{}", former.log());
    }

    /// Applies the quickstart and waits until it is ready.
    pub async fn apply_resources(&self) {
        succeed(self.kubectl(&["create", "namespace", TEAM])).await;
        for file in ["secret.yaml", "connection.yaml", "credentials.yaml"] {
            for mut manifest in example("quickstart", file) {
                if let Some(key) = manifest.pointer_mut("/stringData/api-key") {
                    *key = self.key.as_str().into();
                }
                if manifest["kind"] == "Connection" {
                    manifest["spec"]["baseUrl"] = self.sim.url().into();
                }
                let apply = self.kubectl(&["apply", "-n", TEAM, "-f", "-"]);
                let applied = run(apply, &manifest.to_string()).await;
                assert!(applied.status.success(), "{applied:?}");
            }
        }
        let ready = "--for=condition=Ready";
        let wait = ["wait", ready, "--timeout=90s", "-n", TEAM, "pacred/github"];
        succeed(self.kubectl(&wait)).await;
    }

    /// Everything that must stay as it is: the resources with their versions, what was written at Metorial, and the key by
    /// which the operator recognizes values.
    pub async fn state(&self) -> BTreeMap<String, Value> {
        let mut state = BTreeMap::new();
        let get = ["get", "metorial", "-n", TEAM, "-o", "json"];
        let resources: Value = serde_json::from_str(&succeed(self.kubectl(&get)).await).unwrap();
        for resource in resources["items"].as_array().unwrap() {
            let (kind, metadata) = (&resource["kind"], &resource["metadata"]);
            let kept = json!([
                metadata["uid"],
                metadata["resourceVersion"],
                resource["status"]
            ]);
            state.insert(format!("{kind} {}", metadata["name"]), kept);
        }
        assert_eq!(state.len(), 2, "{state:?}");
        let secret = [
            "get",
            "secret",
            "metorial-operator-fingerprint-key",
            "-n",
            NAMESPACE,
        ];
        let secret = [&secret[..], &["-o", "jsonpath={.metadata.uid}"]].concat();
        let uid = succeed(self.kubectl(&secret)).await;
        state.insert("fingerprint key".into(), uid.into());
        let journal = self.sim.journal();
        let writes = journal.iter().filter(|entry| entry.is_write());
        let writes = writes.map(|entry| format!("{} {}", entry.method, entry.path));
        state.insert("writes".into(), writes.collect());
        state
    }

    /// Waits until the running operator has reconciled everything, and checks that this changed nothing.
    pub async fn check_unchanged(&self, before: &BTreeMap<String, Value>) {
        let process = self.running.as_ref().unwrap();
        let reconciled = "metorial_operator_reconciliations_total";
        until("everything is reconciled", async || {
            let Some((_, metrics)) = process.get("/metrics").await else {
                return false;
            };
            let of = |kind: &str| metrics.contains(&format!("{reconciled}{{kind=\"{kind}\""));
            of("Connection") && of("ProviderAuthCredentials")
        })
        .await;
        assert_eq!(self.state().await, *before, "{}", process.log());
    }

    /// Deletes the resources, which the operator completes.
    pub async fn delete_resources(&self) {
        let delete = ["delete", "pacred/github", "mconn/default", "-n", TEAM];
        succeed(self.kubectl(&[&delete[..], &["--timeout=90s"]].concat())).await;
        let journal = self.sim.journal();
        let deleted = journal.iter().filter(|entry| entry.method == "DELETE");
        assert_eq!(deleted.count(), 1);
    }
}

impl Drop for Rollout {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.directory).ok();
    }
}

/// Copies the files of a directory with another text.
fn copy(from: &Path, to: &Path, change: &dyn Fn(String) -> String) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target, change),
            false => {
                let text = std::fs::read_to_string(&path).unwrap();
                std::fs::write(target, change(text)).unwrap();
            }
        }
    }
}

/// Waits until something is so.
pub async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !check().await {
        assert!(Instant::now() < deadline, "never came: {what}");
        sleep(Duration::from_millis(100)).await;
    }
}
