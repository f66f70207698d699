//! State of the simulated API, and changes to it that don't go through the API.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::catalog::{Backend, Catalog, Provider};
use crate::clock::Clock;
use crate::fields::allow_all;
use crate::ids::{Ids, InstanceId, OrganizationId};
use crate::limits::Windows;
use crate::objects::{Collection, Links, Object, Status, later, named};
use crate::options::{Options, Quirk};
use crate::store::Store;
use crate::tenants::{ImportExport, InstanceType, Tenants};
use crate::uses::{Use, UsedBy};

/// Time for which an archived object can be read ▲.
const ARCHIVE_PERIOD: jiff::SignedDuration = jiff::SignedDuration::from_hours(14 * 24);

pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) tenants: Tenants,
    pub(crate) windows: Windows,
    pub(crate) store: Store,
    pub(crate) catalog: &'static Catalog,
    /// Ids of the providers whose specification isn't discovered yet.
    pub(crate) undiscovered: BTreeSet<String>,
}

/// Contents of a new object.
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
            catalog: Catalog::get(),
            undiscovered: BTreeSet::new(),
            options,
        }
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.options.has(quirk)
    }

    /// Adds an instance with a default deployment of every provider, and with Metorial's own credentials of those that have some.
    pub(crate) fn add_instance(
        &mut self,
        organization: &OrganizationId,
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
                .add_instance(organization, kind, import_export, now, &mut self.ids);
        for provider in self.catalog.providers() {
            let id = self.add_deployment(&instance, provider, &provider.name);
            self.store.change(&id, |deployment| {
                deployment
                    .fields
                    .insert("is_default".to_owned(), true.into());
            });
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
            fields: named([("name", name.into()), ("tool_filter", allow_all())]),
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
            ("scopes", provider.oauth_scopes().into()),
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

    /// Creates an object. Its write-only part, if any, counts as the first version.
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
            uses: Vec::new(),
            created_at: now,
            updated_at: if touched { later(now, 4) } else { now },
            archived_at: None,
        };
        self.store.insert(object.clone());
        Arc::new(object)
    }

    /// Merges readable and write-only fields into an object, as another client's write does.
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

    /// Returns whether the provider of credentials is a remote or container MCP server.
    pub(crate) fn is_of_mcp_server(&self, credentials: &Object) -> bool {
        let provider = self.catalog.provider(&credentials.provider_id);
        provider.is_some_and(|provider| provider.backend != Backend::Catalogue)
    }

    /// Makes something use an object, and returns the ids of what then blocks its archiving. Empty if there is no such object.
    pub(crate) fn use_object(&mut self, id: &str, by: UsedBy) -> Vec<String> {
        let used = Use::new(by, &mut self.ids);
        let blockers = used.ids();
        let changed = self.store.change(id, |object| object.uses.push(used));
        changed.map_or_else(Vec::new, |_| blockers)
    }

    /// Archives an object without its cascade. False if there is none or it is archived.
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

    /// Archives the objects that depend on this one ▲.
    pub(crate) fn cascade(&mut self, id: &str) {
        let view = self.store.current();
        let Some(archived) = view.get(id) else { return };
        let collections: &[Collection] = match archived.collection {
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
        let dependents: Vec<String> = collections
            .iter()
            .flat_map(|&collection| view.of(&archived.instance, collection))
            .filter(|object| object.status == Status::Active && names(&object.links))
            .map(|object| object.id.clone())
            .collect();
        for id in dependents {
            if self.archive(&id) {
                self.cascade(&id);
            }
        }
    }

    /// Deletes an object as the server does 14 days after it was archived: reads are 404.
    pub(crate) fn purge(&mut self, id: &str) -> bool {
        let now = self.clock.now();
        self.store.change(id, |object| object.purge(now)).is_some()
    }

    /// Purges the objects whose archive period is over. The caller has moved the clock.
    pub(crate) fn purge_due(&mut self) {
        let now = self.clock.now();
        let is_due = |at: Timestamp| now.duration_since(at) >= ARCHIVE_PERIOD;
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
