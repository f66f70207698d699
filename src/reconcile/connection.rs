//! Reconciles one `Connection` or `ClusterConnection`: verifies its key, keeps its finalizer and its status.

use super::context::Context;
use crate::cluster::error::ClusterError;
use crate::connections::status::{self, verdict};
use crate::connections::{
    ConnectionResource, ConnectionSettings, ConnectionState, Unfinished, rate_limit,
};
use crate::plan::events::type_of;
use crate::plan::verdict::Verdict;
use crate::resources::{
    APPROVE, ConnectionKey, ConnectionStatus, IN_USE_FINALIZER, READY, RECREATE, Reason,
    ResourceKey, condition,
};
use jiff::Timestamp;
use kube::{Api, ResourceExt};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// Reconciles one connection; returns the time until the next reconciliation, or `None` if only a change requires one.
///
/// # Errors
/// Kubernetes failed; nothing is concluded.
pub async fn reconcile<C: ConnectionResource>(
    context: &Context,
    key: &ResourceKey,
) -> Result<Option<Duration>, ClusterError> {
    match check_and_report::<C>(context, key).await {
        Ok(next) => Ok(next),
        // It is enqueued when the resource that reads it now has ended that.
        Err(Unfinished::Postponed) => Ok(None),
        Err(Unfinished::Cluster(error)) => Err(error),
    }
}

async fn check_and_report<C: ConnectionResource>(
    context: &Context,
    key: &ResourceKey,
) -> Result<Option<Duration>, Unfinished> {
    let (began, connections) = (Instant::now(), &context.connections);
    let connection = ConnectionKey::new(C::KIND, &key.namespace, &key.name);
    let api = C::api(context.cluster.client(), &key.namespace);
    let Some(object) = context.cluster.get(&api, &key.name).await? else {
        return forget(context, key, &connection).await;
    };
    let is_ours = context.cluster.is_of_shard(&api, &key.name, &context.shard);
    let is_ours = is_ours.await?;
    let settings = object.settings();
    if !is_ours {
        context.metrics.forget_resource(key);
        if !is_used(context, key, &connection) {
            context.dependencies.forget(key);
            connections.set_unused(&connection, &settings).await?;
            return Ok(None);
        }
    }
    // Before the Secret is read: a change in between must enqueue this connection again.
    register_dependencies(context, key, &settings);
    let state = connections.refresh(&connection, key).await?;
    let counted = match object.meta().deletion_timestamp {
        Some(_) if is_ours => {
            let inventories = &context.inventories;
            Some(connections.users(&connection, inventories).await?)
        }
        _ => None,
    };
    let users = counted.as_ref().map(|counted| counted.users.as_slice());
    let verdict = verdict(&state, users);
    let mut out_of_date_in = None;
    let mut approved_for = None;
    if is_ours {
        approved_for = approval_left(context, &connection).await?;
        let object = match approved_for {
            Some(Duration::ZERO) => end_approval(context, &api, object).await?,
            _ => object,
        };
        let object = update_finalizer(context, &api, object, &state, users).await?;
        if !is_released(&object) {
            let (now, shown) = (Timestamp::now(), &settings.status);
            let next = status::next(shown, object.meta().generation, &state, &verdict, now);
            out_of_date_in = rate_limit::out_of_date_in(next.rate_limit.as_ref(), now);
            report(context, &api, &object, shown, next, &verdict).await?;
        }
    }
    let (metrics, reason) = (&context.metrics, verdict.reason.as_str());
    metrics.reconciled(key.kind, reason, began.elapsed());
    report_change(context, key, &connection);
    let next = connections.next_check(&connection, users.is_some()).await?;
    let approval_ends_in = approved_for.filter(|left| !left.is_zero());
    let recount_in = counted.and_then(|counted| counted.recount_in);
    let next = [Some(next), out_of_date_in, approval_ends_in, recount_in];
    Ok(next.into_iter().flatten().min())
}

/// Returns true if a resource that this process serves uses the connection, or may use it as soon as it is ready.
fn is_used(context: &Context, key: &ResourceKey, connection: &ConnectionKey) -> bool {
    let waiting = context.connections.waiting.waiting_for(connection);
    !waiting.is_empty() || !context.dependencies.dependents(key).is_empty()
}

/// Returns the time for which the approval to create lost objects again still holds; `None` without one.
async fn approval_left(
    context: &Context,
    connection: &ConnectionKey,
) -> Result<Option<Duration>, ClusterError> {
    let connections = &context.connections;
    let left = connections.approval_left(connection);
    // This process knows only when resources of its own shard needed it.
    if left == Some(Duration::ZERO)
        && context.shard.is_part()
        && connections
            .extend_approval(connection, &context.inventories)
            .await?
    {
        return Ok(Some(context.timing.approval));
    }
    Ok(left)
}

/// Enqueues the resources that a change of the connection's state concerns.
fn report_change(context: &Context, key: &ResourceKey, connection: &ConnectionKey) {
    let uninformed = context.connections.report_change(connection);
    if uninformed.users {
        context.enqueue_dependents(key);
    }
    if uninformed.waiting {
        for waiting in context.connections.waiting.waiting_for(connection) {
            context.enqueue(waiting);
        }
    }
}

/// Removes an approval that was used: it must not approve the next loss of many objects as well.
async fn end_approval<C: ConnectionResource>(
    context: &Context,
    api: &Api<C>,
    object: C,
) -> Result<C, ClusterError> {
    let approved = object.annotations().get(APPROVE);
    if approved.is_none_or(|it| it != RECREATE) {
        return Ok(object);
    }
    let (cluster, removed) = (&context.cluster, json!({"annotations": {APPROVE: null}}));
    let object = cluster.patch_metadata(api, &object, removed).await?;
    tracing::info!("removed the approval to create lost objects again, which was used");
    Ok(object)
}

/// Forgets a connection that was deleted. Its last session stays while a resource has a remote object that is to be deleted
/// through it; returns the time until that is checked again. Else nothing of it stays but what resources that wait for it need.
async fn forget(
    context: &Context,
    key: &ResourceKey,
    connection: &ConnectionKey,
) -> Result<Option<Duration>, Unfinished> {
    let connections = &context.connections;
    let news = connections.forget(connection).await?;
    context.dependencies.forget(key);
    context.metrics.forget_resource(key);
    if news {
        context.enqueue_dependents(key);
    }
    let check = context.timing.connection_check;
    if !context.dependencies.dependents(key).is_empty() {
        return Ok(Some(check));
    }
    if connections.keeps_session(connection) {
        let counted = connections.users(connection, &context.inventories).await?;
        if !counted.users.is_empty() {
            return Ok(Some(counted.recount_in.unwrap_or(check)));
        }
    }
    connections.drop_forgotten(connection);
    Ok(None)
}

fn register_dependencies(context: &Context, key: &ResourceKey, settings: &ConnectionSettings) {
    let references = settings.references();
    let sources = references.iter();
    let sources = sources.map(|reference| reference.resource_key(&settings.namespace));
    context.dependencies.set(key, sources.collect());
}

/// Keeps the connection for as long as resources with a remote object need it. A connection that was never ready has
/// no such resources, and gets no finalizer: it can be deleted even if the operator is gone.
async fn update_finalizer<C: ConnectionResource>(
    context: &Context,
    api: &Api<C>,
    object: C,
    state: &ConnectionState,
    users: Option<&[ResourceKey]>,
) -> Result<C, ClusterError> {
    let mut finalizers = object.finalizers().to_vec();
    let held = has_finalizer(&object);
    match users {
        None if !held && state.not_ready.is_none() => finalizers.push(IN_USE_FINALIZER.to_owned()),
        Some([]) if held => finalizers.retain(|finalizer| finalizer != IN_USE_FINALIZER),
        _ => return Ok(object),
    }
    let changed = json!({"finalizers": finalizers});
    context.cluster.patch_metadata(api, &object, changed).await
}

fn has_finalizer<C: ConnectionResource>(object: &C) -> bool {
    let finalizers = object.finalizers();
    finalizers.iter().any(|name| name == IN_USE_FINALIZER)
}

/// Returns true if the connection is being deleted and was released: it may be gone, so its status is not written.
fn is_released<C: ConnectionResource>(object: &C) -> bool {
    object.meta().deletion_timestamp.is_some() && !has_finalizer(object)
}

/// Writes the status if it changed, and an event if the reason did.
async fn report<C: ConnectionResource>(
    context: &Context,
    api: &Api<C>,
    object: &C,
    status: &ConnectionStatus,
    next: ConnectionStatus,
    verdict: &Verdict,
) -> Result<(), ClusterError> {
    let namespace = object.namespace().unwrap_or_default();
    let key = ResourceKey::new(C::NAME, &namespace, &object.name_any());
    context.metrics.set_reason(&key, verdict.reason);
    let cluster = &context.cluster;
    if !cluster.write_status(api, object, status, &next).await? {
        return Ok(());
    }
    let before = condition(status.conditions.as_deref(), READY);
    let before = before.map(|before| before.reason.as_str());
    let reason = verdict.reason.as_str();
    let is_ready = verdict.reason == Reason::Synced;
    // A connection that is ready from the start is what everybody expects, and no event.
    if before != Some(reason) && (before.is_some() || !is_ready) {
        let uid = object.uid().unwrap_or_default();
        let type_ = type_of(verdict.reason);
        cluster
            .event((&key, &uid), reason, type_, &verdict.message)
            .await;
    }
    Ok(())
}
