//! The operator's container in a pod, run as a kubelet runs it: no node runs pods here.

use super::process::program;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Image, arguments and environment of a container.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    pub image: String,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
}

impl Container {
    /// Reads the only container of a pod in this namespace from its `spec`.
    pub fn of(spec: &Value, namespace: &str) -> Self {
        let container = &spec["containers"][0];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let list = |name: &str| container[name].as_array().cloned().unwrap_or_default();
        let variable = |variable: &Value| {
            let path = &variable["valueFrom"]["fieldRef"]["fieldPath"];
            let value = match path == "metadata.namespace" {
                true => namespace.to_owned(),
                false => text(&variable["value"]),
            };
            (text(&variable["name"]), value)
        };
        Self {
            image: text(&container["image"]),
            arguments: list("args").iter().map(text).collect(),
            environment: list("env").iter().map(variable).collect(),
        }
    }

    /// The value of a variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let found = self.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The command that runs it against a cluster.
    pub fn command(&self, kubeconfig: &Path) -> Command {
        let mut command = program(kubeconfig);
        let variables = self.environment.iter().map(|(name, value)| (name, value));
        command.args(&self.arguments).envs(variables);
        command
    }
}
