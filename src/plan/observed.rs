//! What was read from the API, in one form for all kinds.

use super::ownership::{MARKER_KEY, Marker, Owner};
use crate::resources::RemoteDetails;
use jiff::Timestamp;
use metorial::Object;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// The readable part of a remote object.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteView {
    /// Its id.
    pub id: String,
    /// True if it exists; archived and deleted objects do not.
    pub live: bool,
    /// Readable fields by the names of the kind's rules, in the same form as the desired fields.
    pub fields: Fields,
    /// Its metadata, without the operator's marker.
    pub metadata: Map<String, Value>,
    /// The operator's marker in its metadata.
    pub marker: Option<Marker>,
    /// Time of its creation, by the API's clock.
    pub created_at: Timestamp,
    /// Time of the last write by anybody, by the API's clock.
    pub updated_at: Timestamp,
    /// The details that the kind shows in the status.
    pub details: RemoteDetails,
    /// True if an end user authorized it through OAuth; such objects are read-only for everybody else.
    pub authorized_by_user: bool,
    /// True if it looks as only a build shows it that answers a change of the values which the API refuses to change for some
    /// objects with success, and ignores it (◆).
    pub ignores_rotation: bool,
    /// The auth method that its value follows, for auth configs.
    pub auth_method: Option<String>,
}

impl RemoteView {
    /// Returns the view of an object with these readable fields.
    #[must_use]
    pub fn new<R: Object>(remote: &R, mut fields: Fields, details: RemoteDetails) -> Self {
        let mut metadata = remote.metadata().cloned().unwrap_or_default();
        let marker = Marker::read(&metadata);
        // A copy of it would be half of what is kept of an object.
        metadata.remove(MARKER_KEY);
        fields.0.shrink_to_fit();
        Self {
            id: remote.id().to_owned(),
            live: !remote.status().is_gone(),
            fields,
            marker,
            metadata,
            created_at: remote.created_at(),
            updated_at: remote.updated_at(),
            details,
            authorized_by_user: false,
            ignores_rotation: false,
            auth_method: None,
        }
    }

    /// Returns the keys of its metadata that this resource has sent, whether or not that was ever acknowledged.
    #[must_use]
    pub fn keys_of(&self, owner: &Owner) -> &[String] {
        let own = self.marker.as_ref().filter(|marker| marker.owner == *owner);
        own.map_or(&[], |marker| &marker.keys)
    }
}

/// The readable fields of a remote object by their names: few, and in less memory than a map would take.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(pub(super) Vec<(&'static str, Value)>);

impl Fields {
    /// Returns the value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let mut fields = self.0.iter();
        let found = fields.find(|(of, _)| *of == name);
        found.map(|(_, value)| value)
    }

    /// Returns the values of all fields.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Sets the value of a field.
    pub fn insert(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(of, _)| *of == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

impl FromIterator<(&'static str, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (&'static str, Value)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

/// One read of a remote object.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The object, or `None` where a GET of its id answered `not_found` or `gone`.
    pub view: Option<Arc<RemoteView>>,
    /// Time for which this process has known the object with this `updated_at`.
    pub unchanged_for: Duration,
}

/// One import as the API lists it, from the point of view of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedImport {
    /// Its id.
    pub id: String,
    /// The tag in its note, if the note says that this resource made it.
    pub tag: Option<String>,
    /// True if its metadata carries this resource's marker: the API writes such a record with each create.
    pub of_create: bool,
    /// Time of its creation, by the API's clock.
    pub created_at: Timestamp,
    /// Expiry of its value.
    pub expires_at: Option<Timestamp>,
}

/// One export that this resource made, as the API lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedExport {
    /// Its id.
    pub id: String,
    /// Time of its creation, by the API's clock.
    pub created_at: Timestamp,
}

/// Returns the expiry that the API answered, without one so late that no [`Timestamp`] represents it: tokens that never expire
/// have an expiry in the year 9999 or later at some providers.
#[must_use]
pub fn known_end(expires_at: Option<Timestamp>) -> Option<Timestamp> {
    expires_at.filter(|at| *at < Timestamp::MAX)
}

/// Returns the newest of several imports.
#[must_use]
pub fn newest_import(imports: &[ListedImport]) -> Option<&ListedImport> {
    let order = |import: &&ListedImport| (import.created_at, import.id.clone());
    imports.iter().max_by_key(order)
}

/// An object that depends on another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// Id of the object that it depends on.
    pub of: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// The namespace of the resource in this cluster that owns it, if one does.
    pub namespace: Option<String>,
    /// Its relation to that object.
    pub relation: Relation,
}

/// The relation of a dependent to the object it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Metorial deletes the dependent along with it.
    Parent,
    /// The default config of the dependent, a deployment, which stays and still names it.
    DefaultConfig {
        /// True if the resource of the deployment is being deleted.
        terminating: bool,
    },
}

/// Number of a connection's objects that no longer exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Losses {
    /// Objects recorded by resources of this connection.
    pub known: usize,
    /// Of these, gone.
    pub lost: usize,
    /// True if a person approved their recreation.
    pub approved: bool,
}

impl Losses {
    /// Returns true if more than half, and at least three, are gone: more likely a mistake than a wish.
    #[must_use]
    pub fn suspicious(self) -> bool {
        !self.approved && self.lost >= 3 && self.lost * 2 > self.known
    }

    /// Returns the message about a suspicious loss; `approve`: the step that approves the recreation.
    #[must_use]
    pub fn message(self, approve: &str) -> String {
        let Self { known, lost, .. } = self;
        format!(
            "{lost} of {known} objects of the connection disappeared together; nothing is created again; if they were deleted on purpose, {approve}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_losses_at_once_are_suspicious_unless_approved() {
        let suspicious = |known, lost, approved| {
            Losses {
                known,
                lost,
                approved,
            }
            .suspicious()
        };
        assert!(suspicious(4, 3, false));
        assert!(!suspicious(4, 3, true));
        assert!(!suspicious(2, 2, false));
        assert!(!suspicious(6, 3, false));
    }
}
