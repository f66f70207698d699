//! The checks that a connection has to pass, as pure functions: its address, its key, the instance that the key belongs to,
//! and the namespaces that may use it.

use super::settings::ConnectionSettings;
use crate::cluster::error::ClusterError;
use crate::cluster::references::Missing;
use crate::kinds::Inputs;
use crate::plan::fingerprint::{Fingerprint, MacKey};
use crate::plan::not_ready::NotReady;
use crate::remote::RemoteError;
use crate::remote::budget::{Limit, WINDOW};
use crate::resources::{
    AllowedNamespaces, ConnectionKey, InstanceStatus, InstanceType, Reason, api_address, cut,
};
use crate::settings::AllowedAccounts;
use metorial::{Error, ErrorKind, Instance, Token};
use std::collections::BTreeMap;
use url::Url;

/// The scope without which a key may not read its instance.
const INSTANCE_SCOPE: &str = "organization.instance:read";

/// Checks the address of the API against the prefixes that the operator may call. The key is sent there, so an author
/// of connections could otherwise have any key of the namespace sent to a server of their own.
///
/// # Errors
/// The address is not allowed, contains user info or is not a URL.
pub fn base_url(text: Option<&str>, allowed: &[Url]) -> Result<Url, NotReady> {
    let refused = || {
        let listed: Vec<&str> = allowed.iter().map(Url::as_str).collect();
        let message = format!(
            "spec.baseUrl is not allowed: the operator calls {} only; use such an address, or have yours added to the chart's value allowedBaseUrls (flag --allowed-base-urls)",
            listed.join(", ")
        );
        NotReady::new(Reason::UrlNotAllowed, message)
    };
    let url = api_address(text).ok_or_else(refused)?;
    let plain = url.username().is_empty() && url.password().is_none();
    // Whole path segments only: https://api.example.com must not allow https://api.example.com.evil.example.
    let below = |prefix: &Url| {
        let prefix = prefix.as_str().trim_end_matches('/');
        let rest = url.as_str().strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if plain && allowed.iter().any(below) {
        Ok(url)
    } else {
        Err(refused())
    }
}

/// Computes the fingerprint of everything that a client is built from: address, key, certificates and instance. It recognizes an
/// unchanged key without keeping it.
///
/// # Errors
/// The key is not text.
pub fn fingerprint(
    fingerprint_key: &MacKey,
    url: &Url,
    settings: &ConnectionSettings,
    inputs: &Inputs,
) -> Result<Fingerprint, NotReady> {
    let key = inputs
        .get(&settings.key)
        .map_err(|invalid| NotReady::new(invalid.reason, invalid.message))?;
    let roots = settings
        .ca_bundle
        .as_ref()
        .and_then(|reference| inputs.get(reference).ok());
    let roots = roots.map_or(&b""[..], str::as_bytes);
    let instance = settings.instance_id().unwrap_or_default();
    Ok(fingerprint_key.fingerprint(&[
        url.as_str().as_bytes(),
        key.as_bytes(),
        roots,
        instance.as_bytes(),
    ]))
}

/// Checks that the key belongs to the instance that the spec names, and to the one that the connection had before.
///
/// A key belongs to one instance. With a key of another one every recorded id would be unknown there, and every object
/// would seem to be deleted and be created again in the wrong place.
///
/// # Errors
/// The key belongs to another instance.
pub fn check_instance(
    settings: &ConnectionSettings,
    opened_before: Option<&str>,
    found: &InstanceStatus,
) -> Result<(), NotReady> {
    let guard = settings.common.instance.as_ref();
    let wanted_id = settings.instance_id();
    let wanted_type = guard
        .and_then(|guard| guard.type_)
        .map(|type_| match type_ {
            InstanceType::Development => "development",
            InstanceType::Production => "production",
        });
    let recorded = settings.status.instance.as_ref();
    let pinned = recorded
        .map(|instance| instance.id.as_str())
        .or(opened_before);
    let other = |id: &&str| *id != found.id;
    let expected = match (wanted_id.filter(other), pinned.filter(other)) {
        (Some(id), _) => format!("spec.instance.id is {id}"),
        (None, Some(id)) => format!("this connection is pinned to {id}"),
        (None, None) => match wanted_type.filter(|type_| found.type_.as_deref() != Some(type_)) {
            Some(type_) if found.type_.is_none() => format!(
                "spec.instance.type is {type_}, and its type is not known without the scope `{INSTANCE_SCOPE}`"
            ),
            Some(type_) => format!("spec.instance.type is {type_}"),
            None => match recorded.and_then(|recorded| other_organization(recorded, found)) {
                Some(id) => format!("this connection is pinned to an instance of {id}"),
                None => return Ok(()),
            },
        },
    };
    Err(NotReady::new(
        Reason::InstanceMismatch,
        format!(
            "the key belongs to instance {}, but {expected}: use a key of the right instance, or create another connection",
            named(found)
        ),
    ))
}

/// Returns the id of an instance, with its name and type where they are known.
fn named(instance: &InstanceStatus) -> String {
    let details = [&instance.name, &instance.type_];
    let details: Vec<&str> = details.into_iter().flatten().map(String::as_str).collect();
    if details.is_empty() {
        instance.id.clone()
    } else {
        format!("{} ({})", instance.id, details.join(", "))
    }
}

/// Returns the organization that the instance belonged to, if it is another one now. An instance never moves: a server
/// that says so is not to be trusted with the budget of either.
fn other_organization<'a>(
    recorded: &'a InstanceStatus,
    found: &InstanceStatus,
) -> Option<&'a String> {
    let former = recorded.organization_id.as_ref()?;
    let current = found.organization_id.as_ref()?;
    (former != current).then_some(former)
}

/// Checks that the operator may send anything to the account that a key belongs to.
///
/// # Errors
/// It may not.
pub fn check_account(allowed: &AllowedAccounts, found: &InstanceStatus) -> Result<(), NotReady> {
    let lists = |ids: &[String], id: Option<&String>| {
        ids.is_empty() || id.is_some_and(|id| ids.contains(id))
    };
    let organization = found.organization_id.as_ref();
    let (what, flag) = if !lists(&allowed.organizations, organization) {
        let organization = organization.map_or("unknown", String::as_str);
        let what = format!("an instance of the organization {organization}");
        (what, "--allowed-organizations")
    } else if !lists(&allowed.instances, Some(&found.id)) {
        (format!("the instance {}", found.id), "--allowed-instances")
    } else {
        return Ok(());
    };
    Err(NotReady::new(
        Reason::InstanceMismatch,
        format!(
            "the key belongs to {what}, which the operator's flag {flag} does not list: use another key, or have it added to the flag"
        ),
    ))
}

/// Checks that a namespace with these labels may use a `ClusterConnection`.
///
/// # Errors
/// It may not.
pub fn check_namespace(
    key: &ConnectionKey,
    allowed: &AllowedNamespaces,
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> Result<(), NotReady> {
    if allowed.allows(namespace, labels) {
        return Ok(());
    }
    Err(NotReady::new(
        Reason::NamespaceNotAllowed,
        format!(
            "{key} does not allow namespace {namespace}; ask the owner of {key} to add the namespace to its spec.allowedNamespaces"
        ),
    ))
}

/// Describes what references that could not be resolved mean for the connection.
#[must_use]
pub fn of_missing(missing: Missing) -> NotReady {
    match missing {
        Missing::Unresolved(why) => NotReady::new(why.reason, why.message),
        Missing::Unread(error) => of_unread(&error),
    }
}

/// Describes what a failed read from Kubernetes means for the connection.
#[must_use]
pub fn of_unread(error: &ClusterError) -> NotReady {
    NotReady::transient(error.reason(), format!("Kubernetes: {error}"))
}

/// Describes what a failed `GET /instance` means for the connection.
#[must_use]
pub fn of_error(error: &RemoteError, settings: &ConnectionSettings, url: &Url) -> NotReady {
    let (reason, message) = match error.api() {
        // Resources of the connection say `ConnectionNotReady` for a 401, since it is not about them; here it is the cause.
        Some(api) if api.kind() == ErrorKind::Unauthorized => {
            let secret = &settings.key;
            let request = api.request_id().map(|id| format!(", request {id}"));
            let message = format!(
                "the API refuses the key in Secret {}, key {} (401{}): put a current secret key there, or allow this cluster's address for it at Metorial",
                secret.name,
                secret.key,
                request.unwrap_or_default()
            );
            (Reason::Unauthorized, message)
        }
        Some(api) if api.is_unresolved() => {
            let host = url.host_str().unwrap_or_default();
            let message =
                format!("cannot resolve {host} (spec.baseUrl): check DNS and egress; retrying");
            (error.reason(), message)
        }
        Some(api) if is_foreign(api) => {
            let status = api.status().unwrap_or_default();
            let message = format!(
                "{}: a proxy or another server answered {status} in place of the API; retrying; check spec.baseUrl and the proxies on the way",
                api.operation()
            );
            (Reason::RemoteUnavailable, message)
        }
        _ => (error.reason(), error.message()),
    };
    NotReady {
        reason,
        message,
        transient: !error.needs_person() || error.api().is_some_and(is_foreign),
        wait: error.wait(),
    }
}

/// Returns true if a rejection is not the API's own, which has a code.
fn is_foreign(error: &Error) -> bool {
    error.kind() == ErrorKind::Rejected && error.code().is_none()
}

/// Returns true if a failed `GET /instance` says that the key is valid, and may not read the instance.
#[must_use]
pub fn lacks_scope(error: &RemoteError) -> bool {
    error.api().map(Error::kind) == Some(ErrorKind::Forbidden)
}

/// Describes what a failed `GET /instance` means for a connection with these settings. The key of an organization opens the
/// instance that the request names (◆).
#[must_use]
pub fn of_instance(error: &RemoteError, settings: &ConnectionSettings, url: &Url) -> NotReady {
    let invalid = |message: String| NotReady::new(Reason::InvalidSpec, message);
    let own = |api: &&Error| api.kind() == ErrorKind::Rejected && !is_foreign(api);
    let status = error.api().filter(own).and_then(Error::status);
    match (status, settings.instance_id()) {
        (Some(400), None) => invalid(
            "the key seems to belong to an organization, which has several instances: set spec.instance.id".to_owned(),
        ),
        (Some(400 | 404), Some(id)) => invalid(format!(
            "spec.instance.id: the key reaches no instance {id:?}; correct it"
        )),
        _ => of_error(error, settings, url),
    }
}

/// Describes the instance of a key that may not read it. Its type is not known (◆).
///
/// # Errors
/// The key belongs to an organization: nothing confirms that the instance of the spec is one of that organization.
pub fn describe_token(token: Token) -> Result<InstanceStatus, NotReady> {
    let Some(instance) = token.instance else {
        return Err(NotReady::new(
            Reason::Forbidden,
            format!(
                "the key of an organization needs the scope `{INSTANCE_SCOPE}`: add it, or use the key of an instance"
            ),
        ));
    };
    let project = token.project.map(|project| project.id);
    Ok(InstanceStatus {
        id: instance.id,
        name: instance.name.as_deref().map(cut),
        slug: instance.slug.as_deref().map(cut),
        type_: None,
        organization_id: token.organization.map(|organization| organization.id),
        project_id: instance.project_id.or(project),
    })
}

/// Describes an instance as the connection's status shows it.
#[must_use]
pub fn describe(instance: Instance) -> InstanceStatus {
    InstanceStatus {
        id: instance.id,
        name: instance.name.as_deref().map(cut),
        slug: instance.slug.as_deref().map(cut),
        type_: match instance.r#type {
            metorial::InstanceType::Development => Some("development".to_owned()),
            metorial::InstanceType::Production => Some("production".to_owned()),
            metorial::InstanceType::Unknown => None,
        },
        organization_id: instance.organization_id,
        project_id: instance.project.map(|project| project.id),
    }
}

/// Returns the documented rate limit of an instance, which the headers of responses correct.
#[must_use]
pub fn documented_limit(instance: Option<&InstanceStatus>) -> Limit {
    let type_ = instance.and_then(|instance| instance.type_.as_deref());
    Limit {
        requests: match type_ {
            Some("development") => 100,
            _ => 5000,
        },
        per: WINDOW,
    }
}
