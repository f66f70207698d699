//! Stored objects. All collections have one type, so that lists, edits, archiving and history are written once.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::ids::InstanceId;
use crate::uses::Use;

/// Collection of objects of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collection {
    /// OAuth applications: `/provider-auth-credentials`.
    AuthCredentials,
    /// Authenticated connections: `/provider-auth-configs`.
    AuthConfigs,
    /// Settings: `/provider-configs`.
    Configs,
    /// Saved settings: `/provider-config-vaults`.
    ConfigVaults,
    /// Records of imported values: `/provider-auth-config-imports`.
    AuthImports,
    /// Records of exported values: `/provider-auth-config-exports`.
    AuthExports,
    /// Deployments: `/provider-deployments`.
    Deployments,
}

impl Collection {
    /// All collections.
    pub const ALL: [Collection; 7] = [
        Collection::AuthCredentials,
        Collection::AuthConfigs,
        Collection::Configs,
        Collection::ConfigVaults,
        Collection::AuthImports,
        Collection::AuthExports,
        Collection::Deployments,
    ];

    /// Returns the first segment of the path.
    pub fn name(self) -> &'static str {
        match self {
            Collection::AuthCredentials => "provider-auth-credentials",
            Collection::AuthConfigs => "provider-auth-configs",
            Collection::Configs => "provider-configs",
            Collection::ConfigVaults => "provider-config-vaults",
            Collection::AuthImports => "provider-auth-config-imports",
            Collection::AuthExports => "provider-auth-config-exports",
            Collection::Deployments => "provider-deployments",
        }
    }

    /// Returns the name of its objects in `object` of answers and in `entity` of errors.
    pub fn entity(self) -> &'static str {
        match self {
            Collection::AuthCredentials => "provider.auth_credentials",
            Collection::AuthConfigs => "provider.auth_config",
            Collection::Configs => "provider.config",
            Collection::ConfigVaults => "provider.config_vault",
            Collection::AuthImports => "provider.auth_import",
            Collection::AuthExports => "provider.auth_export",
            Collection::Deployments => "provider.deployment",
        }
    }

    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Collection::AuthCredentials => "par",
            Collection::AuthConfigs => "pac",
            Collection::Configs => "pcf",
            Collection::ConfigVaults => "pcvt",
            Collection::AuthImports => "paci",
            Collection::AuthExports => "pace",
            Collection::Deployments => "pde",
        }
    }

    /// Returns whether its objects are audit records, which never change.
    pub(crate) fn is_record(self) -> bool {
        matches!(self, Collection::AuthImports | Collection::AuthExports)
    }

    /// Returns the fields that no answer has.
    pub(crate) fn write_only_fields(self) -> &'static [&'static str] {
        match self {
            Collection::AuthCredentials => &["client_id", "client_secret"],
            Collection::Deployments => &[],
            _ => &["value"],
        }
    }
}

/// Status of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// In use.
    Active,
    /// Deleted through the API, or as a dependent of a deleted object; still readable.
    Archived,
    /// Deleted; reads are 404.
    Deleted,
}

impl Status {
    /// Returns the API's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Archived => "archived",
            Status::Deleted => "deleted",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Object as a test sees it, with the fields that the API doesn't return.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Id.
    pub id: String,
    /// Instance it belongs to.
    pub instance: InstanceId,
    /// Collection it is in.
    pub collection: Collection,
    /// Status.
    pub status: Status,
    /// JSON that GET answers.
    pub readable: Value,
    /// Fields that no answer has: `client_id` and `client_secret`, or `value`. Null if they were lost.
    pub write_only: Value,
    /// Number of writes of the write-only part.
    pub versions: usize,
    /// Time of creation, by the simulator's clock.
    pub created_at: Timestamp,
    /// Time of the last write, by the simulator's clock.
    pub updated_at: Timestamp,
}

/// Ids of the objects that an object refers to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    /// Default config of a deployment.
    pub(crate) default_config: Option<String>,
    /// Version of the provider that a deployment is pinned to.
    pub(crate) locked_version: Option<String>,
    pub(crate) deployment: Option<String>,
    pub(crate) credentials: Option<String>,
    pub(crate) auth_method: Option<String>,
    pub(crate) specification: Option<String>,
    pub(crate) vault: Option<String>,
    pub(crate) auth_config: Option<String>,
}

/// Object of any collection.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) id: String,
    pub(crate) instance: InstanceId,
    pub(crate) collection: Collection,
    pub(crate) status: Status,
    pub(crate) provider_id: String,
    /// Readable fields, by the API's names.
    pub(crate) fields: Map<String, Value>,
    pub(crate) links: Links,
    pub(crate) write_only: Map<String, Value>,
    pub(crate) versions: usize,
    /// Its uses, because of which it can't be archived.
    pub(crate) uses: Vec<Use>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) archived_at: Option<Timestamp>,
}

impl Object {
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Value::as_str)
    }

    pub(crate) fn is(&self, field: &str) -> bool {
        self.fields.get(field).and_then(Value::as_bool) == Some(true)
    }

    /// Returns a field; null if there is none.
    pub(crate) fn field(&self, field: &str) -> Value {
        self.fields.get(field).cloned().unwrap_or_default()
    }

    /// Moves `updated_at` forward so that every write is visible, unless the clock was set back.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        let behind = self.updated_at.as_millisecond() - now.as_millisecond();
        self.updated_at = if (0..1000).contains(&behind) {
            later(self.updated_at, 1)
        } else {
            now
        };
    }

    /// Archives the object unless it is archived.
    pub(crate) fn archive(&mut self, now: Timestamp) {
        if self.status == Status::Active {
            self.status = Status::Archived;
            self.archived_at = Some(now);
            if self.collection == Collection::Deployments {
                self.fields.insert("is_default".to_owned(), false.into());
                self.links.default_config = None;
            }
            self.touch(now);
        }
    }

    /// Deletes the object 14 days later: the row stays, its content is removed ▲.
    pub(crate) fn purge(&mut self, now: Timestamp) {
        self.status = Status::Deleted;
        self.fields.insert("name".to_owned(), "[deleted]".into());
        self.fields.insert("description".to_owned(), Value::Null);
        self.fields.insert("metadata".to_owned(), Value::Null);
        self.write_only.clear();
        self.touch(now);
    }
}

/// Returns the time this many milliseconds later.
pub(crate) fn later(time: Timestamp, milliseconds: i64) -> Timestamp {
    time.saturating_add(jiff::SignedDuration::from_millis(milliseconds))
        .unwrap_or(time)
}

/// Returns named values as fields of an object.
pub(crate) fn named<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
