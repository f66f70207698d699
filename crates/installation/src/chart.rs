//! The chart: its installation, and the container of its Deployment.

use crate::failure::Failure;
use crate::repository::root;
use control_plane::ControlPlane;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::EnvVar;
use kube::Api;
use std::process::Command;

/// Namespace that the chart is installed into.
pub const NAMESPACE: &str = "metorial-system";
/// Name of the release, which is also the name of its Deployment and ServiceAccount.
pub const RELEASE: &str = "metorial-operator";

/// Returns `helm install` without pods, for an operator that may call `base_url`.
#[must_use]
pub fn install_command(plane: &ControlPlane, base_url: &str) -> Command {
    let mut helm = plane.helm();
    helm.current_dir(root());
    helm.args(["install", RELEASE, "deploy/chart"]);
    helm.args(["--namespace", NAMESPACE, "--create-namespace"]);
    for value in [
        "replicaCount=0",
        "image.repository=metorial-operator",
        "log.format=text",
        &format!("allowedBaseUrls={{{base_url}}}"),
    ] {
        helm.args(["--set", value]);
    }
    helm
}

/// Arguments and environment of the operator's container.
pub(crate) struct Invocation {
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

impl Invocation {
    /// Reads them from the installed Deployment.
    pub(crate) async fn read(plane: &ControlPlane) -> Result<Self, Failure> {
        let api: Api<Deployment> = Api::namespaced(plane.client(), NAMESPACE);
        let deployment = api.get(RELEASE).await?;
        let pod = deployment.spec.and_then(|spec| spec.template.spec);
        let container = pod.and_then(|pod| pod.containers.into_iter().next());
        let container =
            container.ok_or_else(|| Failure::new("the chart's Deployment has no container"))?;
        let environment = container.env.unwrap_or_default().into_iter().map(variable);
        Ok(Self {
            arguments: container.args.unwrap_or_default(),
            environment: environment.collect::<Result<_, _>>()?,
        })
    }
}

/// Resolves a variable as the kubelet does.
fn variable(env: EnvVar) -> Result<(String, String), Failure> {
    let field = env
        .value_from
        .and_then(|from| from.field_ref)
        .map(|field| field.field_path);
    match (env.value, field.as_deref()) {
        (Some(value), None) => Ok((env.name, value)),
        (None, Some("metadata.namespace")) => Ok((env.name, NAMESPACE.to_owned())),
        _ => Err(Failure::new(format!(
            "the variable {} of the chart's Deployment has a value that only a pod has",
            env.name
        ))),
    }
}
