//! One resource of any kind with its remote object: whose connection it uses, and what its object depends on.

use crate::cluster::decode::decode;
use crate::cluster::metadata::PartialObject;
use crate::kinds::Kind;
use crate::plan::observed::{Dependent, Relation};
use crate::resources::{
    CommonStatus, ConnectionKey, FINALIZER, READY, Reason, ResourceKey, ResourceStatus, Stored,
    condition,
};
use jiff::{SignedDuration, Timestamp};
use kube::{Resource, ResourceExt};

/// One resource, as far as others are concerned with its remote object.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The resource.
    pub key: ResourceKey,
    /// Its remote object.
    pub id: Option<String>,
    /// The instance that the object lives in.
    pub instance: Option<String>,
    /// The connection that it uses, as its status has it.
    pub connection: Option<String>,
    /// The connection that its spec names.
    pub named: Option<ConnectionKey>,
    /// True if it has our finalizer.
    pub finalizer: bool,
    /// True if it is being deleted.
    pub terminating: bool,
    /// True if the remote object belongs to another owner.
    pub external: bool,
    /// The objects that Metorial deletes the remote object along with.
    pub parents: Vec<String>,
    /// The objects that the remote object uses.
    pub uses: Vec<String>,
    /// True if it may have a remote object that is not recorded.
    pub unrecorded: bool,
    /// The resources that it refers to, where it may have an object whose parents are not recorded: one that is not recorded
    /// itself, or was replaced.
    pub refers: Vec<ResourceKey>,
    /// Replaced objects that are pending deletion.
    pub pending_deletion: Vec<String>,
    /// The time since which it reports that its object no longer exists.
    pub missing_since: Option<Timestamp>,
    /// True if its status can't be read, so that it may use any connection.
    pub unreadable: bool,
}

/// Time within which losses count as one loss: with the longest interval, each is noticed by then.
const MAX_AGE_OF_LOSS: SignedDuration = SignedDuration::from_hours(24);

/// Returns the time since which a status says that the object no longer exists.
fn missing_since(status: &CommonStatus) -> Option<Timestamp> {
    let ready = condition(status.conditions.as_deref(), READY)?;
    (ready.reason == Reason::RemoteMissing.as_str()).then_some(ready.last_transition_time.0)
}

impl Entry {
    /// Returns the entry of a resource as the server sent it. One that can't be read is not taken for absent, or its
    /// connection could be deleted before it: nothing is known of it but its name. Without a name it is left out.
    #[must_use]
    pub fn read<K: Kind>(text: &str) -> Option<Self> {
        if let Some(object) = decode::<Stored<K>>(text) {
            return Some(Self::from_resource(&object));
        }
        let entry = decode(text).map(Self::without_status::<K>);
        let object = entry
            .as_ref()
            .map_or_else(|| K::NAME.to_owned(), |entry| entry.key.to_string());
        tracing::warn!(
            object,
            "a resource can't be read: apply it again, or delete it"
        );
        entry
    }

    fn without_status<K: Kind>(PartialObject { metadata }: PartialObject) -> Self {
        Self {
            key: metadata.key(K::NAME),
            finalizer: metadata.has_finalizer(FINALIZER),
            terminating: metadata.terminating(),
            unreadable: true,
            ..Self::default()
        }
    }

    /// Builds the entry of a resource.
    #[must_use]
    pub fn from_resource<K: Kind>(object: &Stored<K>) -> Self {
        let status = object.status().map(ResourceStatus::common);
        let namespace = object.namespace().unwrap_or_default();
        let pending = status.and_then(|status| status.pending_deletion.as_ref());
        let id = status.and_then(|status| status.id.clone());
        let details = object.status().map(ResourceStatus::details);
        let details = details.unwrap_or_default();
        let parents = details.parents(id.as_deref().unwrap_or_default());
        let finalizer = object.finalizers().iter().any(|it| it == FINALIZER);
        let observes = status.and_then(|status| status.observed).is_some();
        let unrecorded = finalizer && (id.is_none() || observes);
        let named = object.common().connection_ref.as_ref();
        let refers = if unrecorded || pending.is_some() {
            referred(object, &namespace)
        } else {
            Vec::new()
        };
        Self {
            key: ResourceKey::new(K::NAME, &namespace, &object.name_any()),
            instance: status.and_then(|status| status.instance_id.clone()),
            connection: status.and_then(|status| status.connection.clone()),
            named: named.map(|named| named.key(&namespace)),
            finalizer,
            terminating: object.meta().deletion_timestamp.is_some(),
            external: object.lifecycle().external,
            parents: parents.map(str::to_owned).collect(),
            uses: details.uses().map(str::to_owned).collect(),
            unrecorded,
            refers,
            id,
            pending_deletion: pending
                .into_iter()
                .flatten()
                .map(|pending| pending.id.clone())
                .collect(),
            missing_since: status.and_then(missing_since),
            unreadable: object.lost_status(),
        }
    }

    /// Returns true if the resource keeps a connection in use: it has a remote object that is to be deleted through it, or
    /// may have one.
    #[must_use]
    pub fn uses(&self, connection: &ConnectionKey) -> bool {
        if self.unreadable {
            let in_reach = [&*self.key.namespace, ""].contains(&connection.namespace.as_str());
            return self.finalizer && in_reach;
        }
        self.finalizer && self.used_connection().as_ref() == Some(connection)
    }

    /// Returns the connection that the resource uses, as its status has it.
    #[must_use]
    pub fn used_connection(&self) -> Option<ConnectionKey> {
        ConnectionKey::parse(self.connection.as_deref()?, &self.key.namespace)
    }

    /// Returns the id of an object that counts as lost when it is gone: of a resource that stays, in this instance. An
    /// external object counts where it belongs, and one that was reported as missing long ago was not lost with the others.
    #[must_use]
    pub fn counted_in(&self, instance: &str, now: Timestamp) -> Option<&String> {
        let here = self.instance.as_deref() == Some(instance);
        let long_ago = |since: Timestamp| now.duration_since(since) > MAX_AGE_OF_LOSS;
        let forgotten = self.missing_since.is_some_and(long_ago);
        let counts = here && !self.terminating && !self.external && !forgotten;
        self.id.as_ref().filter(|_| counts)
    }

    /// Returns the objects of this resource that depend on one of `ids`, the objects of `of`: they were created from it, or use
    /// it.
    #[must_use]
    pub fn depending_on(&self, of: &ResourceKey, ids: &[String]) -> Vec<Dependent> {
        if self.external {
            return Vec::new();
        }
        let name = self.key.name.to_string();
        let dependent = |of: &String, id: &String, relation| Dependent {
            name: Some(name.clone()),
            ..self.dependent(of, id, relation)
        };
        let created = self.created_from(of, ids).into_iter();
        let created = created.map(|(of, id)| dependent(of, id, Relation::Parent));
        let used = ids.iter().filter(|id| self.uses.contains(id));
        let using = used.zip(&self.id);
        let using = using.map(|(of, id)| dependent(of, id, self.relation()));
        created.chain(using).collect()
    }

    /// Returns what may depend on each of `ids`, the objects of `of`: an object that this resource has perhaps, with an
    /// unknown id.
    #[must_use]
    pub fn may_depend_on(&self, of: &ResourceKey, ids: &[String]) -> Vec<Dependent> {
        let here = self.key.namespace == of.namespace;
        // Anybody can write a resource in a namespace of their own that names this one. Where a create was sent, it may be used.
        let is_heard = here || self.instance.is_some();
        let refers = is_heard && self.unrecorded && self.refers.contains(of);
        let ids = ids.iter().filter(|_| refers || here && self.hides_object());
        let resource = self.key.to_string();
        ids.map(|id| self.dependent(id, &resource, self.relation()))
            .collect()
    }

    /// Returns true if it has an object that depends on one of `ids`, or has one perhaps that may depend on anything.
    #[must_use]
    pub fn may_depend_on_any(&self, ids: &[String]) -> bool {
        let may_refer = !self.refers.is_empty();
        self.hides_object() || may_refer || self.names_one_of(ids)
    }

    /// Returns true if its object was created from one of `ids`, or uses it.
    fn names_one_of(&self, ids: &[String]) -> bool {
        let mut named = self.parents.iter().chain(&self.uses);
        named.any(|named| ids.contains(named))
    }

    /// Returns true if nothing is known of an object that it has perhaps.
    fn hides_object(&self) -> bool {
        self.unreadable && self.finalizer
    }

    fn dependent(&self, of: &str, id: &str, relation: Relation) -> Dependent {
        Dependent {
            of: of.to_owned(),
            id: id.to_owned(),
            name: None,
            namespace: Some(self.key.namespace.to_string()),
            relation,
        }
    }

    /// Returns what an object that this one uses is to it.
    fn relation(&self) -> Relation {
        Relation::DefaultConfig {
            terminating: self.terminating,
        }
    }

    /// Returns the objects of this resource that were created from one of `parents`, the objects of `of`, each with that. A
    /// replaced object may have been created from any of them but the current one's, if the resource has to do with `of` at all.
    fn created_from<'a>(
        &'a self,
        of: &ResourceKey,
        parents: &'a [String],
    ) -> Vec<(&'a String, &'a String)> {
        if self.parents.is_empty() {
            return Vec::new();
        }
        let concerns = self.refers.contains(of) || self.names_one_of(parents);
        let (current, former): (Vec<&String>, Vec<&String>) =
            parents.iter().partition(|of| self.parents.contains(of));
        let current = current.into_iter().zip(&self.id);
        let former = former
            .into_iter()
            .filter(|_| concerns)
            .flat_map(|of| self.pending_deletion.iter().map(move |id| (of, id)));
        current.chain(former).collect()
    }
}

/// Returns the resources that a spec refers to.
fn referred<K: Kind>(object: &Stored<K>, namespace: &str) -> Vec<ResourceKey> {
    let references = object.references();
    let keys = references.iter().map(|it| it.resource_key(namespace));
    keys.collect()
}

#[cfg(test)]
mod tests;
