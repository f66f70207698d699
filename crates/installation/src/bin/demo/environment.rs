//! Environment of the demo: a control plane with the installed chart, the simulator, and the running operator.

use crate::examples::{self, DEMO_NAMESPACE, EXAMPLES};
use crate::readiness::wait_until_ready;
use crate::terminal::Terminal;
use control_plane::ControlPlane;
use installation::{Failure, NAMESPACE, Operator, RELEASE, install_command, output};
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use metorial_simulator::{InstanceType, Options, Simulator};
use std::process::Command;
use tempfile::TempDir;

/// Running processes. They stop when this is dropped, the operator first.
pub struct Environment {
    operator: Operator,
    pub plane: ControlPlane,
    pub simulator: Simulator,
    manifests: TempDir,
    _logs: TempDir,
}

impl Environment {
    /// Starts everything and writes the examples' manifests.
    pub async fn start(terminal: &Terminal) -> Result<Self, Failure> {
        terminal.step("A control plane: etcd, kube-apiserver, kube-controller-manager");
        let plane = ControlPlane::start().await?;
        let mut kubectl = plane.kubectl();
        kubectl.args(["version", "--output=json"]);
        let version: serde_json::Value = serde_json::from_str(&output(kubectl).await?)?;
        let version = version["serverVersion"]["gitVersion"].as_str();
        terminal.verified(&format!(
            "Kubernetes {} listens at {}",
            version.unwrap_or("of an unknown version"),
            plane.url()
        ));

        terminal.step("Metorial: the simulator");
        let simulator = Simulator::try_start(Options::default()).await?;
        let organization = simulator.add_organization("Demo");
        let instance = simulator.add_instance(&organization, InstanceType::Production);
        let key = simulator.add_key(&instance);
        terminal.verified(&format!(
            "the API listens at {} and has the instance {instance}",
            simulator.url()
        ));

        install(&plane, &simulator, terminal).await?;
        let logs = tempfile::tempdir()?;
        let log = logs.path().join("operator.log");
        terminal.step("The operator, as the chart's ServiceAccount");
        let mut operator = Operator::start(&plane, &log).await?;
        check_identity(&plane, &operator, terminal).await?;
        operator.ready().await?;
        terminal.verified(&format!("process {} is ready", operator.id()));
        Ok(Self {
            manifests: examples::write(&simulator.url(), &key)?,
            operator,
            plane,
            simulator,
            _logs: logs,
        })
    }

    /// Returns kubectl in the namespace of the demo.
    pub fn kubectl(&self, arguments: &[&str]) -> Command {
        let mut kubectl = self.plane.kubectl();
        kubectl
            .args(["--namespace", DEMO_NAMESPACE])
            .args(arguments);
        kubectl
    }

    /// Runs kubectl in the namespace of the demo, and prints the command and its output.
    pub async fn show(&self, terminal: &Terminal, arguments: &[&str]) -> Result<(), Failure> {
        let kubectl = self.kubectl(arguments);
        terminal.command(&kubectl);
        terminal.output(&output(kubectl).await?);
        Ok(())
    }

    /// Returns the API of a kind in the namespace of the demo.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.plane.client(), DEMO_NAMESPACE)
    }

    /// Applies all examples.
    pub async fn apply_all(&self, terminal: &Terminal) -> Result<(), Failure> {
        for example in EXAMPLES {
            let mut kubectl = self.plane.kubectl();
            // Runs in their directory, so that the printed command shows no path.
            kubectl.args(["apply", "--kustomize", example]);
            kubectl.current_dir(self.manifests.path());
            terminal.command(&kubectl);
            output(kubectl).await?;
        }
        Ok(())
    }

    /// Returns method and collection of the writes that the API applied, in order.
    pub fn writes(&self) -> Vec<String> {
        let journal = self.simulator.journal().into_iter();
        let writes = journal.filter(|entry| entry.is_write() && entry.applied);
        writes
            .map(|entry| {
                let collection = entry.path.split('/').nth(1).unwrap_or_default();
                format!("{} /{collection}", entry.method)
            })
            .collect()
    }

    /// Describes the state of all systems, for the diagnosis of a failed step.
    pub async fn describe(&self) -> String {
        let mut text = String::new();
        for arguments in [
            &["get", "metorial", "--all-namespaces", "--output=yaml"][..],
            &["get", "events", "--all-namespaces"][..],
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

    /// Applies the examples again and prints how to reach everything.
    pub async fn keep(&self, terminal: &Terminal) -> Result<(), Failure> {
        terminal.step("Everything keeps running until Ctrl-C");
        wait_until_ready(self.plane.client(), terminal, self.apply_all(terminal)).await?;
        let kubectl = self.plane.kubectl();
        terminal.line(&format!(
            "export KUBECONFIG={}\n{} get metorial --all-namespaces\n\nAt Metorial: {url}/_simulator/state, {url}/_simulator/journal",
            self.plane.admin_kubeconfig().display(),
            kubectl.get_program().display(),
            url = self.simulator.url()
        ));
        Ok(())
    }

    /// Stops the operator with SIGTERM, then everything else.
    pub async fn stop(self, terminal: &Terminal) -> Result<(), Failure> {
        terminal.step("Everything is stopped");
        let status = self.operator.stop().await?;
        if !status.success() {
            let text = format!("the operator exited with {status} after SIGTERM");
            return Err(Failure::new(text));
        }
        terminal.verified("the operator finished its work and exited with status 0");
        drop(self.plane);
        terminal.verified("the control plane is stopped");
        Ok(())
    }
}

async fn install(
    plane: &ControlPlane,
    simulator: &Simulator,
    terminal: &Terminal,
) -> Result<(), Failure> {
    terminal.step("The chart, by Helm: definitions, rights, and a Deployment without pods");
    let helm = install_command(plane, &simulator.url());
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
    terminal.verified("installed");
    Ok(())
}

/// Checks that the API server authenticates the operator as the chart's ServiceAccount.
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
        let text =
            format!("the API server authenticates the operator as {name:?}, not as {expected}");
        return Err(Failure::new(text));
    }
    terminal.verified(&format!("the API server authenticates it as {expected}"));
    Ok(())
}
