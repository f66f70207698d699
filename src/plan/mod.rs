//! Every decision of the operator, as pure functions: no clock, no I/O, nothing but what is passed in.
//!
//! A pass asks [`look::next`] what has to be read, until nothing more has; then [`plan`] says which steps to take and
//! what to tell the user when they succeed.

mod adopt;
pub mod approval;
pub mod body;
pub mod delete;
pub mod desired;
pub mod differences;
pub mod export;
pub mod fingerprint;
mod import;
pub mod ledger;
pub mod look;
pub mod marker;
pub mod pace;
pub mod policy;
mod recover;
mod replace;
mod step;
#[cfg(test)]
mod tests;
mod verdict;

pub use desired::{
    Blank, Compare, Desired, ExportSeen, Field, FieldRule, ImportSeen, Invalid, Manner, Remedy,
    RemoteView, Target,
};
pub use differences::{Differences, differences, overtaken};
pub use export::{Exporting, SecretSeen, When};
pub use fingerprint::{Fingerprint, MacKey};
pub use ledger::{Intent, Ledger};
pub use look::{Dependent, Look, Seen, Sighting, Survey};
pub use marker::{Claim, Marker, Owner};
pub use policy::Policy;
pub use step::{Plan, Step};
pub use verdict::{Happening, Verdict};

use crate::resources::{DriftEntry, DriftPolicy, Mode, Reason};
use adopt::{adopt, not_yet_taken_over, ownership, restored};
use jiff::Timestamp;
use recover::recover;

/// All that a decision depends on.
pub struct Situation<'a> {
    /// Whether the resource is being deleted.
    pub terminating: bool,
    /// Who we are.
    pub owner: &'a Owner,
    /// What we know.
    pub ledger: &'a Ledger,
    /// What is wanted; a terminating resource wants nothing.
    pub desired: Option<&'a Desired>,
    /// What was read in this pass.
    pub seen: &'a Seen,
    /// What is allowed.
    pub policy: &'a Policy,
    /// The operator's clock, for what it dated itself.
    pub now: Timestamp,
}

/// Decides. Pure: the same situation always leads to the same plan.
#[must_use]
pub fn plan(situation: &Situation) -> Plan {
    if situation.terminating {
        return delete::plan(situation);
    }
    if situation.policy.suspend {
        let mut verdict = Verdict::new(Reason::Suspended, "spec.suspend is true");
        verdict.ready = look::nothing_to_bring_in(situation);
        return verdict.alone();
    }
    let Some(desired) = situation.desired else {
        return Verdict::new(Reason::InternalError, "nothing is wanted").alone();
    };
    let mut plan = live(situation, desired);
    let settled = plan.verdict.reason == Reason::Synced && !plan.steps.contains(&Step::Create);
    if settled {
        plan.steps.extend(replace::retire(situation));
    }
    let held = situation.ledger.finalizer || situation.policy.mode == Mode::Observe;
    let has_remote = !plan.steps.is_empty() || situation.ledger.id.is_some();
    if !held && has_remote && plan.verdict.reason == Reason::Synced {
        plan.steps.insert(0, Step::Hold);
    }
    plan
}

fn live(situation: &Situation, desired: &Desired) -> Plan {
    match (&situation.seen.object, &situation.seen.search) {
        (Some(Sighting::Live(remote)), _) => existing(situation, desired, remote),
        (Some(Sighting::Lagging), _) => lagging(),
        (Some(Sighting::Gone { id }), search) => gone(situation, desired, id, search.as_deref()),
        (None, _) if situation.policy.mode == Mode::Observe => Verdict::new(
            Reason::InvalidSpec,
            "mode Observe needs an existing object: set adopt.id",
        )
        .alone(),
        (None, Some(found)) => recover(situation, desired, found),
        (None, None) => create(desired),
    }
}

/// However it came about, what is done is told in the same words: a later look at it changes no status.
fn synced(desired: &Desired) -> Verdict {
    let secrets = match desired.inputs.len() {
        0 => "this generation",
        _ => "this generation and these secret values",
    };
    Verdict::new(Reason::Synced, format!("Metorial has {secrets}"))
}

fn create(desired: &Desired) -> Plan {
    Plan {
        steps: vec![Step::Create],
        verdict: synced(desired),
        acknowledges: true,
    }
}

/// The read is older than our last write: it says nothing.
fn lagging() -> Plan {
    Verdict::new(
        Reason::RemoteUnavailable,
        "the API's reads are behind its writes: looking again soon",
    )
    .alone()
}

fn existing(situation: &Situation, desired: &Desired, remote: &RemoteView) -> Plan {
    let found = differences(desired, remote, situation.ledger);
    if situation.policy.mode == Mode::Observe {
        return observe(desired, &found, remote);
    }
    let own = desired.borrowed().is_none();
    let conflict = ownership(situation, remote).or_else(|| adopt::consented(remote));
    if let Some(conflict) = conflict.filter(|_| own) {
        return conflict.alone();
    }
    if own && not_yet_taken_over(situation, remote) {
        return adopt(situation, desired, &found, remote);
    }
    if let Some(exporting) = &desired.exporting {
        return export::export(situation, desired, exporting, remote);
    }
    let changed_here = !situation.ledger.acknowledged(desired);
    let done = |steps| Plan {
        steps,
        verdict: synced(desired),
        acknowledges: true,
    };
    if found.is_empty() {
        let recorded = situation.ledger.remote_updated_at.is_some();
        return done(if changed_here || !recorded {
            vec![bind(remote)]
        } else {
            Vec::new()
        });
    }
    if found.replaces && changed_here {
        return replace::replace(situation, desired, remote, &found.names());
    }
    let mut plan = done(Vec::new());
    if found.replaces || found.patches(desired) {
        plan = patch(situation, desired, remote, &found);
    }
    if found.imports {
        plan.acknowledges = true;
        plan = import::import(situation, desired, remote, plan);
    }
    plan
}

/// Differences that a PATCH brings in, or that are left and told.
fn patch(
    situation: &Situation,
    desired: &Desired,
    remote: &RemoteView,
    found: &Differences,
) -> Plan {
    let changed_here = restored(situation, remote) || !situation.ledger.acknowledged(desired);
    // Where nobody wrote after us, the API itself keeps another form of what we sent: once is enough.
    let ours_last =
        !situation.ledger.written_after(remote) && situation.ledger.remote_updated_at.is_some();
    let left = ours_last || found.replaces || situation.policy.drift == DriftPolicy::Report;
    if !changed_here && left {
        let note = format!("differs at Metorial: {}", found.names());
        let mut verdict = synced(desired).with(Happening::DriftDetected, note);
        verdict.drift = found.entries.clone();
        return verdict.alone();
    }
    let (event, note) = if changed_here {
        (Happening::Updated, format!("pushed {}", found.names()))
    } else {
        let note = format!("somebody changed {} at Metorial", found.names());
        (Happening::DriftCorrected, format!("{note}; pushed ours"))
    };
    update(remote, found.clone(), synced(desired).with(event, note))
}

fn update(remote: &RemoteView, differences: Differences, verdict: Verdict) -> Plan {
    Plan {
        steps: vec![Step::Update {
            remote: Box::new(remote.clone()),
            differences,
        }],
        verdict,
        acknowledges: true,
    }
}

fn observe(desired: &Desired, found: &Differences, remote: &RemoteView) -> Plan {
    let readable: Vec<DriftEntry> = found
        .entries
        .iter()
        .filter(|entry| {
            entry.field != "metadata.kubernetes"
                && desired
                    .inputs
                    .iter()
                    .all(|input| input.field != entry.field)
        })
        .cloned()
        .collect();
    let message = if readable.is_empty() {
        "observed; what can be read equals the spec".to_owned()
    } else {
        format!("observed; {} field(s) differ", readable.len())
    };
    let mut verdict = Verdict::new(Reason::Observed, message);
    verdict.drift = readable;
    Plan {
        steps: vec![bind(remote)],
        verdict,
        acknowledges: false,
    }
}

fn bind(remote: &RemoteView) -> Step {
    Step::Bind {
        remote: Box::new(remote.clone()),
        import: None,
    }
}

fn gone(situation: &Situation, desired: &Desired, id: &str, search: Option<&[RemoteView]>) -> Plan {
    let missing = |what: &str| {
        Verdict::new(
            Reason::RemoteMissing,
            format!("{id} is gone at Metorial: {what}"),
        )
        .alone()
    };
    if desired.borrowed().is_some() {
        return missing("name another auth config");
    }
    if situation.policy.mode == Mode::Observe || situation.ledger.id.is_none() {
        return missing("name another object in adopt.id");
    }
    if situation.policy.drift == DriftPolicy::Report {
        return missing("set drift: Correct to make it again, or delete this resource");
    }
    if let Some(survey) = situation.seen.losses.filter(|survey| survey.suspicious()) {
        return Verdict::new(
            Reason::SuspiciousLoss,
            format!(
                "{} of {} objects of this connection are gone at once: nothing is made again until the annotation metorial.com/approve: recreate is set on the connection",
                survey.lost, survey.known
            ),
        )
        .alone();
    }
    let mut plan = recover(situation, desired, search.unwrap_or_default());
    if plan.steps.first() == Some(&Step::Create) {
        plan.verdict = plan
            .verdict
            .with(Happening::RemoteRecreated, format!("{id} was gone"));
    }
    plan
}
