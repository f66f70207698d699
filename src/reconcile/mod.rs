//! Reconciles one custom resource, the same for all kinds: get it, read what it refers to, decide, execute the plan, report.
//! Connections have a reconciliation of their own, in [`connection`].

mod act;
mod case;
pub mod connection;
pub mod context;
mod error;
mod export;
pub mod memories;
mod read;
mod report;
mod resource;
mod run;

use crate::cluster::error::{Cause, ClusterError};
use crate::connections::{ConnectionState, Postponed};
use crate::kinds::Kind;
use crate::plan::backoff::Retry;
use crate::plan::case::Failure;
use crate::plan::decide;
use crate::plan::facts::Facts;
use crate::resources::{ConnectionKey, ResourceKey};
use context::Context;
use error::Error;
use resource::Resource;
use run::Run;
use std::time::Duration;

/// Reconciles the resource `key`. Returns when to do so again; `None`: only when a watched object changes.
///
/// # Errors
/// Kubernetes failed; nothing was concluded.
pub async fn reconcile<K: Kind>(
    context: &Context,
    key: &ResourceKey,
) -> Result<Option<Duration>, ClusterError> {
    let Some(mut resource) = Resource::<K>::get(context, key).await? else {
        // Gone, or moved to another shard. Resources that refer to it may wait for it to be gone.
        context.enqueue_dependents(key);
        context.forget(key);
        return Ok(None);
    };
    let Ok((connection, state)) = connection_of(&resource).await else {
        return Ok(None);
    };
    resource.reread_awaited_owner().await?;
    let desired = resource.desired().await?;
    let mut case = case::begin_attempt(&mut resource, &connection, &state, &desired).await;
    let mut run = Run::new(resource, &connection, &state, &case);
    let _guard = run.lock(case.object_id()).await;
    let mut facts = Facts::default();
    if case.paused.is_some() {
        run.recall(&case, &mut facts);
    }
    loop {
        let done = match decide(&case, &facts) {
            Ok(plan) => run.execute(&case, &plan).await.map(Some),
            Err(query) => run.read_fact(&case, &query).await.map(|answer| {
                facts.add(query, answer);
                None
            }),
        };
        match done {
            Ok(Some(next)) => return Ok(next),
            Ok(None) => {}
            // The next plan does without these fields, so the loop ends.
            Err(Error::FieldsRefused(fields)) => {
                run.remember(|memory| memory.refuse(case.desired(), &fields));
                case.refused = fields;
            }
            // A failure is decided upon as well. The plan after it sends nothing to the API, so the loop ends.
            Err(Error::Remote(error)) => {
                let failure = error.failure(case.desired());
                if failure.concerns_connection {
                    context.connections.suspect(&connection, run.began, &error);
                }
                case.failure = Some(Failure::Remote(failure));
            }
            Err(Error::Failed(failure)) => case.failure = Some(failure),
            Err(Error::Postponed) => return Ok(None),
            // The process that leads now, or serves the resource, decides about it. If that is still this process, it reads it again.
            Err(Error::NotLeader | Error::OfAnotherShard) => {
                return Ok(Some(context.timing.backoff.0));
            }
            Err(Error::Cluster(error)) if error.cause == Cause::Conflict => {
                tracing::info!(%error, "resource changed; reconciling again");
                return Ok(run.end_attempt(&case, &Retry::Now, None));
            }
            Err(Error::Cluster(error)) => return Err(error),
        }
    }
}

/// Returns the connection that a resource uses, and its state.
///
/// # Errors
/// A connection is being checked; the resource is enqueued when that has ended.
async fn connection_of<K: Kind>(
    resource: &Resource<'_, K>,
) -> Result<(ConnectionKey, ConnectionState), Postponed> {
    let connections = &resource.context.connections;
    let connection = connections.used(&resource.connection_query()).await?;
    resource.register_dependencies(&connection);
    let state = connections.state(&connection, resource.key).await?;
    Ok((connection, state))
}
