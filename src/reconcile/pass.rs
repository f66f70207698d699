//! One pass over one resource: read, resolve, look, decide, act, report. The same for all kinds.

use super::act::{self, Outcome};
use super::export::{notice, recall, refused};
use super::queue::After;
use super::see::{Eye, Halt};
use super::subject::Subject;
use super::world::World;
use crate::cluster::{ClusterError, Missing};
use crate::connections::{ConnectionKey, NotReady};
use crate::kinds::{Kind, SourceKind};
use crate::plan::{
    Desired, Plan, Policy, Seen, Sighting, Situation, Step, Verdict, approval, plan,
};
use crate::remote::{RemoteError, Session};
use crate::resources::ResourceKey;
use crate::resources::{APPROVE, ConnectionDefaults, ConnectionKind, Mode, PlanStatus, Reason};
use jiff::Timestamp;
use kube::ResourceExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How a pass ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What it says.
    pub verdict: Verdict,
    /// Whether it is trouble that says nothing about the resource itself.
    pub trouble: bool,
    /// Whether only a person, or a change, can help: trying again soon is useless.
    pub refused: bool,
    /// How long the API asks to wait.
    pub wait: Option<Duration>,
    /// Whether nothing was tried, because it is too early after a failure.
    pub held_back: bool,
}

impl Ended {
    /// Ended as planned.
    #[must_use]
    pub fn with(verdict: Verdict) -> Self {
        Self {
            verdict,
            trouble: false,
            refused: false,
            wait: None,
            held_back: false,
        }
    }

    fn down(down: NotReady) -> Self {
        let reason = match down.reason {
            Reason::ConnectionNotFound | Reason::NamespaceNotAllowed => down.reason,
            _ => Reason::ConnectionNotReady,
        };
        let message = match reason {
            Reason::ConnectionNotReady => format!(
                "the connection is not ready: {}: {}",
                down.reason, down.message
            ),
            _ => down.message,
        };
        Self {
            trouble: reason != Reason::NamespaceNotAllowed,
            wait: down.wait,
            ..Self::with(Verdict::new(reason, message))
        }
    }
}

/// Brings one custom resource one step nearer to what it asks for, and says so in its status.
///
/// # Errors
/// Kubernetes failed; nothing was concluded.
pub async fn pass<K: Kind>(world: &World, key: &ResourceKey) -> Result<After, ClusterError> {
    let Some(mut subject) = Subject::<K>::read(world, key).await? else {
        world.wake_dependents(key);
        world.forget(key);
        return Ok(After::Never);
    };
    let connection = subject.connection(world).await;
    depend(world, &subject, &connection);
    let mut pass = Pass {
        world,
        connection,
        session: None,
        defaults: ConnectionDefaults::default(),
        desired: None,
        seen: Seen::default(),
        outcome: Outcome::default(),
        planned: None,
        published: None,
        began: Instant::now(),
    };
    let ended = match pass.run(&mut subject).await {
        Ok(ended) => ended,
        // Whoever leads now has the say on this resource.
        Err(Halt::Remote(RemoteError::NotLeader)) => return Ok(After::In(world.timing.backoff.0)),
        Err(Halt::Remote(trouble)) => pass.troubled(&subject, &trouble).await,
        Err(Halt::Cluster(error)) => return Err(error),
    };
    pass.finish(&mut subject, ended).await
}

/// Notes what the resource depends on, before anything of it is read.
fn depend<K: Kind>(world: &World, subject: &Subject<K>, connection: &ConnectionKey) {
    let namespace = &subject.key.namespace;
    let references = subject.object.references();
    let mut sources: Vec<ResourceKey> = references
        .iter()
        .map(|reference| ResourceKey::new(reference.kind.as_str(), namespace, &reference.name))
        .collect();
    sources.push(connection.resource_key());
    if subject.object.common().connection_ref.is_none() {
        sources.extend(default_connections(namespace));
    }
    if connection.namespace.is_empty() {
        sources.push(ResourceKey::new("Namespace", "", namespace));
    }
    if let Some(secret) = subject.object.exports_into() {
        sources.push(ResourceKey::new(
            SourceKind::Secret.as_str(),
            namespace,
            &secret.name,
        ));
    }
    if let Some(publish) = &subject.object.common().publish {
        let kind = SourceKind::ConfigMap.as_str();
        sources.push(ResourceKey::new(kind, namespace, &publish.config_map.name));
    }
    sources.sort();
    sources.dedup();
    world.dependencies.set(&subject.key, sources);
}

/// The two that can be the default of a namespace, whichever is in use.
fn default_connections(namespace: &str) -> [ResourceKey; 2] {
    [
        ConnectionKind::Connection,
        ConnectionKind::ClusterConnection,
    ]
    .map(|kind| ConnectionKey::new(kind, namespace, "default").resource_key())
}

/// The state of one pass.
pub(super) struct Pass<'w> {
    pub(super) world: &'w World,
    pub(super) connection: ConnectionKey,
    pub(super) session: Option<Arc<Session>>,
    pub(super) defaults: ConnectionDefaults,
    pub(super) desired: Option<Desired>,
    pub(super) seen: Seen,
    pub(super) outcome: Outcome,
    /// What waits for approval.
    pub(super) planned: Option<PlanStatus>,
    /// The ConfigMap that holds the ids now.
    pub(super) published: Option<String>,
    pub(super) began: Instant,
}

impl Pass<'_> {
    async fn run<K: Kind>(&mut self, subject: &mut Subject<K>) -> Result<Ended, Halt> {
        let world = self.world;
        let standing = world.connections.state(&self.connection).await;
        self.session = standing.session.clone();
        self.defaults = standing.defaults.clone();
        if subject.terminating() {
            return self.delete(subject, &standing).await;
        }
        let wanting = self.want(subject).await?;
        let suspended = subject.object.common().suspend.unwrap_or(false);
        if !suspended {
            if let Some(wanting) = wanting {
                return Ok(wanting);
            }
            if let Err(down) = world
                .connections
                .admit(&self.connection, &subject.key.namespace)
                .await
            {
                return Ok(Ended::down(down));
            }
            match standing.usable() {
                Ok(session) => self.session = Some(session.clone()),
                Err(down) => return Ok(Ended::down(down)),
            }
            if let Some(ended) = self.elsewhere(subject) {
                return Ok(ended);
            }
        }
        if let Some(ended) = self.held_back(subject) {
            return Ok(ended);
        }
        let policy = subject.policy(&self.defaults);
        self.decide(subject, &policy).await
    }

    /// Finds out what is wanted; answers how the pass ends where that can't be known.
    async fn want<K: Kind>(&mut self, subject: &Subject<K>) -> Result<Option<Ended>, Halt> {
        let (namespace, references) = (&subject.key.namespace, subject.object.references());
        let inputs = self.world.cluster.resolve(namespace, &references).await;
        let desired = match inputs {
            Ok(inputs) => subject
                .object
                .desired(&inputs, &subject.owner, &self.world.mac),
            Err(Missing::Invalid(invalid)) => Err(invalid),
            Err(Missing::NotYet(not_yet)) => {
                let verdict = Verdict::new(not_yet.reason, not_yet.message);
                return Ok(Some(Ended::with(verdict)));
            }
            Err(Missing::Unread(error)) => return Err(error.into()),
        };
        match desired {
            Ok(desired) => self.desired = Some(desired),
            Err(invalid) => {
                let verdict = Verdict::new(invalid.reason, invalid.message);
                return Ok(Some(Ended::with(verdict)));
            }
        }
        Ok(None)
    }

    /// Looks, decides and acts.
    pub(super) async fn decide<K: Kind>(
        &mut self,
        subject: &mut Subject<K>,
        policy: &Policy,
    ) -> Result<Ended, Halt> {
        let (world, session) = (self.world, self.session.clone());
        let borrowed = self.desired.as_ref().and_then(Desired::borrowed).cloned();
        let known = borrowed.or(subject.ledger.id.clone());
        let known = known.or(policy.adopt.as_ref().map(|adopt| adopt.id.clone()));
        let _alone = match (&session, &known) {
            (Some(session), Some(id)) => Some(session.lock(id).await),
            _ => None,
        };
        let memory = &subject.memory;
        // What was seen before a write of unknown outcome says nothing about it.
        let unknown = !memory.certain && memory.last_write.is_some();
        let fresh = unknown || subject.terminating() || subject.requested().is_some();
        let began = Instant::now();
        let since = match fresh {
            true => began,
            false => began
                .checked_sub(policy.interval.mul_f64(0.85))
                .unwrap_or(began),
        };
        self.see(subject, policy, since, began).await?;
        recall(subject, &self.seen, &mut self.outcome);
        notice(world, subject, &self.seen);
        let mut decision = plan(&self.situation(subject, policy));
        if decision.changes_an_object() {
            // What is sent is built on what is there, others' metadata included: only this pass's own look will do.
            self.seen.object = None;
            self.see(subject, policy, began, began).await?;
            decision = plan(&self.situation(subject, policy));
        }
        tracing::debug!(key = %subject.key, steps = decision.steps.len(), reason = %decision.verdict.reason, "planned");
        if let Some(invalid) = self.check(subject, &decision).await? {
            return Ok(Ended::with(invalid));
        }
        if let Some(pending) = self.pending(subject, policy, &decision) {
            return Ok(Ended::with(pending));
        }
        let exports = |step: &Step| matches!(step, Step::Export { .. });
        if decision.steps.iter().any(exports)
            && let Some(refused) = refused(world, subject).await?
        {
            return Ok(refused);
        }
        for step in decision.steps {
            let desired = self.desired.as_ref();
            act::step(
                self.world,
                session.as_deref(),
                subject,
                desired,
                step,
                &mut self.outcome,
            )
            .await?;
        }
        if let Some(refused) = self.outcome.refused.take() {
            return Ok(refused);
        }
        self.outcome.acknowledged = decision.acknowledges;
        Ok(Ended {
            trouble: matches!(self.seen.object, Some(Sighting::Lagging)),
            ..Ended::with(decision.verdict)
        })
    }

    async fn see<K: Kind>(
        &mut self,
        subject: &Subject<K>,
        policy: &Policy,
        since: Instant,
        began: Instant,
    ) -> Result<(), Halt> {
        let Some(session) = &self.session else {
            return Ok(());
        };
        let eye = Eye {
            world: self.world,
            session,
            connection: &self.connection,
            since,
            began,
        };
        eye.see(subject, self.desired.as_ref(), policy, &mut self.seen)
            .await
    }

    /// `mode: Plan`: what is not approved yet is shown, and nothing is sent.
    fn pending<K: Kind>(
        &mut self,
        subject: &Subject<K>,
        policy: &Policy,
        decision: &Plan,
    ) -> Option<Verdict> {
        let needed = approval::needed(&self.situation(subject, policy), decision);
        let needed = needed.filter(|_| policy.mode == Mode::Plan)?;
        let approved = subject.object.annotations().get(APPROVE) == Some(&needed.hash);
        if approved {
            return None;
        }
        let message = format!(
            "{} step(s) wait for approval: see status.plan, then set the annotation {APPROVE} to {}",
            needed.steps.len(),
            needed.hash
        );
        self.planned = Some(needed);
        Some(Verdict::new(Reason::PlanPending, message))
    }

    pub(super) fn situation<'a, K: Kind>(
        &'a self,
        subject: &'a Subject<K>,
        policy: &'a Policy,
    ) -> Situation<'a> {
        Situation {
            terminating: subject.terminating(),
            owner: &subject.owner,
            ledger: &subject.ledger,
            desired: self.desired.as_ref(),
            seen: &self.seen,
            policy,
            now: Timestamp::now(),
        }
    }

    /// A resource lives in one instance; a connection to another one is a mistake, whoever made it.
    fn elsewhere<K: Kind>(&self, subject: &Subject<K>) -> Option<Ended> {
        let here = &self.session.as_ref()?.instance.id;
        let there = subject
            .status
            .instance_id
            .as_ref()
            .filter(|id| *id != here)?;
        let message = format!(
            "this object lives in instance {there}, but {} opens {here}: refer to a connection of {there}, or delete this resource and create it anew",
            self.connection
        );
        Some(Ended::with(Verdict::new(Reason::InstanceMismatch, message)))
    }
}
