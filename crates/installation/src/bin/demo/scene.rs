//! Where the story happens: a control plane with the chart installed, the simulator, and the operator at work.

use crate::story;
use crate::terminal::Terminal;
use control_plane::ControlPlane;
use installation::{Failure, NAMESPACE, Operator, RELEASE, install_command, output, root};
use metorial_simulator::{Collection, InstanceId, InstanceType, Options, Simulator, Stored};
use serde_json::json;
use std::fs;
use std::net::TcpListener;
use std::process::Command;
use tempfile::TempDir;

/// The namespace of the story.
pub const STAGE: &str = "demo";

/// Everything that runs. Dropping it stops all of it, the operator first.
pub struct Scene {
    operator: Operator,
    pub plane: ControlPlane,
    pub simulator: Simulator,
    pub instance: InstanceId,
    manifests: TempDir,
    _logs: TempDir,
}

impl Scene {
    /// Starts everything and puts the quickstart's manifests at hand.
    pub async fn set(terminal: &Terminal) -> Result<Self, Failure> {
        terminal.step("A control plane: etcd, kube-apiserver, kube-controller-manager");
        let plane = ControlPlane::start().await?;
        let mut kubectl = plane.kubectl();
        kubectl.args(["version", "--output=json"]);
        let version: serde_json::Value = serde_json::from_str(&output(kubectl).await?)?;
        let version = version["serverVersion"]["gitVersion"].as_str();
        terminal.seen(&format!(
            "Kubernetes {} answers at {}",
            version.unwrap_or("of an unknown version"),
            plane.url()
        ));

        terminal.step("Metorial: the simulator");
        let simulator = Simulator::try_start(Options::default()).await?;
        let organisation = simulator.add_organisation("Demo");
        let instance = simulator.add_instance(&organisation, InstanceType::Development);
        let key = simulator.add_key(&instance);
        terminal.seen(&format!(
            "the API answers at {} for instance {instance}",
            simulator.url()
        ));

        install(&plane, &simulator, terminal).await?;
        let logs = tempfile::tempdir()?;
        let log = logs.path().join("operator.log");
        terminal.step("The operator, as the chart's ServiceAccount");
        let mut operator = Operator::start(&plane, &log).await?;
        check_identity(&plane, &operator, terminal).await?;
        operator.ready().await?;
        terminal.seen(&format!("process {} is ready", operator.id()));
        Ok(Self {
            manifests: manifests(&simulator.url(), &key)?,
            operator,
            plane,
            simulator,
            instance,
            _logs: logs,
        })
    }

    /// kubectl in the story's namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> Command {
        let mut kubectl = self.plane.kubectl();
        kubectl.args(["--namespace", STAGE]).args(arguments);
        kubectl
    }

    /// `kubectl apply` of the quickstart for this simulator.
    pub fn apply(&self) -> Command {
        let mut kubectl = self.plane.kubectl();
        // Run where it is, so that the command shows no path.
        kubectl.args(["apply", "--kustomize", "."]);
        kubectl.current_dir(self.manifests.path());
        kubectl
    }

    /// The OAuth apps at Metorial but those that it manages itself, deleted ones too.
    pub fn remote(&self) -> Vec<Stored> {
        let collection = Collection::AuthCredentials;
        let mut all = self.simulator.objects(&self.instance, collection);
        all.retain(|object| object.readable["is_managed"] != true);
        all
    }

    /// The writes that the API applied, in order.
    pub fn writes(&self) -> Vec<String> {
        let journal = self.simulator.journal().into_iter();
        let writes = journal.filter(|entry| entry.is_write() && entry.applied);
        writes
            .map(|entry| format!("{} {}", entry.method, entry.path))
            .collect()
    }

    /// All that can be seen now, for a person who wonders why a step did not happen.
    pub async fn describe(&self) -> String {
        let mut text = String::new();
        for arguments in [
            &["get", "metorial", "--output=yaml"][..],
            &["get", "events"][..],
        ] {
            let shown = match output(self.kubectl(arguments)).await {
                Ok(shown) => shown,
                Err(failure) => failure.to_string(),
            };
            text += &format!("kubectl {}:\n{shown}\n", arguments.join(" "));
        }
        text += "The API's journal:\n";
        for entry in self.simulator.journal() {
            text += &format!("{} {} → {}\n", entry.method, entry.path, entry.status);
        }
        text + "The end of the operator's log:\n" + &self.operator.end_of_log()
    }

    /// Applies the quickstart again and tells how to look around.
    pub async fn invite(&self, terminal: &Terminal) -> Result<(), Failure> {
        terminal.step("Everything stays up until Ctrl-C");
        output(self.apply()).await?;
        story::until_ready(self, terminal).await?;
        let kubectl = self.plane.kubectl();
        terminal.line(&format!(
            "export KUBECONFIG={}\n{} -n {STAGE} get metorial\n\nAt Metorial: {url}/_simulator/state, {url}/_simulator/journal",
            self.plane.admin_kubeconfig().display(),
            kubectl.get_program().display(),
            url = self.simulator.url()
        ));
        Ok(())
    }

    /// Stops the operator as Kubernetes does, and the rest after it.
    pub async fn end(self, terminal: &Terminal) -> Result<(), Failure> {
        terminal.step("The end");
        let status = self.operator.stop().await?;
        if !status.success() {
            let text = format!("the operator ended with {status} after SIGTERM");
            return Err(Failure::new(text));
        }
        terminal.seen("the operator drained and ended with status 0");
        drop(self.plane);
        terminal.seen("the control plane is stopped");
        Ok(())
    }
}

async fn install(
    plane: &ControlPlane,
    simulator: &Simulator,
    terminal: &Terminal,
) -> Result<(), Failure> {
    terminal.step("The chart, by Helm: definitions, rights, and a Deployment without pods");
    // Free now; the operator takes it in a moment.
    let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let helm = install_command(plane, &simulator.url(), &listen.to_string());
    terminal.command(&helm);
    output(helm).await?;
    let mut kubectl = plane.kubectl();
    kubectl.args([
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "customresourcedefinitions",
        "--selector=app.kubernetes.io/name=metorial-operator",
    ]);
    terminal.command(&kubectl);
    terminal.output(&output(kubectl).await?);
    terminal.seen("installed");
    Ok(())
}

/// The API server's own word on who the operator is.
async fn check_identity(
    plane: &ControlPlane,
    operator: &Operator,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut kubectl = plane.kubectl();
    kubectl
        .arg("--kubeconfig")
        .arg(operator.kubeconfig())
        .args(["auth", "whoami", "--output=json"]);
    let answer: serde_json::Value = serde_json::from_str(&output(kubectl).await?)?;
    let name = answer["status"]["userInfo"]["username"].as_str();
    let expected = format!("system:serviceaccount:{NAMESPACE}:{RELEASE}");
    if name != Some(&expected) {
        let text = format!("the operator is {name:?} to the API server, not {expected}");
        return Err(Failure::new(text));
    }
    terminal.seen(&format!("the API server knows it as {expected}"));
    Ok(())
}

/// A kustomization over `examples/quickstart` that says where the simulator is and which key opens it.
fn manifests(url: &str, key: &str) -> Result<TempDir, Failure> {
    let directory = tempfile::tempdir()?;
    let mut resources = Vec::new();
    for file in fs::read_dir(root().join("examples/quickstart"))? {
        let file = file?;
        if file.path().extension().is_some_and(|is| is == "yaml") {
            fs::copy(file.path(), directory.path().join(file.file_name()))?;
            resources.push(file.file_name().to_string_lossy().into_owned());
        }
    }
    resources.sort();
    let patch = |kind: &str, name: &str, operation: serde_json::Value| {
        let operations = serde_json::Value::from(vec![operation]).to_string();
        json!({"target": {"kind": kind, "name": name}, "patch": operations})
    };
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": STAGE,
        "resources": resources,
        "patches": [
            patch("Connection", "default", json!({"op": "add", "path": "/spec/baseUrl", "value": url})),
            patch("Secret", "metorial", json!({"op": "replace", "path": "/stringData/api-key", "value": key})),
        ],
    });
    // JSON is YAML too.
    let file = directory.path().join("kustomization.yaml");
    fs::write(file, kustomization.to_string())?;
    Ok(directory)
}
