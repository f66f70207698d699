//! Operators that share the resources of a namespace: the one for what has no label, and those of shards.

use super::environment::Environment;
use super::manifests::Manifest;
use super::operator::Operator;
use super::process::Process;
use super::rights::{SHARD_LABEL, grant_shard};
use super::{Handle, Snapshot};
use control_plane::free_address;
use kube::Client;
use metorial_operator::cluster::shard::Shard;
use metorial_operator::settings::Settings;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

/// The selector of the operator that serves what belongs to no shard.
const THE_REST: &str = "!metorial.com/shard";

/// The same manifest as a resource of a shard.
pub fn in_shard(manifest: Manifest, shard: &str) -> Manifest {
    manifest.metadata(json!({"labels": {SHARD_LABEL: shard}}))
}

impl Environment {
    /// Starts the process that serves what belongs to no shard.
    pub async fn start_rest(&self) -> Process {
        let selector = format!("--watch-label-selector={THE_REST}");
        self.start_process(&[&selector]).await
    }

    /// Starts the process of a shard, with the rights that the chart gives it.
    pub async fn start_shard(&self, shard: &str) -> Process {
        let user = grant_shard(self.plane, &self.client, &self.namespace, shard).await;
        let kubeconfig = self
            .plane
            .kubeconfig_file_for_service_account(&self.namespace, &user)
            .await
            .unwrap();
        let admin = free_address();
        let mut flags = self.flags(admin);
        flags.push(format!("--watch-label-selector={SHARD_LABEL}={shard}"));
        flags.push(format!("--shard-name={shard}"));
        Process::start(&kubeconfig, &flags, admin)
    }

    /// Settings of an operator in this process that serves a shard, or what belongs to none.
    pub fn shard_settings(&self, shard: Option<&str>) -> Settings {
        let selector = match shard {
            Some(shard) => format!("{SHARD_LABEL}={shard}"),
            None => THE_REST.to_owned(),
        };
        let shard = Shard {
            name: shard.map(str::to_owned),
            selector: Some(selector),
        };
        Settings {
            shard,
            ..self.settings()
        }
    }

    /// Starts an operator in this process beside the environment's own one.
    pub fn start_another_operator(&self, settings: Settings) -> Operator {
        let config = self.operator_config();
        Operator::start(settings, move || Client::try_from(config).unwrap())
    }

    /// The ServiceAccounts that wrote resources of the namespace with this name, whatever they wrote.
    pub fn writers(&self, name: &str) -> BTreeSet<String> {
        let log = fs::read_to_string(self.plane.audit_log()).unwrap();
        // The last line may be half written.
        let events = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let prefix = format!("system:serviceaccount:{}:", self.namespace);
        let of = |event: Value| {
            let (object, verb) = (&event["objectRef"], &event["verb"]);
            let here = object["namespace"] == self.namespace.as_str();
            let written = object["apiGroup"] == "metorial.com" && verb == "patch";
            let user = event["user"]["username"].as_str()?.strip_prefix(&prefix)?;
            (here && written && object["name"] == name).then(|| user.to_owned())
        };
        events.filter_map(of).collect()
    }
}

impl Handle<'_> {
    /// Moves it to a shard, or to where what belongs to none is served.
    pub async fn move_to(&self, shard: Option<&str>) -> Snapshot {
        let labels = json!({SHARD_LABEL: shard});
        self.patch(json!({"metadata": {"labels": labels}})).await
    }
}
