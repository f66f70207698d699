//! The outcome of a decision: the steps to take, the verdict once they are taken, and when to decide again.

use super::backoff::{Backoff, Retry};
use super::children::{ChildKind, ChildSpec, Refusal};
use super::desired::Desired;
use super::differences::Differences;
use super::fingerprint::Fingerprint;
use super::observed::{ListedImport, RemoteView};
use super::record::Destination;
use super::verdict::{EventReason, Verdict};
use crate::resources::{ExportStatus, PlanStatus, Reason, Workload};
use jiff::Timestamp;
use std::sync::Arc;

/// One step, on the API or in Kubernetes.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Add the finalizer: from here on the remote object can't be forgotten.
    AddFinalizer,
    /// Create the remote object.
    Create,
    /// Apply differences to an object by a PATCH.
    Update {
        /// The object as it was read in this reconciliation.
        remote: Arc<RemoteView>,
        /// The differences.
        differences: Differences,
    },
    /// Import the value into an object.
    Import {
        /// The object's id.
        into: String,
        /// The tag of the import.
        tag: String,
    },
    /// Export the value of an object.
    Export {
        /// The object.
        remote: Arc<RemoteView>,
        /// The newest import into the object, so that the next one is recognized.
        newest_import: Option<String>,
        /// Number of earlier exports whose value was lost in a crash.
        lost: usize,
    },
    /// Write a child object: the Secret with the value of the last export, or the ConfigMap with the resource's ids.
    ApplyChild(ChildSpec),
    /// Remove a child object that is no longer wanted.
    RemoveChild(ChildKind, String),
    /// Restart workloads where the Secret of an export holds a content other than they run with.
    Restart(Vec<Workload>),
    /// Record this object as the resource's own; nothing is sent.
    Bind {
        /// The object as it was read.
        remote: Arc<RemoteView>,
        /// An import of ours that is recorded with it.
        import: Option<ListedImport>,
    },
    /// Record what is known of exports; nothing is sent.
    RecordExport(ExportStatus),
    /// Write the status now: an id must be recorded before anything else.
    RecordStatus,
    /// Record where a create was sent; nothing is sent.
    RecordDestination(Destination),
    /// Record that the resource has no object: the recorded one was only observed. Nothing is sent.
    Unbind,
    /// Record, in a status write of its own, what a new object is about to be created with that replaces the current one.
    RecordReplacement(Fingerprint),
    /// Record that no object is left of a replacement but the current one and those pending deletion; nothing is sent.
    EndReplacement,
    /// Record that an object is to be deleted like a replaced one, once nothing depends on it.
    DeleteLater(String),
    /// Delete an object.
    Delete(String),
    /// Delete an object that was replaced: one that is in use at Metorial stays for the time being.
    DeleteReplaced(String),
    /// Record that an object is not to be deleted after all: it is gone, or not the resource's own. Nothing is sent.
    Forget(String),
    /// Record an id that is left behind at Metorial.
    RecordOrphan(String),
    /// Remove the finalizer: the resource may go.
    RemoveFinalizer,
}

impl Step {
    /// Returns true if the step writes the status.
    #[must_use]
    pub fn writes_status(&self) -> bool {
        matches!(self, Self::RecordStatus | Self::RecordReplacement(_))
    }

    /// Returns true if the step sends a write to the API.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        match self {
            Self::Create
            | Self::Update { .. }
            | Self::Import { .. }
            | Self::Export { .. }
            | Self::Delete(_)
            | Self::DeleteReplaced(_) => true,
            Self::AddFinalizer
            | Self::ApplyChild(_)
            | Self::RemoveChild(..)
            | Self::Restart(_)
            | Self::Bind { .. }
            | Self::RecordExport(_)
            | Self::RecordStatus
            | Self::RecordDestination(_)
            | Self::Unbind
            | Self::RecordReplacement(_)
            | Self::EndReplacement
            | Self::DeleteLater(_)
            | Self::Forget(_)
            | Self::RecordOrphan(_)
            | Self::RemoveFinalizer => false,
        }
    }
}

/// The effect of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The remote object, as read.
    Bound(Arc<RemoteView>),
    /// The remote object, as the API answered its creation, and the id of that request.
    Created(Arc<RemoteView>, Option<String>),
    /// The remote object after a write, and the time since which writes are not ours, where that is not the object's own.
    Written(Arc<RemoteView>, Option<Timestamp>),
    /// An import of ours was made or found.
    Imported(ListedImport),
    /// The exports, as they are known now.
    Export(ExportStatus),
    /// A child object holds what it should.
    ChildApplied(ChildKind, String),
    /// Kubernetes refused a child object that the plan can do without.
    ChildRefused(Refusal),
    /// A workload could not be restarted.
    NotRestarted(Workload, RestartRefusal),
    /// A child object no longer exists.
    ChildRemoved(ChildKind, String),
    /// It is known where a create was sent.
    SentTo(Destination),
    /// The recorded object was only observed.
    Unbound,
    /// It is known what became of a replacement.
    ReplacementEnded,
    /// An object is pending deletion.
    PendingDeletion(String),
    /// An object no longer exists.
    Deleted(String),
    /// A replaced object was not deleted, because these objects at Metorial use it.
    InUse(Vec<String>),
    /// An object is no longer of concern.
    Forgotten(String),
    /// The finalizer was removed.
    FinalizerRemoved,
}

/// The cause why a workload could not be restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartRefusal {
    /// It does not exist.
    NotFound,
    /// The operator may not change it.
    NotPermitted,
    /// Kubernetes refuses the change, with this HTTP status.
    Refused(u16),
}

impl Effect {
    /// Returns true if the effect comes from a write to the API.
    #[must_use]
    pub fn is_of_write(&self) -> bool {
        matches!(
            self,
            Self::Created(..)
                | Self::Written(..)
                | Self::Imported(_)
                | Self::Export(_)
                | Self::Deleted(_)
        )
    }
}

/// Returns what is known of exports after these effects.
#[must_use]
pub fn export_after(effects: &[Effect], recorded: &ExportStatus) -> ExportStatus {
    let known = effects.iter().rev().find_map(|effect| match effect {
        Effect::Export(export) => Some(export),
        _ => None,
    });
    known.unwrap_or(recorded).clone()
}

/// Returns true if a child object that is no longer wanted is deleted: it stays where Kubernetes refused its successor.
#[must_use]
pub fn removes_child(effects: &[Effect], kind: ChildKind) -> bool {
    let refused = |effect: &Effect| matches!(effect, Effect::ChildRefused(it) if it.kind == kind);
    !effects.iter().any(refused)
}

/// Returns the remote object after these effects.
#[must_use]
pub fn remote_after(effects: &[Effect]) -> Option<&Arc<RemoteView>> {
    effects.iter().rev().find_map(|effect| match effect {
        Effect::Bound(remote) | Effect::Created(remote, _) | Effect::Written(remote, _) => {
            Some(remote)
        }
        _ => None,
    })
}

/// The decision about a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The report once they are taken.
    pub verdict: Verdict,
    /// When to decide again.
    pub retry: Retry,
    /// True if the API then has acknowledged the desired state.
    pub acknowledges: bool,
    /// The steps that wait for approval.
    pub proposal: Option<PlanStatus>,
    /// True if a deletion can't reach the API.
    pub deletion_blocked: bool,
    /// The provider's callback URL, where the status is to show it.
    pub callback_url: Option<String>,
}

impl Plan {
    /// Returns a plan that only reports, and is made again when something changes or at the interval.
    #[must_use]
    pub fn report(verdict: Verdict) -> Self {
        Self {
            steps: Vec::new(),
            verdict,
            retry: Retry::ChangeOrInterval,
            acknowledges: false,
            proposal: None,
            deletion_blocked: false,
            callback_url: None,
        }
    }

    /// Returns a plan that only reports this reason and message.
    #[must_use]
    pub fn because(reason: Reason, message: impl Into<String>) -> Self {
        Self::report(Verdict::new(reason, message))
    }

    /// Returns a plan after which the API has acknowledged the desired state. However that came about, the message is the
    /// same, so that the next observation changes no status.
    #[must_use]
    pub fn synced(desired: &Desired, steps: Vec<Step>) -> Self {
        let verdict = Verdict::new(Reason::Synced, desired.synced_message());
        Self {
            steps,
            acknowledges: true,
            ..Self::report(verdict).with_retry(Retry::Interval(None))
        }
    }

    /// Changes the verdict.
    #[must_use]
    pub fn map_verdict(self, change: impl FnOnce(Verdict) -> Verdict) -> Self {
        Self {
            verdict: change(self.verdict),
            ..self
        }
    }

    /// Adds an event to the verdict.
    #[must_use]
    pub fn with_event(mut self, event: EventReason, note: impl Into<String>) -> Self {
        self.verdict.event = Some((event, note.into()));
        self
    }

    /// Changes when to decide again.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Decides again after a pause that grows with consecutive failures.
    #[must_use]
    pub fn with_backoff(self, backoff: Backoff) -> Self {
        self.with_retry(Retry::Backoff(backoff))
    }

    /// Changes the verdict to one of work in progress that continues immediately.
    #[must_use]
    pub fn then_requeue(mut self, message: String) -> Self {
        self.verdict.reason = Reason::Updating;
        self.verdict.message = message;
        self.acknowledges = false;
        self.with_retry(Retry::Now)
    }

    /// Requeues the resource to compare an object with the spec; `found`: what was found out or done.
    #[must_use]
    pub fn then_compare(self, found: &str) -> Self {
        self.then_requeue(format!("{found}; comparing it with the spec"))
    }

    /// Returns true if a step matches.
    #[must_use]
    pub fn has(&self, matches: impl Fn(&Step) -> bool) -> bool {
        self.steps.iter().any(matches)
    }

    /// Returns true if a step asks the API for anything.
    #[must_use]
    pub fn asks_api(&self) -> bool {
        // An object is read once more where an import is bound with it.
        let reads = |step: &Step| {
            matches!(
                step,
                Step::Bind {
                    import: Some(_),
                    ..
                }
            )
        };
        self.has(|step| step.is_sent() || reads(step))
    }

    /// Returns true if the plan creates an object.
    #[must_use]
    pub fn creates(&self) -> bool {
        self.has(|step| *step == Step::Create)
    }
}

/// Returns the step that records an object as it was read.
#[must_use]
pub fn bind(remote: &Arc<RemoteView>) -> Step {
    Step::Bind {
        remote: remote.clone(),
        import: None,
    }
}

/// Returns the steps of a creation: the id is recorded before anything else is done.
#[must_use]
pub fn create() -> Vec<Step> {
    vec![Step::Create, Step::RecordStatus]
}
