//! Step of the demo about a deployment with everything on it: what belongs to it at Metorial, and a deletion that waits for that.

use crate::checks::{expect, remote};
use crate::environment::Environment;
use crate::terminal::Terminal;
use installation::{Failure, TIMEOUT, wait_until};
use metorial_operator::resources::{
    ProviderAuthConfig, ProviderConfig, ProviderDeployment, ResourceStatus, condition,
};
use metorial_simulator::Stored;
use serde_json::json;

/// Name of all resources of the example.
const NAME: &str = "slack-agent";

/// Verifies what belongs to the deployment, then deletes it.
pub async fn run(environment: &Environment, terminal: &Terminal) -> Result<(), Failure> {
    let deployment = check(environment, terminal).await?;
    delete(environment, terminal, &deployment).await
}

/// Verifies that auth config and config belong to the deployment at Metorial.
async fn check(environment: &Environment, terminal: &Terminal) -> Result<Stored, Failure> {
    terminal.step("A deployment with everything that an agent needs on it, from one apply");
    let [deployment, app, login, settings] =
        ["pdeploy", "pacred", "paconf", "pconf"].map(|kind| format!("{kind}/{NAME}"));
    let arguments = ["get", &deployment, &app, &login, &settings];
    environment.show(terminal, &arguments).await?;
    let status = environment
        .api::<ProviderDeployment>()
        .get(NAME)
        .await?
        .status;
    let deployment = stored(environment, status.as_ref())?;
    terminal.verified(&format!(
        "at Metorial: {}, tool filter {}",
        deployment.id, deployment.readable["tool_filter"]
    ));
    let logins = environment.api::<ProviderAuthConfig>();
    let configs = environment.api::<ProviderConfig>();
    for object in [
        stored(environment, logins.get(NAME).await?.status.as_ref())?,
        stored(environment, configs.get(NAME).await?.status.as_ref())?,
    ] {
        let of = &object.readable["deployment"]["id"];
        expect("its deployment", of, &json!(deployment.id))?;
        terminal.verified(&format!("{} belongs to it", object.id));
    }
    Ok(deployment)
}

/// Deletes the deployment, which waits for what belongs to it.
async fn delete(
    environment: &Environment,
    terminal: &Terminal,
    deployment: &Stored,
) -> Result<(), Failure> {
    terminal.step("Deleting the deployment, which waits for what belongs to it");
    let name = format!("pdeploy/{NAME}");
    environment
        .show(terminal, &["delete", &name, "--wait=false"])
        .await?;
    let deployments = environment.api::<ProviderDeployment>();
    let message = wait_until("the deletion is blocked", TIMEOUT, async || {
        let status = deployments.get(NAME).await?.status;
        let conditions = status.and_then(|status| status.common.conditions);
        let ready = condition(conditions.as_deref(), "Ready");
        let blocked = ready.filter(|ready| ready.reason == "DeletionBlocked");
        Ok(blocked.map(|ready| ready.message.clone()))
    })
    .await?;
    terminal.verified(&format!("DeletionBlocked: {message}"));
    let (login, settings) = (format!("paconf/{NAME}"), format!("pconf/{NAME}"));
    let wait = "--timeout=60s";
    environment
        .show(terminal, &["delete", &login, &settings, wait])
        .await?;
    environment
        .show(terminal, &["wait", "--for=delete", &name, wait])
        .await?;
    let object = remote(environment, Some(deployment.id.clone()))?;
    let status = &object.readable["status"];
    expect("its status at Metorial", status, &json!("archived"))?;
    terminal.verified(&format!("{} is archived at Metorial", deployment.id));
    Ok(())
}

/// Returns the object that a status records.
fn stored<S: ResourceStatus>(
    environment: &Environment,
    status: Option<&S>,
) -> Result<Stored, Failure> {
    let id = status.and_then(|status| status.common().id.clone());
    remote(environment, id)
}
