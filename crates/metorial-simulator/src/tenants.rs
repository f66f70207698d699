//! Organizations, their instances, and the keys of both.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::ids::{Ids, InstanceId, OrganizationId};
use crate::limits::Limit;

/// Type of an instance, which the rate limit depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceType {
    /// 100 requests in 10 minutes.
    Development,
    /// 5000 requests in 10 minutes.
    Production,
}

impl InstanceType {
    /// Returns the API's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            InstanceType::Development => "development",
            InstanceType::Production => "production",
        }
    }

    fn limit(self) -> Limit {
        let requests = match self {
            InstanceType::Development => 100,
            InstanceType::Production => 5000,
        };
        Limit {
            requests,
            per: Duration::from_secs(600),
        }
    }
}

/// Availability of imports and exports of auth configs in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportExport {
    /// Available.
    Allowed,
    /// The plan doesn't have them: 402.
    NotInPlan,
    /// The project's switch is off: 403.
    SwitchedOff,
}

/// Organization. Its limit, if set, replaces that of the instance's type.
struct Organization {
    name: String,
    limit: Option<Option<Limit>>,
}

pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) organization: OrganizationId,
    pub(crate) kind: InstanceType,
    pub(crate) import_export: ImportExport,
    /// True if its project allows only OAuth methods.
    pub(crate) only_oauth: bool,
    project: String,
    created: Timestamp,
}

/// The instances that a key belongs to or reaches.
#[derive(Clone)]
pub(crate) enum Opens {
    Instance(InstanceId),
    /// All instances of an organization; each request names one.
    Organization(OrganizationId),
}

pub(crate) struct Key {
    pub(crate) opens: Opens,
    pub(crate) revoked: bool,
    /// Scopes; None means all.
    pub(crate) scopes: Option<BTreeSet<String>>,
}

#[derive(Default)]
pub(crate) struct Tenants {
    organizations: BTreeMap<OrganizationId, Organization>,
    instances: BTreeMap<InstanceId, Instance>,
    keys: BTreeMap<String, Key>,
}

impl Tenants {
    pub(crate) fn add_organization(&mut self, name: &str, ids: &mut Ids) -> OrganizationId {
        let id = OrganizationId(ids.next("org"));
        let organization = Organization {
            name: name.to_owned(),
            limit: None,
        };
        self.organizations.insert(id.clone(), organization);
        id
    }

    pub(crate) fn add_instance(
        &mut self,
        organization: &OrganizationId,
        kind: InstanceType,
        import_export: ImportExport,
        created: Timestamp,
        ids: &mut Ids,
    ) -> InstanceId {
        let id = InstanceId(ids.next("ins"));
        let instance = Instance {
            id: id.clone(),
            organization: organization.clone(),
            kind,
            import_export,
            only_oauth: false,
            project: ids.next("pro"),
            created,
        };
        self.instances.insert(id.clone(), instance);
        id
    }

    pub(crate) fn add_key(&mut self, key: String, opens: Opens) {
        let known = Key {
            opens,
            revoked: false,
            scopes: None,
        };
        self.keys.insert(key, known);
    }

    pub(crate) fn key(&self, key: &str) -> Option<&Key> {
        self.keys.get(key)
    }

    pub(crate) fn key_mut(&mut self, key: &str) -> Option<&mut Key> {
        self.keys.get_mut(key)
    }

    pub(crate) fn instance(&self, id: &InstanceId) -> Option<&Instance> {
        self.instances.get(id)
    }

    pub(crate) fn instance_mut(&mut self, id: &InstanceId) -> Option<&mut Instance> {
        self.instances.get_mut(id)
    }

    pub(crate) fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    pub(crate) fn set_limit(&mut self, organization: &OrganizationId, limit: Option<Limit>) {
        if let Some(organization) = self.organizations.get_mut(organization) {
            organization.limit = Some(limit);
        }
    }

    /// Returns the organization that a key is of.
    pub(crate) fn organization_of(&self, opens: &Opens) -> Option<OrganizationId> {
        match opens {
            Opens::Instance(id) => Some(self.instance(id)?.organization.clone()),
            Opens::Organization(id) => Some(id.clone()),
        }
    }

    /// Returns the oldest instance of an organization with this id or slug.
    pub(crate) fn instance_named(
        &self,
        organization: &OrganizationId,
        name: &str,
    ) -> Option<&Instance> {
        self.instances().find(|instance| {
            instance.organization == *organization
                && (instance.id.as_str() == name || instance.kind.as_str() == name)
        })
    }

    /// Returns the rate limit of an organization's requests to this instance, or to none; None if there is no limit.
    pub(crate) fn limit(
        &self,
        organization: &OrganizationId,
        instance: Option<&Instance>,
    ) -> Option<Limit> {
        let kind = instance.map_or(InstanceType::Production, |instance| instance.kind);
        self.organizations
            .get(organization)
            .and_then(|organization| organization.limit)
            .unwrap_or_else(|| Some(kind.limit()))
    }

    /// Returns the JSON that `GET /token` answers. It doesn't have the type of the instance ◆.
    pub(crate) fn present_token(&self, key: &str) -> Option<Value> {
        let opens = &self.key(key)?.opens;
        let organization = self.organization_of(opens)?;
        let name = &self.organizations.get(&organization)?.name;
        let instance = match opens {
            Opens::Instance(id) => Some(self.present(self.instance(id)?)),
            Opens::Organization(_) => None,
        };
        let (instance, project) = match &instance {
            Some(shown) => {
                let mut instance = part(shown);
                instance["project_id"] = shown["project"]["id"].clone();
                (instance, part(&shown["project"]))
            }
            None => (Value::Null, Value::Null),
        };
        Some(json!({
            "object": "token",
            "type": token_type(key),
            "organization": {
                "object": "organization",
                "id": organization.as_str(),
                "name": name,
                "slug": slug(name),
            },
            "instance": instance,
            "project": project,
            "actor": {
                "object": "organization.actor",
                "id": format!("oac_{}", organization.as_str()),
                "type": "machine_access",
                "name": "API key",
            },
            "member": null,
            "user": null,
        }))
    }

    /// Returns the JSON that `GET /instance` answers.
    pub(crate) fn present(&self, instance: &Instance) -> Value {
        let kind = instance.kind.as_str();
        let created = clock::text(instance.created);
        let organization = self.organizations.get(&instance.organization);
        let project = organization.map_or("Project", |organization| organization.name.as_str());
        json!({
            "object": "organization.instance",
            "id": instance.id.as_str(),
            "slug": kind,
            "name": if kind == "production" { "Production" } else { "Development" },
            "organization_id": instance.organization.as_str(),
            "type": kind,
            "project": {
                "object": "organization.project",
                "id": instance.project,
                "status": "active",
                "slug": slug(project),
                "name": project,
                "organization_id": instance.organization.as_str(),
                "created_at": created,
                "updated_at": created,
            },
            "created_at": created,
            "updated_at": created,
        })
    }
}

/// Returns what a token shows of an instance or a project.
fn part(shown: &Value) -> Value {
    json!({
        "object": shown["object"],
        "id": shown["id"],
        "name": shown["name"],
        "slug": shown["slug"],
    })
}

fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

/// Returns the type of a key by its prefix. The words are assumed.
fn token_type(key: &str) -> &'static str {
    match key.split('_').nth(1) {
        Some("pk") => "instance_publishable_key",
        Some("mk") => "organization_management_token",
        Some("uk") => "user_token",
        _ => "instance_secret_key",
    }
}
