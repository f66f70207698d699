//! Finding again what nobody recorded: what carries our marker is ours; only where a complete search finds nothing, and
//! nothing can be late any more, is it made again.

use super::marker::claimed;
use super::{
    Desired, Happening, Plan, RemoteView, Situation, Step, Verdict, bind, create, differences,
    synced, update,
};
use crate::resources::Reason;

/// Decides after a create whose outcome nobody recorded.
pub(super) fn recover(situation: &Situation, desired: &Desired, found: &[RemoteView]) -> Plan {
    let mine = claimed(situation, found);
    let Some((remote, others)) = choose(situation, desired, &mine) else {
        if situation.ledger.settled {
            return create(desired);
        }
        return Verdict::new(
            Reason::AmbiguousCreate,
            "a create may have reached Metorial: looking for it before anything is made again",
        )
        .alone();
    };
    let mut plan = take_up(situation, desired, remote);
    // Once an object is bound nobody searches any more, so the others are seen to first.
    plan.steps.splice(0..0, others);
    plan
}

/// Which of several is the one, and what becomes of the others. Where the API replaces, there are two in the middle of
/// it: the newer has the wanted values, and the former is let go as after any replacement. Otherwise only a repeated
/// create makes a second one: the oldest stays.
fn choose<'a>(
    situation: &Situation,
    desired: &Desired,
    mine: &[&'a RemoteView],
) -> Option<(&'a RemoteView, Vec<Step>)> {
    let oldest = *mine.first()?;
    let fits = |remote: &&&RemoteView| !differences(desired, remote, situation.ledger).replaces;
    let replaces = situation.policy.replace.is_some();
    let remote = match replaces {
        true => *mine.iter().find(fits).or(mine.last())?,
        false => oldest,
    };
    let others = mine.iter().filter(|other| other.id != remote.id);
    let others = others.filter(|other| replaces || of_us(situation, other));
    let others = others.map(|other| other.id.clone());
    let seen_to = |id| match replaces {
        true => Step::Retire { id },
        false => Step::Delete { id },
    };
    Some((remote, others.map(seen_to).collect()))
}

/// Objects of a predecessor are bound, one of them, and otherwise left alone.
fn of_us(situation: &Situation, remote: &RemoteView) -> bool {
    super::Marker::claim(remote.marker.as_ref(), situation.owner) == super::Claim::Ours
}

fn take_up(situation: &Situation, desired: &Desired, remote: &RemoteView) -> Plan {
    let differences = differences(desired, remote, situation.ledger);
    let mut verdict =
        synced(desired).with(Happening::Recovered, format!("found {} again", remote.id));
    // What else it lacks than a PATCH brings in, the next pass sees once the id is recorded.
    let complete = !differences.imports && !differences.replaces;
    if !complete {
        verdict.reason = Reason::Updating;
        verdict.message = format!("found {}: looking at what it lacks", remote.id);
    }
    if differences.patches(desired) && complete {
        return update(remote, differences, verdict);
    }
    Plan {
        steps: vec![bind(remote)],
        verdict,
        acknowledges: complete,
    }
}
