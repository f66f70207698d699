//! Access of a request: its key, the instance that it is for, the rate limit, and the scope.

use std::time::{Duration, Instant};

use crate::collections::Caller;
use crate::errors::{ApiError, Result};
use crate::http::Request;
use crate::ids::{InstanceId, OrganizationId};
use crate::limits::{Limit, Usage};
use crate::options::Quirk;
use crate::routes::Route;
use crate::state::State;
use crate::tenants::Opens;

/// Rate limit per address, in the reference.
const PER_ADDRESS: Limit = Limit {
    requests: 1000,
    per: Duration::from_secs(10),
};

/// Header that names the instance of a request with the key of an organization: by id or slug ◆.
const INSTANCE_HEADER: &str = "metorial-instance-id";

/// Valid key of a request, and what the request may reach with it.
pub(crate) struct Access {
    pub(crate) key: String,
    organization: OrganizationId,
    /// Instance of the key or, if the key is an organization's, the one that the header names, if it names one.
    instance: Option<InstanceId>,
}

/// Returns the instance of a request with a known key, for the fault script and the journal.
pub(crate) fn instance_of(state: &State, request: &Request) -> Option<InstanceId> {
    let key = bearer(state, request)?;
    let opens = &state.tenants.key(key)?.opens;
    state.instance_opened(opens, request)
}

fn bearer<'a>(state: &State, request: &'a Request) -> Option<&'a str> {
    let header = request.header("authorization")?;
    let (scheme, key) = header.split_once(' ')?;
    let exact = state.has(Quirk::CaseSensitiveBearer);
    let is_bearer = scheme == "Bearer" || (!exact && scheme.eq_ignore_ascii_case("bearer"));
    is_bearer.then_some(key)
}

impl State {
    fn instance_opened(&self, opens: &Opens, request: &Request) -> Option<InstanceId> {
        match opens {
            Opens::Instance(instance) => Some(instance.clone()),
            Opens::Organization(organization) => {
                let named = request.header(INSTANCE_HEADER)?;
                let found = self.tenants.instance_named(organization, named)?;
                Some(found.id.clone())
            }
        }
    }

    pub(crate) fn authenticate(&self, request: &Request) -> Result<Access> {
        let refuse = |message: &str| {
            let error = ApiError::unauthorized(message);
            match request.header("authorization") {
                Some(sent) if self.has(Quirk::ErrorsEchoInput) => error.with(
                    "description",
                    format!("The credentials \"{sent}\" are not valid."),
                ),
                _ => error,
            }
        };
        let key = bearer(self, request).ok_or_else(|| refuse("No API key was sent."))?;
        let known = self.tenants.key(key).filter(|key| !key.revoked);
        let known = known.ok_or_else(|| refuse("The API key is invalid or was revoked."))?;
        let organization = self.tenants.organization_of(&known.opens);
        Ok(Access {
            key: key.to_owned(),
            organization: organization.ok_or_else(ApiError::internal)?,
            instance: self.instance_opened(&known.opens, request),
        })
    }

    /// Counts a request in its windows. A refused one isn't counted ◆.
    pub(crate) fn count(
        &mut self,
        access: &Access,
        request: &Request,
        shown: &mut Option<Usage>,
    ) -> Result<()> {
        let now = Instant::now();
        let per_organization = self.has(Quirk::LimitPerOrganization);
        if !per_organization {
            let address = request.peer.to_string();
            let usage = self.windows.admit(&address, PER_ADDRESS, now);
            *shown = Some(usage);
            self.check_admitted(usage)?;
        }
        let Some((counted_for, limit)) = self.limit_of(access) else {
            return Ok(());
        };
        let usage = self.windows.admit(counted_for, limit, now);
        *shown = Some(usage);
        self.check_admitted(usage)
    }

    /// Returns the state of the rate limit that the request would count against.
    pub(crate) fn usage(&mut self, access: &Access) -> Option<Usage> {
        let (counted_for, limit) = self.limit_of(access)?;
        Some(self.windows.peek(counted_for, limit, Instant::now()))
    }

    /// Returns the limit of a key, and the window that its requests count in.
    fn limit_of<'a>(&self, access: &'a Access) -> Option<(&'a str, Limit)> {
        let instance = access.instance.as_ref();
        let instance = instance.and_then(|id| self.tenants.instance(id));
        let limit = self.tenants.limit(&access.organization, instance)?;
        let counted_for = match self.has(Quirk::LimitPerOrganization) {
            true => access.organization.as_str(),
            false => &access.key,
        };
        Some((counted_for, limit))
    }

    fn check_admitted(&self, usage: Usage) -> Result<()> {
        if usage.admitted {
            return Ok(());
        }
        let code = match self.has(Quirk::ThrottledAsTooMany) {
            true => "too_many_requests",
            false => "rate_limit_exceeded",
        };
        let error = ApiError::new(429, code, "Rate limit exceeded");
        Err(error.with("hint", "Too many requests were sent in too little time."))
    }

    /// Returns the caller of a request for an instance. Without the header, the key of an organization is for none ◆.
    pub(crate) fn caller(&self, access: &Access, request: &Request) -> Result<Caller> {
        let named = request.header(INSTANCE_HEADER);
        let instance = access.instance.clone().ok_or_else(|| match named {
            Some(named) => ApiError::not_found("instance", Some(named)),
            None => {
                let message = "Missing instance id in header metorial-instance-id";
                ApiError::bad_request("bad_request", message)
            }
        })?;
        Ok(Caller {
            instance,
            ip: request.peer.to_string(),
            user_agent: request.header("user-agent").map(str::to_owned),
        })
    }

    pub(crate) fn check_scope(&self, key: &str, route: &Route) -> Result<()> {
        let Some(scope) = route.scope() else {
            return Ok(());
        };
        let scopes = self.tenants.key(key).and_then(|key| key.scopes.as_ref());
        let granted = scopes.is_none_or(|scopes| scopes.contains(scope));
        let publishable = key.starts_with("metorial_pk_");
        if granted && (!publishable || route.is_public()) {
            return Ok(());
        }
        Err(
            ApiError::forbidden("The API key is not allowed to do this.")
                .with("hint", format!("It needs the scope {scope}.")),
        )
    }
}
