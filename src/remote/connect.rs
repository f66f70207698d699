//! How a session is built: from a connection's spec and key, by asking the API whose key it is.

use super::budget::{Budget, Limit, WINDOW};
use super::connection::{ConnectionKey, Facts};
use super::error::RemoteError;
use super::session::Session;
use super::sessions::{Down, Sessions, Slot, down, lock};
use super::transport::Transport;
use crate::cluster::Missing;
use crate::kinds::Inputs;
use crate::plan::Fingerprint;
use crate::resources::{APPROVE, InstanceStatus, InstanceType, Reason};
use metorial::{ApiKey, Client, Instance};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

impl Sessions {
    /// Brings the slot's session in line with the connection. Asks the API only where the key is another one, or was
    /// verified longer than `max_age` ago, or did not work the last time.
    pub(super) async fn connect(
        &self,
        key: &ConnectionKey,
        slot: &mut Slot,
        facts: &Facts,
        max_age: Duration,
    ) -> Result<(), Down> {
        let url = self.base_url(facts)?;
        let inputs = self
            .setup
            .cluster
            .resolve(&facts.namespace, &facts.references())
            .await;
        let inputs = inputs.map_err(missing)?;
        let material = self.material(&url, facts, &inputs)?;
        let known = slot
            .session
            .as_ref()
            .filter(|_| slot.material.as_ref() == Some(&material));
        let fresh = slot.verified.is_some_and(|at| at.elapsed() < max_age);
        let sound = known.filter(|_| slot.down.is_none());
        let epoch = sound
            .filter(|session| session.generation == facts.generation)
            .map(|session| session.epoch)
            .unwrap_or_else(|| self.epochs.fetch_add(1, Ordering::Relaxed));
        if let (Some(session), true) = (sound, fresh) {
            let (instance, line) = (session.instance.clone(), session.transport.clone());
            check_instance(facts, slot, &instance)?;
            slot.session = Some(Arc::new(self.session(key, facts, instance, line, epoch)));
            return Ok(());
        }
        let client = self.client(url, facts, &inputs)?;
        let (instance, line) = self.identify(key, slot, client).await?;
        check_instance(facts, slot, &instance)?;
        slot.pinned = Some((facts.uid.clone(), instance.id.clone()));
        slot.session = Some(Arc::new(self.session(key, facts, instance, line, epoch)));
        slot.material = Some(material);
        slot.verified = Some(Instant::now());
        Ok(())
    }

    fn base_url(&self, facts: &Facts) -> Result<Url, Down> {
        let text = facts
            .common
            .base_url
            .as_deref()
            .unwrap_or("https://api.metorial.com");
        let refuse = || {
            let message = "spec.baseUrl is not among the addresses that the operator may call: see its flag --allowed-base-urls";
            down(Reason::UrlNotAllowed, message)
        };
        let url = Url::parse(text).map_err(|_| refuse())?;
        let plain = url.username().is_empty() && url.password().is_none();
        let allowed = self.setup.allowed_base_urls.iter().any(|prefix| {
            let (url, prefix) = (url.as_str(), prefix.as_str().trim_end_matches('/'));
            url.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if plain && allowed {
            Ok(url)
        } else {
            Err(refuse())
        }
    }

    /// Recognises an unchanged key, address and roots.
    fn material(&self, url: &Url, facts: &Facts, inputs: &Inputs) -> Result<Fingerprint, Down> {
        let key = inputs
            .get(&facts.key)
            .map_err(|invalid| down(invalid.reason, invalid.message))?;
        let roots = facts.ca_bundle.as_ref().and_then(|ca| inputs.get(ca).ok());
        let roots = roots.map_or(&b""[..], str::as_bytes);
        Ok(self
            .setup
            .key
            .fingerprint(&[url.as_str().as_bytes(), key.as_bytes(), roots]))
    }

    fn client(&self, url: Url, facts: &Facts, inputs: &Inputs) -> Result<Client, Down> {
        let invalid = |message: String| down(Reason::InvalidValue, message);
        let text = inputs.get(&facts.key).map_err(|i| invalid(i.message))?;
        let key =
            ApiKey::parse(text).map_err(|error| invalid(format!("{}: {error}", facts.key)))?;
        let mut builder = Client::builder(url, key)
            .timeout(self.setup.request_timeout)
            .user_agent(concat!("metorial-operator/", env!("CARGO_PKG_VERSION")));
        if let Some(reference) = &facts.ca_bundle {
            let roots = inputs.get(reference).map_err(|i| invalid(i.message))?;
            builder = builder.add_root_certificates_pem(roots.as_bytes());
        }
        builder
            .build()
            .map_err(|error| invalid(format!("spec.caBundle: {error}")))
    }

    /// Asks whose key it is, and finds the budget of that organization.
    async fn identify(
        &self,
        key: &ConnectionKey,
        slot: &Slot,
        client: Client,
    ) -> Result<(InstanceStatus, Transport), Down> {
        let known = slot.session.as_ref().map(|session| &session.transport);
        let unknown = match known {
            Some(known) => known.budget().clone(),
            None => self.budget(&format!("{}/{key}", key.namespace), 5000),
        };
        let (fence, metrics) = (self.setup.fence.clone(), self.setup.metrics.clone());
        let mut transport = Transport::new(client, unknown.clone(), fence, metrics);
        if let Some(organization) = known.and_then(|known| known.organization().cloned()) {
            transport = transport.of_organization(organization, unknown.clone());
        }
        let instance = transport
            .instance()
            .await
            .map_err(|error| refused(&error))?;
        let instance = described(instance);
        let organization = instance
            .organization_id
            .clone()
            .unwrap_or_else(|| instance.id.clone());
        let requests = match instance.type_.as_deref() {
            Some("development") => 100,
            _ => 5000,
        };
        let budget = self.budget(&organization, requests);
        if slot.session.is_none() {
            budget.take_over(&unknown);
        }
        Ok((instance, transport.of_organization(organization, budget)))
    }

    fn session(
        &self,
        key: &ConnectionKey,
        facts: &Facts,
        instance: InstanceStatus,
        transport: Transport,
        epoch: usize,
    ) -> Session {
        let limit = facts.common.rate_limit.as_ref().map(|limit| Limit {
            requests: u64::from(limit.requests),
            per: limit
                .per
                .as_ref()
                .and_then(|per| per.duration())
                .unwrap_or(WINDOW),
        });
        transport
            .budget()
            .set_user_limit(&key.resource_key(), limit);
        let cache = lock(&self.instances)
            .entry(instance.id.clone())
            .or_default()
            .clone();
        Session {
            connection: key.to_string(),
            epoch,
            generation: facts.generation,
            on_unreachable: facts.common.on_unreachable.clone(),
            recreation_approved: facts
                .annotations
                .get(APPROVE)
                .is_some_and(|what| what == "recreate"),
            instance,
            transport,
            cache,
        }
    }

    fn budget(&self, organization: &str, requests: u64) -> Arc<Budget> {
        let per = WINDOW;
        let mut budgets = lock(&self.budgets);
        let budget = budgets.entry(organization.to_owned());
        budget
            .or_insert_with(|| Arc::new(Budget::new(Limit { requests, per })))
            .clone()
    }
}

fn missing(missing: Missing) -> Down {
    match missing {
        Missing::NotYet(not_yet) => down(not_yet.reason, not_yet.message),
        Missing::Invalid(invalid) => down(invalid.reason, invalid.message),
        Missing::Unread(error) => Down {
            passing: true,
            ..down(Reason::ConnectionNotReady, error.to_string())
        },
    }
}

fn refused(error: &RemoteError) -> Down {
    let unauthorized = matches!(error, RemoteError::Api(error) if error.kind() == metorial::ErrorKind::Unauthorized);
    let (reason, message) = if unauthorized {
        let message = "the API rejects this key (401): put a current secret key into the Secret";
        (Reason::Unauthorized, message.to_owned())
    } else {
        (error.reason(), error.message())
    };
    Down {
        reason,
        message,
        passing: !error.needs_person(),
        wait: error.wait(),
    }
}

/// The key must open the instance that the spec insists on, and the one that was pinned.
fn check_instance(facts: &Facts, slot: &Slot, found: &InstanceStatus) -> Result<(), Down> {
    let guard = facts.common.instance.clone();
    let wanted_id = guard.as_ref().and_then(|guard| guard.id.clone());
    let wanted_type = guard
        .and_then(|guard| guard.type_)
        .map(|type_| match type_ {
            InstanceType::Development => "development",
            InstanceType::Production => "production",
        });
    let pinned = facts
        .status
        .instance
        .as_ref()
        .map(|instance| instance.id.clone());
    let seen = slot.pinned.as_ref().filter(|(uid, _)| *uid == facts.uid);
    let pinned = pinned.or_else(|| seen.map(|(_, instance)| instance.clone()));
    let mismatch = |what: String| {
        Err(down(
            Reason::InstanceMismatch,
            format!(
                "the key opens instance {}, but {what}: use a key of the right instance, or a new connection",
                found.id
            ),
        ))
    };
    match (
        wanted_id.filter(|id| *id != found.id),
        pinned.filter(|id| *id != found.id),
    ) {
        (Some(id), _) => mismatch(format!("spec.instance.id asks for {id}")),
        (None, Some(id)) => mismatch(format!("this connection is pinned to {id}")),
        (None, None) => match wanted_type.filter(|type_| found.type_.as_deref() != Some(type_)) {
            Some(type_) => mismatch(format!("spec.instance.type asks for {type_}")),
            None => Ok(()),
        },
    }
}

fn described(instance: Instance) -> InstanceStatus {
    InstanceStatus {
        id: instance.id,
        name: instance.name,
        slug: instance.slug,
        type_: match instance.r#type {
            metorial::InstanceType::Development => Some("development".to_owned()),
            metorial::InstanceType::Production => Some("production".to_owned()),
            metorial::InstanceType::Unknown => None,
        },
        organization_id: instance.organization_id,
        project_id: instance.project.map(|project| project.id),
    }
}
