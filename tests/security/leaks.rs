//! No secret gets out, whatever the API answers and however much is logged.

use crate::support::{
    Canary, Environment, History, Kind, Process, Samples, check_no_canary, credentials, page,
    secret,
};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use metorial_simulator::{Action, Content, Fault};
use serde_json::{Value, json};
use std::fs;

/// Everything that was ever readable in the namespace, but the Secrets themselves.
pub struct Watched(Vec<History>);

impl Watched {
    pub async fn start(env: &Environment) -> Self {
        Self(vec![
            env.history_of(Kind::AuthConfig).await,
            env.history_of(Kind::Config).await,
            env.history_of(Kind::Import).await,
            env.history_of(Kind::Export).await,
            env.history_of(Kind::Credentials).await,
            env.history_of(Kind::Connection).await,
            env.history::<ConfigMap>().await,
            env.history::<Event>().await,
        ])
    }

    /// The statuses of all versions and the events, without specs.
    pub fn statuses(&self) -> String {
        let versions = self.0.iter().flat_map(History::all);
        let text = versions.map(|version| format!("{} {}\n", version["status"], version["note"]));
        text.collect()
    }

    pub fn text(&self) -> String {
        let versions = self.0.iter().flat_map(History::all);
        versions.map(|version| format!("{version}\n")).collect()
    }
}

/// The values of one story.
struct Values {
    first_id: Canary,
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
    fn new(env: &Environment) -> Self {
        let word = |name, prefix: &str| {
            let value = format!("{prefix}{:032x}", rand::random::<u128>());
            Canary::of(name, &value, prefix)
        };
        let sk = "metorial_sk_";
        Self {
            first_id: word("the first client id", ""),
            id: word("the client id", ""),
            first: Canary::new("the first client secret"),
            second: Canary::new("the rotated client secret"),
            unused: Canary::new("a key of the Secret that nobody refers to"),
            broken: Canary::new("a client secret that can't be used"),
            key: Canary::of("the API key", &env.key, sk),
            next_key: Canary::of("the next API key", &env.sim.add_key(&env.instance), sk),
            bad_key: word("an API key that can't be used", sk),
        }
    }

    fn all(&self) -> Vec<&Canary> {
        let Self {
            first_id,
            id,
            first,
            second,
            unused,
            broken,
            key,
            next_key,
            bad_key,
        } = self;
        vec![
            first_id, id, first, second, unused, broken, key, next_key, bad_key,
        ]
    }

    fn app_secret(&self) -> Value {
        let texts = [
            ("client-id", self.first_id.value.as_str()),
            ("client-secret", &self.first.value),
            ("unused", &self.unused.value),
        ];
        secret("oauth-app", &texts)
    }

    /// The API's error object with all that it may echo; `word` is put where a plain word is expected.
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
async fn no_secret_leaks_at_the_most_verbose_log_level() {
    let env = Environment::bare(Default::default()).await;
    let values = Values::new(&env);
    let watched = Watched::start(&env).await;
    env.apply(env.key_secret()).await;
    env.apply(values.app_secret()).await;
    env.apply(env.default_connection()).await;
    let mut process = env
        .start_process(&["--log=trace", "--log-format=json"])
        .await;

    env.create(credentials("github")).await;
    refusals(&env, &values).await;
    keys(&env, &values).await;
    nonsense(&env, &values).await;
    values_that_cannot_be_used(&env, &values).await;
    somebody_else(&env).await;
    let outside = outside(&env, &process).await;
    env.credentials("github").remove().await;
    process.terminate();
    let (status, log) = env.wait_ended(&mut process).await;
    assert!(status.success(), "{status}");

    assert!(
        log.matches("\"level\":\"DEBUG\"").count() > 20,
        "the log is at its most verbose"
    );
    assert!(
        watched.text().lines().count() > 20,
        "the watches saw all versions"
    );
    let mut all = values.all();
    let (token, fingerprint_key) = (token(&env).await, fingerprint_key(&env).await);
    all.extend([&token, &fingerprint_key]);
    check_no_canary("the log", &log, &all);
    check_no_canary("the cluster", &watched.text(), &all);
    for (place, text) in outside {
        check_no_canary(place, &text, &all);
    }
}

/// A create and a change that the API refuses, with the words of the request.
async fn refusals(env: &Environment, values: &Values) {
    let refuse = |method: &str, status| {
        let answer = values.answer(status, values.echo(&values.id.value));
        env.next(method, Kind::Credentials.path(), answer);
    };
    refuse("PATCH", 422);
    let texts = json!({"client-id": values.id.value, "client-secret": values.second.value});
    env.patch::<Secret>("oauth-app", json!({"stringData": texts}))
        .await;
    env.credentials("github")
        .wait_reason("RemoteRejected")
        .await;
    env.credentials("github").reconcile_now().await;
    has(env, &values.second.value).await;
    refuse("POST", 400);
    env.apply(credentials("refused")).await;
    env.credentials("refused")
        .wait_reason("RemoteRejected")
        .await;
    env.credentials("refused").remove().await;
}

async fn has(env: &Environment, value: &str) {
    env.wait_only(Kind::Credentials, "the new value is there", |o| {
        o.write_only["client_secret"] == value
    })
    .await;
    env.credentials("github").wait_recorded().await;
}

/// A key that the API refuses by repeating it, one that can't even be sent, and one that works.
async fn keys(env: &Environment, values: &Values) {
    env.sim.revoke_key(&values.key.value);
    env.credentials("github").request_reconcile().await;
    env.connection("default").wait_reason("Unauthorized").await;
    let bad = format!("{}\nInjected: yes", values.bad_key.value);
    env.rotate("metorial", "api-key", &bad).await;
    env.connection("default").wait_reason("InvalidValue").await;
    env.rotate("metorial", "api-key", &values.next_key.value)
        .await;
    env.connection("default").wait_reason("Synced").await;
}

/// Answers that are none, with our values in them.
async fn nonsense(env: &Environment, values: &Values) {
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
        let id = env.sim.faults().add(get, action);
        env.credentials("github").reconcile_now().await;
        assert_eq!(env.sim.faults().happened(id), 1);
    }
    env.until("the connection is ready again", async || {
        env.connection("default").request_reconcile().await;
        env.credentials("github").reconcile_now().await;
        env.connection("default").wait_reason("Synced").await;
        Some(())
    })
    .await;
}

/// Values that the API could not store.
async fn values_that_cannot_be_used(env: &Environment, values: &Values) {
    let broken = format!("{}\0", values.broken.value);
    env.rotate("oauth-app", "client-secret", &broken).await;
    env.credentials("github").wait_reason("InvalidValue").await;
    let value = &values.broken.value;
    let long = value.repeat(100_000 / value.chars().count() + 1);
    env.rotate("oauth-app", "client-secret", &long).await;
    env.credentials("github")
        .wait_message("InvalidValue", "is longer than")
        .await;
    env.rotate("oauth-app", "client-secret", &values.first.value)
        .await;
    has(env, &values.first.value).await;
}

/// A person's edits of what can be read and what can't.
async fn somebody_else(env: &Environment) {
    let id = env.only(Kind::Credentials).id;
    env.sim
        .edit(&id, json!({"name": "theirs", "client_secret": "theirs"}));
    env.credentials("github").reconcile_now().await;
    env.wait_only(Kind::Credentials, "our name is there again", |o| {
        o.readable["name"] == "github"
    })
    .await;
}

/// Ends an operator that logged everything, and checks that nothing of these values, nor of what every story has, is anywhere.
/// `failed`: the number of requests that have to be in its log as failed.
pub async fn check_hidden(
    env: &Environment,
    watched: &Watched,
    mut process: Process,
    failed: usize,
    values: &[&Canary],
) {
    let outside = outside(env, &process).await;
    process.terminate();
    let (status, log) = env.wait_ended(&mut process).await;
    assert!(status.success(), "{status}");

    assert!(log.matches("API request failed").count() >= failed, "{log}");
    assert!(log.contains("\"level\":\"DEBUG\""), "the log is verbose");
    let key = Canary::of("the API key", &env.key, "metorial_sk_");
    let secret = Canary::of("the client secret", &env.client_secret, "");
    let (token, fingerprint_key) = (token(env).await, fingerprint_key(env).await);
    let all = [values, &[&key, &secret, &token, &fingerprint_key]].concat();
    check_no_canary("the log", &log, &all);
    check_no_canary("the cluster", &watched.text(), &all);
    for (place, text) in outside {
        check_no_canary(place, &text, &all);
    }
}

/// What can be read without the log and the watches.
pub async fn outside(env: &Environment, process: &Process) -> Vec<(&'static str, String)> {
    let proc = |file: &str| {
        let bytes = fs::read(format!("/proc/{}/{file}", process.pid())).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let metrics = page(process.admin, "/metrics").await.unwrap().body;
    assert!(Samples::of(process.admin).await.sum("api_requests_total") > 10.0);
    let kinds = "metorial,configmaps,events,leases";
    let args = ["get", kinds, "-o", "yaml", "--show-managed-fields"];
    let objects = env.kubectl_prints(&args, "").await;
    let secrets = env
        .api::<Secret>()
        .list(&ListParams::default())
        .await
        .unwrap();
    let secrets = secrets.items.into_iter().map(|secret| secret.metadata);
    let secrets = serde_json::to_string(&secrets.collect::<Vec<_>>()).unwrap();
    let remote = env
        .ever(Kind::Credentials)
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
pub async fn token(env: &Environment) -> Canary {
    let kubeconfig = fs::read(env.kubeconfig().await).unwrap();
    let kubeconfig: Value = serde_json::from_slice(&kubeconfig).unwrap();
    let token = kubeconfig["users"][0]["user"]["token"].as_str().unwrap();
    let (start, _) = token.rsplit_once('.').unwrap();
    Canary::of("the ServiceAccount's token", token, start)
}

pub async fn fingerprint_key(env: &Environment) -> Canary {
    let api: Api<Secret> = env.api();
    let secret = api.get("metorial-operator-fingerprint-key").await.unwrap();
    let key = serde_json::to_value(&secret.data.unwrap()["key"]).unwrap();
    Canary::of("the key of the fingerprints", key.as_str().unwrap(), "")
}
