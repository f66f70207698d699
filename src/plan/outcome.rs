//! The report of a plan that was carried out only in part: an id that is recorded before its publication, or a step that was
//! refused and that the plan can do without.

use super::backoff::Retry;
use super::children::Refusal;
use super::policy::DEFAULT_INTERVAL;
use super::restart;
use super::steps::{Effect, Plan};
use super::verdict::Verdict;
use crate::resources::{Class, Reason};
use std::time::Duration;

/// The shortest time before a deletion that Metorial refused is tried again.
const DELETED_AGAIN_AFTER: Duration = Duration::from_secs(300);

/// Returns the plan's report at the moment when the id is recorded: a resource is ready only once its ids are published.
#[must_use]
pub fn created(plan: &Plan) -> Plan {
    let message = "created at Metorial; its ids are being published";
    let verdict = Verdict {
        event: plan.verdict.event.clone(),
        ..Verdict::new(Reason::Creating, message)
    };
    Plan {
        verdict,
        ..plan.clone()
    }
}

/// Returns the plan's report where Kubernetes refused a child object or a restart, or Metorial a deletion. Another problem is
/// reported first.
#[must_use]
pub fn with_refusals(plan: &Plan, effects: &[Effect]) -> Plan {
    let refusal = effects.iter().find_map(|effect| match effect {
        Effect::ChildRefused(refusal) => Some(child_refused(refusal)),
        Effect::NotRestarted(workload, why) => Some(restart::failed(plan, workload, *why)),
        _ => None,
    });
    let users = effects.iter().filter_map(|effect| match effect {
        Effect::InUse(users) => Some(users.as_slice()),
        _ => None,
    });
    let users = users.collect::<Vec<_>>().concat();
    match refusal {
        Some(refused) if plan.verdict.reason.class() == Class::Done => Plan {
            verdict: refused.verdict,
            retry: refused.retry,
            ..plan.clone()
        },
        None if !users.is_empty() => former_in_use(plan, &users),
        _ => plan.clone(),
    }
}

/// Returns the report of a plan where Metorial did not delete a replaced object, because these objects use it: the resource is
/// as ready as it was, and the deletion is tried again at the interval.
fn former_in_use(plan: &Plan, users: &[String]) -> Plan {
    let mut kept = plan.clone();
    kept.verdict.message = format!(
        "{}; replaced object not deleted: in use at Metorial by {}; retrying",
        plan.verdict.message,
        users.join(", ")
    );
    kept.retry = match &plan.retry {
        Retry::Interval(None) => Retry::ChangeOrInterval,
        // The deletion of another one is tried again soon, and with it this one.
        Retry::Backoff(backoff) => Retry::Backoff(backoff.clone().at_least(DELETED_AGAIN_AFTER)),
        retry => retry.clone(),
    };
    kept
}

/// Returns the plan of a resource whose child object Kubernetes refuses. What changes that is in the cluster.
#[must_use]
pub fn child_refused(refusal: &Refusal) -> Plan {
    let reason = if refusal.forbidden {
        Reason::Forbidden
    } else {
        Reason::InvalidSpec
    };
    let kept = if refusal.kept {
        ", which is unchanged"
    } else {
        ""
    };
    let message = format!(
        "Kubernetes refused the {} {}{kept}: {}",
        refusal.kind.as_str(),
        refusal.name,
        refusal.message
    );
    let mut verdict = Verdict::new(reason, message);
    if refusal.terminating {
        // The resource is deleted with its namespace: there is nothing to report.
        verdict.keeps_conditions = true;
        return Plan::report(verdict).with_retry(Retry::After(DEFAULT_INTERVAL));
    }
    Plan::report(verdict).with_retry(Retry::Interval(None))
}
