//! Restarts of the workloads that use an exported Secret, once for each time that its content has changed.
//!
//! The status and the Secret record the content that the workloads still run with until all of them are restarted, and each
//! workload's annotation records the content that it was restarted for. So a restart that a crash interrupts is repeated, and
//! the repetition changes nothing at a workload that was restarted already.

use super::backoff::{Backoff, Retry};
use super::desired::Exports;
use super::steps::{Plan, RestartRefusal, Step};
use super::verdict::Verdict;
use crate::resources::{ExportStatus, Reason, Workload};

/// The annotation of a pod template: the fingerprint of the content that the workload was restarted for.
pub const RESTARTED_FOR: &str = "metorial.com/restarted-for";

/// Returns the step that restarts the workloads, where there are any.
#[must_use]
pub fn step(exports: &Exports) -> Option<Step> {
    let workloads = exports.workloads.clone();
    (!workloads.is_empty()).then_some(Step::Restart(workloads))
}

/// Returns true if workloads still run with a content other than the Secret holds.
#[must_use]
pub fn is_pending(export: &ExportStatus) -> bool {
    let held = export.secret_fingerprint.is_some();
    held && export.restart_pending_from.is_some()
}

/// Returns the content that workloads still run with, where this export is written once more: they may be restarted by now, or
/// `wanted` may give the value another form.
#[must_use]
pub fn pending_from(
    recorded: &ExportStatus,
    exported: &ExportStatus,
    wanted: &Exports,
) -> Option<String> {
    if recorded.export_id != exported.export_id {
        return exported.restart_pending_from.clone();
    }
    let content = recorded.secret_fingerprint.as_ref();
    let content = content.filter(|_| recorded.secret_name.as_ref() == Some(&wanted.secret.name));
    let pending = recorded.restart_pending_from.as_ref().or(content);
    pending.filter(|_| !wanted.workloads.is_empty()).cloned()
}

/// Returns what is recorded once all workloads are restarted.
#[must_use]
pub fn without_pending_restart(export: ExportStatus) -> ExportStatus {
    ExportStatus {
        restart_pending_from: None,
        ..export
    }
}

/// Returns the plan of a resource with a workload that could not be restarted. The Secret holds what it should, so nothing is
/// exported again.
#[must_use]
pub fn failed(plan: &Plan, workload: &Workload, why: RestartRefusal) -> Plan {
    let (kind, name) = (workload.kind.as_str(), &workload.name);
    let (reason, retry, message) = match why {
        RestartRefusal::NotFound => (
            Reason::ReferenceNotFound,
            Retry::Backoff(Backoff::transient()),
            format!(
                "{kind} {name} in spec.rolloutRestart was not found; create it, or remove it from the list"
            ),
        ),
        RestartRefusal::Refused(code) => (
            Reason::InvalidSpec,
            Retry::Interval(None),
            format!(
                "Kubernetes refused to restart {kind} {name} ({code}); check admission policies and the workload, or remove it from spec.rolloutRestart"
            ),
        ),
        RestartRefusal::NotPermitted => (
            Reason::Forbidden,
            Retry::Interval(None),
            format!(
                "Kubernetes does not permit the operator to restart {kind} {name} in spec.rolloutRestart; set rolloutRestart.enabled: true in the values of the operator's chart, or remove it from the list"
            ),
        ),
    };
    Plan {
        verdict: Verdict {
            event: plan.verdict.event.clone(),
            ..Verdict::new(reason, message)
        },
        retry,
        ..plan.clone()
    }
}
