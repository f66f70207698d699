//! Takes the steps of a plan, one effect at a time, and stops at the first that fails.

use super::see::Halt;
use super::subject::Subject;
use super::world::World;
use crate::cluster::{Cause, ClusterError};
use crate::kinds::Kind;
use crate::plan::{Desired, Intent, RemoteView, Step, body, overtaken};
use crate::remote::{Session, Trouble};
use crate::resources::FINALIZER;
use jiff::Timestamp;
use kube::ResourceExt;
use std::sync::Arc;

/// What the steps brought about.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Our remote object, as last seen or written.
    pub remote: Option<Arc<RemoteView>>,
    /// Whether it has all that is wanted.
    pub acknowledged: bool,
    /// The time from which on writes are not ours, where that is not the object's own.
    pub others_since: Option<Timestamp>,
    /// Whether it was made in this pass.
    pub created: bool,
    /// Whether anything was written at the API.
    pub wrote: bool,
    /// Whether the resource was let go.
    pub released: bool,
}

/// Takes one step.
///
/// # Errors
/// The effect failed; the outcome holds what was done before.
pub async fn step<K: Kind>(
    world: &World,
    session: Option<&Session>,
    subject: &mut Subject<K>,
    desired: Option<&Desired>,
    step: Step,
    outcome: &mut Outcome,
) -> Result<(), Halt> {
    match step {
        Step::Hold => hold(world, subject).await,
        Step::Bind {
            remote,
            acknowledged,
        } => {
            outcome.remote = Some(Arc::from(remote));
            outcome.acknowledged = acknowledged;
            Ok(())
        }
        Step::Create => {
            let (session, desired) = both(session, desired)?;
            let remote = create(world, session, subject, desired).await?;
            *outcome = Outcome {
                remote: Some(remote),
                acknowledged: true,
                created: true,
                wrote: true,
                ..Outcome::default()
            };
            Ok(())
        }
        Step::Update {
            remote,
            differences,
        } => {
            let (session, desired) = both(session, desired)?;
            let body = body::update(
                desired,
                &differences,
                &remote,
                &subject.ledger.metadata_keys,
            );
            let intent = subject.memory.intent;
            subject.sending(world, intent);
            let answer = session.update::<K>(&remote.id, body).await;
            subject.sent(world);
            let answer = answer?;
            outcome.others_since =
                overtaken(desired, &differences, &answer).then_some(remote.updated_at);
            outcome.remote = Some(answer);
            outcome.acknowledged = true;
            outcome.wrote = true;
            Ok(())
        }
        Step::Delete { id } => {
            let Some(session) = session else {
                return Err(Trouble::NotLeader.into());
            };
            outcome.wrote = true;
            Ok(session.delete::<K>(&id).await?)
        }
        Step::Release => {
            outcome.released = true;
            release(world, subject).await
        }
    }
}

fn both<'a>(
    session: Option<&'a Session>,
    desired: Option<&'a Desired>,
) -> Result<(&'a Session, &'a Desired), Halt> {
    session.zip(desired).ok_or(Halt::Remote(Trouble::NotLeader))
}

/// The write-ahead intent: the finalizer is in etcd, and was read back, before the first create is sent.
async fn hold<K: Kind>(world: &World, subject: &mut Subject<K>) -> Result<(), Halt> {
    let mut finalizers = subject.object.finalizers().to_vec();
    finalizers.push(FINALIZER.to_owned());
    let api = subject.api(world);
    let held = world
        .cluster
        .set_finalizers(&api, &subject.object, &finalizers)
        .await?;
    let conflict = |cause| ClusterError {
        operation: "patch finalizers".to_owned(),
        object: subject.key.to_string(),
        cause,
    };
    if held.meta().deletion_timestamp.is_some() || !held.finalizers().iter().any(|f| f == FINALIZER)
    {
        return Err(conflict(Cause::Conflict).into());
    }
    subject.object = held;
    subject.ledger.finalizer = true;
    if subject.ledger.id.is_none() && !subject.ledger.lived {
        subject.ledger.intent = Intent::Clean;
        subject.remember(world, |memory| memory.intent = Intent::Clean);
    }
    Ok(())
}

async fn create<K: Kind>(
    world: &World,
    session: &Session,
    subject: &mut Subject<K>,
    desired: &Desired,
) -> Result<Arc<RemoteView>, Halt> {
    subject.sending(world, Intent::Ambiguous);
    let answer = session.create::<K>(body::create(desired)).await;
    subject.sent(world);
    match answer {
        Ok(remote) => {
            let id = remote.id.clone();
            // From here on a missing id means that somebody took it away: then it is searched for.
            subject.remember(world, |memory| {
                memory.intent = Intent::Unknown;
                memory.created = Some(id);
            });
            Ok(remote)
        }
        Err(trouble) => {
            if !trouble.maybe_applied() {
                subject.remember(world, |memory| memory.intent = Intent::Clean);
            }
            Err(trouble.into())
        }
    }
}

async fn release<K: Kind>(world: &World, subject: &mut Subject<K>) -> Result<(), Halt> {
    let mut finalizers = subject.object.finalizers().to_vec();
    let before = finalizers.len();
    finalizers.retain(|finalizer| finalizer != FINALIZER);
    if finalizers.len() == before {
        return Ok(());
    }
    let api = subject.api(world);
    match world
        .cluster
        .set_finalizers(&api, &subject.object, &finalizers)
        .await
    {
        Ok(_)
        | Err(ClusterError {
            cause: Cause::NotFound,
            ..
        }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
