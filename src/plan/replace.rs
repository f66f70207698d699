//! What the API can't change leads to another object: make the new one, publish its id, let the old one rest for a
//! while, delete it. Safe at every point: the new one carries our marker, the old one stands in the status.

use super::{Claim, Desired, Marker};
use super::{Happening, Plan, RemoteView, Situation, Step, Verdict, bind, differences, synced};
use crate::resources::{Reason, Replace};

/// Decides about an object that differs in a field that can't be changed.
pub(super) fn replace(
    situation: &Situation,
    desired: &Desired,
    former: &RemoteView,
    fields: &str,
) -> Plan {
    if situation.policy.replace == Some(Replace::Never) {
        let message = format!(
            "Metorial can't change {fields} of {}: undo the change, or set replace: Allow",
            former.id
        );
        return Verdict::new(Reason::ImmutableFieldChanged, message).alone();
    }
    let ours = |remote: &&RemoteView| {
        let claim = Marker::claim(remote.marker.as_ref(), situation.owner);
        let retiring = situation
            .ledger
            .retiring
            .iter()
            .any(|(id, _)| *id == remote.id);
        remote.live && claim == Claim::Ours && remote.id != former.id && !retiring
    };
    let others: Vec<&RemoteView> = situation
        .seen
        .search
        .iter()
        .flatten()
        .filter(ours)
        .collect();
    let fits = |remote: &&&RemoteView| !differences(desired, remote, situation.ledger).replaces;
    let successor = others.iter().find(fits).copied();
    let strangers = others
        .iter()
        .filter(|other| Some(other.id.as_str()) != successor.map(|s| s.id.as_str()));
    let mut steps: Vec<Step> = match successor {
        Some(successor) => vec![bind(successor)],
        None if situation.ledger.certain || situation.ledger.settled => vec![Step::Create],
        None => {
            let message = "a new object may have been made already: looking for it first";
            return Verdict::new(Reason::Replacing, message).alone();
        }
    };
    steps.extend(strangers.map(|other| Step::Retire {
        id: other.id.clone(),
    }));
    let note = format!(
        "changed {fields}: another object takes the place of {}",
        former.id
    );
    Plan {
        steps,
        verdict: synced(desired).with(Happening::Replaced, note),
        acknowledges: true,
    }
}

/// The deletion of what was replaced, once its time has come and nothing needs it any more.
pub(super) fn retire(situation: &Situation) -> Vec<Step> {
    let Some(in_use) = &situation.seen.dependents else {
        return Vec::new();
    };
    due(situation)
        .into_iter()
        .filter(|id| in_use.iter().all(|dependent| dependent.of != *id))
        .map(|id| Step::Delete { id })
        .collect()
}

/// The replaced objects whose time has come: not before those who read ids can have the new one.
pub(super) fn due(situation: &Situation) -> Vec<String> {
    if !situation.ledger.ready {
        return Vec::new();
    }
    let grace = situation.policy.replace_grace;
    let past = |since: &jiff::Timestamp| {
        let elapsed = situation.now.duration_since(*since);
        std::time::Duration::try_from(elapsed).is_ok_and(|elapsed| elapsed >= grace)
    };
    let retiring = situation.ledger.retiring.iter();
    let past = retiring.filter(|(_, since)| past(since));
    past.map(|(id, _)| id.clone()).collect()
}
