//! What can be asked of the API through one connection, in the words of the decisions.

use super::line::Line;
use super::observations::Observations;
use super::records::{self, Imported};
use super::trouble::Trouble;
use crate::kinds::{Dependents, Kind};
use crate::plan::marker::MARKER_KEY;
use crate::plan::{Dependent, ExportSeen, ImportSeen, Marker, Owner, RemoteView};
use crate::resources::{InstanceStatus, OnUnreachable};
use metorial::{
    AuthConfig, AuthExport, AuthImport, Body, Config, ErrorKind, ExportTarget, ListQuery, Method,
    Object, Operation,
};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// A connection that answered, in the instance that it opens.
pub struct Session {
    /// The connection, as the objects' statuses name it.
    pub connection: String,
    /// Another one after each change of key or spec and each recovery: what failed before may be tried again.
    pub serial: usize,
    /// The generation of the connection's spec that it was built from.
    pub generation: Option<i64>,
    /// The instance.
    pub instance: InstanceStatus,
    /// What a deletion does that can't be carried out.
    pub on_unreachable: Option<OnUnreachable>,
    /// Whether a person approved to make lost objects again.
    pub recreation_approved: bool,
    pub(super) line: Line,
    pub(super) observations: Arc<Observations>,
}

/// How one object looked.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// As the API answered.
    Found(Arc<RemoteView>),
    /// A GET of its id said `not_found` or `gone`.
    Missing,
}

impl Session {
    /// One object as it was seen at `since` or later.
    ///
    /// # Errors
    /// The read failed; nothing is concluded from that.
    pub async fn observe<K: Kind>(&self, id: &str, since: Instant) -> Result<Observed, Trouble> {
        if let Some(known) = self.observations.get(id, since) {
            return Ok(known);
        }
        let began = Instant::now();
        let read = self.line.send(
            item::<K>(Method::Get),
            self.line.client.get::<K::Remote>(id),
        );
        let observed = match read.await {
            Ok(remote) => Observed::Found(Arc::new(K::view(&remote))),
            Err(Trouble::Api(error)) if error.kind() == ErrorKind::Gone => Observed::Missing,
            Err(trouble) => return Err(trouble),
        };
        Ok(self.observations.read(id, observed, began))
    }

    /// Which of `ids` are gone, read now, a hundred with one request.
    ///
    /// # Errors
    /// A read failed; nothing is concluded from that.
    pub async fn missing<K: Kind>(&self, ids: &[String]) -> Result<usize, Trouble> {
        let mut live = 0;
        for some in ids.chunks(100) {
            let query = ListQuery::new().limit(100).ids(some)?;
            let found = self.line.list::<K::Remote, ()>(&query, |remote| {
                let view = K::view(&remote);
                (view.live && some.contains(&view.id)).then_some(())
            });
            live += found.await?.len();
        }
        Ok(ids.len() - live.min(ids.len()))
    }

    /// The imports into an auth config, seen from `owner`: complete, read now.
    ///
    /// # Errors
    /// Any page failed.
    pub async fn imports(&self, id: &str, owner: &Owner) -> Result<Vec<ImportSeen>, Trouble> {
        let query = ListQuery::new()
            .limit(100)
            .filter("provider_auth_config_id", [id])?;
        let into_it = |import: AuthImport| {
            (import.auth_config_id() == Some(id)).then(|| records::import_seen(&import, owner))
        };
        self.line.list(&query, into_it).await
    }

    /// Brings a value into an auth config, or makes one of it.
    ///
    /// # Errors
    /// See [`Trouble::maybe_applied`].
    pub async fn import<K: Kind>(&self, body: Value, owner: &Owner) -> Result<Imported, Trouble> {
        let operation = Operation {
            method: Method::Post,
            template: AuthImport::COLLECTION.path(),
        };
        let body = Body::from(body);
        let made = self
            .line
            .send(operation, self.line.client.create::<AuthImport>(&body));
        let made = made.await?;
        let record = records::import_seen(&made, owner);
        let into = made.auth_config.and_then(K::from_auth_config);
        Ok(Imported {
            record,
            into: into.map(|remote| self.wrote::<K>(&remote)),
        })
    }

    /// Brings the value of an auth config out. The answer is the only one that ever holds it.
    ///
    /// # Errors
    /// See [`Trouble::maybe_applied`]; a value whose answer is lost can't be had again.
    pub async fn export(
        &self,
        target: &ExportTarget,
        note: &str,
        marker: &Marker,
    ) -> Result<AuthExport, Trouble> {
        let operation = Operation {
            method: Method::Post,
            template: AuthExport::COLLECTION.path(),
        };
        let metadata = serde_json::json!({MARKER_KEY: marker.to_json()});
        let body = Body::from(serde_json::json!({"note": note, "metadata": metadata}));
        self.line
            .send(operation, self.line.client.create_export(target, &body))
            .await
    }

    /// The exports of an auth config that `owner` made: complete, read now.
    ///
    /// # Errors
    /// Any page failed.
    pub async fn exports(
        &self,
        target: &ExportTarget,
        owner: &Owner,
    ) -> Result<Vec<ExportSeen>, Trouble> {
        let query = ListQuery::new().limit(100);
        let query = query.filter("provider_auth_config_id", [&target.auth_config_id])?;
        let pages = self.line.client.export_pages(target, &query);
        let ours = |export: AuthExport| records::export_seen(&export, target, owner);
        self.line.collect(pages, ours).await
    }

    /// Every object of the kind's collection that carries a marker, read after `since`. Passes that ask at the same
    /// time share one listing.
    ///
    /// # Errors
    /// Any page failed: a part is not an answer.
    pub async fn search<K: Kind>(&self, since: Instant) -> Result<Arc<Vec<RemoteView>>, Trouble> {
        let listing = self.observations.listing(K::Remote::COLLECTION);
        let mut last = listing.lock().await;
        if let Some((_, found)) = last.as_ref().filter(|(began, _)| *began >= since) {
            return Ok(found.clone());
        }
        let began = Instant::now();
        let query = ListQuery::new().limit(100);
        let marked =
            |remote: K::Remote| Some(K::view(&remote)).filter(|view| view.marker.is_some());
        let found = Arc::new(self.line.list(&query, marked).await?);
        *last = Some((began, found.clone()));
        Ok(found)
    }

    /// The id of a provider that goes by an identifier or slug; `None` where there is none.
    ///
    /// # Errors
    /// The read failed.
    pub async fn provider(&self, name: &str) -> Result<Option<String>, Trouble> {
        let operation = Operation {
            method: Method::Get,
            template: "/providers/:id",
        };
        let read = self.line.send(operation, self.line.client.provider(name));
        match read.await {
            Ok(provider) => Ok(Some(provider.id)),
            Err(Trouble::Api(error)) if error.kind() == ErrorKind::Gone => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// What Metorial would delete along with the objects `ids`.
    ///
    /// # Errors
    /// Any page failed.
    pub async fn dependents<K: Kind>(&self, ids: &[String]) -> Result<Vec<Dependent>, Trouble> {
        match K::DEPENDENTS {
            None => Ok(Vec::new()),
            Some(Dependents::ConfigsOfVault) => {
                let query = ListQuery::new().limit(100);
                let uses = |config: Config| {
                    let of = config.from_vault.as_ref().map(|used| used.id.clone())?;
                    let ours = ids.contains(&of) && !config.status().is_gone();
                    ours.then_some(Dependent {
                        of,
                        id: config.id,
                        name: config.name,
                    })
                };
                self.line.list(&query, uses).await
            }
            Some(Dependents::AuthConfigsOfCredentials) => {
                let query = ListQuery::new().limit(100);
                let query = query.filter("provider_auth_credentials_id", ids);
                let query = query?;
                let uses = |config: AuthConfig| {
                    let of = config.credentials.as_ref().map(|used| used.id.clone())?;
                    let ours = ids.contains(&of) && !config.status().is_gone();
                    ours.then_some(Dependent {
                        of,
                        id: config.id,
                        name: config.name,
                    })
                };
                self.line.list(&query, uses).await
            }
        }
    }

    /// Makes an object.
    ///
    /// # Errors
    /// See [`Trouble::maybe_applied`].
    pub async fn create<K: Kind>(&self, body: Value) -> Result<Arc<RemoteView>, Trouble> {
        let operation = Operation {
            method: Method::Post,
            template: K::Remote::COLLECTION.path(),
        };
        let body = Body::from(body);
        let made = self
            .line
            .send(operation, self.line.client.create::<K::Remote>(&body));
        Ok(self.wrote::<K>(&made.await?))
    }

    /// Changes an object.
    ///
    /// # Errors
    /// See [`Trouble::maybe_applied`].
    pub async fn update<K: Kind>(&self, id: &str, body: Value) -> Result<Arc<RemoteView>, Trouble> {
        let body = Body::from(body);
        let operation = item::<K>(Method::Patch);
        let changed = self
            .line
            .send(operation, self.line.client.update::<K::Remote>(id, &body));
        match changed.await {
            Ok(remote) => Ok(self.wrote::<K>(&remote)),
            Err(trouble) => {
                self.observations.forget(id);
                Err(trouble)
            }
        }
    }

    /// Deletes an object; one that is gone already is as good.
    ///
    /// # Errors
    /// See [`Trouble::maybe_applied`].
    pub async fn delete<K: Kind>(&self, id: &str) -> Result<(), Trouble> {
        let operation = item::<K>(Method::Delete);
        let deleted = self
            .line
            .send(operation, self.line.client.delete::<K::Remote>(id));
        self.observations.forget(id);
        match deleted.await {
            Ok(_) => Ok(()),
            Err(Trouble::Api(error)) if error.kind() == ErrorKind::Gone => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// An object as it is now, if it is there.
    ///
    /// # Errors
    /// The read failed.
    pub async fn refreshed<K: Kind>(&self, id: &str) -> Result<Option<Arc<RemoteView>>, Trouble> {
        self.observations.forget(id);
        match self.observe::<K>(id, Instant::now()).await? {
            Observed::Found(remote) => Ok(Some(remote)),
            Observed::Missing => Ok(None),
        }
    }

    /// Keeps everybody else off a remote object: the server's PATCH is a read-modify-write.
    pub async fn lock(&self, id: &str) -> OwnedMutexGuard<()> {
        self.observations.lock(id).await
    }

    fn wrote<K: Kind>(&self, remote: &K::Remote) -> Arc<RemoteView> {
        let view = Arc::new(K::view(remote));
        self.observations.wrote(&view);
        view
    }
}

fn item<K: Kind>(method: Method) -> Operation {
    Operation {
        method,
        template: K::Remote::COLLECTION.item_template(),
    }
}
