//! Reads and writes of remote objects through one connection, in the terms of the plan.

use super::access::Description;
use super::budget::View;
use super::cache::{Cache, Listed};
use super::error::RemoteError;
use super::loader::Loader;
use super::records::{self, Imported};
use super::schemas;
use super::transport::{Item, Transport, full_pages};
use super::unreadable::{Suspect, may_be_record_of};
use crate::kinds::{Kind, RemoteKind, RemoteObject, with_kind};
use crate::plan::fingerprint::MacKey;
use crate::plan::observed::{ListedExport, ListedImport, RemoteView};
use crate::plan::ownership::{MARKER_KEY, Marker, Owner};
use crate::plan::purpose::Purpose;
use crate::plan::schema::ValueSchema;
use crate::resources::{InstanceStatus, OnUnreachable};
use crate::schema::Published;
use futures::TryFutureExt;
use metorial::{
    AuthConfig, AuthExport, AuthImport, Body, Collection, ErrorKind, ExportTarget, Method, Object,
    Operation,
};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// A connection whose key the API accepted, in the instance that the key opens.
#[derive(Clone)]
pub struct Session {
    /// The connection, as the statuses of resources name it.
    pub connection: String,
    /// A number that changes with every change of the key or the spec and with every recovery: what failed under
    /// another epoch may be tried again immediately.
    pub epoch: usize,
    /// The generation of the connection's spec that the session was built from.
    pub generation: Option<i64>,
    /// The server, as `https://host:port`.
    pub server: Arc<str>,
    /// The instance.
    pub instance: InstanceStatus,
    /// The connection's policy for deletions that can't be carried out.
    pub on_unreachable: Option<OnUnreachable>,
    /// True if a person approved that many lost objects are created again.
    pub recreation_approved: bool,
    pub(crate) transport: Transport,
    pub(crate) cache: Arc<Cache>,
    pub(crate) loader: Arc<Loader>,
}

impl Session {
    /// Returns the session for the requests of one reconciliation.
    #[must_use]
    pub fn for_purpose(&self, purpose: Purpose) -> Self {
        Self {
            transport: self.transport.for_purpose(purpose),
            ..self.clone()
        }
    }

    /// Returns whether both sessions are of one instance of one server.
    #[must_use]
    pub fn is_of_instance(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cache, &other.cache)
    }

    /// Returns the request budget as the connection's status shows it.
    #[must_use]
    pub fn budget(&self) -> Option<View> {
        self.transport.budget_view()
    }

    /// Lists the imports into an auth config, read now, from the point of view of `owner`.
    ///
    /// # Errors
    /// Any page failed.
    pub async fn imports(
        &self,
        id: &str,
        owner: &Owner,
        key: &MacKey,
    ) -> Result<Vec<ListedImport>, RemoteError> {
        let query = full_pages().filter("provider_auth_config_id", [id])?;
        let mut suspect = None;
        let into_it = |item: Item<AuthImport>| {
            let import = readable(item, owner, &mut suspect)?;
            (import.auth_config_id() == Some(id))
                .then(|| records::import_record(&import, owner, key))
        };
        let found = self.transport.list(&query, into_it).await?;
        suspect.map_or(Ok(found), Err)
    }

    /// Imports a value into an auth config of this id, or into a new one that the import creates.
    ///
    /// # Errors
    /// See [`RemoteError::maybe_applied`].
    pub async fn import(
        &self,
        body: Value,
        into: Option<&str>,
        owner: &Owner,
        key: &MacKey,
    ) -> Result<Imported, RemoteError> {
        let body = Body::from(body);
        let call = self.transport.client().create::<AuthImport>(&body);
        let operation = Operation::on_collection(Method::Post, AuthImport::COLLECTION);
        let sent = self.transport.write("import", operation, call);
        let (import, request_id) = sent.await.inspect_err(|error| {
            if let (Some(id), true) = (into, error.was_sent()) {
                self.cache.observations.forget(id, Instant::now());
            }
        })?;
        let record = records::import_record(&import, owner, key);
        let into = import.auth_config.as_ref().map(AuthConfig::view);
        Ok(Imported {
            record,
            into: into.map(|view| self.store_write(AuthConfig::COLLECTION, view)),
            request_id,
        })
    }

    /// Exports the value of an auth config. Only this response ever contains it: later reads of the export return null.
    ///
    /// # Errors
    /// See [`RemoteError::maybe_applied`]; a value whose response is lost can't be read again.
    pub async fn export(
        &self,
        target: &ExportTarget,
        note: &str,
        marker: &Marker,
    ) -> Result<AuthExport, RemoteError> {
        let metadata = serde_json::json!({MARKER_KEY: marker.to_json()});
        let body = Body::from(serde_json::json!({"note": note, "metadata": metadata}));
        let send = async || {
            let call = self.transport.client().create_export(target, &body);
            let operation = Operation::on_collection(Method::Post, AuthExport::COLLECTION);
            self.transport.write("export", operation, call).await
        };
        let exported = match send().await {
            // The server has exports at another path, and did nothing. The second request passes fence and budget as well.
            Err(RemoteError::Api(error)) if error.may_be_elsewhere() => send().await,
            exported => exported,
        };
        match exported {
            Ok((export, _)) => Ok(export),
            Err(RemoteError::Api(error)) if error.is_too_large() => {
                Err(RemoteError::ExportTooLarge)
            }
            Err(error) => Err(error),
        }
    }

    /// Lists the exports of an auth config that `owner` made, read now.
    ///
    /// # Errors
    /// Any page failed.
    pub async fn exports(
        &self,
        target: &ExportTarget,
        owner: &Owner,
    ) -> Result<Vec<ListedExport>, RemoteError> {
        let pages = self.transport.client().export_pages(target, &full_pages());
        let mut suspect = None;
        let ours = |item: Item<AuthExport>| {
            let export = readable(item, owner, &mut suspect)?;
            records::export_record(&export, target, owner)
        };
        let found = self.transport.collect(pages, ours).await?;
        suspect.map_or(Ok(found), Err)
    }

    /// Lists every object of the kind's collection that carries a marker. The list was begun at `since` or later;
    /// reconciliations that search at the same time share it.
    ///
    /// The whole collection is read because neither `search` nor any filter covers metadata (▲).
    ///
    /// # Errors
    /// Any page failed: a part of a list proves no absence. Or an object can't be read that may be `owner`'s, or where that
    /// counts, its predecessor's.
    pub async fn search<K: Kind>(
        &self,
        since: Instant,
        owner: &Owner,
        predecessor_counts: bool,
    ) -> Result<Arc<Vec<RemoteView>>, RemoteError> {
        let found = self.listed::<K>(since).await?;
        let mut suspects = found.unreadable.iter();
        match suspects.find(|suspect| suspect.may_belong_to(owner, predecessor_counts)) {
            Some(suspect) => Err(unreadable(&suspect.id, false)),
            None => Ok(found.marked.clone()),
        }
    }

    async fn listed<K: Kind>(&self, since: Instant) -> Result<Arc<Listed>, RemoteError> {
        let listing = self.cache.listing(K::Remote::COLLECTION);
        let mut last = listing.lock().await;
        let access = &self.loader.access;
        if let Some((_, found)) = last.as_ref().filter(|(began, _)| *began >= since)
            && access.reaches_all(K::Remote::COLLECTION)
        {
            return Ok(found.clone());
        }
        let began = Instant::now();
        let mut unreadable = Vec::new();
        let marked = |item: Item<K::Remote>| match item {
            Item::Read(remote) => Some(remote.view()).filter(|view| view.marker.is_some()),
            Item::Unreadable(item) => {
                unreadable.push(Suspect::new(&item));
                None
            }
        };
        let marked = self.transport.list(&full_pages(), marked).await;
        access.record(K::Remote::COLLECTION, &marked);
        let marked = Arc::new(marked?);
        let found = Arc::new(Listed { marked, unreadable });
        *last = Some((began, found.clone()));
        Ok(found)
    }

    /// Resolves a provider's identifier or slug to its id; `None` where there is no such provider.
    ///
    /// # Errors
    /// The read failed.
    pub async fn provider(&self, name: &str) -> Result<Option<String>, RemoteError> {
        let operation = Operation::get("/providers/:id");
        let call = self.transport.client().provider(name);
        match self.transport.send(operation, call).await {
            Ok(provider) => Ok(Some(provider.id)),
            Err(RemoteError::Api(error)) if error.kind() == ErrorKind::Gone => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns an object that a create names, as it was observed at `since` or later; `None` if it is gone, or its collection has no such objects.
    ///
    /// # Errors
    /// The read failed.
    pub async fn used(
        &self,
        collection: Collection,
        id: &str,
        since: Instant,
    ) -> Result<Option<Arc<RemoteView>>, RemoteError> {
        let Some(kind) = RemoteKind::find(collection) else {
            return Ok(None);
        };
        if let Some(known) = self.known(id, since) {
            return Ok(Some(known));
        }
        let now = Instant::now();
        with_kind!(kind, K => self.observe::<K>(id, now).await)
    }

    /// Creates an object. Returns the id of the request, too.
    ///
    /// # Errors
    /// See [`RemoteError::maybe_applied`].
    pub async fn create<K: Kind>(
        &self,
        body: Value,
    ) -> Result<(Arc<RemoteView>, Option<String>), RemoteError> {
        let body = Body::from(body);
        let call = self.transport.client().create::<K::Remote>(&body);
        let operation = Operation::on_collection(Method::Post, K::Remote::COLLECTION);
        let created = self.transport.write("create", operation, call).await;
        let (created, request_id) = created?;
        let view = self.store_write(K::Remote::COLLECTION, created.view());
        Ok((view, request_id))
    }

    /// Updates an object. The caller holds its [`lock`](Self::lock).
    ///
    /// # Errors
    /// See [`RemoteError::maybe_applied`].
    pub async fn update<K: Kind>(
        &self,
        id: &str,
        body: Value,
    ) -> Result<Arc<RemoteView>, RemoteError> {
        let body = Body::from(body);
        let call = self.transport.client().update::<K::Remote>(id, &body);
        let operation = Operation::on_item(Method::Patch, K::Remote::COLLECTION);
        match self.transport.write("update", operation, call).await {
            Ok((remote, _)) => Ok(self.store_write(K::Remote::COLLECTION, remote.view())),
            Err(error) => {
                if error.was_sent() {
                    self.cache.observations.forget(id, Instant::now());
                }
                Err(error)
            }
        }
    }

    /// Deletes an object. One that is gone already is a success: archived, deleted, 404 and 410 all mean the same (▲).
    ///
    /// # Errors
    /// See [`RemoteError::maybe_applied`].
    pub async fn delete<K: Kind>(&self, id: &str) -> Result<(), RemoteError> {
        self.cache.observations.forget(id, Instant::now());
        let call = self.transport.client().delete::<K::Remote>(id);
        let operation = Operation::on_item(Method::Delete, K::Remote::COLLECTION);
        match self.transport.write("delete", operation, call).await {
            Ok(_) => Ok(()),
            Err(RemoteError::Api(error)) if error.kind() == ErrorKind::Gone => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads an object now; `None` if it is gone.
    ///
    /// # Errors
    /// The read failed.
    pub async fn refreshed<K: Kind>(
        &self,
        id: &str,
    ) -> Result<Option<Arc<RemoteView>>, RemoteError> {
        self.cache.observations.forget(id, Instant::now());
        self.observe::<K>(id, Instant::now()).await
    }

    /// Returns the schema that a value has to follow; `None` where the API publishes none. At most an hour old.
    ///
    /// # Errors
    /// The read failed.
    pub async fn schema(&self, of: &ValueSchema) -> Result<Option<Published>, RemoteError> {
        let schema = schemas::read(&self.transport, of);
        let schema = schema.map_ok(|schema| schema.map(Published::new));
        let what = Description::Schema(of.clone());
        let (access, shared) = (&self.loader.access, self.cache.schemas.get(of.clone()));
        access.described(what, &shared, schema).await
    }

    /// Locks a remote object against every other writer of this process. The server's PATCH is a read-modify-write of
    /// all fields: of two concurrent ones, one is lost (▲).
    pub async fn lock(&self, id: &str) -> OwnedMutexGuard<()> {
        self.cache.lock(id).await
    }

    /// Drops what is known of an object whose resource no longer manages it.
    pub fn release(&self, id: &str) {
        self.cache.observations.release(id);
    }

    fn store_write(&self, collection: Collection, view: RemoteView) -> Arc<RemoteView> {
        let view = Arc::new(view);
        let observations = &self.cache.observations;
        observations.store_write(collection, &view, Instant::now());
        self.loader.access.record_write(collection, &view.id);
        view
    }
}

/// Returns a record that can be read. One that can't, but may be `owner`'s, becomes the suspect.
fn readable<R>(item: Item<R>, owner: &Owner, suspect: &mut Option<RemoteError>) -> Option<R> {
    match item {
        Item::Read(record) => Some(record),
        Item::Unreadable(item) => {
            if may_be_record_of(&item, owner) {
                *suspect = Some(unreadable(&item.id, true));
            }
            None
        }
    }
}

fn unreadable(id: &str, is_record: bool) -> RemoteError {
    let id = id.to_owned();
    RemoteError::Unreadable { id, is_record }
}
