//! An environment that is led through every reason, and what kstatus (Flux, Argo CD, `kubectl wait`) makes of its resources.

use crate::support::{Environment, History, Kind, connection, credentials, secret, with_hook};
use futures::FutureExt;
use metorial_operator::settings::{Settings, Timing};
use metorial_simulator::{Action, Fault, InstanceId, InstanceType};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What kstatus answers about a custom resource, by its published rules.
fn kstatus(object: &Value) -> &'static str {
    if object["metadata"]["deletionTimestamp"].is_string() {
        return "Terminating";
    }
    let observed = &object["status"]["observedGeneration"];
    if observed.is_number() && *observed != object["metadata"]["generation"] {
        return "InProgress";
    }
    let conditions = object["status"]["conditions"].as_array();
    for condition in conditions.into_iter().flatten() {
        match (condition["type"].as_str(), condition["status"].as_str()) {
            (Some("Reconciling"), Some("True")) => return "InProgress",
            (Some("Stalled"), Some("True")) => return "Failed",
            _ => {}
        }
    }
    match ready(object)["status"].as_str() {
        Some("False" | "Unknown") => "InProgress",
        _ => "Current",
    }
}

fn ready(object: &Value) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let ready = conditions.find(|condition| condition["type"] == "Ready");
    ready.cloned().unwrap_or_default()
}

/// The env of the story, and the reasons that were seen in it.
pub struct Tour {
    pub env: Environment,
    seen: BTreeSet<String>,
    histories: BTreeMap<&'static str, History>,
}

impl Tour {
    pub async fn start() -> Self {
        let mut env = Environment::new().await;
        let histories = BTreeMap::from([
            ("Connection", env.history_of(Kind::Connection).await),
            (
                "ProviderAuthCredentials",
                env.history_of(Kind::Credentials).await,
            ),
            ("ProviderAuthConfig", env.history_of(Kind::AuthConfig).await),
            ("ProviderConfig", env.history_of(Kind::Config).await),
            ("AuthImport", env.history_of(Kind::Import).await),
            ("AuthExport", env.history_of(Kind::Export).await),
        ]);
        // Long enough for a deletion to be seen waiting.
        let timing = Timing {
            settle: Duration::from_secs(6),
            ..env.settings().timing
        };
        let settings = Settings {
            timing,
            ..env.settings()
        };
        let panics = || async { panic!("a test's panic") }.boxed();
        let broken = |_: &str, name: &str| name == "broken";
        env.start_operator_with(with_hook(settings, broken, panics));
        Self {
            env,
            seen: BTreeSet::new(),
            histories,
        }
    }

    pub async fn credentials(&mut self, name: &str, reason: &str, says: &str, expected: &str) {
        self.of("ProviderAuthCredentials", name, (reason, says, expected))
            .await;
    }

    pub async fn connection(&mut self, name: &str, reason: &str, says: &str, expected: &str) {
        self.of("Connection", name, (reason, says, expected)).await;
    }

    /// The reasons that were seen.
    pub fn seen(&self) -> BTreeSet<&str> {
        self.seen.iter().map(String::as_str).collect()
    }

    /// Waits until a version of a resource has this reason; checks what its message names and what kstatus says.
    pub async fn of(
        &mut self,
        kind: &str,
        name: &str,
        (reason, says, expected): (&str, &str, &str),
    ) {
        self.see(&self.histories[kind], name, reason, says, expected)
            .await;
        self.note(reason);
    }

    /// Notes that a reason was seen.
    pub fn note(&mut self, reason: &str) {
        self.seen.insert(reason.to_owned());
    }

    pub async fn see(&self, of: &History, name: &str, reason: &str, says: &str, expected: &str) {
        let what = format!("{name} is {reason}");
        let found = self.env.until(&what, async || {
            let mut versions = of.of(name).into_iter().rev();
            versions.find(|version| {
                let terminating = version["metadata"]["deletionTimestamp"].is_string();
                ready(version)["reason"] == reason && terminating == (expected == "Terminating")
            })
        });
        let found = found.await;
        let message = ready(&found)["message"].as_str().unwrap().to_owned();
        assert!(message.contains(says), "{what}: {message}");
        assert_eq!(kstatus(&found), expected, "{what}: {found}");
    }

    pub async fn apply(&self, name: &str, spec: Value) {
        self.env.apply(credentials(name).spec(spec)).await;
    }

    /// A connection of that name to an instance of its own organization; answers instance and key.
    pub async fn elsewhere(&self, name: &str) -> (InstanceId, String) {
        let organization = self.env.sim.add_organization(name);
        let instance = self
            .env
            .sim
            .add_instance(&organization, InstanceType::Production);
        let key = self.env.sim.add_key(&instance);
        self.env.apply(secret(name, &[("api-key", &key)])).await;
        let spec = json!({"apiKey": {"secretKeyRef": {"name": name}}});
        let manifest = connection(name, &self.env.sim.url());
        self.env.apply(manifest.spec(spec)).await;
        (instance, key)
    }

    /// Credentials whose create fails in this way, through a connection of their own.
    pub async fn refused(&self, name: &str, action: Action) {
        let (instance, _) = self.elsewhere(name).await;
        let fault = Fault::on("POST", "/provider-auth-credentials").instance(&instance);
        self.env.sim.faults().add(fault, action);
        self.apply(name, json!({"connectionRef": {"name": name}}))
            .await;
    }

    pub async fn id(&self, name: &str) -> String {
        let object = self.env.credentials(name).wait_ready().await;
        object.id()
    }
}
