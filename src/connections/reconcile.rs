//! Reconciles one `Connection` or `ClusterConnection`: verifies its key, keeps its finalizer and its status.

use super::inventories::Inventories;
use super::not_ready::NotReady;
use super::rate_limit;
use super::registry::Connections;
use super::settings::{ConnectionResource, ConnectionSettings};
use super::state::ConnectionState;
use crate::cluster::client::Cluster;
use crate::cluster::dependencies::Dependencies;
use crate::cluster::error::ClusterError;
use crate::cluster::shard::Shard;
use crate::metrics::Metrics;
use crate::resources::{
    APPROVE, Conditions, ConnectionKey, ConnectionStatus, IN_USE_FINALIZER, RECREATE, Reason,
    ResourceKey, condition,
};
use crate::settings::Timing;
use jiff::Timestamp;
use kube::{Api, ResourceExt};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// The number of resources that a message names.
const NAMED_USERS: usize = 10;

/// Everything that the reconciliation of a connection works with.
pub struct ConnectionContext<'a> {
    /// Effects on Kubernetes.
    pub cluster: &'a Cluster,
    /// The part of the resources that this process serves: only connections that belong to it are written.
    pub shard: &'a Shard,
    /// The registry of connections.
    pub connections: &'a Connections,
    /// The resources that depend on the connection, and what it depends on itself.
    pub dependencies: &'a Dependencies,
    /// The work queue.
    pub enqueue: &'a UnboundedSender<ResourceKey>,
    /// The metrics.
    pub metrics: &'a Metrics,
    /// Intervals and backoff.
    pub timing: &'a Timing,
    /// The resources of all kinds, which are listed only while a connection is being deleted.
    pub inventories: &'a Inventories,
}

impl ConnectionContext<'_> {
    /// Stops counting a connection.
    fn uncount(&self, key: &ResourceKey) {
        self.metrics.forget_resource(key);
    }

    fn enqueue_dependents(&self, source: &ResourceKey) {
        self.enqueue_all(self.dependencies.dependents(source));
    }

    fn enqueue_all(&self, keys: Vec<ResourceKey>) {
        for key in keys {
            // The receiver only ends together with this process's leadership.
            self.enqueue.send(key).ok();
        }
    }

    /// Returns whether a resource that this process serves uses the connection, or may use it as soon as it is ready.
    fn is_used(&self, key: &ResourceKey, connection: &ConnectionKey) -> bool {
        let used = !self.dependencies.dependents(key).is_empty();
        used || !self.connections.waiting.waiting_for(connection).is_empty()
    }

    /// Returns for how long the approval to create lost objects again still holds; `None` without one.
    async fn approval_left(
        &self,
        connection: &ConnectionKey,
    ) -> Result<Option<Duration>, ClusterError> {
        let connections = self.connections;
        let left = connections.approval_left(connection).await;
        // This process knows only when resources of its own shard needed it.
        if left == Some(Duration::ZERO)
            && self.shard.is_part()
            && connections
                .extend_approval(connection, self.inventories)
                .await?
        {
            return Ok(Some(self.timing.approval));
        }
        Ok(left)
    }

    /// Enqueues the resources that a change of the connection's state concerns.
    async fn report_change(&self, key: &ResourceKey, connection: &ConnectionKey) {
        let (changed, usable) = self.connections.report_change(connection).await;
        if changed {
            self.enqueue_dependents(key);
        }
        if usable {
            self.enqueue_all(self.connections.waiting.waiting_for(connection));
        }
    }
}

/// Reconciles one connection; returns the time until the next reconciliation, or `None` if only a change requires one.
///
/// # Errors
/// Kubernetes failed; nothing is concluded.
pub async fn reconcile<C: ConnectionResource>(
    context: &ConnectionContext<'_>,
    key: &ResourceKey,
) -> Result<Option<Duration>, ClusterError> {
    let began = Instant::now();
    let connection = ConnectionKey::new(C::KIND, &key.namespace, &key.name);
    let api = C::api(context.cluster.client(), &key.namespace);
    let Some(object) = context.cluster.get(&api, &key.name).await? else {
        return forget(context, key, &connection).await;
    };
    let is_ours = context.cluster.is_of_shard(&api, &key.name, context.shard);
    let is_ours = is_ours.await?;
    let settings = object.settings();
    if !is_ours {
        context.uncount(key);
        if !context.is_used(key, &connection) {
            context.dependencies.forget(key);
            context.connections.set_unused(&connection, &settings).await;
            return Ok(None);
        }
    }
    // Before the Secret is read: a change in between must enqueue this connection again.
    register_dependencies(context, key, &settings);
    let state = context.connections.refresh(&connection).await;
    let (users, recount) = match object.meta().deletion_timestamp {
        Some(_) if is_ours => {
            let inventories = context.inventories;
            let counted = context.connections.users(&connection, inventories).await?;
            (Some(counted.0), counted.1)
        }
        _ => (None, None),
    };
    let users = users.as_deref();
    let verdict = verdict(&state, users);
    let mut out_of_date_in = None;
    let mut approval_left = None;
    if is_ours {
        approval_left = context.approval_left(&connection).await?;
        let object = match approval_left {
            Some(Duration::ZERO) => end_approval(context, &api, object).await?,
            _ => object,
        };
        let object = update_finalizer(context, &api, object, &state, users).await?;
        if !is_released(&object) {
            let next = next_status(&settings.status, &object, &state, &verdict);
            out_of_date_in = rate_limit::out_of_date_in(next.rate_limit.as_ref(), Timestamp::now());
            report(context, &api, &object, &settings.status, next, &verdict).await?;
        }
    }
    let (metrics, reason) = (context.metrics, verdict.0.as_str());
    metrics.reconciled(key.kind, reason, began.elapsed());
    context.report_change(key, &connection).await;
    let next = context.connections.next_check(&connection, users.is_some());
    let next = next.await;
    let approval_ends_in = approval_left.filter(|left| !left.is_zero());
    let next = [Some(next), out_of_date_in, approval_ends_in, recount];
    Ok(next.into_iter().flatten().min())
}

/// Removes an approval that was used: it must not approve the next loss of many objects as well.
async fn end_approval<C: ConnectionResource>(
    context: &ConnectionContext<'_>,
    api: &Api<C>,
    object: C,
) -> Result<C, ClusterError> {
    if object
        .annotations()
        .get(APPROVE)
        .is_none_or(|it| it != RECREATE)
    {
        return Ok(object);
    }
    let object = context
        .cluster
        .remove_annotation(api, &object, APPROVE)
        .await?;
    tracing::info!("removed the approval to create lost objects again, which was used");
    Ok(object)
}

/// Forgets a connection that was deleted. Its last session stays while a resource has a remote object that is to be deleted
/// through it; returns when to look again. Else nothing of it stays but what resources that wait for it need.
async fn forget(
    context: &ConnectionContext<'_>,
    key: &ResourceKey,
    connection: &ConnectionKey,
) -> Result<Option<Duration>, ClusterError> {
    let news = context.connections.forget(connection).await;
    context.dependencies.forget(key);
    context.uncount(key);
    if news {
        context.enqueue_dependents(key);
    }
    let (connections, check) = (context.connections, context.timing.connection_check);
    if !context.dependencies.dependents(key).is_empty() {
        return Ok(Some(check));
    }
    if connections.keeps_session(connection).await {
        let (users, recount) = connections.users(connection, context.inventories).await?;
        if !users.is_empty() {
            return Ok(Some(recount.unwrap_or(check)));
        }
    }
    connections.drop_forgotten(connection);
    Ok(None)
}

fn register_dependencies(
    context: &ConnectionContext<'_>,
    key: &ResourceKey,
    settings: &ConnectionSettings,
) {
    let references = settings.references();
    let sources = references.iter().map(|reference| {
        ResourceKey::new(
            reference.kind.as_str(),
            &settings.namespace,
            &reference.name,
        )
    });
    context.dependencies.set(key, sources.collect());
}

/// Keeps the connection for as long as resources with a remote object need it. A connection that was never ready has
/// no such resources, and gets no finalizer: it can be deleted even if the operator is gone.
async fn update_finalizer<C: ConnectionResource>(
    context: &ConnectionContext<'_>,
    api: &Api<C>,
    object: C,
    state: &ConnectionState,
    users: Option<&[String]>,
) -> Result<C, ClusterError> {
    let mut finalizers = object.finalizers().to_vec();
    let held = has_finalizer(&object);
    match users {
        None if !held && state.not_ready.is_none() => finalizers.push(IN_USE_FINALIZER.to_owned()),
        Some([]) if held => finalizers.retain(|finalizer| finalizer != IN_USE_FINALIZER),
        _ => return Ok(object),
    }
    context
        .cluster
        .set_finalizers(api, &object, &finalizers)
        .await
}

fn has_finalizer<C: ConnectionResource>(object: &C) -> bool {
    let finalizers = object.finalizers();
    finalizers.iter().any(|name| name == IN_USE_FINALIZER)
}

/// Returns true if the connection is being deleted and was released: it may be gone, so its status is not written.
fn is_released<C: ConnectionResource>(object: &C) -> bool {
    object.meta().deletion_timestamp.is_some() && !has_finalizer(object)
}

/// Returns the reason and message of the connection's conditions.
fn verdict(state: &ConnectionState, users: Option<&[String]>) -> (Reason, String) {
    // What keeps its users from being deleted comes first.
    let serves = |not_ready: &NotReady| not_ready.keeps_session() && state.session.is_some();
    let serves = state.not_ready.as_ref().is_none_or(serves);
    if let Some(users) = users.filter(|users| !users.is_empty() && serves) {
        let mut named = users[..users.len().min(NAMED_USERS)].join(", ");
        if users.len() > NAMED_USERS {
            named.push_str(", …");
        }
        let message = format!(
            "still in use by {} resource(s): {named}; deletion continues when they are deleted",
            users.len()
        );
        return (Reason::Deleting, message);
    }
    match &state.not_ready {
        Some(not_ready) => (not_ready.reason, not_ready.message.clone()),
        None => (Reason::Synced, "the API accepts the key".to_owned()),
    }
}

/// Returns the next status of the connection.
fn next_status<C: ConnectionResource>(
    status: &ConnectionStatus,
    object: &C,
    state: &ConnectionState,
    (reason, message): &(Reason, String),
) -> ConnectionStatus {
    let mut next = status.clone();
    next.observed_generation = object.meta().generation;
    if let Some(requested) = &state.handled {
        next.last_handled_reconcile_at = Some(requested.clone());
    }
    // The recorded instance is pinned: while the connection is not ready the session may be an older one, and must not
    // overwrite it.
    let record = status.instance.is_none() || state.not_ready.is_none();
    if let Some(session) = state.session.as_ref().filter(|_| record) {
        next.instance = Some(session.instance.clone());
    }
    let budget = state.session.as_ref().and_then(|session| session.budget());
    if let Some(budget) = budget {
        let shown = status.rate_limit.as_ref();
        next.rate_limit = Some(rate_limit::next(shown, &budget, Timestamp::now()));
    }
    let generation = object.meta().generation.unwrap_or_default();
    let conditions = Conditions::after(status.conditions.as_deref(), generation, Timestamp::now());
    next.conditions = Some(conditions.verdict(*reason, false, message).build());
    next
}

/// Writes the status if it changed, and an event if the reason did.
async fn report<C: ConnectionResource>(
    context: &ConnectionContext<'_>,
    api: &Api<C>,
    object: &C,
    status: &ConnectionStatus,
    next: ConnectionStatus,
    (reason, message): &(Reason, String),
) -> Result<(), ClusterError> {
    let namespace = object.namespace().unwrap_or_default();
    let key = ResourceKey::new(C::NAME, &namespace, &object.name_any());
    context.metrics.set_reason(&key, *reason);
    let cluster = context.cluster;
    if !cluster.write_status(api, object, status, &next).await? {
        return Ok(());
    }
    let before = condition(status.conditions.as_deref(), "Ready");
    let before = before.map(|before| before.reason.as_str());
    let changed = before != Some(reason.as_str());
    // A connection that is ready from the start is what everybody expects, and no event.
    if changed && (before.is_some() || *reason != Reason::Synced) {
        let uid = object.uid().unwrap_or_default();
        let warning = *reason != Reason::Synced;
        context
            .cluster
            .event((&key, &uid), reason.as_str(), warning, message)
            .await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::state::Permissions;
    use super::*;
    use crate::connections::not_ready::NotReady;
    use crate::resources::ConnectionDefaults;

    fn state(not_ready: Option<NotReady>) -> ConnectionState {
        ConnectionState {
            session: None,
            not_ready,
            permissions: Permissions::default(),
            defaults: ConnectionDefaults::default(),
            generation: Some(1),
            handled: None,
        }
    }

    #[test]
    fn a_connection_in_use_names_at_most_ten_of_its_users() {
        let users = |count| -> Vec<String> {
            (0..count)
                .map(|n| format!("AuthImport apps/r{n}"))
                .collect()
        };
        let ready = state(None);
        for (users, reason, message) in [
            (None, Reason::Synced, "the API accepts the key"),
            (Some(users(0)), Reason::Synced, "the API accepts the key"),
            (
                Some(users(1)),
                Reason::Deleting,
                "still in use by 1 resource(s): AuthImport apps/r0; deletion continues when they are deleted",
            ),
        ] {
            let found = verdict(&ready, users.as_deref());
            assert_eq!(found, (reason, message.to_owned()));
        }
        let (_, ten) = verdict(&ready, Some(&users(10)));
        assert!(ten.contains("r9; ") && !ten.contains('…'), "{ten}");
        let (_, eleven) = verdict(&ready, Some(&users(11)));
        assert!(
            eleven.contains("r9, …") && !eleven.contains("r10"),
            "{eleven}"
        );
    }
}
