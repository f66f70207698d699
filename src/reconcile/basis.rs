//! What is read from the cluster before a decision: the resource, its inputs and the state of its connection.

use super::context::{Context, now};
use super::resource::Resource;
use crate::cluster::error::ClusterError;
use crate::connections::ConnectionKey;
use crate::kinds::Kind;
use crate::plan::attempt::{Attempt, Circumstances, ConnectionVersion};
use crate::plan::case::{Case, ConnectionView, Problem, Unreachable, Unresolved};
use crate::plan::children::ChildKind;
use crate::plan::desired::Desired;
use crate::plan::ownership::Owner;
use crate::plan::policy::Policy;
use crate::plan::purpose::Purpose;
use crate::plan::record::Record;
use crate::plan::rewrites::Rewrites;
use crate::remote::Session;
use crate::resources::{FINALIZER, Reason, RemoteDetails, ResourceStatus};
use jiff::Timestamp;
use kube::ResourceExt;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The values that a [`Case`] refers to.
pub struct Basis {
    owner: Owner,
    generation: i64,
    terminating: bool,
    requested: Option<String>,
    approved: Option<String>,
    publish: Option<String>,
    policy: Policy,
    desired: Result<Desired, Unresolved>,
    record: Record,
    details: RemoteDetails,
    connection: ConnectionView,
    version: ConnectionVersion,
    session: Option<Arc<Session>>,
    paused: Option<Duration>,
    rewrites: HashMap<ChildKind, Rewrites>,
    unreachable: Unreachable,
    refused: Vec<&'static str>,
    nonce: String,
}

impl Basis {
    /// Reads everything that a decision about a resource depends on but the API.
    ///
    /// # Errors
    /// Kubernetes failed.
    pub async fn read<K: Kind>(
        context: &Context,
        resource: &mut Resource<K>,
        connection: &ConnectionKey,
    ) -> Result<Self, ClusterError> {
        let connections = &context.connections;
        let state = connections.state(connection).await;
        let session = state.session.clone();
        let terminating = resource.terminating();
        let desired = match terminating {
            true => Err(spec_not_read()),
            false => resource.desired(context).await?,
        };
        let refusal = refusal(context, resource, connection).await;
        let orphan_after = match terminating {
            true => {
                connections
                    .orphan_after(connection, session.as_deref())
                    .await
            }
            false => None,
        };
        let defaults = resource.defaults(context, &state).await;
        let named = resource.object.common().connection_ref.is_some();
        let view = state.view(connection, named, refusal);
        let version = state.version(&view);
        let attempt = attempt(context, resource, desired.as_ref().ok(), &version);
        let now = now();
        let paused = resource.remember(context, |memory| memory.pauses.begin(attempt, now));
        let common = resource.object.common();
        let lifecycle = resource.object.lifecycle();
        Ok(Self {
            owner: resource.owner.clone(),
            generation: resource.generation(),
            // One that comes too early is handled after the pause.
            requested: resource.requested().filter(|_| paused.is_none()),
            approved: resource.approved(),
            publish: resource.publish(),
            policy: Policy::new(common, lifecycle, Some(&defaults)),
            record: resource.record(context),
            details: resource.status.details(),
            connection: view,
            version,
            rewrites: resource.memory.rewrites.clone(),
            paused,
            unreachable: Unreachable {
                orphan_after,
                blocked_for: resource.memory.pauses.blocked_for(now),
            },
            refused: resource.refused(desired.as_ref().ok()),
            nonce: format!("{:016x}", rand::random::<u64>()),
            terminating,
            desired,
            session,
        })
    }

    /// Returns the case to decide.
    #[must_use]
    pub fn case<'a>(&'a self, context: &'a Context) -> Case<'a> {
        Case {
            owner: &self.owner,
            generation: self.generation,
            terminating: self.terminating,
            disabled: context.disabled.get(self.owner.kind.as_str()).copied(),
            requested: self.requested.as_ref(),
            approved: self.approved.as_ref(),
            policy: self.policy.clone(),
            desired: self.desired.as_ref().map_err(Clone::clone),
            publish: self.publish.as_deref(),
            record: &self.record,
            details: self.details.clone(),
            connection: self.connection.clone(),
            paused: self.paused,
            rewrites: self.rewrites.clone(),
            unreachable: self.unreachable,
            refused: self.refused.clone(),
            failure: None,
            list_lag: context.timing.settle,
            read_lag: context.timing.read_lag,
            key: &context.mac,
            nonce: &self.nonce,
            now: Timestamp::now(),
        }
    }

    /// Returns the state of the connection.
    #[must_use]
    pub fn version(&self) -> ConnectionVersion {
        self.version.clone()
    }

    /// Returns the connection's session for requests of this purpose, if it has one.
    #[must_use]
    pub fn session(&self, purpose: Purpose) -> Option<Arc<Session>> {
        let session = self.session.as_ref();
        session.map(|session| Arc::new(session.for_purpose(purpose)))
    }
}

/// Returns why the resource's namespace may not use the connection.
async fn refusal<K: Kind>(
    context: &Context,
    resource: &Resource<K>,
    connection: &ConnectionKey,
) -> Option<Problem> {
    if resource.suspended() && !resource.terminating() {
        return None;
    }
    let namespace = &resource.key.namespace;
    let admitted = context.connections.admit(connection, namespace).await;
    admitted.err().map(Problem::from)
}

/// Deletion never depends on the spec.
fn spec_not_read() -> Unresolved {
    Unresolved {
        reason: Reason::Deleting,
        message: String::new(),
    }
}

/// Returns what the next attempt depends on.
#[must_use]
pub fn attempt<K: Kind>(
    context: &Context,
    resource: &Resource<K>,
    desired: Option<&Desired>,
    connection: &ConnectionVersion,
) -> Attempt {
    let terminating = resource.terminating();
    let circumstances = Circumstances {
        generation: resource.generation(),
        terminating,
        revision: desired.map(|desired| desired.revision.clone()),
        references: desired.map(|desired| desired.references),
        approved: resource.approved(),
        connection: connection.clone(),
    };
    let finalizers = resource.object.finalizers();
    let attempt = Attempt::new(&circumstances)
        .requested(resource.requested().as_ref())
        .with_finalizer(finalizers.iter().any(|it| it == FINALIZER));
    match terminating {
        true => attempt.blocked_by(context.dependencies.dependents(&resource.key)),
        false => attempt,
    }
}
