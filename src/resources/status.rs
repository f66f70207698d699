//! The part of `status` that every remote kind shares, and the statuses of all kinds as one type sees them.

use super::times::parse_time;
use jiff::Timestamp;
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
    /// Returns when the exported or imported value expires, for the kinds that export and import, where it is known.
    fn expiration(&self) -> Option<Expiration> {
        None
    }
}

/// The period in which a value is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiration {
    /// Its end, by the clock of the API or of the issuer of the value.
    pub expires_at: Timestamp,
    /// When the value was exported or imported, by the API's clock.
    pub created_at: Option<Timestamp>,
    /// The same by the operator's clock, where the operator recorded it.
    pub recorded_at: Option<Timestamp>,
}

/// Details of the remote object in a kind's status, besides the shared `id`.
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
    /// The provider's callback URL. It is read of the provider, not of the object.
    pub callback_url: Option<String>,
    /// The id of the deployment that the object belongs to, or is.
    pub deployment_id: Option<String>,
    /// The id of the credentials that an end user authorized the auth config with.
    pub credentials_id: Option<String>,
    /// The id of the config that a deployment uses where no other is named.
    pub default_config_id: Option<String>,
    /// The id of the version that a deployment is locked to.
    pub locked_version_id: Option<String>,
}

impl RemoteDetails {
    /// Returns the fields that are ids, under their names in the status. Applications get them from
    /// `publish.configMap`, so the type of an auth config and the callback URL aren't among them, nor are the credentials,
    /// which no status has.
    pub fn ids(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("providerId", &self.provider_id),
            ("authConfigId", &self.auth_config_id),
            ("vaultId", &self.vault_id),
            ("deploymentId", &self.deployment_id),
            ("defaultConfigId", &self.default_config_id),
            ("lockedVersionId", &self.locked_version_id),
        ]
        .into_iter()
        .filter_map(|(name, id)| Some((name, id.as_deref()?)))
    }

    /// Returns the ids of the objects that Metorial deletes the object `own` along with (▲).
    pub fn parents(&self, own: &str) -> impl Iterator<Item = &str> {
        [&self.vault_id, &self.deployment_id, &self.credentials_id]
            .into_iter()
            .filter_map(|id| id.as_deref())
            .filter(move |id| *id != own)
    }

    /// Returns the ids of the objects that the object uses: without one of them it stays, and still names it.
    pub fn uses(&self) -> impl Iterator<Item = &str> {
        self.default_config_id.as_deref().into_iter()
    }
}

/// Implements [`ResourceStatus`] for a status with a field `common`, the listed fields of [`RemoteDetails`], and the methods that
/// follow them.
macro_rules! resource_status {
    ($status:ty { $($detail:ident),+ } $($more:item)*) => {
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
            $($more)*
        }
    };
}
pub(super) use resource_status;

/// Status fields of every kind that has a remote object: what the operator has recorded about it. A check that finds
/// nothing new changes none of them.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommonStatus {
    /// Id of the remote object.
    pub id: Option<String>,
    /// True if the remote object is only observed: nothing of this resource was ever applied to it.
    pub observed: Option<bool>,
    /// Id of the Metorial instance that the remote object belongs to, or that a create was sent to whose response was lost.
    /// Never changes as long as there may be an object.
    pub instance_id: Option<String>,
    /// The connection in use, as `Connection/name` or `ClusterConnection/name`.
    pub connection: Option<String>,
    /// The generation of the spec that the conditions describe.
    pub observed_generation: Option<i64>,
    /// The value of the annotation `metorial.com/reconcile-requested-at` that was handled last.
    pub last_handled_reconcile_at: Option<String>,
    /// Fingerprint of everything that the API last acknowledged: it distinguishes changes here from those at Metorial.
    pub last_applied_revision: Option<String>,
    /// `updated_at` of the remote object after the operator's last write.
    pub remote_updated_at: Option<String>,
    /// The metadata keys that were applied last. A key that is later removed from the spec is removed from the remote
    /// object too.
    pub metadata_keys: Option<Vec<String>>,
    /// The values that the API has acknowledged and that can't be read back, or not from every server.
    pub inputs: Option<Vec<InputStatus>>,
    /// Fields of the remote object that differ from the spec and are kept.
    pub drift: Option<Vec<DriftEntry>>,
    /// Name of the ConfigMap that the ids are published in.
    pub published_config_map: Option<String>,
    /// The changes that wait for approval (`mode: Plan`).
    pub plan: Option<PlanStatus>,
    /// Id of the last import by this resource.
    pub import_id: Option<String>,
    /// The imports by this resource into the remote object, newest first, at most 10.
    pub imports: Option<Vec<ImportRecord>>,
    /// Fingerprint of everything that a new object is created with which replaces the remote object. It is recorded before the
    /// new object is created, and removed once it is known what became of it.
    pub replacement_revision: Option<String>,
    /// Remote objects that were replaced and are pending deletion.
    pub pending_deletion: Option<Vec<PendingDeletion>>,
    /// Ids of former remote objects of this resource, newest first, at most 10.
    pub previous_ids: Option<Vec<PreviousId>>,
    /// Ready, and where they apply Reconciling, Stalled, ReferencesResolved, Drifted and Expiring.
    pub conditions: Option<Vec<Condition>>,
}

/// A write-only value that the API has acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputStatus {
    /// The field of the spec.
    pub field: String,
    /// Where the value comes from: `Secret/name/key`, `ConfigMap/name/key` or `spec`.
    pub source: String,
    /// Fingerprint of the value, `v1:<key id>:<mac>`: a keyed digest, from which nothing can be guessed.
    pub fingerprint: String,
    /// When the API acknowledged the value.
    pub pushed_at: Time,
}

/// A field of the remote object that differs from the spec.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftEntry {
    /// The field of the spec.
    pub field: String,
    /// The value in the spec, or `<hidden>`.
    pub desired: String,
    /// The value at Metorial, or `<hidden>`.
    pub observed: String,
}

/// The state of the exports of an auth config.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportStatus {
    /// Id of the last export.
    pub export_id: Option<String>,
    /// Id of the auth config that the last export is of.
    pub exported_from: Option<String>,
    /// When the last export was made.
    pub exported_at: Option<Time>,
    /// When the last export was made, by the API's clock.
    pub created_at: Option<String>,
    /// When the exported tokens expire, as reported by the API.
    pub expires_at: Option<String>,
    /// `updated_at` of the auth config at the last export, or when its imports were last compared with it.
    pub auth_config_updated_at: Option<String>,
    /// Id of the newest import into the auth config at the last export.
    pub newest_import_id: Option<String>,
    /// Name of the Secret that the last export was written to.
    pub secret_name: Option<String>,
    /// Fingerprint of the content of the Secret.
    pub secret_fingerprint: Option<String>,
    /// Fingerprint of the former content of the Secret, while the workloads of `spec.rolloutRestart` still have to be
    /// restarted.
    pub restart_pending_from: Option<String>,
    /// The times of the export that the Secret holds, while the last one is not written to it.
    pub in_secret: Option<Box<ExportTimes>>,
    /// When the exports of the last 24 hours were made, newest first.
    pub recent_exports: Option<Vec<Time>>,
}

/// The times of an export.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportTimes {
    /// When it was made.
    pub exported_at: Option<Time>,
    /// When it was made, by the API's clock.
    pub created_at: Option<String>,
    /// When its tokens expire, as reported by the API.
    pub expires_at: Option<String>,
}

impl ExportTimes {
    /// Returns the period in which the tokens are valid, where their end is known.
    #[must_use]
    pub fn expiration(&self) -> Option<Expiration> {
        Some(Expiration {
            expires_at: parse_time(self.expires_at.as_deref())?,
            created_at: parse_time(self.created_at.as_deref()),
            recorded_at: self.exported_at.as_ref().map(|at| at.0),
        })
    }
}

impl ExportStatus {
    /// Returns the times of the last export.
    #[must_use]
    pub fn times(&self) -> ExportTimes {
        ExportTimes {
            exported_at: self.exported_at.clone(),
            created_at: self.created_at.clone(),
            expires_at: self.expires_at.clone(),
        }
    }

    /// Returns the times of the export that the Secret holds.
    #[must_use]
    pub fn times_in_secret(&self) -> Option<Box<ExportTimes>> {
        match &self.secret_fingerprint {
            Some(_) => Some(Box::new(self.times())),
            None => self.in_secret.clone(),
        }
    }

    /// Returns the period in which the exported tokens are valid, where their end is known.
    #[must_use]
    pub fn expiration(&self) -> Option<Expiration> {
        self.times().expiration()
    }
}

/// Changes that wait for approval.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// Hash of the plan. To approve it, set the annotation `metorial.com/approve` to this value. Any other plan has
    /// another hash.
    pub hash: String,
    /// Random text that the hash depends on.
    pub nonce: String,
    /// The steps of the plan, in order.
    pub steps: Vec<PlannedStep>,
}

/// A step of a plan.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// Action of the step: `Create`, `Update`, `Replace`, `Import`, `Export` or `Delete`.
    pub action: String,
    /// The fields that the step would change.
    pub fields: Option<Vec<PlannedField>>,
}

/// A field that a step would change.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedField {
    /// The field of the spec.
    pub field: String,
    /// The value at Metorial, or `<hidden>`.
    pub from: Option<String>,
    /// The value in the spec, or `<hidden>`.
    pub to: String,
}

/// A remote object that was replaced and is pending deletion.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingDeletion {
    /// Id of the remote object.
    pub id: String,
    /// When it was replaced.
    pub since: Time,
}

/// A former remote object of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviousId {
    /// Id of the former remote object.
    pub id: String,
    /// When it was replaced.
    pub replaced_at: Time,
    /// The reason for the replacement.
    pub reason: String,
}

/// An import by this resource.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportRecord {
    /// Id of the import.
    pub id: String,
    /// When the import was made, by the API's clock.
    pub created_at: String,
    /// When the imported value expires, as reported by the API.
    pub expires_at: Option<String>,
    /// Fingerprint of the imported value.
    pub fingerprint: String,
}

impl ImportRecord {
    /// Returns the period in which the imported value is valid, where its end is known.
    #[must_use]
    pub fn expiration(&self) -> Option<Expiration> {
        Some(Expiration {
            expires_at: parse_time(self.expires_at.as_deref())?,
            created_at: parse_time(Some(&self.created_at)),
            recorded_at: None,
        })
    }
}
