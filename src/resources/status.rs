//! The part of `status` that every remote kind shares, and the statuses of all kinds as one type sees them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use std::fmt::Debug;

/// The status of a remote kind: the shared part, and what the kind itself shows of its remote object.
pub trait ResourceStatus:
    Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Returns the shared part.
    fn common(&self) -> &CommonStatus;
    /// Returns the shared part for writing.
    fn common_mut(&mut self) -> &mut CommonStatus;
    /// Returns what the status shows of the remote object, besides its id.
    fn details(&self) -> RemoteDetails;
    /// Replaces what the status shows of the remote object. What the kind has no field for is left out.
    fn set_details(&mut self, details: &RemoteDetails);
    /// Returns the state of the exports, for the kind that exports.
    fn export(&self) -> Option<&ExportStatus> {
        None
    }
    /// Returns the state of the exports for writing, for the kind that exports.
    fn export_mut(&mut self) -> Option<&mut ExportStatus> {
        None
    }
}

/// What a kind's status shows of its remote object, besides the shared `id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteDetails {
    /// The provider's canonical id.
    pub provider_id: Option<String>,
    /// The id of the auth config.
    pub auth_config_id: Option<String>,
    /// The type of the auth config, in the API's words.
    pub auth_config_type: Option<String>,
    /// The id of the vault that the config was created from.
    pub vault_id: Option<String>,
}

impl RemoteDetails {
    /// Returns the fields that are ids, under their names in the status. Applications get them from
    /// `publish.configMap`, so the type of an auth config isn't among them.
    pub fn ids(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("providerId", &self.provider_id),
            ("authConfigId", &self.auth_config_id),
            ("vaultId", &self.vault_id),
        ]
        .into_iter()
        .filter_map(|(name, id)| Some((name, id.as_deref()?)))
    }
}

/// Implements [`ResourceStatus`] for a status with a field `common`, the listed fields of [`RemoteDetails`] and, for
/// the kind that exports, the named field of type [`ExportStatus`].
macro_rules! resource_status {
    ($status:ty { $($detail:ident),+ } $($export:ident)?) => {
        impl $crate::resources::status::ResourceStatus for $status {
            fn common(&self) -> &$crate::resources::status::CommonStatus {
                &self.common
            }
            fn common_mut(&mut self) -> &mut $crate::resources::status::CommonStatus {
                &mut self.common
            }
            fn details(&self) -> $crate::resources::status::RemoteDetails {
                $crate::resources::status::RemoteDetails {
                    $($detail: self.$detail.clone(),)+
                    ..Default::default()
                }
            }
            fn set_details(&mut self, details: &$crate::resources::status::RemoteDetails) {
                $(self.$detail.clone_from(&details.$detail);)+
            }
            $(
                fn export(&self) -> Option<&$crate::resources::status::ExportStatus> {
                    Some(&self.$export)
                }
                fn export_mut(&mut self) -> Option<&mut $crate::resources::status::ExportStatus> {
                    Some(&mut self.$export)
                }
            )?
        }
    };
}
pub(super) use resource_status;

/// What the operator knows about one resource. Everything here survives a restart; nothing changes on a mere check.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommonStatus {
    /// Remote id: the only truth about which remote object is ours.
    pub id: Option<String>,
    /// The Metorial instance that the object lives in. Never changes once set.
    pub instance_id: Option<String>,
    /// The connection in use, as `Connection/name` or `ClusterConnection/name`.
    pub connection: Option<String>,
    /// The generation that the conditions speak of.
    pub observed_generation: Option<i64>,
    /// Echo of the annotation `metorial.com/reconcile-requested-at`.
    pub last_handled_reconcile_at: Option<String>,
    /// Keyed digest of everything that the API last acknowledged: tells a changed spec or Secret from a remote change.
    pub last_applied_revision: Option<String>,
    /// The API's `updated_at` after our last write.
    pub remote_updated_at: Option<String>,
    /// The metadata keys that were last applied, so that a key removed from the spec is removed there too.
    pub metadata_keys: Option<Vec<String>>,
    /// The write-only inputs that the API has.
    pub inputs: Option<Vec<InputStatus>>,
    /// Fields that differ from the spec at Metorial and are left so.
    pub drift: Option<Vec<DriftEntry>>,
    /// The ConfigMap that the ids are published in.
    pub published_config_map: Option<String>,
    /// What would be done once it is approved (`mode: Plan`).
    pub plan: Option<PlanStatus>,
    /// Our last import.
    pub import_id: Option<String>,
    /// Our imports into the remote object, newest first, at most 10.
    pub imports: Option<Vec<ImportRecord>>,
    /// Objects that were replaced and are still to be deleted.
    pub retiring: Option<Vec<RetiringId>>,
    /// Remote ids that this resource had before, newest first, at most 10.
    pub previous_ids: Option<Vec<PreviousId>>,
    /// Ready, and where they apply Reconciling, Stalled, ReferencesResolved and Drifted.
    pub conditions: Option<Vec<Condition>>,
}

/// One write-only input as the API has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputStatus {
    /// The spec field.
    pub field: String,
    /// `Secret/name/key`, `ConfigMap/name/key` or `spec`.
    pub source: String,
    /// Keyed digest of the value, `v1:<key id>:<mac>`.
    pub fingerprint: String,
    /// When the API acknowledged it.
    pub pushed_at: Time,
}

/// One field that differs at Metorial.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftEntry {
    /// The spec field.
    pub field: String,
    /// What the spec wants, or `<hidden>`.
    pub desired: String,
    /// What Metorial has, or `<hidden>`.
    pub observed: String,
}

/// What is known about exports.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportStatus {
    /// The last export.
    pub export_id: Option<String>,
    /// When it was made.
    pub exported_at: Option<Time>,
    /// When its tokens expire, as the API says.
    pub expires_at: Option<String>,
    /// `updated_at` of the auth config when it was last compared.
    pub auth_config_updated_at: Option<String>,
    /// The newest import of the auth config at the last export.
    pub newest_import_id: Option<String>,
    /// The Secret that the last export went into.
    pub secret_name: Option<String>,
    /// Keyed digest of what the Secret holds.
    pub secret_fingerprint: Option<String>,
    /// When the exports of the last 24 hours were made, newest first.
    pub recent_exports: Option<Vec<Time>>,
}

/// What would be done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// The annotation `metorial.com/approve` with this text lets it happen. Another plan has another hash.
    pub hash: String,
    /// In order.
    pub steps: Vec<PlannedStep>,
}

/// One planned step.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// `Create`, `Update`, `Replace`, `Import`, `Export` or `Delete`.
    pub action: String,
    /// What would change.
    pub fields: Option<Vec<PlannedField>>,
}

/// One field that would change.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedField {
    /// The spec field.
    pub field: String,
    /// What Metorial has, or `<hidden>`.
    pub from: Option<String>,
    /// What the spec wants, or `<hidden>`.
    pub to: String,
}

/// An object that was replaced and is still to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetiringId {
    /// Its id.
    pub id: String,
    /// When it was replaced.
    pub since: Time,
}

/// A remote id that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviousId {
    /// The id.
    pub id: String,
    /// When it was replaced.
    pub replaced_at: Time,
    /// Why.
    pub reason: String,
}

/// One import.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportRecord {
    /// Its id.
    pub id: String,
    /// When it was made, by the API's clock.
    pub created_at: String,
    /// When the value expires, as the API says.
    pub expires_at: Option<String>,
    /// Keyed digest of the value that went in.
    pub fingerprint: String,
}
