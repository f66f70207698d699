//! Puts together what is known of a resource before the API is asked: the resource, its inputs and the state of its connection.

use super::context::now;
use super::resource::Resource;
use crate::connections::ConnectionState;
use crate::kinds::Kind;
use crate::plan::attempt::{Attempt, Circumstances, ConnectionVersion, digest};
use crate::plan::case::{Case, Unresolved};
use crate::plan::desired::Desired;
use crate::plan::not_ready::NotReady;
use crate::plan::policy::Policy;
use crate::resources::{ConnectionKey, ResourceStatus};
use jiff::Timestamp;

/// Returns the case to decide, and the pause of the resource begins or ends with it.
pub async fn begin_attempt<'a, 'r: 'a, K: Kind>(
    resource: &mut Resource<'r, K>,
    connection: &ConnectionKey,
    state: &ConnectionState,
    desired: &'a Result<Desired, Unresolved>,
) -> Case<'a> {
    let context = resource.context;
    let connections = &context.connections;
    let (known, now) = (desired.as_ref().ok(), now());
    let refusal = refusal(resource, connection).await;
    let orphan_after = if resource.handle.terminating() {
        let session = state.session.as_deref();
        connections.orphan_after(connection, session)
    } else {
        None
    };
    let query = resource.connection_query();
    let defaults = connections.defaults(&query, state);
    let named = resource.handle.object.common().connection_ref.is_some();
    let view = state.view(connection, named, refusal);
    let version = state.version(&view);
    let attempt = attempt(resource, known, (connection, version));
    let paused = resource.remember(|memory| memory.pauses.begin(attempt, now));
    let blocked_for = resource.memory.pauses.blocked_for(now);
    let object = &resource.handle.object;
    let policy = Policy::new(object.common(), object.lifecycle(), &defaults);
    Case {
        owner: resource.owner.clone(),
        generation: resource.handle.generation(),
        terminating: resource.handle.terminating(),
        disabled: context.disabled.get(K::NAME).copied(),
        // One that comes too early is handled after the pause.
        requested: resource.handle.requested().filter(|_| paused.is_none()),
        approved: resource.handle.approved(),
        policy,
        desired: desired.as_ref().map_err(Clone::clone),
        publish: resource.handle.published_config_map(),
        record: resource.record(),
        details: resource.handle.status.details(),
        connection: view,
        paused,
        uncertain_failures: resource.memory.pauses.uncertain_failures(),
        rewrites: resource.memory.rewrites.clone(),
        orphans: orphan_after.is_some_and(|after| blocked_for >= after),
        refused: match resource.handle.requested() {
            // A user who asks for a reconciliation wants to try again.
            Some(_) => Vec::new(),
            None => resource.memory.refused_fields(known.map(|it| &it.revision)),
        },
        failure: None,
        list_lag: context.timing.settle,
        read_lag: context.timing.read_lag,
        key: &context.fingerprint_key,
        nonce: format!("{:016x}", rand::random::<u64>()),
        now: Timestamp::now(),
    }
}

/// Returns why the resource's namespace may not use the connection.
async fn refusal<K: Kind>(
    resource: &Resource<'_, K>,
    connection: &ConnectionKey,
) -> Option<NotReady> {
    if resource.handle.suspended() && !resource.handle.terminating() {
        return None;
    }
    let connections = &resource.context.connections;
    let admitted = connections.admit(connection, &resource.key.namespace);
    admitted.await.err()
}

/// Returns what the next attempt depends on.
#[must_use]
pub fn attempt<K: Kind>(
    resource: &Resource<'_, K>,
    desired: Option<&Desired>,
    (connection, version): (&ConnectionKey, ConnectionVersion),
) -> Attempt {
    let terminating = resource.handle.terminating();
    let circumstances = Circumstances {
        generation: resource.handle.generation(),
        terminating,
        revision: desired.map(|desired| desired.revision.clone()),
        references: desired.map(|desired| desired.references),
        approved: resource.handle.approved(),
        awaited_owner_exists: resource.memory.awaited_owner.as_ref().map(|it| it.exists),
        connection: connection.to_string(),
        connection_version: version,
    };
    let dependents = terminating.then(|| resource.context.dependencies.dependents(resource.key));
    Attempt {
        request: resource.handle.requested().map(digest),
        finalizer: resource.handle.has_finalizer(),
        dependents: dependents.into_iter().flatten().collect(),
        ..Attempt::of(&circumstances)
    }
}
