//! The handle that tests hold.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::catalogue::Catalogue;
use crate::collections;
use crate::faults::Faults;
use crate::ids::{InstanceId, OrganisationId};
use crate::journal::{Entry, TimedOut};
use crate::limits::Limit;
use crate::objects::{Collection, Stored};
use crate::options::{Options, Quirk};
use crate::present::stored;
use crate::server;
use crate::shared::Shared;
use crate::tenants::{ImportExport, InstanceType};

/// A running stand-in of the API on 127.0.0.1. It stops when it is dropped. Every method may be called from any task.
pub struct Simulator {
    shared: Arc<Shared>,
    port: u16,
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
    /// If the port is taken: a test can't go on without its server.
    pub async fn start(options: Options) -> Simulator {
        let port = options.port;
        Simulator::try_start(options).await.unwrap_or_else(|error| {
            panic!("port {port} of 127.0.0.1 can't be listened on: {error}")
        })
    }

    /// Starts a simulator, or tells why the port can't be listened on.
    pub async fn try_start(options: Options) -> std::io::Result<Simulator> {
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::new(options));
        let server = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Simulator {
            shared,
            port,
            server,
        })
    }

    /// Where it listens: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The fixed set of providers.
    pub fn catalogue(&self) -> &'static Catalogue {
        Catalogue::get()
    }

    /// Adds an organisation: what the rate limit is counted for.
    pub fn add_organisation(&self, name: &str) -> OrganisationId {
        let state = &mut *self.shared.state();
        state.tenants.add_organisation(name, &mut state.ids)
    }

    /// Adds an instance, with one deployment of every provider.
    pub fn add_instance(&self, organisation: &OrganisationId, kind: InstanceType) -> InstanceId {
        self.shared.state().add_instance(organisation, kind)
    }

    /// Makes a secret key of an instance, `metorial_sk_…`.
    pub fn add_key(&self, instance: &InstanceId) -> String {
        let state = &mut *self.shared.state();
        let key = state.ids.secret("metorial_sk");
        state.tenants.add_key(key.clone(), instance);
        key
    }

    /// Makes a publishable key of an instance, `metorial_pk_…`: it reads what is public.
    pub fn add_publishable_key(&self, instance: &InstanceId) -> String {
        let state = &mut *self.shared.state();
        let key = state.ids.secret("metorial_pk");
        state.tenants.add_key(key.clone(), instance);
        key
    }

    /// Makes this very text a key of an instance.
    pub fn register_key(&self, key: &str, instance: &InstanceId) {
        self.shared
            .state()
            .tenants
            .add_key(key.to_owned(), instance);
    }

    /// From now on the key is 401.
    pub fn revoke_key(&self, key: &str) {
        if let Some(key) = self.shared.state().tenants.key_mut(key) {
            key.revoked = true;
        }
    }

    /// The key works again, with all its scopes.
    pub fn restore_key(&self, key: &str) {
        if let Some(key) = self.shared.state().tenants.key_mut(key) {
            key.revoked = false;
            key.scopes = None;
        }
    }

    /// From now on the key opens another instance.
    pub fn move_key(&self, key: &str, instance: &InstanceId) {
        if let Some(key) = self.shared.state().tenants.key_mut(key) {
            key.instance = instance.clone();
        }
    }

    /// From now on the key has only these scopes, `<collection>:<read|write>` or `instance:read`; all else is 403.
    pub fn restrict_key<S: AsRef<str>>(&self, key: &str, scopes: impl IntoIterator<Item = S>) {
        let scopes = scopes.into_iter().map(|scope| scope.as_ref().to_owned());
        if let Some(key) = self.shared.state().tenants.key_mut(key) {
            key.scopes = Some(scopes.collect());
        }
    }

    /// Gives an organisation another limit, or none, and empties its window.
    pub fn set_rate_limit(&self, organisation: &OrganisationId, limit: Option<Limit>) {
        let mut state = self.shared.state();
        state.tenants.set_limit(organisation, limit);
        state.windows.clear(organisation.as_str());
    }

    /// Says whether an instance's account has imports and exports.
    pub fn set_import_export(&self, instance: &InstanceId, import_export: ImportExport) {
        if let Some(instance) = self.shared.state().tenants.instance_mut(instance) {
            instance.import_export = import_export;
        }
    }

    /// The instance's deployment of a provider: the first one made.
    pub fn deployment(&self, instance: &InstanceId, provider: &str) -> Option<String> {
        let state = self.shared.state();
        let provider = state.catalogue.provider(provider)?;
        let view = state.store.current();
        let mut deployments = view.of(instance, Collection::Deployments);
        let found = deployments.find(|object| object.provider_id == provider.id)?;
        Some(found.id.clone())
    }

    /// Adds a deployment of a provider (id, identifier or slug) and answers its id.
    ///
    /// # Panics
    /// If the catalogue has no such provider.
    pub fn add_deployment(&self, instance: &InstanceId, provider: &str, name: &str) -> String {
        let mut state = self.shared.state();
        let Some(provider) = state.catalogue.provider(provider) else {
            panic!("the catalogue has no provider {provider}");
        };
        state.add_deployment(instance, provider, name)
    }

    /// Adds an auth config as a person's consent makes it: `oauth_automated`, from a setup session. `fields` may have
    /// any readable field, `provider_deployment_id`, and `value`.
    ///
    /// # Panics
    /// If there are no such credentials, or their provider has no OAuth method.
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
        let made = found.and_then(|found| collections::consented(&mut state, &found, fields));
        let Some(made) = made else {
            panic!("nobody can consent to {credentials}: no such credentials of an OAuth provider");
        };
        self.shared.journal.changed();
        made.id.clone()
    }

    /// All objects of a collection in the order they were made, archived and deleted ones too.
    pub fn objects(&self, instance: &InstanceId, collection: Collection) -> Vec<Stored> {
        let state = self.shared.state();
        let view = state.store.current();
        view.of(instance, collection)
            .map(|object| stored(&state, object))
            .collect()
    }

    /// One object, whatever its instance and collection.
    pub fn object(&self, id: &str) -> Option<Stored> {
        let state = self.shared.state();
        let object = state.store.current().get(id)?;
        Some(stored(&state, object))
    }

    /// What a person does in the dashboard: merges readable and write-only fields, and moves `updated_at`. False if
    /// there is no such object.
    pub fn edit(&self, id: &str, fields: Value) -> bool {
        let done = self.shared.state().edit(id, object_of(fields));
        self.shared.journal.changed();
        done
    }

    /// What a person's DELETE does, cascade included. False if there was nothing to archive.
    pub fn archive(&self, id: &str) -> bool {
        let done = self.shared.state().archive(id);
        if done {
            self.shared.start_cascade(id);
        }
        self.shared.journal.changed();
        done
    }

    /// What time does 14 days after that: reads are 404. False if there is no such object.
    pub fn purge(&self, id: &str) -> bool {
        let done = self.shared.state().purge(id);
        self.shared.journal.changed();
        done
    }

    /// Says whether an integration uses the object; then it can't be deleted over the API.
    pub fn set_in_use(&self, id: &str, in_use: bool) {
        let mut state = self.shared.state();
        state.store.change(id, |object| object.in_use = in_use);
    }

    /// Turns a quirk on or off.
    pub fn set_quirk(&self, quirk: Quirk, on: bool) {
        self.shared.state().options.set(quirk, on);
    }

    /// Every request so far, but those to `/_simulator`.
    pub fn journal(&self) -> Vec<Entry> {
        self.shared.journal.entries()
    }

    /// Forgets every request so far; numbers go on.
    pub fn clear_journal(&self) {
        self.shared.journal.clear();
    }

    /// The fault script.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Down: connections are reset, open ones too. What was being worked on is dropped unapplied.
    pub fn set_down(&self, down: bool) {
        self.shared.down.send_replace(down);
    }

    /// From now on reads serve what was there so long ago.
    pub fn set_read_lag(&self, lag: Duration) {
        self.shared.state().store.read_lag = lag;
    }

    /// Moves the simulator's clock against the machine's. Objects archived for 14 days by it are purged.
    pub fn set_time_offset(&self, offset: impl TryInto<SignedDuration>) {
        // An offset out of range is as far as the clock can go anyway.
        let offset = offset.try_into().unwrap_or(SignedDuration::MAX);
        let mut state = self.shared.state();
        state.clock.offset = offset;
        state.purge_what_is_due();
    }

    /// Waits until the journal, or anything stored, is as `done` wants it; `done` is asked after every change. It must
    /// look at the entries it is given: calling [`Simulator::journal`] or [`Simulator::clear_journal`] in it deadlocks.
    pub async fn wait_for(
        &self,
        done: impl FnMut(&[Entry]) -> bool,
        timeout: Duration,
    ) -> Result<(), TimedOut> {
        self.shared.journal.wait(done, timeout).await
    }

    /// Waits until nothing happens in the background any more: cascades, and requests that are applied later.
    pub async fn settled(&self) {
        // The sender lives in `shared`, so this ends only when nothing is pending.
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
