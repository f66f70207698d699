//! Every decision of the operator, as pure functions: no clock, no I/O, nothing but what is passed in.
//!
//! A pass asks [`look::next`] what has to be read, until nothing more has; then [`plan`] says which steps to take and
//! what to tell the user when they succeed.

mod adopt;
pub mod body;
pub mod delete;
pub mod desired;
pub mod differences;
pub mod fingerprint;
pub mod ledger;
pub mod look;
pub mod marker;
pub mod pace;
pub mod policy;
#[cfg(test)]
mod tests;
mod verdict;

pub use desired::{Compare, Desired, Field, FieldRule, Invalid, Remedy, RemoteView};
pub use differences::{Differences, differences, overtaken};
pub use fingerprint::{Fingerprint, MacKey};
pub use ledger::{Intent, Ledger};
pub use look::{Dependent, Look, Seen, Sighting, Survey};
pub use marker::{Claim, Marker, Owner};
pub use policy::Policy;
pub use verdict::{Happening, Verdict};

use crate::resources::{DriftEntry, DriftPolicy, Mode, Reason};
use adopt::{adopt, not_yet_taken_over, ownership};

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
}

/// One effect on the API or on the resource's finalizer.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Make the remote object; the finalizer is set first.
    Create,
    /// Put the finalizer on: from here on the remote object can't be forgotten.
    Hold,
    /// Record this object; nothing is sent.
    Bind {
        /// The object as it was seen.
        remote: Box<RemoteView>,
        /// Whether it has all that is wanted.
        acknowledged: bool,
    },
    /// Bring differences into an object.
    Update {
        /// The object as it was seen.
        remote: Box<RemoteView>,
        /// What to bring in.
        differences: Differences,
    },
    /// Delete an object.
    Delete {
        /// Its id.
        id: String,
    },
    /// Take the finalizer off: the resource may go.
    Release,
}

/// The steps to take and what to say once they are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// What to say.
    pub verdict: Verdict,
}

impl Plan {
    /// Whether it sends a PATCH, which replaces what it names with what was seen plus what is wanted.
    #[must_use]
    pub fn changes_an_object(&self) -> bool {
        let updates = |step: &Step| matches!(step, Step::Update { .. });
        self.steps.iter().any(updates)
    }
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
    let held = situation.ledger.finalizer || situation.policy.mode != Mode::Enforce;
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
            "mode Observe looks at an existing object: name it in adopt.id",
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
    if let Some(conflict) = ownership(situation, remote) {
        return conflict.alone();
    }
    if not_yet_taken_over(situation, remote) {
        return adopt(situation, desired, &found, remote);
    }
    let changed_here = !situation.ledger.acknowledged(desired);
    if found.is_empty() {
        let recorded = situation.ledger.remote_updated_at.is_some();
        let steps = if changed_here || !recorded {
            vec![bind(remote, true)]
        } else {
            Vec::new()
        };
        return Plan {
            steps,
            verdict: synced(desired),
        };
    }
    // Where nobody wrote after us, the API itself keeps another form of what we sent: once is enough.
    let ours_last = situation
        .ledger
        .remote_updated_at
        .is_some_and(|ours| remote.updated_at <= ours);
    if !changed_here && (ours_last || situation.policy.drift == DriftPolicy::Report) {
        let note = format!("differs at Metorial: {}", found.names());
        let mut verdict = synced(desired).with(Happening::DriftDetected, note);
        verdict.drift = found.entries;
        return verdict.alone();
    }
    let (event, note) = if changed_here {
        (Happening::Updated, format!("pushed {}", found.names()))
    } else {
        let note = format!("somebody changed {} at Metorial", found.names());
        (Happening::DriftCorrected, format!("{note}; pushed ours"))
    };
    update(remote, found, synced(desired).with(event, note))
}

fn update(remote: &RemoteView, differences: Differences, verdict: Verdict) -> Plan {
    Plan {
        steps: vec![Step::Update {
            remote: Box::new(remote.clone()),
            differences,
        }],
        verdict,
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
        steps: vec![bind(remote, false)],
        verdict,
    }
}

fn bind(remote: &RemoteView, acknowledged: bool) -> Step {
    Step::Bind {
        remote: Box::new(remote.clone()),
        acknowledged,
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

/// After a create whose outcome nobody recorded: what carries our marker is ours; only where a complete search finds
/// nothing, and nothing can be late any more, is it made again.
fn recover(situation: &Situation, desired: &Desired, found: &[RemoteView]) -> Plan {
    let (oldest, younger) = ours(situation.owner, found);
    let Some(remote) = oldest else {
        if situation.ledger.settled {
            return create(desired);
        }
        return Verdict::new(
            Reason::AmbiguousCreate,
            "a create may have reached Metorial: looking for it before anything is made again",
        )
        .alone();
    };
    let differences = differences(desired, remote, situation.ledger);
    let mut verdict = synced(desired);
    verdict = verdict.with(Happening::Recovered, format!("found {} again", remote.id));
    // Once an object is bound nobody searches any more, so the others go first.
    let mut steps: Vec<Step> = younger
        .iter()
        .map(|duplicate| Step::Delete {
            id: duplicate.id.clone(),
        })
        .collect();
    steps.push(if differences.is_empty() {
        bind(remote, true)
    } else {
        Step::Update {
            remote: Box::new(remote.clone()),
            differences,
        }
    });
    Plan { steps, verdict }
}

/// The oldest live object with our marker, else one of a namesake (a restored backup); and the younger ones that
/// carry exactly our marker, which only a repeated create can have made.
fn ours<'a>(
    owner: &Owner,
    found: &'a [RemoteView],
) -> (Option<&'a RemoteView>, Vec<&'a RemoteView>) {
    let claimed = |claim: Claim| {
        let mut of: Vec<&RemoteView> = found
            .iter()
            .filter(|remote| remote.live)
            .filter(|remote| Marker::claim(remote.marker.as_ref(), owner) == claim)
            .collect();
        of.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        of
    };
    let mut exact = claimed(Claim::Ours).into_iter();
    let oldest = exact.next();
    (
        oldest.or_else(|| claimed(Claim::Namesake).into_iter().next()),
        exact.collect(),
    )
}
