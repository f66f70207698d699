//! Takes the steps of a plan, one effect at a time, and stops at the first that fails.

use super::export::{deliver, export};
use super::pass::Ended;
use super::see::Halt;
use super::subject::Subject;
use super::world::World;
use crate::cluster::{Cause, ClusterError};
use crate::kinds::Kind;
use crate::plan::{Desired, ImportSeen, Intent, RemoteView, Step, Target, body, overtaken};
use crate::remote::records::note;
use crate::remote::{RemoteError, Session};
use crate::resources::{ExportStatus, FINALIZER};
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
    /// What the Secret holds now.
    pub export: Option<ExportStatus>,
    /// How the pass ends where Kubernetes does not take the Secret.
    pub refused: Option<Ended>,
    /// The import that was made or found.
    pub import: Option<ImportSeen>,
    /// What is still to be deleted.
    pub retiring: Vec<String>,
    /// What was deleted.
    pub deleted: Vec<String>,
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
        Step::Bind { remote, import } => {
            // The import may have taken effect after the object was read.
            let overtaken = |import: &ImportSeen| import.created_at > remote.updated_at;
            let overtaken = import.as_deref().is_some_and(overtaken);
            let refreshed = match session.filter(|_| overtaken) {
                Some(session) => session.refreshed::<K>(&remote.id).await?,
                None => None,
            };
            outcome.remote = Some(refreshed.unwrap_or_else(|| Arc::from(remote)));
            outcome.import = import.map(|import| *import);
            Ok(())
        }
        Step::Create => {
            let (session, desired) = both(session, desired)?;
            create(world, session, subject, desired, outcome).await
        }
        Step::Export { newest, lost } => {
            let (session, desired) = both(session, desired)?;
            export(world, session, subject, desired, newest, lost, outcome).await?;
            deliver(world, subject, outcome).await
        }
        Step::Deliver => deliver(world, subject, outcome).await,
        Step::Import { id, tag } => {
            let (session, desired) = both(session, desired)?;
            import(world, session, subject, desired, Some(&id), &tag, outcome).await
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
            outcome.wrote = true;
            Ok(())
        }
        Step::Retire { id } => {
            outcome.retiring.push(id);
            Ok(())
        }
        Step::Delete { id } => {
            let Some(session) = session else {
                return Err(RemoteError::NotConnected.into());
            };
            outcome.wrote = true;
            session.delete::<K>(&id).await?;
            outcome.deleted.push(id);
            Ok(())
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
    session
        .zip(desired)
        .ok_or(Halt::Remote(RemoteError::NotConnected))
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
    outcome: &mut Outcome,
) -> Result<(), Halt> {
    if desired.target == Target::OwnByImport {
        let importing = desired.importing.as_ref();
        let tag = importing
            .map(|importing| importing.tag(None))
            .unwrap_or_default();
        import(world, session, subject, desired, None, &tag, outcome).await?;
    } else {
        let made = session.create::<K>(body::create(desired));
        outcome.remote = Some(sent(world, subject, Intent::Clean, made).await?);
    }
    let id = outcome.remote.as_ref().map(|remote| remote.id.clone());
    subject.remember(world, |memory| memory.created = id);
    outcome.created = true;
    outcome.wrote = true;
    Ok(())
}

/// Brings the value in by an import, into `id` or into an object that the import makes.
async fn import<K: Kind>(
    world: &World,
    session: &Session,
    subject: &mut Subject<K>,
    desired: &Desired,
    id: Option<&str>,
    tag: &str,
    outcome: &mut Outcome,
) -> Result<(), Halt> {
    let words = desired
        .importing
        .as_ref()
        .map_or("", |importing| &importing.note);
    let owner = subject.owner.clone();
    let body = body::import(desired, id, &note(words, &owner, tag));
    let made = session.import(body, &owner);
    let refused = if id.is_some() {
        subject.memory.intent
    } else {
        Intent::Clean
    };
    let made = sent(world, subject, refused, made).await?;
    outcome.wrote = true;
    outcome.import = Some(made.record);
    let into = match (made.into, id) {
        (Some(into), _) => Some(into),
        (None, Some(id)) => session.refreshed::<K>(id).await?,
        (None, None) => None,
    };
    outcome.remote = into.or(outcome.remote.take());
    Ok(())
}

/// Sends a write that must not be repeated blindly: its intent is remembered before, its outcome after.
pub(super) async fn sent<K: Kind, T>(
    world: &World,
    subject: &mut Subject<K>,
    refused: Intent,
    write: impl Future<Output = Result<T, RemoteError>>,
) -> Result<T, Halt> {
    subject.sending(world, Intent::Ambiguous);
    let done = write.await;
    subject.sent(world);
    let unknown = done.as_ref().is_err_and(RemoteError::maybe_applied);
    let applied = done.is_ok();
    subject.remember(world, |memory| {
        memory.certain &= !unknown;
        memory.intent = match (unknown, applied) {
            (true, _) => Intent::Ambiguous,
            // From here on a missing id means that somebody took it away: then it is searched for.
            (false, true) => Intent::Unknown,
            // A search or a clean slate preceded what was refused, so nothing else is under way.
            (false, false) => refused,
        };
    });
    Ok(done?)
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
