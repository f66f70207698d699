//! `AuthExport`: tokens of an auth config, exported into a Secret.
#![allow(
    clippy::duplicated_attributes,
    reason = "two printer columns of one type repeat the attribute's words"
)]

use super::common::CommonSpec;
use super::composed::ResourceRef;
use super::schema;
use super::status::{CommonStatus, Expiration, ExportStatus, resource_status};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use std::collections::BTreeMap;

/// Tokens of an auth config that are exported into a Secret.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "metorial.com",
    version = "v1alpha1",
    kind = "AuthExport",
    plural = "authexports",
    namespaced,
    shortname = "aexport",
    category = "metorial",
    status = "AuthExportStatus",
    doc = "Exports the tokens of an auth config into a Secret of this namespace: exactly one export each time that one is due.",
    printcolumn(name = "Secret", type_ = "string", json_path = ".spec.secret.name"),
    printcolumn(name = "Exported", type_ = "date", json_path = ".status.exportedAt"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.expiresAt")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.authConfigRef) != has(self.authConfigId)")
        .message("set exactly one of authConfigRef and authConfigId"),
    validation = Rule::new("!has(self.adopt) && (!has(self.mode) || self.mode != 'Observe')")
        .message("an AuthExport can't adopt or observe an object: remove adopt and set mode to Enforce or Plan"),
    validation = Rule::new("!has(self.renewBefore) || !has(self.when) || self.when != 'Once'")
        .message("renewBefore has no effect with when: Once: remove one of them"),
    validation = Rule::new("!has(self.when) || !self.when.matches('^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$') || duration(self.when) >= duration('1h') || (has(self.maxPerDay) && duration(self.when).getSeconds() * self.maxPerDay >= 86400)")
        .message("when is shorter than 1h: set a maxPerDay that lasts for 24 hours, such as 96 for 15m")
)]
pub struct AuthExportSpec {
    /// Spec fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// The reason for the export. Metorial keeps it in the account's audit log.
    #[schemars(length(min = 1, max = 2000))]
    pub note: String,
    /// A ProviderAuthConfig.
    pub auth_config_ref: Option<ResourceRef>,
    /// Id of an auth config at Metorial.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub auth_config_id: Option<String>,
    /// Id of the provider deployment of the auth config, for API servers whose export route contains the deployment.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub deployment_id: Option<String>,
    /// The Secret that the tokens are written to.
    pub secret: ExportSecret,
    /// When the tokens are exported. `OnChange` (default): each time that a new value was imported into the auth config.
    /// `Once`: only once for each auth config. A duration of at least `15m`: again each time that it has passed; one shorter than
    /// `1h` needs a `maxPerDay` that lasts for 24 hours. Tokens that expire are also exported again before they do, see `renewBefore`.
    #[serde(default)]
    #[schemars(schema_with = "schema::export_when")]
    pub when: Option<String>,
    /// Time before the expiry at which the tokens are exported again, 1m to 720h, at most two thirds of the time that they were
    /// valid for when they were exported. Default: a third of that time, at least 5m. Not with `when: Once`, which exports nothing
    /// again.
    #[serde(default)]
    #[schemars(schema_with = "schema::renew_before")]
    pub renew_before: Option<String>,
    /// The maximum number of exports within any 24 hours. Default 24.
    #[schemars(range(min = 1, max = 1000), extend("format" = "int32"))]
    pub max_per_day: Option<u32>,
    /// Workloads of this namespace that are restarted each time that the content of the Secret has changed, at most 16.
    /// The operator needs a permission for this, which `rolloutRestart.enabled` of the chart grants.
    #[schemars(length(max = 16))]
    pub rollout_restart: Option<Vec<Workload>>,
}

/// A workload that uses the exported Secret. It is restarted like by `kubectl rollout restart`: the annotation
/// `metorial.com/restarted-for` of its pod template is set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Workload {
    /// Kind of the workload.
    pub kind: WorkloadKind,
    /// Name of the workload.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
}

/// The kind of a workload: `Deployment`, `StatefulSet` or `DaemonSet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum WorkloadKind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
}

impl WorkloadKind {
    /// Returns the Kubernetes kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
        }
    }
}

/// The Secret that the tokens are written to. The operator creates it, keeps it up to date, and deletes it with the
/// resource.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportSecret {
    /// Name of the Secret. An existing Secret that this resource did not create is never changed.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
    /// Layout of the value in the Secret. Default `Fields`.
    pub format: Option<ExportFormat>,
    /// Type of the Secret: `Opaque` (default), `kubernetes.io/basic-auth`, `kubernetes.io/tls`, `kubernetes.io/ssh-auth`,
    /// `kubernetes.io/dockerconfigjson` or one of your own domain, such as `example.com/token`.
    #[serde(rename = "type", default)]
    #[schemars(schema_with = "schema::secret_type")]
    pub type_: Option<String>,
    /// Labels of the Secret. Keys of `kubernetes.io`, `k8s.io`, `helm.sh`, `argocd.argoproj.io`, `metorial.com` and their
    /// subdomains are reserved.
    #[serde(default)]
    #[schemars(schema_with = "schema::texts")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations of the Secret. The same keys are reserved as for labels.
    #[serde(default)]
    #[schemars(schema_with = "schema::texts")]
    pub annotations: Option<BTreeMap<String, String>>,
}

impl ExportSecret {
    /// Returns which field asks for what no exported Secret may have, and what to do. Admission refuses the same, but a
    /// definition of another version may not.
    #[must_use]
    pub fn reserved(&self) -> Option<String> {
        let type_ = self.type_.as_deref().unwrap_or("Opaque");
        let own = type_
            .split_once('/')
            .is_some_and(|(_, name)| !name.is_empty());
        if !schema::PLAIN_TYPES.contains(&type_) && (!own || is_reserved(type_)) {
            return Some(format!("spec.secret.type {}", schema::RESERVED_TYPE));
        }
        let maps = [("labels", &self.labels), ("annotations", &self.annotations)];
        let reserved = |map: &Option<BTreeMap<String, String>>| {
            map.iter().flatten().any(|(key, _)| is_reserved(key))
        };
        let (field, _) = maps.into_iter().find(|(_, map)| reserved(map))?;
        Some(format!("spec.secret.{field}: {}", schema::RESERVED_KEY))
    }
}

/// Returns whether `domain/name` belongs to a reserved domain or to a subdomain of one.
fn is_reserved(qualified: &str) -> bool {
    let Some((domain, _)) = qualified.split_once('/') else {
        return false;
    };
    schema::RESERVED_DOMAINS.iter().any(|reserved| {
        let rest = domain.strip_suffix(reserved);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// Layout of the value in the Secret. `Fields` (default): one key for each top-level field of the value, in whose name
/// characters that a key can't have become `_`; strings as they are, everything else as JSON. `Json`: the whole value as JSON
/// under the key `value.json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ExportFormat {
    /// One key for each top-level field of the value.
    #[default]
    Fields,
    /// The whole value as JSON under the key `value.json`.
    Json,
}

/// The observed state of the exports.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthExportStatus {
    /// Status fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The provider's canonical id.
    pub provider_id: Option<String>,
    /// Id of the auth config that the tokens come from.
    pub auth_config_id: Option<String>,
    /// Type of the auth config: `manual`, `oauth_automated` or `oauth_manual`.
    pub auth_config_type: Option<String>,
    /// The state of the exports.
    #[serde(flatten)]
    pub export: ExportStatus,
}

resource_status! {
    AuthExportStatus { provider_id, auth_config_id, auth_config_type }

    fn export(&self) -> Option<&ExportStatus> {
        Some(&self.export)
    }
    fn export_mut(&mut self) -> Option<&mut ExportStatus> {
        Some(&mut self.export)
    }
    fn expiration(&self) -> Option<Expiration> {
        self.export.expiration()
    }
}
