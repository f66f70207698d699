//! The resource that a pass is about: as it was read, who it is, and what the books say.

use super::memory::Remembered;
use super::world::World;
use crate::cluster::ClusterError;
use crate::connections::ConnectionKey;
use crate::kinds::Kind;
use crate::plan::{Intent, Ledger, Owner, Policy};
use crate::resources::ResourceKey;
use crate::resources::{
    CommonStatus, ConnectionDefaults, ConnectionKind, FINALIZER, RECONCILE_REQUESTED,
};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Api, ResourceExt};
use serde_json::Value;
use std::time::Duration;

/// See the module.
pub struct Subject<K: Kind> {
    /// Its name.
    pub key: ResourceKey,
    /// The object, as fresh as the last call on it.
    pub object: K,
    /// The status as it was read, in full.
    pub before: Value,
    /// The shared part of it.
    pub status: CommonStatus,
    /// Who it is.
    pub owner: Owner,
    /// What is remembered of it.
    pub memory: Remembered,
    /// What is known of its remote object.
    pub ledger: Ledger,
    /// How long until an absence is certain.
    pub unsettled_for: Duration,
}

impl<K: Kind> Subject<K> {
    /// Reads the resource; `None` if it is no more.
    ///
    /// # Errors
    /// The read failed.
    pub async fn read(world: &World, key: &ResourceKey) -> Result<Option<Self>, ClusterError> {
        let api = world.cluster.namespaced::<K>(&key.namespace);
        let Some(object) = world.cluster.get(&api, &key.name).await? else {
            return Ok(None);
        };
        let uid = object.uid().unwrap_or_default();
        let memory = world.memory.of(key, &uid);
        let status = object.common_status();
        let before = serde_json::to_value(&object)
            .ok()
            .and_then(|mut o| o.get_mut("status").map(Value::take));
        let held = object
            .finalizers()
            .iter()
            .any(|finalizer| finalizer == FINALIZER);
        let unsettled_for = world.unsettled_for(memory.last_write);
        let mut ledger = Ledger::of(&status, held);
        ledger.settled = unsettled_for.is_zero();
        ledger.intent = memory.intent;
        // An id that only this process knows means books that lag behind.
        let unrecorded = memory.created.is_some() && memory.created != status.id;
        ledger.certain = (memory.certain || memory.intent == Intent::Clean) && !unrecorded;
        ledger.export = before
            .clone()
            .and_then(|status| serde_json::from_value(status).ok())
            .unwrap_or_default();
        if let Some(exported) = &memory.exported {
            // An export that is not recorded yet is the last one all the same.
            if exported.status.export_id != ledger.export.export_id {
                ledger.export = exported.status.clone();
            }
            ledger.exported_value = true;
        }
        ledger.lived |= memory.last_write.is_some();
        ledger.id = memory.created.clone().or(ledger.id);
        Ok(Some(Self {
            owner: Owner {
                cluster: world.identity.clone(),
                namespace: key.namespace.clone(),
                name: key.name.clone(),
                kind: K::NAME.to_owned(),
                uid,
            },
            before: before.unwrap_or(Value::Null),
            key: key.clone(),
            object,
            status,
            memory,
            ledger,
            unsettled_for,
        }))
    }

    /// The API of the resource itself.
    #[must_use]
    pub fn api(&self, world: &World) -> Api<K> {
        world.cluster.namespaced(&self.key.namespace)
    }

    /// Whether it is being deleted.
    #[must_use]
    pub fn terminating(&self) -> bool {
        self.object.meta().deletion_timestamp.is_some()
    }

    /// The request to act now that was not handled yet.
    #[must_use]
    pub fn requested(&self) -> Option<&String> {
        let asked = self.object.annotations().get(RECONCILE_REQUESTED);
        asked.filter(|asked| Some(*asked) != self.status.last_handled_reconcile_at.as_ref())
    }

    /// Its policy under the defaults of a connection.
    #[must_use]
    pub fn policy(&self, defaults: &ConnectionDefaults) -> Policy {
        self.object
            .adjust(Policy::of(self.object.common(), Some(defaults)))
    }

    /// The connection that it asks for; without a word the namespace's `default`, where there is one, else the
    /// cluster's. A terminating resource stays with the one that it was made through.
    pub async fn connection(&self, world: &World) -> ConnectionKey {
        let namespace = &self.key.namespace;
        let recorded = self.status.connection.as_deref();
        let recorded = recorded.and_then(|text| ConnectionKey::parse(text, namespace));
        if let (true, Some(key)) = (self.terminating(), recorded) {
            return key;
        }
        if let Some(asked) = &self.object.common().connection_ref {
            let kind = asked.kind.unwrap_or(ConnectionKind::Connection);
            return ConnectionKey::new(kind, namespace, &asked.name);
        }
        let own = ConnectionKey::new(ConnectionKind::Connection, namespace, "default");
        if world.connections.exists(&own).await {
            return own;
        }
        let shared = ConnectionKey::new(ConnectionKind::ClusterConnection, namespace, "default");
        if world.connections.exists(&shared).await {
            shared
        } else {
            own
        }
    }

    /// For events.
    #[must_use]
    pub fn reference(&self) -> ObjectReference {
        self.object.object_ref(&())
    }

    /// Remembers something about it.
    pub fn remember(&mut self, world: &World, change: impl FnOnce(&mut Remembered)) {
        change(&mut self.memory);
        let memory = self.memory.clone();
        world
            .memory
            .update(&self.key, &self.owner.uid, |known| *known = memory);
    }

    /// Notes that a write is on its way: from now on absence is uncertain for a while.
    pub fn sending(&mut self, world: &World, intent: Intent) {
        self.remember(world, |memory| {
            memory.last_write = Some(tokio::time::Instant::now());
            memory.intent = intent;
        });
    }

    /// Notes that the write has ended: it may have taken effect just now.
    pub fn sent(&mut self, world: &World) {
        let now = tokio::time::Instant::now();
        self.remember(world, |memory| memory.last_write = Some(now));
    }
}
