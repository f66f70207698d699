//! Whose a remote object is, and how an existing one is taken over.

use super::{
    Claim, Desired, Differences, Happening, Marker, Plan, Remedy, RemoteView, Situation, Verdict,
    bind, synced, update,
};
use crate::resources::{AdoptPolicy, Reason};
use serde_json::Value;

/// Nothing without our marker is changed, unless it is adopted by name; nobody is fought with.
pub(super) fn ownership(situation: &Situation, remote: &RemoteView) -> Option<Verdict> {
    let adopted = situation
        .policy
        .adopt
        .as_ref()
        .filter(|a| a.id == remote.id);
    let overrides = adopted.is_some_and(|a| a.policy == Some(AdoptPolicy::Override));
    let owner_is_gone = situation.seen.owner_alive == Some(false);
    let marker = remote.marker.as_ref();
    let free = match Marker::claim(marker, situation.owner) {
        Claim::Nobody | Claim::Ours | Claim::Namesake => true,
        Claim::Sibling => adopted.is_some() && owner_is_gone,
        Claim::OtherCluster => overrides && not_yet_taken_over(situation, remote),
    };
    if free {
        return None;
    }
    let other = &marker?.owner;
    let whose = format!("{} {}/{}", other.kind, other.namespace, other.name);
    let place = if other.cluster == situation.owner.cluster {
        "this cluster"
    } else {
        "another cluster (adopt.policy: Override takes it over)"
    };
    Some(Verdict::new(
        Reason::OwnershipConflict,
        format!(
            "{} belongs to {whose} of {place}: let one of the two go",
            remote.id
        ),
    ))
}

/// An object that came about by a person's consent is theirs: it can be looked at, not written.
pub(super) fn consented(remote: &RemoteView) -> Option<Verdict> {
    remote.consent.then(|| {
        let message = format!(
            "{} belongs to a person's consent: set mode: Observe",
            remote.id
        );
        Verdict::new(Reason::AdoptionMismatch, message)
    })
}

/// Whether the object is marked as that of a resource that was restored as this one: even where its status came back
/// with it, it is another resource, and its object must say so.
pub(super) fn restored(situation: &Situation, remote: &RemoteView) -> bool {
    Marker::claim(remote.marker.as_ref(), situation.owner) == Claim::Namesake
}

/// Whether the object is known by `adopt.id` only: not recorded yet, or recorded by looking at it.
pub(super) fn not_yet_taken_over(situation: &Situation, remote: &RemoteView) -> bool {
    let ledger = situation.ledger;
    let adopted = situation
        .policy
        .adopt
        .as_ref()
        .is_some_and(|a| a.id == remote.id);
    let ours = Marker::claim(remote.marker.as_ref(), situation.owner) == Claim::Ours;
    ledger.id.is_none() || (adopted && ledger.revision.is_none() && !ours)
}

/// The wanted provider of an object that is to be taken over, where it goes by another name than the object's id of it.
pub(super) fn provider_to_ask_for<'a>(
    situation: &'a Situation,
    remote: &RemoteView,
) -> Option<&'a str> {
    let desired = situation
        .desired
        .filter(|desired| desired.borrowed().is_none())?;
    let name = desired.field("providerId")?.expose().as_str()?;
    let same = remote.status.get("providerId").and_then(Value::as_str) == Some(name);
    (!same && not_yet_taken_over(situation, remote)).then_some(name)
}

pub(super) fn adopt(
    situation: &Situation,
    desired: &Desired,
    found: &Differences,
    remote: &RemoteView,
) -> Plan {
    let theirs = remote.status.get("providerId").and_then(Value::as_str);
    let ours = situation.seen.provider.as_ref().map(Option::as_deref);
    if let Some(name) = provider_to_ask_for(situation, remote)
        && ours != Some(theirs)
    {
        let message = format!(
            "{} is of provider {}, not of {name}: name an object of the same provider",
            remote.id,
            theirs.unwrap_or("unknown")
        );
        return Verdict::new(Reason::AdoptionMismatch, message).alone();
    }
    if let Some(refused) = mismatch(situation, desired, found, remote) {
        return refused.alone();
    }
    let note = format!("took over {}", remote.id);
    let verdict = synced(desired).with(Happening::Adopted, note);
    if found.is_empty() {
        // A PATCH of ours took, and nobody recorded it.
        return Plan {
            steps: vec![bind(remote)],
            verdict,
            acknowledges: true,
        };
    }
    let mut plan = update(remote, found.clone(), verdict);
    if found.imports {
        // The value follows in the next pass, once the object is recorded as ours.
        plan.acknowledges = false;
        plan.verdict.reason = Reason::Updating;
        plan.verdict.message = format!("took over {}: its value is brought in next", remote.id);
    }
    plan
}

/// Why an object that differs from the spec is not taken over.
fn mismatch(
    situation: &Situation,
    desired: &Desired,
    found: &Differences,
    remote: &RemoteView,
) -> Option<Verdict> {
    let policy = situation.policy.adopt.as_ref().and_then(|a| a.policy);
    let mismatch: Vec<&str> = found
        .entries
        .iter()
        .map(|entry| entry.field.as_str())
        .filter(|field| {
            *field != "metadata.kubernetes"
                && desired.inputs.iter().all(|input| input.field != *field)
        })
        .collect();
    let refused = |fields: &[&str], way_out: &str| {
        let fields = fields.join(", ");
        let message = format!(
            "{} differs in {fields}: change the spec{way_out}",
            remote.id
        );
        Verdict::new(Reason::AdoptionMismatch, message)
    };
    let fixed = |field: &&str| {
        let rule = desired.field(field).map(|field| field.rule);
        rule.is_some_and(|rule| rule.remedy == Remedy::Replace)
    };
    let fixed: Vec<&str> = mismatch.iter().copied().filter(fixed).collect();
    if !fixed.is_empty() {
        return Some(refused(&fixed, ", for Metorial can't change it"));
    }
    if policy.unwrap_or_default() == AdoptPolicy::Match && !mismatch.is_empty() {
        return Some(refused(&mismatch, ", or set adopt.policy: Override"));
    }
    None
}
