//! The story: the quickstart becomes ready, its Secret is rotated, its resource is deleted; and nothing happens twice.

use crate::scene::{STAGE, Scene};
use crate::terminal::Terminal;
use installation::{Failure, PATIENCE, output, until};
use kube::{Api, ResourceExt};
use metorial_operator::resources::{Connection, ProviderAuthCredentials, condition};
use metorial_simulator::Stored;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const NEW_SECRET: &str = "rotated-by-the-demo-0123456789";

/// Tells it, step by step; fails at the first that is not seen to happen.
pub async fn tell(scene: &Scene, terminal: &Terminal) -> Result<(), Failure> {
    let id = apply(scene, terminal).await?;
    rotate(scene, terminal, &id).await?;
    delete(scene, terminal, &id).await?;
    nothing_twice(scene, terminal, &id)
}

/// The manifests are applied, and the OAuth app is there.
async fn apply(scene: &Scene, terminal: &Terminal) -> Result<String, Failure> {
    terminal.step("examples/quickstart, with the simulator's address and key");
    output(scene.kubectl(&["create", "namespace", STAGE])).await?;
    let kubectl = scene.apply();
    terminal.command(&kubectl);
    terminal.output(&output(kubectl).await?);
    until_ready(scene, terminal).await?;
    let table = scene.kubectl(&["get", "connections,providerauthcredentials"]);
    terminal.command(&table);
    terminal.output(&output(table).await?);
    let object = only_live(scene)?;
    let credentials = credentials(scene).get("github").await?;
    let status = credentials.status.unwrap_or_default().common;
    let (id, secret) = (&object.id, &object.write_only["client_secret"]);
    expect("the id in the status", &json!(status.id), &json!(id))?;
    expect("the secret", secret, &json!("replace-me-client-secret"))?;
    terminal.seen(&format!(
        "at Metorial: {id}, client id {}, client secret {}, scopes {}",
        masked(&object.write_only["client_id"]),
        masked(secret),
        object.readable["scopes"]
    ));
    Ok(object.id)
}

/// Every resource of the stage says that it is ready; what they say on the way is shown.
pub async fn until_ready(scene: &Scene, terminal: &Terminal) -> Result<(), Failure> {
    let began = Instant::now();
    let connections: Api<Connection> = Api::namespaced(scene.plane.client(), STAGE);
    let credentials = credentials(scene);
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    until("all resources are ready", PATIENCE, async || {
        let mut all = Vec::new();
        for object in connections.list(&Default::default()).await? {
            let conditions = object.status.as_ref().and_then(|s| s.conditions.as_deref());
            all.push(("Connection", object.name_any(), word(conditions)));
        }
        for object in credentials.list(&Default::default()).await? {
            let status = object.status.as_ref().map(|status| &status.common);
            let conditions = status.and_then(|status| status.conditions.as_deref());
            all.push((
                "ProviderAuthCredentials",
                object.name_any(),
                word(conditions),
            ));
        }
        for (kind, name, word) in &all {
            let line = format!("{kind}/{name}");
            if shown.get(&line) != Some(word) {
                let seconds = began.elapsed().as_secs_f64();
                terminal.output(&format!("{seconds:5.1} s  {line:<34} {word}"));
                shown.insert(line, word.clone());
            }
        }
        let ready = all.len() > 1 && all.iter().all(|(.., word)| word.starts_with("Ready=True"));
        Ok(ready.then_some(()))
    })
    .await?;
    terminal.seen(&format!("all are ready after {}", seconds(began.elapsed())));
    Ok(())
}

/// The Secret changes, and so does the app.
async fn rotate(scene: &Scene, terminal: &Terminal, id: &str) -> Result<(), Failure> {
    terminal.step("The client secret is rotated");
    let pushed = async || {
        let status = credentials(scene).get("github").await?.status;
        let inputs = status.and_then(|status| status.common.inputs);
        let secret = inputs.into_iter().flatten();
        let mut secret = secret.filter(|input| input.field == "oauth.clientSecret");
        Ok::<_, Failure>(secret.next().map(|input| input.fingerprint))
    };
    let before = pushed().await?;
    let patch = json!({"stringData": {"client-secret": NEW_SECRET}}).to_string();
    let kubectl = scene.kubectl(&["patch", "secret", "github-oauth-app", "--patch", &patch]);
    terminal.command(&kubectl);
    let began = Instant::now();
    terminal.output(&output(kubectl).await?);
    let arrived = |object: Option<Stored>| {
        object.is_some_and(|object| object.write_only["client_secret"] == NEW_SECRET)
    };
    let arrival = scene
        .simulator
        .wait_for(|_| arrived(scene.simulator.object(id)), PATIENCE);
    arrival.await?;
    terminal.seen(&format!(
        "at Metorial: {id} has client secret {} {} after kubectl was started",
        masked(&json!(NEW_SECRET)),
        seconds(began.elapsed())
    ));
    until("the status tells of the new secret", PATIENCE, async || {
        let now = pushed().await?;
        Ok((now.is_some() && now != before).then_some(()))
    })
    .await?;
    let wait = scene.kubectl(&[
        "wait",
        "--for=condition=Ready",
        "--timeout=60s",
        "pacred/github",
    ]);
    terminal.command(&wait);
    terminal.output(&output(wait).await?);
    Ok(())
}

/// The resource goes, and the app with it.
async fn delete(scene: &Scene, terminal: &Terminal, id: &str) -> Result<(), Failure> {
    terminal.step("The resource is deleted");
    let began = Instant::now();
    let kubectl = scene.kubectl(&["delete", "pacred/github", "--wait", "--timeout=60s"]);
    terminal.command(&kubectl);
    terminal.output(&output(kubectl).await?);
    let left = credentials(scene).get_opt("github").await?;
    expect("the resource", &json!(left.is_some()), &json!(false))?;
    let status = scene.simulator.object(id);
    let status = status.map(|object| object.readable["status"].clone());
    expect("its status at Metorial", &json!(status), &json!("archived"))?;
    terminal.seen(&format!(
        "gone here, and {id} is archived at Metorial, {} after kubectl was started",
        seconds(began.elapsed())
    ));
    Ok(())
}

/// One create, one change, one deletion.
fn nothing_twice(scene: &Scene, terminal: &Terminal, id: &str) -> Result<(), Failure> {
    terminal.step("What the API was asked to write");
    let writes = scene.writes();
    terminal.output(&writes.join("\n"));
    let path = "/provider-auth-credentials";
    let wanted = [
        format!("POST {path}"),
        format!("PATCH {path}/{id}"),
        format!("DELETE {path}/{id}"),
    ];
    expect("the list of writes", &json!(writes), &json!(wanted))?;
    terminal.seen("nothing was written twice");
    Ok(())
}

fn credentials(scene: &Scene) -> Api<ProviderAuthCredentials> {
    Api::namespaced(scene.plane.client(), STAGE)
}

fn only_live(scene: &Scene) -> Result<Stored, Failure> {
    let mut live = scene.remote();
    live.retain(|object| object.readable["status"] == "active");
    expect("the number of apps", &json!(live.len()), &json!(1))?;
    live.pop()
        .ok_or_else(|| Failure::new("there is no OAuth app at Metorial"))
}

fn expect(what: &str, seen: &serde_json::Value, wanted: &serde_json::Value) -> Result<(), Failure> {
    if seen == wanted {
        return Ok(());
    }
    Err(Failure::new(format!("{what} is {seen}, not {wanted}")))
}

type Conditions<'a> = Option<&'a [k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition]>;

fn word(conditions: Conditions) -> String {
    match condition(conditions, "Ready") {
        Some(ready) => format!("Ready={} {}: {}", ready.status, ready.reason, ready.message),
        None => "not looked at yet".to_owned(),
    }
}

/// The first two characters and the length.
fn masked(value: &serde_json::Value) -> String {
    let text = value.as_str().unwrap_or_default();
    let first: String = text.chars().take(2).collect();
    format!("{first}… ({} characters)", text.chars().count())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
