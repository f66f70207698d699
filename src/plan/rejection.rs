//! Rejections by the API that are about the spec: which field is wrong, and what the user can do.

use super::case::{Case, Rejection};
use super::desired::Desired;
use super::facts::{Facts, MaxAge};
use super::fields::{Field, Role, is_blank};
use super::observed::RemoteView;
use super::verdict::Verdict;
use crate::resources::Reason;
use metorial::{Collection, Error};
use std::sync::Arc;

impl Rejection {
    /// Returns what `error` rejects in a spec that desires this.
    #[must_use]
    pub fn from_error(error: &Error, desired: Option<&Desired>) -> Option<Self> {
        let fields = || desired.into_iter().flat_map(|desired| &desired.fields);
        let named = || fields().find(|field| names_object(field, error));
        let has = |role: Role| {
            let field = fields().find(|field| field.rule.role == role);
            field.is_some_and(|field| !is_blank(field.expose()))
        };
        match error.code()? {
            // The entity of a 404 is unreliable, its id isn't (◆).
            "not_found" => named().map(|field| Self::Unknown(field.rule.name)),
            "use_after_delete" => named().map(|field| Self::Deleted(field.rule.name)),
            "invalid_auth_method" => has(Role::AuthMethod).then_some(Self::OtherMethod),
            "provider_mismatch" => has(Role::Deployment).then_some(Self::OtherProvider),
            "deployment_lock_mismatch" => Some(Self::OtherDeployment),
            _ if !error.blockers().is_empty() => Some(Self::InUse(error.blockers().to_vec())),
            _ => None,
        }
    }

    /// Returns the report of the rejection.
    #[must_use]
    pub fn verdict(&self, case: &Case<'_>, facts: &Facts) -> Verdict {
        let desired = case.desired();
        let object = |field: &str| desired.map(|desired| Named::new(desired, field));
        let message = match self {
            Self::Unknown(field) => object(field).map(|Named { place, noun, id }| {
                format!("{place}: Metorial has no {noun} {id:?}; correct it")
            }),
            Self::Deleted(field) => object(field).map(|Named { place, noun, id }| {
                format!("{place}: the {noun} {id:?} is archived or deleted; name another one")
            }),
            Self::OtherMethod => object("authMethodId").map(|Named { place, noun, id }| {
                format!("{place}: the provider has no {noun} {id:?}; correct it")
            }),
            Self::OtherProvider => desired.map(other_provider),
            Self::OtherDeployment => desired.map(|desired| other_deployment(desired, facts)),
            Self::InUse(ids) => return in_use(case, ids),
        };
        let message = message.unwrap_or_else(|| {
            "Metorial rejected the spec; see the operator's log for the request".to_owned()
        });
        Verdict::new(Reason::InvalidSpec, message)
    }
}

/// Returns true if the error is about the object that the field names by its id.
fn names_object(field: &&Field, error: &Error) -> bool {
    let id = field.expose().as_str().filter(|id| !id.is_empty());
    field.rule.role.noun().is_some() && id.is_some_and(|id| error.names(id))
}

/// An object that a spec names.
struct Named<'a> {
    place: String,
    noun: &'static str,
    id: &'a str,
}

impl<'a> Named<'a> {
    fn new(desired: &'a Desired, name: &str) -> Self {
        let field = desired.field(name);
        let role = field.map_or(Role::Other, |field| field.rule.role);
        let place = format!("spec.{name}");
        let mut uses = desired.uses.iter();
        let referred = uses.any(|used| used.field == place && used.object.owner.is_some());
        Self {
            place: match place.strip_suffix("Id").filter(|_| referred) {
                Some(name) => format!("{name}Ref"),
                None => place,
            },
            noun: role.noun().unwrap_or("object"),
            id: field
                .and_then(|field| field.expose().as_str())
                .unwrap_or_default(),
        }
    }
}

/// Explains that the objects which the spec names are of different providers.
fn other_provider(desired: &Desired) -> String {
    let named = desired.fields.iter().filter_map(|field| {
        let id = field.expose().as_str().filter(|id| !id.is_empty())?;
        let noun = field.rule.role.noun()?;
        Some(format!("{noun} {id:?}"))
    });
    let named: Vec<String> = named.collect();
    format!(
        "the objects that the spec names are not all of one provider: {}; name objects of the same provider",
        named.join(", ")
    )
}

/// Explains that the object which the spec names belongs to another deployment.
fn other_deployment(desired: &Desired, facts: &Facts) -> String {
    let mut uses = desired.uses.iter();
    if let Some(used) = uses.find(|used| used.collection == Collection::Configs) {
        let name = used.field.trim_start_matches("spec.");
        let Named { place, id, .. } = Named::new(desired, name);
        return format!(
            "{place}: the config {id} belongs to another deployment; name one that belongs to none"
        );
    }
    let Named { place, id, .. } = Named::new(desired, "deploymentId");
    let (what, remote) = locked_object(desired, facts);
    let own = remote.and_then(|remote| remote.fields.get("deploymentId")?.as_str());
    let own = own.filter(|id| !id.is_empty());
    let own = own.unwrap_or("another deployment");
    if id.is_empty() {
        format!("{what} belongs to {own}; set {place} to that deployment, or name another object")
    } else {
        format!(
            "{place} is {id}, but {what} belongs to {own}; name the same deployment, or none to take over that one"
        )
    }
}

/// Returns the object that belongs to a deployment, as it was read.
fn locked_object<'f>(desired: &Desired, facts: &'f Facts) -> (String, Option<&'f Arc<RemoteView>>) {
    let mut uses = desired.uses.iter();
    if let Some(vault) = uses.find(|used| used.collection == Collection::ConfigVaults) {
        let id = &vault.object.id;
        let read = facts.used(vault.collection, id).ok().flatten();
        return (format!("the vault {id}"), read);
    }
    match desired.source.external() {
        Some(external) => {
            let read = facts.remote(&external.id, MaxAge::Interval).ok();
            let what = format!("the auth config {}", external.id);
            (what, read.and_then(|read| read.view.as_ref()))
        }
        None => ("what the spec names".to_owned(), None),
    }
}

/// Reports what uses an object that is to be deleted.
fn in_use(case: &Case<'_>, ids: &[String]) -> Verdict {
    let (reason, alternative) = if case.terminating {
        let orphan = ", or set spec.deletionPolicy: Orphan to leave it at Metorial";
        (Reason::DeletionBlocked, orphan)
    } else {
        (Reason::RemoteRejected, "")
    };
    let message = format!(
        "Metorial does not delete an object that is in use: {}; remove the use at Metorial{alternative}",
        ids.join(", ")
    );
    Verdict::new(reason, message)
}
