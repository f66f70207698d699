//! Organizations, their instances, and the keys of the instances.

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
    project: String,
    created: Timestamp,
}

pub(crate) struct Key {
    pub(crate) instance: InstanceId,
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
            project: ids.next("pro"),
            created,
        };
        self.instances.insert(id.clone(), instance);
        id
    }

    pub(crate) fn add_key(&mut self, key: String, instance: &InstanceId) {
        let opens = Key {
            instance: instance.clone(),
            revoked: false,
            scopes: None,
        };
        self.keys.insert(key, opens);
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

    /// Returns the rate limit of requests to this instance; None if there is none.
    pub(crate) fn limit(&self, instance: &Instance) -> Option<Limit> {
        self.organizations
            .get(&instance.organization)
            .and_then(|organization| organization.limit)
            .unwrap_or_else(|| Some(instance.kind.limit()))
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
                "slug": project.to_lowercase().replace(' ', "-"),
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
