//! No secret gets out, whatever the API answers and however much is logged.

use crate::canary::{Canary, check_no_canary};
use crate::support::{History, Process, Samples, World, credentials, page, secret};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use metorial_operator::resources::{
    AuthExport, AuthImport, Connection, ProviderAuthConfig, ProviderAuthCredentials, ProviderConfig,
};
use metorial_simulator::{Action, Content, Fault};
use serde_json::{Value, json};
use std::fs;

/// Everything that was ever readable in the namespace, but the Secrets themselves.
pub struct Watched(Vec<History>);

impl Watched {
    pub async fn start(world: &World) -> Self {
        Self(vec![
            world.history::<ProviderAuthConfig>().await,
            world.history::<ProviderConfig>().await,
            world.history::<AuthImport>().await,
            world.history::<AuthExport>().await,
            world.history::<ProviderAuthCredentials>().await,
            world.history::<Connection>().await,
            world.history::<ConfigMap>().await,
            world.history::<Event>().await,
        ])
    }

    /// The statuses of all versions and the events, without specs.
    pub fn statuses(&self) -> String {
        let versions = self.0.iter().flat_map(History::all);
        let said = versions.map(|version| format!("{} {}\n", version["status"], version["note"]));
        said.collect()
    }

    pub fn text(&self) -> String {
        let versions = self.0.iter().flat_map(History::all);
        versions.map(|version| format!("{version}\n")).collect()
    }
}

/// The values of one story.
struct Values {
    id: Canary,
    first: Canary,
    second: Canary,
    unused: Canary,
    broken: Canary,
    key: Canary,
    next_key: Canary,
    bad_key: Canary,
}

impl Values {
    fn new(world: &World) -> Self {
        let word = |name, prefix: &str| {
            let value = format!("{prefix}{:032x}", rand::random::<u128>());
            Canary::of(name, &value, prefix)
        };
        let sk = "metorial_sk_";
        Self {
            id: word("the client id", ""),
            first: Canary::new("the first client secret"),
            second: Canary::new("the rotated client secret"),
            unused: Canary::new("a key of the Secret that nobody refers to"),
            broken: Canary::new("a client secret that can't be used"),
            key: Canary::of("the API key", &world.key, sk),
            next_key: Canary::of("the next API key", &world.sim.add_key(&world.instance), sk),
            bad_key: word("an API key that can't be used", sk),
        }
    }

    fn all(&self) -> Vec<&Canary> {
        let Self {
            id,
            first,
            second,
            unused,
            broken,
            key,
            next_key,
            bad_key,
        } = self;
        vec![id, first, second, unused, broken, key, next_key, bad_key]
    }

    fn app_secret(&self) -> Value {
        let texts = [
            ("client-id", self.id.value.as_str()),
            ("client-secret", &self.first.value),
            ("unused", &self.unused.value),
        ];
        secret("oauth-app", &texts)
    }

    /// The API's error object with all that it may echo; `word` stands where a plain word is expected.
    fn echo(&self, word: &str) -> Value {
        let (value, key) = (&self.second.value, &self.key.value);
        json!({
            "object": "error", "ok": false, "status": 400, "code": word, "entity": word, "id": word,
            "message": format!("{value} is not a client secret"),
            "description": format!("{key} was used"), "hint": value, "reason": value,
            "errors": [{
                "code": word, "message": value, "path": ["config", word, value],
                "received": value, "expected": value
            }]
        })
    }

    /// Headers that echo.
    fn headers(&self) -> Vec<(String, String)> {
        let (id, key) = (&self.id.value, &self.key.value);
        [
            ("metorial-req-id", key),
            ("RateLimit-Limit", key),
            ("RateLimit-Remaining", key),
            ("RateLimit-Reset", key),
            ("Retry-After", key),
            ("Location", &format!("https://example.com/{key}?{id}")),
            ("Set-Cookie", &format!("{id}={key}")),
            ("Content-Type", &format!("text/html; charset={key}")),
        ]
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .into()
    }

    fn answer(&self, status: u16, body: impl Into<Content>) -> Action {
        Action::Answer {
            status,
            headers: self.headers(),
            body: body.into(),
        }
    }
}

#[tokio::test]
async fn no_secret_gets_out_at_the_loudest_log_level() {
    let world = World::bare(Default::default()).await;
    let values = Values::new(&world);
    let watched = Watched::start(&world).await;
    world.apply(world.key_secret()).await;
    world.apply(values.app_secret()).await;
    world.apply(world.connection()).await;
    let mut process = world
        .start_process(&["--log=trace", "--log-format=json"])
        .await;

    world.make(credentials("github")).await;
    refusals(&world, &values).await;
    keys(&world, &values).await;
    nonsense(&world, &values).await;
    values_that_cannot_be_used(&world, &values).await;
    somebody_else(&world).await;
    let outside = outside(&world, &process).await;
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    process.terminate();
    let (status, log) = world.wait_ended(&mut process).await;
    assert!(status.success(), "{status}");

    assert!(
        log.matches("\"level\":\"TRACE\"").count() > 100,
        "the log is at its loudest"
    );
    assert!(
        watched.text().lines().count() > 20,
        "the watches saw the story"
    );
    let mut all = values.all();
    let (token, fingerprint_key) = (token(&world).await, fingerprint_key(&world).await);
    all.extend([&token, &fingerprint_key]);
    check_no_canary("the log", &log, &all);
    check_no_canary("the cluster", &watched.text(), &all);
    for (place, text) in outside {
        check_no_canary(place, &text, &all);
    }
}

/// A create and a change that the API refuses, with the words of the request.
async fn refusals(world: &World, values: &Values) {
    let faults = world.sim.faults();
    let refuse = |method: &str, status| {
        let fault = Fault::on(method, "/provider-auth-credentials").times(1);
        faults.add(fault, values.answer(status, values.echo(&values.id.value)));
    };
    refuse("PATCH", 422);
    let texts = json!({"client-id": values.id.value, "client-secret": values.second.value});
    world
        .patch::<Secret>("oauth-app", json!({"stringData": texts}))
        .await;
    world.wait_reason("github", "RemoteRejected").await;
    world.look_again("github").await;
    has(world, &values.second.value).await;
    refuse("POST", 400);
    world.apply(credentials("refused")).await;
    world.wait_reason("refused", "RemoteRejected").await;
    world.delete::<ProviderAuthCredentials>("refused").await;
    world.wait_gone::<ProviderAuthCredentials>("refused").await;
}

async fn has(world: &World, value: &str) {
    world
        .wait_remote("the new value is there", |o| {
            o.write_only["client_secret"] == value
        })
        .await;
    world.wait_recorded("github").await;
}

/// A key that the API refuses by repeating it, one that can't even be sent, and one that works.
async fn keys(world: &World, values: &Values) {
    world.sim.revoke_key(&values.key.value);
    world.request::<ProviderAuthCredentials>("github").await;
    world.wait_connection("Unauthorized").await;
    let bad = format!("{}\nInjected: yes", values.bad_key.value);
    world.rotate("metorial", "api-key", &bad).await;
    world.wait_connection("InvalidValue").await;
    world
        .rotate("metorial", "api-key", &values.next_key.value)
        .await;
    world.wait_connection("Synced").await;
}

/// Answers that are none, with our values in them.
async fn nonsense(world: &World, values: &Values) {
    let (value, key) = (&values.second.value, &values.next_key.value);
    let html = format!("<html><body>{value}<p>{key}</body></html>");
    let typo =
        json!({"object": "provider.auth_credentials", "id": {"secret": value}, "status": value});
    let mut other_version = values.answer(200, values.echo(key));
    if let Action::Answer { headers, .. } = &mut other_version {
        headers.push(("metorial-version".to_owned(), key.clone()));
    }
    for action in [
        values.answer(502, html.clone()),
        values.answer(200, html.clone()),
        values.answer(302, html.clone()),
        values.answer(403, html),
        values.answer(503, values.echo(key)),
        values.answer(200, format!("{{\"id\": \"{value}")),
        values.answer(200, typo),
        other_version,
    ] {
        let get = Fault::on("GET", "/provider-auth-credentials/:id").times(1);
        let id = world.sim.faults().add(get, action);
        world.look_again("github").await;
        assert_eq!(world.sim.faults().happened(id), 1);
    }
    world
        .until("the connection is well again", async || {
            world.request::<Connection>("default").await;
            world.look_again("github").await;
            world.wait_connection("Synced").await;
            Some(())
        })
        .await;
}

/// Values that the API could not store.
async fn values_that_cannot_be_used(world: &World, values: &Values) {
    let broken = format!("{}\0", values.broken.value);
    world.rotate("oauth-app", "client-secret", &broken).await;
    world.wait_reason("github", "InvalidValue").await;
    let long = values
        .broken
        .value
        .repeat(100_000 / values.broken.value.len() + 1);
    world.rotate("oauth-app", "client-secret", &long).await;
    world
        .rotate("oauth-app", "client-secret", &values.first.value)
        .await;
    has(world, &values.first.value).await;
}

/// A person's edits of what can be read and what can't.
async fn somebody_else(world: &World) {
    let id = world.only_remote().id;
    world
        .sim
        .edit(&id, json!({"name": "theirs", "client_secret": "theirs"}));
    world.look_again("github").await;
    world
        .wait_remote("our name is there again", |o| {
            o.readable["name"] == "github"
        })
        .await;
}

/// What can be read without the log and the watches.
pub async fn outside(world: &World, process: &Process) -> Vec<(&'static str, String)> {
    let proc = |file: &str| {
        let bytes = fs::read(format!("/proc/{}/{file}", process.pid())).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let metrics = page(process.admin, "/metrics").await.unwrap().body;
    assert!(Samples::of(process.admin).await.sum("api_requests_total") > 10.0);
    let kinds = "metorial,configmaps,events,leases";
    let args = ["get", kinds, "-o", "yaml", "--show-managed-fields"];
    let objects = world.kubectl_prints(&args, "").await;
    let secrets = world
        .api::<Secret>()
        .list(&ListParams::default())
        .await
        .unwrap();
    let secrets = secrets.items.into_iter().map(|secret| secret.metadata);
    let secrets = serde_json::to_string(&secrets.collect::<Vec<_>>()).unwrap();
    let remote = world
        .all_remote()
        .into_iter()
        .map(|object| object.readable.to_string());
    vec![
        ("argv", proc("cmdline")),
        ("the environment", proc("environ")),
        ("the metrics", metrics),
        ("the objects", objects),
        ("the Secrets' metadata", secrets),
        ("what can be read at the API", remote.collect()),
    ]
}

/// The token that the operator shows to the API server.
pub async fn token(world: &World) -> Canary {
    let kubeconfig = fs::read(world.kubeconfig().await).unwrap();
    let kubeconfig: Value = serde_json::from_slice(&kubeconfig).unwrap();
    let token = kubeconfig["users"][0]["user"]["token"].as_str().unwrap();
    let (start, _) = token.rsplit_once('.').unwrap();
    Canary::of("the ServiceAccount's token", token, start)
}

pub async fn fingerprint_key(world: &World) -> Canary {
    let api: Api<Secret> = world.api();
    let secret = api.get("metorial-operator-fingerprint-key").await.unwrap();
    let key = serde_json::to_value(&secret.data.unwrap()["key"]).unwrap();
    Canary::of("the key of the fingerprints", key.as_str().unwrap(), "")
}
