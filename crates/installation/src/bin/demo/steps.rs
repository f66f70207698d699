//! Steps of the demo: resources of every kind become ready, Secrets are rotated, an export's Secret is read, resources are
//! deleted, and nothing was written twice.

use crate::checks::{expect, remote};
use crate::deployment;
use crate::environment::Environment;
use crate::examples::DEMO_NAMESPACE;
use crate::readiness::wait_until_ready;
use crate::terminal::{Terminal, masked, seconds};
use installation::{Failure, TIMEOUT, output, wait_until};
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::resources::{ProviderAuthConfig, ProviderAuthCredentials};
use metorial_simulator::Stored;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

const NEW_SECRET: &str = "rotated-by-the-demo-0123456789";
const NEW_PASSWORD: &str = "another-password-0123456789";

/// Number of writes that the API applies during all steps.
const WRITES: [(&str, usize); 12] = [
    ("DELETE /provider-auth-configs", 1),
    ("DELETE /provider-auth-credentials", 1),
    ("DELETE /provider-configs", 1),
    ("DELETE /provider-deployments", 1),
    ("PATCH /provider-auth-credentials", 1),
    ("POST /provider-auth-config-exports", 1),
    ("POST /provider-auth-config-imports", 2),
    ("POST /provider-auth-configs", 5),
    ("POST /provider-auth-credentials", 3),
    ("POST /provider-config-vaults", 1),
    ("POST /provider-configs", 3),
    ("POST /provider-deployments", 1),
];

/// Runs and verifies the steps; fails at the first that can't be verified.
pub async fn run(environment: &Environment, terminal: &Terminal) -> Result<(), Failure> {
    let id = apply(environment, terminal).await?;
    rotate_app(environment, terminal, &id).await?;
    rotate_password(environment, terminal).await?;
    read_export(environment, terminal).await?;
    delete(environment, terminal, &id).await?;
    deployment::run(environment, terminal).await?;
    check_writes(environment, terminal)
}

/// Applies the examples and verifies that they are ready. Returns the id of the quickstart's OAuth app.
async fn apply(environment: &Environment, terminal: &Terminal) -> Result<String, Failure> {
    terminal.step("Applying the examples, which have resources of every kind");
    output(environment.kubectl(&["create", "namespace", DEMO_NAMESPACE])).await?;
    let client = environment.plane.client();
    wait_until_ready(client, terminal, environment.apply_all(terminal)).await?;
    environment
        .show(terminal, &["get", "metorial", "--all-namespaces"])
        .await?;
    let apps = environment.api::<ProviderAuthCredentials>();
    let status = apps.get("github").await?.status;
    let object = remote(environment, status.and_then(|status| status.common.id))?;
    let secret = &object.write_only["client_secret"];
    expect("the secret", secret, &json!("replace-me-client-secret"))?;
    terminal.verified(&format!(
        "at Metorial: {}, client id {}, client secret {}, scopes {}",
        object.id,
        masked(&object.write_only["client_id"]),
        masked(secret),
        object.readable["scopes"]
    ));
    Ok(object.id)
}

/// Rotates the Secret of the OAuth app and verifies that the app changes.
async fn rotate_app(
    environment: &Environment,
    terminal: &Terminal,
    id: &str,
) -> Result<(), Failure> {
    terminal.step("Rotating the client secret of the OAuth app");
    let apps = environment.api::<ProviderAuthCredentials>();
    let pushed = async || {
        let status = apps.get("github").await?.status;
        let inputs = status.and_then(|status| status.common.inputs);
        let mut inputs = inputs.into_iter().flatten();
        let secret = inputs.find(|input| input.field == "oauth.clientSecret");
        Ok::<_, Failure>(secret.map(|input| input.fingerprint))
    };
    let before = pushed().await?;
    let patch = json!({"stringData": {"client-secret": NEW_SECRET}});
    let has = |object: &Stored| object.write_only["client_secret"] == NEW_SECRET;
    let took = rotate(environment, terminal, "github-oauth-app", &patch, id, has).await?;
    let secret = masked(&json!(NEW_SECRET));
    terminal.verified(&format!(
        "at Metorial: {id} has client secret {secret} {took}"
    ));
    wait_until(
        "the status has the new secret's fingerprint",
        TIMEOUT,
        async || {
            let now = pushed().await?;
            Ok((now.is_some() && now != before).then_some(()))
        },
    )
    .await?;
    wait_ready(environment, terminal, "pacred/github").await
}

/// Rotates the password of the database: it is imported, and the auth config keeps its id.
async fn rotate_password(environment: &Environment, terminal: &Terminal) -> Result<(), Failure> {
    terminal.step("Rotating the password of the database, an import into the auth config");
    let configs = environment.api::<ProviderAuthConfig>();
    let id = async || {
        let status = configs.get("postgres").await?.status;
        Ok::<_, Failure>(status.and_then(|status| status.common.id))
    };
    let before = id().await?;
    let object = remote(environment, before.clone())?;
    terminal.verified(&format!(
        "before: {} has password {}",
        object.id,
        masked(&object.write_only["value"]["password"])
    ));
    let patch = json!({"stringData": {"password": NEW_PASSWORD}});
    let has = |object: &Stored| object.write_only["value"]["password"] == NEW_PASSWORD;
    let took = rotate(environment, terminal, "postgres", &patch, &object.id, has).await?;
    let password = masked(&json!(NEW_PASSWORD));
    terminal.verified(&format!(
        "at Metorial: {} has password {password} {took}",
        object.id
    ));
    wait_until("the status has the id of the import", TIMEOUT, async || {
        let status = configs.get("postgres").await?.status;
        Ok(status.and_then(|status| status.common.import_id))
    })
    .await?;
    wait_ready(environment, terminal, "paconf/postgres").await?;
    expect("the id", &json!(id().await?), &json!(before))
}

/// Reads the Secret that an export created and compares it with the value at Metorial.
async fn read_export(environment: &Environment, terminal: &Terminal) -> Result<(), Failure> {
    terminal.step("Reading the Secret that the export created");
    environment
        .show(terminal, &["get", "aexport/slack", "secret/slack-export"])
        .await?;
    let secrets = environment.api::<Secret>();
    let data = secrets.get("slack-export").await?.data.unwrap_or_default();
    let token = data
        .get("token")
        .map(|bytes| String::from_utf8_lossy(&bytes.0));
    expect("the token", &json!(token), &json!("replace-me-bot-token"))?;
    for (key, bytes) in &data {
        let text = String::from_utf8_lossy(&bytes.0);
        terminal.verified(&format!("{key}: {}", masked(&json!(text))));
    }
    Ok(())
}

/// Deletes a resource and verifies that the app is archived.
async fn delete(environment: &Environment, terminal: &Terminal, id: &str) -> Result<(), Failure> {
    terminal.step("Deleting a resource");
    let began = Instant::now();
    let arguments = ["delete", "pacred/github", "--wait", "--timeout=60s"];
    environment.show(terminal, &arguments).await?;
    let apps = environment.api::<ProviderAuthCredentials>();
    let left = apps.get_opt("github").await?;
    expect("the resource", &json!(left.is_some()), &json!(false))?;
    let status = &remote(environment, Some(id.to_owned()))?.readable["status"];
    expect("its status at Metorial", status, &json!("archived"))?;
    terminal.verified(&format!(
        "the resource is deleted and {id} is archived at Metorial, {} after kubectl was started",
        seconds(began.elapsed())
    ));
    Ok(())
}

/// Verifies that there was one write for each requested change.
fn check_writes(environment: &Environment, terminal: &Terminal) -> Result<(), Failure> {
    terminal.step("Counting the writes of the API");
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for write in environment.writes() {
        *counted.entry(write).or_default() += 1;
    }
    for (write, count) in &counted {
        terminal.output(&format!("{count} × {write}"));
    }
    let wanted: BTreeMap<_, _> = WRITES.into_iter().collect();
    expect("the list of writes", &json!(counted), &json!(wanted))?;
    terminal.verified("nothing was written twice");
    Ok(())
}

/// Changes a Secret and waits until the object at Metorial has the new value. Returns the time this took.
async fn rotate(
    environment: &Environment,
    terminal: &Terminal,
    secret: &str,
    patch: &Value,
    id: &str,
    has: impl Fn(&Stored) -> bool,
) -> Result<String, Failure> {
    let patch = patch.to_string();
    let arguments = ["patch", "secret", secret, "--patch", &patch];
    let began = Instant::now();
    environment.show(terminal, &arguments).await?;
    let arrived = |_: &[_]| {
        environment
            .simulator
            .object(id)
            .is_some_and(|object| has(&object))
    };
    environment.simulator.wait_for(arrived, TIMEOUT).await?;
    let took = seconds(began.elapsed());
    Ok(format!("{took} after kubectl was started"))
}

async fn wait_ready(
    environment: &Environment,
    terminal: &Terminal,
    resource: &str,
) -> Result<(), Failure> {
    let arguments = ["wait", "--for=condition=Ready", "--timeout=60s", resource];
    environment.show(terminal, &arguments).await
}
