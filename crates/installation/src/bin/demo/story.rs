//! The story: resources of every kind become ready, Secrets are rotated, an export's Secret is read, a resource is
//! deleted; and nothing happens twice.

use crate::scene::{STAGE, Scene};
use crate::table::until_ready;
use crate::terminal::{Terminal, masked, seconds};
use installation::{Failure, PATIENCE, output, until};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use metorial_operator::resources::{ProviderAuthConfig, ProviderAuthCredentials};
use metorial_simulator::Stored;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

const NEW_SECRET: &str = "rotated-by-the-demo-0123456789";
const NEW_PASSWORD: &str = "another-password-0123456789";

/// What the API is asked to write from beginning to end.
const WRITES: [(&str, usize); 8] = [
    ("DELETE /provider-auth-credentials", 1),
    ("PATCH /provider-auth-credentials", 1),
    ("POST /provider-auth-config-exports", 1),
    ("POST /provider-auth-config-imports", 2),
    ("POST /provider-auth-configs", 4),
    ("POST /provider-auth-credentials", 2),
    ("POST /provider-config-vaults", 1),
    ("POST /provider-configs", 2),
];

/// Tells it, step by step; fails at the first that is not seen to happen.
pub async fn tell(scene: &Scene, terminal: &Terminal) -> Result<(), Failure> {
    let id = apply(scene, terminal).await?;
    rotate_app(scene, terminal, &id).await?;
    rotate_password(scene, terminal).await?;
    read_export(scene, terminal).await?;
    delete(scene, terminal, &id).await?;
    nothing_twice(scene, terminal)
}

/// The examples are applied, and all that they ask for is there. Answers the id of the quickstart's OAuth app.
async fn apply(scene: &Scene, terminal: &Terminal) -> Result<String, Failure> {
    terminal.step("The examples, with the simulator's address and key: every kind");
    output(scene.kubectl(&["create", "namespace", STAGE])).await?;
    until_ready(scene, terminal, scene.apply_all(terminal)).await?;
    let table = scene.kubectl(&["get", "metorial", "--all-namespaces"]);
    terminal.command(&table);
    terminal.output(&output(table).await?);
    let status = credentials(scene).get("github").await?.status;
    let object = remote(scene, status.and_then(|status| status.common.id))?;
    let secret = &object.write_only["client_secret"];
    expect("the secret", secret, &json!("replace-me-client-secret"))?;
    terminal.seen(&format!(
        "at Metorial: {}, client id {}, client secret {}, scopes {}",
        object.id,
        masked(&object.write_only["client_id"]),
        masked(secret),
        object.readable["scopes"]
    ));
    Ok(object.id)
}

/// The Secret of the OAuth app changes, and so does the app.
async fn rotate_app(scene: &Scene, terminal: &Terminal, id: &str) -> Result<(), Failure> {
    terminal.step("The client secret of the OAuth app is rotated");
    let pushed = async || {
        let status = credentials(scene).get("github").await?.status;
        let inputs = status.and_then(|status| status.common.inputs);
        let mut inputs = inputs.into_iter().flatten();
        let secret = inputs.find(|input| input.field == "oauth.clientSecret");
        Ok::<_, Failure>(secret.map(|input| input.fingerprint))
    };
    let before = pushed().await?;
    let patch = json!({"stringData": {"client-secret": NEW_SECRET}});
    let has = |object: &Stored| object.write_only["client_secret"] == NEW_SECRET;
    let took = rotate(scene, terminal, "github-oauth-app", &patch, id, has).await?;
    let secret = masked(&json!(NEW_SECRET));
    terminal.seen(&format!(
        "at Metorial: {id} has client secret {secret} {took}"
    ));
    until("the status tells of the new secret", PATIENCE, async || {
        let now = pushed().await?;
        Ok((now.is_some() && now != before).then_some(()))
    })
    .await?;
    wait_ready(scene, terminal, "pacred/github").await
}

/// The password of the database changes: the value goes in as an import, and the auth config keeps its id.
async fn rotate_password(scene: &Scene, terminal: &Terminal) -> Result<(), Failure> {
    terminal.step("The password of the database is rotated: an import into the auth config");
    let configs: Api<ProviderAuthConfig> = Api::namespaced(scene.plane.client(), STAGE);
    let id = async || {
        let status = configs.get("postgres").await?.status;
        Ok::<_, Failure>(status.and_then(|status| status.common.id))
    };
    let before = id().await?;
    let object = remote(scene, before.clone())?;
    terminal.seen(&format!(
        "before: {} has password {}",
        object.id,
        masked(&object.write_only["value"]["password"])
    ));
    let patch = json!({"stringData": {"password": NEW_PASSWORD}});
    let has = |object: &Stored| object.write_only["value"]["password"] == NEW_PASSWORD;
    let took = rotate(scene, terminal, "postgres", &patch, &object.id, has).await?;
    let password = masked(&json!(NEW_PASSWORD));
    terminal.seen(&format!(
        "at Metorial: {} has password {password} {took}",
        object.id
    ));
    until("the status tells of the import", PATIENCE, async || {
        let status = configs.get("postgres").await?.status;
        Ok(status.and_then(|status| status.common.import_id))
    })
    .await?;
    wait_ready(scene, terminal, "paconf/postgres").await?;
    expect("the id", &json!(id().await?), &json!(before))
}

/// The Secret that an export made holds what is at Metorial.
async fn read_export(scene: &Scene, terminal: &Terminal) -> Result<(), Failure> {
    terminal.step("The Secret that the export made");
    let kubectl = scene.kubectl(&["get", "aexport/slack", "secret/slack-export"]);
    terminal.command(&kubectl);
    terminal.output(&output(kubectl).await?);
    let secrets: Api<Secret> = Api::namespaced(scene.plane.client(), STAGE);
    let data = secrets.get("slack-export").await?.data.unwrap_or_default();
    let token = data
        .get("token")
        .map(|bytes| String::from_utf8_lossy(&bytes.0));
    expect("the token", &json!(token), &json!("replace-me-bot-token"))?;
    for (key, bytes) in &data {
        let text = String::from_utf8_lossy(&bytes.0);
        terminal.seen(&format!("{key}: {}", masked(&json!(text))));
    }
    Ok(())
}

/// The resource goes, and the app with it.
async fn delete(scene: &Scene, terminal: &Terminal, id: &str) -> Result<(), Failure> {
    terminal.step("A resource is deleted");
    let began = Instant::now();
    let kubectl = scene.kubectl(&["delete", "pacred/github", "--wait", "--timeout=60s"]);
    terminal.command(&kubectl);
    terminal.output(&output(kubectl).await?);
    let left = credentials(scene).get_opt("github").await?;
    expect("the resource", &json!(left.is_some()), &json!(false))?;
    let status = &remote(scene, Some(id.to_owned()))?.readable["status"];
    expect("its status at Metorial", status, &json!("archived"))?;
    terminal.seen(&format!(
        "gone here, and {id} is archived at Metorial, {} after kubectl was started",
        seconds(began.elapsed())
    ));
    Ok(())
}

/// One write for each thing that was asked for.
fn nothing_twice(scene: &Scene, terminal: &Terminal) -> Result<(), Failure> {
    terminal.step("What the API was asked to write");
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for write in scene.writes() {
        *counted.entry(write).or_default() += 1;
    }
    for (write, count) in &counted {
        terminal.output(&format!("{count} × {write}"));
    }
    let wanted: BTreeMap<_, _> = WRITES.into_iter().collect();
    expect("the list of writes", &json!(counted), &json!(wanted))?;
    terminal.seen("nothing was written twice");
    Ok(())
}

/// Changes a Secret and waits until the object at Metorial has the new value; says how long that took.
async fn rotate(
    scene: &Scene,
    terminal: &Terminal,
    secret: &str,
    patch: &Value,
    id: &str,
    has: impl Fn(&Stored) -> bool,
) -> Result<String, Failure> {
    let patch = patch.to_string();
    let kubectl = scene.kubectl(&["patch", "secret", secret, "--patch", &patch]);
    terminal.command(&kubectl);
    let began = Instant::now();
    terminal.output(&output(kubectl).await?);
    let arrived = |_: &[_]| {
        scene
            .simulator
            .object(id)
            .is_some_and(|object| has(&object))
    };
    scene.simulator.wait_for(arrived, PATIENCE).await?;
    let took = seconds(began.elapsed());
    Ok(format!("{took} after kubectl was started"))
}

async fn wait_ready(scene: &Scene, terminal: &Terminal, resource: &str) -> Result<(), Failure> {
    let arguments = ["wait", "--for=condition=Ready", "--timeout=60s", resource];
    let wait = scene.kubectl(&arguments);
    terminal.command(&wait);
    terminal.output(&output(wait).await?);
    Ok(())
}

fn credentials(scene: &Scene) -> Api<ProviderAuthCredentials> {
    Api::namespaced(scene.plane.client(), STAGE)
}

fn remote(scene: &Scene, id: Option<String>) -> Result<Stored, Failure> {
    let object = id.and_then(|id| scene.simulator.object(&id));
    object.ok_or_else(|| Failure::new("the id in the status is of nothing at Metorial"))
}

fn expect(what: &str, seen: &Value, wanted: &Value) -> Result<(), Failure> {
    if seen == wanted {
        return Ok(());
    }
    Err(Failure::new(format!("{what} is {seen}, not {wanted}")))
}
