//! Everything the simulated API knows, and what is done to it from outside the API.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::catalogue::{Catalogue, Provider};
use crate::clock::Clock;
use crate::ids::{Ids, InstanceId, OrganisationId};
use crate::limits::Windows;
use crate::objects::{Collection, Links, Object, Status, later, named};
use crate::options::{Options, Quirk};
use crate::store::Store;
use crate::tenants::{ImportExport, InstanceType, Tenants};

/// How long an archived object stays readable.
const READABLE: jiff::SignedDuration = jiff::SignedDuration::from_hours(14 * 24);

pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) tenants: Tenants,
    pub(crate) windows: Windows,
    pub(crate) store: Store,
    pub(crate) catalogue: &'static Catalogue,
}

/// What a new object is made of.
pub(crate) struct Draft {
    pub(crate) collection: Collection,
    pub(crate) provider_id: String,
    pub(crate) fields: Map<String, Value>,
    pub(crate) links: Links,
    pub(crate) write_only: Map<String, Value>,
}

impl State {
    pub(crate) fn new(options: Options) -> Self {
        let mut store = Store::default();
        store.read_lag = options.read_lag;
        State {
            clock: Clock::default(),
            ids: Ids::new(options.seed),
            tenants: Tenants::default(),
            windows: Windows::default(),
            store,
            catalogue: Catalogue::get(),
            options,
        }
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.options.has(quirk)
    }

    /// Adds an instance with a deployment of every provider, and Metorial's own credentials where it has some.
    pub(crate) fn add_instance(
        &mut self,
        organisation: &OrganisationId,
        kind: InstanceType,
    ) -> InstanceId {
        let import_export = if self.has(Quirk::ImportExportOffAtFirst) {
            ImportExport::SwitchedOff
        } else {
            ImportExport::Allowed
        };
        let now = self.clock.now();
        let instance =
            self.tenants
                .add_instance(organisation, kind, import_export, now, &mut self.ids);
        for provider in self.catalogue.providers() {
            self.add_deployment(&instance, provider, &provider.name);
            if provider.managed {
                self.add_managed_credentials(&instance, provider);
            }
        }
        instance
    }

    pub(crate) fn add_deployment(
        &mut self,
        instance: &InstanceId,
        provider: &Provider,
        name: &str,
    ) -> String {
        let draft = Draft {
            collection: Collection::Deployments,
            provider_id: provider.id.clone(),
            fields: named([("name", name.into())]),
            links: Links::default(),
            write_only: Map::new(),
        };
        self.insert(instance, draft).id.clone()
    }

    fn add_managed_credentials(&mut self, instance: &InstanceId, provider: &Provider) {
        let name = format!("{} (Metorial)", provider.name);
        let fields = [
            ("name", name.into()),
            ("is_managed", true.into()),
            ("is_default", true.into()),
            ("scopes", Value::Array(Vec::new())),
        ];
        let draft = Draft {
            collection: Collection::AuthCredentials,
            provider_id: provider.id.clone(),
            fields: named(fields),
            links: Links::default(),
            write_only: Map::new(),
        };
        self.insert(instance, draft);
    }

    /// Makes an object. It counts as one version of its write-only part, if it has any.
    pub(crate) fn insert(&mut self, instance: &InstanceId, draft: Draft) -> Arc<Object> {
        let now = self.clock.now();
        let touched = self.has(Quirk::TouchedByCreate) && !draft.collection.is_record();
        let object = Object {
            id: self.ids.next(draft.collection.prefix()),
            instance: instance.clone(),
            collection: draft.collection,
            status: Status::Active,
            provider_id: draft.provider_id,
            fields: draft.fields,
            links: draft.links,
            versions: usize::from(!draft.write_only.is_empty()),
            write_only: draft.write_only,
            in_use: false,
            created_at: now,
            updated_at: if touched { later(now, 4) } else { now },
            archived_at: None,
        };
        self.store.insert(object.clone());
        Arc::new(object)
    }

    /// Merges fields into an object as somebody else's write does: readable ones, or write-only ones.
    pub(crate) fn edit(&mut self, id: &str, edits: Map<String, Value>) -> bool {
        let now = self.clock.now();
        let changed = self.store.change(id, |object| {
            let hidden = object.collection.write_only_fields();
            for (field, value) in edits {
                if hidden.contains(&field.as_str()) {
                    object.write_only.insert(field, value);
                    object.versions += 1;
                } else {
                    object.fields.insert(field, value);
                }
            }
            object.touch(now);
        });
        changed.is_some()
    }

    /// Archives an object, without its cascade. False if there is none, or it is archived already.
    pub(crate) fn archive(&mut self, id: &str) -> bool {
        let is_active = self
            .store
            .current()
            .get(id)
            .is_some_and(|object| object.status == Status::Active);
        let now = self.clock.now();
        is_active
            && self
                .store
                .change(id, |object| object.archive(now))
                .is_some()
    }

    /// Takes along what can't live without this object.
    pub(crate) fn cascade(&mut self, id: &str) {
        let view = self.store.current();
        let Some(cause) = view.get(id) else { return };
        let collections: &[Collection] = match cause.collection {
            Collection::AuthCredentials => &[Collection::AuthConfigs],
            Collection::ConfigVaults => &[Collection::Configs],
            Collection::Deployments => &[
                Collection::Configs,
                Collection::ConfigVaults,
                Collection::AuthConfigs,
            ],
            _ => &[],
        };
        let names = |links: &Links| {
            [&links.credentials, &links.vault, &links.deployment]
                .into_iter()
                .any(|link| link.as_deref() == Some(id))
        };
        let taken: Vec<String> = collections
            .iter()
            .flat_map(|&collection| view.of(&cause.instance, collection))
            .filter(|object| object.status == Status::Active && names(&object.links))
            .map(|object| object.id.clone())
            .collect();
        for id in taken {
            if self.archive(&id) {
                self.cascade(&id);
            }
        }
    }

    /// Makes an object unreadable, as time does 14 days after it was archived.
    pub(crate) fn purge(&mut self, id: &str) -> bool {
        let now = self.clock.now();
        self.store.change(id, |object| object.purge(now)).is_some()
    }

    /// Purges what was archived long enough ago. The clock only gets there when it is moved.
    pub(crate) fn purge_what_is_due(&mut self) {
        let now = self.clock.now();
        let is_due = |at: Timestamp| now.duration_since(at) >= READABLE;
        let due: Vec<String> = self
            .store
            .current()
            .all()
            .filter(|object| object.status == Status::Archived)
            .filter(|object| object.archived_at.is_some_and(is_due))
            .map(|object| object.id.clone())
            .collect();
        for id in due {
            self.purge(&id);
        }
    }
}
