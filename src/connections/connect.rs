//! Makes the session of a connection: the key is checked where that is due, and what it opens is compared with the spec.

use super::entry::Reading;
use super::key_checks::Check;
use super::limits::{Joined, user_limit};
use super::registry::Connections;
use super::settings::ConnectionSettings;
use super::slot::{Identified, Pinned, Slot};
use super::verify;
use crate::cluster::references::Need;
use crate::kinds::{Inputs, Reference};
use crate::plan::fingerprint::Fingerprint;
use crate::plan::not_ready::NotReady;
use crate::plan::purpose::Purpose;
use crate::remote::Session;
use crate::remote::budget::{OwnLimit, Requester};
use crate::remote::cache::Cache;
use crate::remote::shared::Keys;
use crate::remote::transport::Transport;
use crate::resources::{APPROVE, ConnectionKey, InstanceStatus, RECREATE, server_of};
use metorial::Client;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Everything that the client of a session is built from.
struct ClientInputs<'a> {
    url: Url,
    settings: &'a ConnectionSettings,
    inputs: Inputs,
    fingerprint: Fingerprint,
}

/// A key that the API accepted: what it opens, and when that was last verified.
struct Opened {
    instance: InstanceStatus,
    transport: Transport,
    verified: Instant,
}

/// What a connection opens by its current settings, and the number of the session for it.
pub struct Connected<'a> {
    from: ClientInputs<'a>,
    opened: Opened,
    epoch: usize,
}

/// The decision about a key before the API is asked.
struct Begun {
    epoch: usize,
    /// What the key opens, if the API need not be asked.
    known: Option<Opened>,
}

impl Connections {
    /// Returns what a connection opens by its current settings. Asks the API only if the key changed, was verified longer than
    /// `max_age` ago, or was not ready the last time, and not before it is time for that.
    pub(super) async fn connect<'a>(
        &self,
        key: &ConnectionKey,
        reading: &Reading,
        settings: &'a ConnectionSettings,
        max_age: Duration,
    ) -> Result<Connected<'a>, NotReady> {
        let from = self.client_inputs(reading, settings).await?;
        let Begun { epoch, known } = self.begin_check(key, &mut reading.slot(), &from, max_age)?;
        let opened = match known {
            Some(known) => known,
            None => self.ask(key, reading, &from).await?,
        };
        Ok(Connected {
            from,
            opened,
            epoch,
        })
    }

    /// Decides if the API is to be asked about the key.
    fn begin_check(
        &self,
        key: &ConnectionKey,
        slot: &mut Slot,
        from: &ClientInputs<'_>,
        max_age: Duration,
    ) -> Result<Begun, NotReady> {
        let (settings, now) = (from.settings, Instant::now().into_std());
        let check = slot.checks.begin(settings, &from.fingerprint, now);
        let max_age = match check {
            Check::Due if slot.handled.is_some() => Duration::ZERO,
            Check::Due => max_age,
            // A request that comes too early is handled after the pause.
            Check::Accepted | Check::Failed(_) => {
                slot.handled = None;
                Duration::MAX
            }
        };
        let accepted = check == Check::Accepted || slot.is_accepted();
        if let Check::Failed(not_ready) = check {
            return Err(not_ready);
        }
        let unchanged = slot.is_of(&from.fingerprint) && accepted;
        let session = slot.session().filter(|_| unchanged).cloned();
        let epoch = session
            .as_ref()
            .filter(|session| session.generation == settings.generation)
            .map(|session| session.epoch)
            .unwrap_or_else(|| self.next_epoch.fetch_add(1, Ordering::Relaxed));
        slot.limit_own_requests(key, user_limit(settings), &self.factory.queue);
        let verified = slot.verified().filter(|at| at.elapsed() < max_age);
        let verified = verified.filter(|_| !slot.checks.is_doubtful(now));
        let known = session.zip(verified).map(|(session, verified)| Opened {
            instance: session.instance.clone(),
            transport: session.transport.clone(),
            verified,
        });
        let known = known.map(|known| self.fitting(slot, settings, known));
        Ok(Begun {
            epoch,
            known: known.transpose()?,
        })
    }

    /// Stores the session of a connection, by which resources use it from now on.
    pub(super) fn store_session(
        &self,
        key: &ConnectionKey,
        slot: &mut Slot,
        connected: Connected<'_>,
    ) {
        let Connected {
            from,
            opened,
            epoch,
        } = connected;
        let settings = from.settings;
        slot.pinned = Some(Pinned {
            uid: settings.uid.clone(),
            instance: opened.instance.id.clone(),
        });
        let server = server_of(&from.url);
        let own_limit = slot.own_limit.clone();
        let transport = self.with_account(&server, &opened.instance, opened.transport, own_limit);
        let (joined, budget) = (&mut slot.joined, transport.budget());
        Joined::join(joined, key, user_limit(settings), budget, Instant::now());
        let cache = self.shared.cache(&server, &opened.instance.id);
        let instance = opened.instance;
        let session = Session {
            loader: slot.loader_of(&from.fingerprint),
            ..session(key, settings, server, instance, transport, cache, epoch)
        };
        slot.identified = Some(Identified {
            session: Arc::new(session),
            fingerprint: from.fingerprint,
            endpoint: slot.endpoint.clone(),
            verified: Some(opened.verified),
        });
        slot.unidentified = None;
    }

    /// Reads what the client is built from. A key that is gone is reported rather than certificates that are: deletions use the
    /// last good one then.
    async fn client_inputs<'a>(
        &self,
        reading: &Reading,
        settings: &'a ConnectionSettings,
    ) -> Result<ClientInputs<'a>, NotReady> {
        let base_url = settings.common.base_url.as_deref();
        let url = verify::base_url(base_url, &self.factory.allowed_base_urls)?;
        let fingerprint_key = &self.factory.fingerprint_key;
        let roots = self.values(settings, settings.ca_bundle.as_slice()).await;
        if let (Ok(read), Some(reference)) = (&roots, &settings.ca_bundle)
            && let Ok(text) = read.get(reference)
        {
            let roots = fingerprint_key.fingerprint(&[text.as_bytes()]);
            reading.slot().set_roots(roots);
        }
        let mut inputs = self
            .values(settings, std::slice::from_ref(&settings.key))
            .await?;
        inputs.extend(roots?);
        let fingerprint = verify::fingerprint(fingerprint_key, &url, settings, &inputs)?;
        Ok(ClientInputs {
            url,
            settings,
            inputs,
            fingerprint,
        })
    }

    /// Reads what the settings refer to.
    async fn values(
        &self,
        settings: &ConnectionSettings,
        references: &[Reference],
    ) -> Result<Inputs, NotReady> {
        let cluster = &self.factory.cluster;
        let read = cluster
            .resolve(&settings.namespace, references, Need::Create)
            .await;
        read.map_err(verify::of_missing)
    }

    /// Asks the API what the key opens.
    async fn ask(
        &self,
        key: &ConnectionKey,
        reading: &Reading,
        from: &ClientInputs<'_>,
    ) -> Result<Opened, NotReady> {
        let factory = &self.factory;
        let client = factory.client(from.url.clone(), from.settings, &from.inputs)?;
        let transport = self.transport_to_identify(key, &mut reading.slot(), from, client);
        let sent = Instant::now().into_std();
        let opened = identify(transport, from).await;
        let mut slot = reading.slot();
        let opened = opened.and_then(|opened| self.fitting(&slot, from.settings, opened));
        let (failed, now) = (opened.as_ref().err(), Instant::now().into_std());
        slot.checks
            .asked(failed, &factory.timing, rand::random(), (sent, now));
        opened
    }

    /// Checks that a key opens the right instance, of an account that may be used.
    fn fitting(
        &self,
        slot: &Slot,
        settings: &ConnectionSettings,
        opened: Opened,
    ) -> Result<Opened, NotReady> {
        let pinned = slot.pinned_instance(&settings.uid);
        verify::check_instance(settings, pinned, &opened.instance)?;
        verify::check_account(&self.factory.allowed_accounts, &opened.instance)?;
        Ok(opened)
    }

    /// Returns the transport that asks which organization a key belongs to.
    fn transport_to_identify(
        &self,
        key: &ConnectionKey,
        slot: &mut Slot,
        from: &ClientInputs<'_>,
        client: Client,
    ) -> Transport {
        let limit = verify::documented_limit(None);
        let budget = slot.budget_to_identify(&from.fingerprint, limit, &self.factory.queue);
        let purpose = Purpose::of_check(key.resource_key());
        let requester = Requester::new(budget, slot.own_limit.clone(), purpose);
        let (fence, metrics) = (self.factory.fence.clone(), self.factory.metrics.clone());
        Transport::new(client, requester, fence, metrics)
    }

    /// Returns the transport on the budget of the key's organization. The request that asked for it counts there too.
    fn with_account(
        &self,
        server: &str,
        instance: &InstanceStatus,
        transport: Transport,
        own_limit: Option<Arc<OwnLimit>>,
    ) -> Transport {
        let organization = instance.organization_id.as_ref().unwrap_or(&instance.id);
        let limit = verify::documented_limit(Some(instance));
        let keys = Keys::of(instance);
        let account = self.shared.account(server, organization, keys, limit);
        account
            .budget()
            .take_over(transport.budget(), Instant::now());
        transport.of_account(account, own_limit)
    }
}

/// Asks the API which instance the key opens.
async fn identify(transport: Transport, from: &ClientInputs<'_>) -> Result<Opened, NotReady> {
    let ClientInputs { url, settings, .. } = from;
    let instance = match transport.instance().await {
        Ok(instance) => verify::describe(instance),
        // A narrow key serves as well: `GET /token` needs no scope (◆).
        Err(error) if verify::lacks_scope(&error) => {
            let token = transport.token().await;
            let token = token.map_err(|error| verify::of_error(&error, settings, url))?;
            verify::describe_token(token)?
        }
        Err(error) => return Err(verify::of_instance(&error, settings, url)),
    };
    Ok(Opened {
        instance,
        transport,
        verified: Instant::now(),
    })
}

/// Returns the session of a verified connection.
fn session(
    key: &ConnectionKey,
    settings: &ConnectionSettings,
    server: Arc<str>,
    instance: InstanceStatus,
    transport: Transport,
    cache: Arc<Cache>,
    epoch: usize,
) -> Session {
    let approval = settings.annotations.get(APPROVE);
    Session {
        connection: key.to_string(),
        epoch,
        generation: settings.generation,
        on_unreachable: settings.common.on_unreachable.clone(),
        recreation_approved: approval.is_some_and(|approved| approved == RECREATE),
        server,
        instance,
        transport,
        cache,
        loader: Arc::default(),
    }
}
