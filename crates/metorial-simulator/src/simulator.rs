//! Handle of a running simulator, for tests.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::actions::Gate;
use crate::catalog::Catalog;
use crate::collections;
use crate::faults::Faults;
use crate::ids::{InstanceId, OrganizationId};
use crate::journal::{Entry, TimedOut};
use crate::limits::Limit;
use crate::objects::{Collection, Stored};
use crate::options::{Options, Quirk};
use crate::present::stored;
use crate::server;
use crate::shared::Shared;
use crate::tenants::{ImportExport, InstanceType, Opens};
use crate::uses::UsedBy;

/// Running simulator of the API. It stops when it is dropped. Its methods may be called from any task.
pub struct Simulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Simulator {
    /// Starts a simulator.
    ///
    /// # Panics
    /// Panics if the port is in use.
    pub async fn start(options: Options) -> Simulator {
        let (address, port) = (options.listen, options.port);
        Simulator::try_start(options)
            .await
            .unwrap_or_else(|error| panic!("listening on port {port} of {address}: {error}"))
    }

    /// Starts a simulator.
    ///
    /// # Errors
    /// Fails if it can't listen on the port.
    pub async fn try_start(options: Options) -> std::io::Result<Simulator> {
        let listener = TcpListener::bind((options.listen, options.port)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(options));
        let server = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Simulator {
            shared,
            address,
            server,
        })
    }

    /// Returns its URL: `http://127.0.0.1:<port>`, unless it listens on another address only.
    pub fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{address}")
    }

    /// Returns the fixed set of providers.
    pub fn catalog(&self) -> &'static Catalog {
        Catalog::get()
    }

    /// Adds an organization, whose keys share the rate limit.
    pub fn add_organization(&self, name: &str) -> OrganizationId {
        let state = &mut *self.shared.state();
        state.tenants.add_organization(name, &mut state.ids)
    }

    /// Adds an instance, with one deployment of every provider.
    pub fn add_instance(&self, organization: &OrganizationId, kind: InstanceType) -> InstanceId {
        self.shared.state().add_instance(organization, kind)
    }

    /// Creates a secret key of an instance, `metorial_sk_…`.
    pub fn add_key(&self, instance: &InstanceId) -> String {
        self.new_key("metorial_sk", Opens::Instance(instance.clone()))
    }

    /// Creates a publishable key of an instance, `metorial_pk_…`, which reads public data only.
    pub fn add_publishable_key(&self, instance: &InstanceId) -> String {
        self.new_key("metorial_pk", Opens::Instance(instance.clone()))
    }

    /// Creates a key of an organization, `metorial_mk_…`. Each request with it names an instance in the header
    /// `metorial-instance-id`, by id or slug (`development`, `production`).
    pub fn add_organization_key(&self, organization: &OrganizationId) -> String {
        self.new_key("metorial_mk", Opens::Organization(organization.clone()))
    }

    fn new_key(&self, prefix: &str, opens: Opens) -> String {
        let state = &mut *self.shared.state();
        let key = state.ids.secret(prefix);
        state.tenants.add_key(key.clone(), opens);
        key
    }

    /// Registers this text as a key of an instance.
    pub fn register_key(&self, key: &str, instance: &InstanceId) {
        let opens = Opens::Instance(instance.clone());
        self.shared.state().tenants.add_key(key.to_owned(), opens);
    }

    /// Revokes a key: its requests are 401.
    pub fn revoke_key(&self, key: &str) {
        if let Some(key) = self.shared.state().tenants.key_mut(key) {
            key.revoked = true;
        }
    }

    /// Restores a key with all scopes.
    pub fn restore_key(&self, key: &str) {
        if let Some(key) = self.shared.state().tenants.key_mut(key) {
            key.revoked = false;
            key.scopes = None;
        }
    }

    /// Moves a key to another instance.
    pub fn move_key(&self, key: &str, instance: &InstanceId) {
        if let Some(key) = self.shared.state().tenants.key_mut(key) {
            key.opens = Opens::Instance(instance.clone());
        }
    }

    /// Restricts a key to these scopes, for example `instance.provider.auth:read`; a request that needs another one is 403.
    pub fn restrict_key<S: AsRef<str>>(&self, key: &str, scopes: impl IntoIterator<Item = S>) {
        let scopes = scopes.into_iter().map(|scope| scope.as_ref().to_owned());
        if let Some(key) = self.shared.state().tenants.key_mut(key) {
            key.scopes = Some(scopes.collect());
        }
    }

    /// Sets or removes the rate limit of an organization, and empties its window.
    pub fn set_rate_limit(&self, organization: &OrganizationId, limit: Option<Limit>) {
        let mut state = self.shared.state();
        state.tenants.set_limit(organization, limit);
        state.windows.clear(organization.as_str());
    }

    /// Sets the availability of imports and exports in an instance.
    pub fn set_import_export(&self, instance: &InstanceId, import_export: ImportExport) {
        if let Some(instance) = self.shared.state().tenants.instance_mut(instance) {
            instance.import_export = import_export;
        }
    }

    /// Sets whether the project of an instance allows only OAuth methods: creates and imports with another one are 403.
    pub fn set_only_oauth(&self, instance: &InstanceId, only_oauth: bool) {
        if let Some(instance) = self.shared.state().tenants.instance_mut(instance) {
            instance.only_oauth = only_oauth;
        }
    }

    /// Sets whether the specification of a provider (id, identifier or slug) is discovered. Until then, configs of it can't be
    /// created: 400 `bad_request`.
    pub fn set_discovered(&self, provider: &str, discovered: bool) {
        let mut state = self.shared.state();
        let Some(provider) = state.catalog.provider(provider) else {
            return;
        };
        match discovered {
            true => state.undiscovered.remove(&provider.id),
            false => state.undiscovered.insert(provider.id.clone()),
        };
    }

    /// Returns the oldest deployment of a provider in an instance.
    pub fn deployment(&self, instance: &InstanceId, provider: &str) -> Option<String> {
        let state = self.shared.state();
        let provider = state.catalog.provider(provider)?;
        let view = state.store.current();
        let mut deployments = view.of(instance, Collection::Deployments);
        let found = deployments.find(|object| object.provider_id == provider.id)?;
        Some(found.id.clone())
    }

    /// Adds a deployment of a provider (id, identifier or slug), without a default config, and returns its id.
    ///
    /// # Panics
    /// Panics if the catalog has no such provider.
    pub fn add_deployment(&self, instance: &InstanceId, provider: &str, name: &str) -> String {
        let mut state = self.shared.state();
        let Some(provider) = state.catalog.provider(provider) else {
            panic!("the catalog has no provider {provider}");
        };
        state.add_deployment(instance, provider, name)
    }

    /// Adds an auth config that was authorized by an end user through OAuth: `oauth_automated`, from a setup session. `fields`
    /// may have any readable field, `provider_deployment_id`, and `value`. Returns its id.
    ///
    /// # Panics
    /// Panics if there are no such credentials, or if their provider has no OAuth method.
    pub fn add_auth_config(
        &self,
        instance: &InstanceId,
        credentials: &str,
        fields: Value,
    ) -> String {
        let mut state = self.shared.state();
        let view = state.store.current();
        let found = view.find(instance, Collection::AuthCredentials, credentials);
        let found = found.map(Arc::clone);
        let fields = object_of(fields);
        let created = found.and_then(|found| collections::consented(&mut state, &found, fields));
        let Some(created) = created else {
            panic!(
                "the credentials {credentials} of a provider with an OAuth method are not found"
            );
        };
        self.shared.journal.changed();
        created.id.clone()
    }

    /// Returns all objects of a collection in order of creation, including archived and deleted ones.
    pub fn objects(&self, instance: &InstanceId, collection: Collection) -> Vec<Stored> {
        let state = self.shared.state();
        let view = state.store.current();
        view.of(instance, collection)
            .map(|object| stored(&state, object))
            .collect()
    }

    /// Returns an object of any instance and collection.
    pub fn object(&self, id: &str) -> Option<Stored> {
        let state = self.shared.state();
        let object = state.store.current().get(id)?;
        Some(stored(&state, object))
    }

    /// Edits an object as a user of the dashboard does: merges readable and write-only fields and moves `updated_at`. False
    /// if there is no such object.
    pub fn edit(&self, id: &str, fields: Value) -> bool {
        let done = self.shared.state().edit(id, object_of(fields));
        self.shared.journal.changed();
        done
    }

    /// Archives an object as a DELETE by another client does, cascade included. False if there is no active object.
    pub fn archive(&self, id: &str) -> bool {
        let done = self.shared.state().archive(id);
        if done {
            self.shared.start_cascade(id);
        }
        self.shared.journal.changed();
        done
    }

    /// Holds the cascades that start from now on until the gate is opened: what is archived keeps its dependents for so long.
    /// Without [`Quirk::CascadesInBackground`] there is nothing to hold.
    pub fn hold_cascades(&self) -> Gate {
        self.shared.hold_cascades()
    }

    /// Deletes an object as the server does 14 days after archiving it: reads are 404. False if there is no such object.
    pub fn purge(&self, id: &str) -> bool {
        let done = self.shared.state().purge(id);
        self.shared.journal.changed();
        done
    }

    /// Sets whether anything uses an object: an instance of an integration, or nothing.
    pub fn set_in_use(&self, id: &str, in_use: bool) {
        let state = &mut *self.shared.state();
        state.store.change(id, |object| object.uses.clear());
        if in_use {
            state.use_object(id, UsedBy::IntegrationInstance);
        }
    }

    /// Makes something use an object, which then can't be deleted through the API. Returns the ids of what blocks it, which
    /// the refusal has in its `data`; empty if there is no such object.
    pub fn use_object(&self, id: &str, by: UsedBy) -> Vec<String> {
        self.shared.state().use_object(id, by)
    }

    /// Turns a quirk on or off.
    pub fn set_quirk(&self, quirk: Quirk, on: bool) {
        self.shared.state().options.set(quirk, on);
    }

    /// Returns all requests, without those to `/_simulator`.
    pub fn journal(&self) -> Vec<Entry> {
        self.shared.journal.entries()
    }

    /// Removes all requests; later ones continue the numbering.
    pub fn clear_journal(&self) {
        self.shared.journal.clear();
    }

    /// Returns the fault script.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Takes the simulator down or up. While it is down, connections are reset, including open ones; requests in progress are
    /// dropped without being applied.
    pub fn set_down(&self, down: bool) {
        self.shared.down.send_replace(down);
    }

    /// Sets the lag of reads behind writes.
    pub fn set_read_lag(&self, lag: Duration) {
        self.shared.state().store.read_lag = lag;
    }

    /// Sets the offset of the simulator's clock from the machine's. Purges objects that were archived 14 days ago by it.
    pub fn set_time_offset(&self, offset: impl TryInto<SignedDuration>) {
        // The clock saturates, so an offset out of range has the same effect as the largest one.
        let offset = offset.try_into().unwrap_or(SignedDuration::MAX);
        let mut state = self.shared.state();
        state.clock.offset = offset;
        state.purge_due();
    }

    /// Waits until `done` returns true; it is called after every change of the journal or of a stored object. It must use the
    /// entries it is given: calling [`Simulator::journal`] or [`Simulator::clear_journal`] in it deadlocks.
    ///
    /// # Errors
    /// [`TimedOut`] after the timeout.
    pub async fn wait_for(
        &self,
        done: impl FnMut(&[Entry]) -> bool,
        timeout: Duration,
    ) -> Result<(), TimedOut> {
        self.shared.journal.wait(done, timeout).await
    }

    /// Waits until no background work is left: cascades, and requests that are applied later.
    pub async fn settled(&self) {
        // The sender lives in `shared`, so this returns only when nothing is pending.
        let _ = self
            .shared
            .pending
            .subscribe()
            .wait_for(|&count| count == 0)
            .await;
    }
}

fn object_of(fields: Value) -> serde_json::Map<String, Value> {
    match fields {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    }
}
