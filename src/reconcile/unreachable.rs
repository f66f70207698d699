//! Deletions that can't reach the API or have no key: they wait, and give up only where the connection says so.

use super::pass::Ended;
use super::see::Halt;
use super::subject::Subject;
use super::world::World;
use crate::connections::{ConnectionKey, ConnectionState};
use crate::kinds::Kind;
use crate::plan::Verdict;
use crate::remote::RemoteError;
use crate::resources::{Reason, UnreachablePolicy};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// How long `OrphanAfter` waits where it doesn't say.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Why a deletion can't even try. A connection or a key that is gone is no reason while the last good one is known.
#[must_use]
pub fn blocked<K: Kind>(
    subject: &Subject<K>,
    connection: &ConnectionKey,
    standing: &ConnectionState,
) -> Option<Ended> {
    let gone = |reason| {
        matches!(
            reason,
            Reason::ConnectionNotFound | Reason::SecretNotFound | Reason::SecretKeyNotFound
        )
    };
    let why = match (&standing.session, &standing.not_ready) {
        (Some(session), down) if down.as_ref().is_none_or(|d| d.transient || gone(d.reason)) => {
            let elsewhere = subject.status.instance_id.as_ref();
            elsewhere
                .filter(|id| **id != session.instance.id)
                .map(|id| {
                    format!("{connection} opens another instance than {id}, where the object lives")
                })?
        }
        (_, Some(down)) => format!("{connection}: {}: {}", down.reason, down.message),
        (_, None) => format!("{connection} is not ready"),
    };
    let message = format!(
        "can't delete at Metorial: {why}. Repair the connection, or set deletionPolicy: Orphan to leave the remote object behind"
    );
    Some(Ended {
        trouble: true,
        ..Ended::with(Verdict::new(Reason::DeletionBlocked, message))
    })
}

/// Whether a failure means that the API can't be reached with this key, rather than that it refuses.
#[must_use]
pub fn is(trouble: &RemoteError) -> bool {
    trouble.concerns_connection() || trouble.maybe_applied()
}

/// Whether to give up now; then the id is recorded, so that a person can find what was left behind.
///
/// # Errors
/// The record could not be written: then nothing is given up.
pub async fn give_up<K: Kind>(
    world: &World,
    connection: &ConnectionKey,
    standing: &ConnectionState,
    subject: &mut Subject<K>,
) -> Result<bool, Halt> {
    let since = subject.memory.blocked_since.unwrap_or_else(Instant::now);
    subject.remember(world, |memory| memory.blocked_since = Some(since));
    let last_known = standing
        .session
        .as_ref()
        .and_then(|session| session.on_unreachable.clone());
    let policy = world
        .connections
        .on_unreachable(connection)
        .await
        .or(last_known);
    let Some(policy) = policy.filter(|policy| policy.policy == UnreachablePolicy::OrphanAfter)
    else {
        return Ok(false);
    };
    let after = policy
        .after
        .as_ref()
        .and_then(|after| after.duration())
        .unwrap_or(PATIENCE);
    if since.elapsed() < after {
        return Ok(false);
    }
    if let Some(id) = &subject.ledger.id {
        let entry = json!({
            "kind": K::NAME,
            "namespace": subject.key.namespace,
            "name": subject.key.name,
            "id": id,
            "instanceId": subject.status.instance_id,
        });
        let (namespace, uid) = (&world.operator_namespace, &subject.owner.uid);
        world
            .cluster
            .record_orphan(namespace, uid, &entry.to_string())
            .await?;
    }
    Ok(true)
}
