//! The decision after a read or a step that failed.

use super::backoff::{Backoff, Class, Retry};
use super::case::{Case, Failure, RemoteFailure};
use super::checks::child_refused;
use super::delete;
use super::desired::Source;
use super::facts::Facts;
use super::in_sync::keeps_conditions;
use super::steps::Plan;
use super::verdict::Verdict;
use crate::resources::Reason;

/// Decides after a failure: what is reported, and when the next attempt is made.
#[must_use]
pub fn on_error(case: &Case<'_>, facts: &Facts, failure: &Failure) -> Plan {
    match failure {
        Failure::Remote(failure) => remote(case, facts, failure),
        Failure::ChildRefused(refusal) => child_refused(refusal),
        Failure::ChildUnfit(why) => {
            let message = format!(
                "the exported value {why}; set spec.secret.format: Json, which keeps it whole"
            );
            Plan::report(Verdict::new(Reason::InvalidSpec, message))
        }
        Failure::ChildTooLarge(error) => {
            let message = format!(
                "{error}: the value does not fit into the Secret of spec.secret, which holds 1 MiB at most"
            );
            Plan::report(Verdict::new(Reason::InvalidSpec, message))
        }
    }
}

fn remote(case: &Case<'_>, facts: &Facts, failure: &RemoteFailure) -> Plan {
    let unreachable = failure.concerns_connection || failure.maybe_applied;
    let stuck = case.terminating && unreachable;
    if let Some(orphaned) = stuck.then(|| delete::give_up(case)).flatten() {
        return orphaned;
    }
    let reason = reason(case, failure);
    let transient = !failure.needs_person || failure.concerns_connection;
    let mut verdict = Verdict::new(reason, failure.message.clone());
    verdict.keeps_conditions = transient && keeps_conditions(case, facts);
    // Not held back: it is repeated at the time of its turn, or when it is called, and costs no request before.
    if let (Reason::RateLimited, Some(wait)) = (reason, failure.wait) {
        return Plan::report(verdict).retry(Retry::After(wait));
    }
    let backoff = Backoff {
        class: match failure.needs_person {
            true => Class::Refused,
            false => Class::Transient,
        },
        ..Backoff::transient()
    };
    let backoff = backoff.at_least(failure.wait.unwrap_or_default());
    let backoff = match reason {
        // The search or the list of imports then shows whether the request was applied. An export is made again in any case.
        Reason::AmbiguousCreate | Reason::Importing => {
            backoff.until_settled(case.record.settles_in)
        }
        _ => backoff,
    };
    Plan {
        unreachable: stuck,
        ..Plan::report(verdict).retry(Retry::Backoff(backoff.holding()))
    }
}

/// Returns the reason of a failed request. After a lost response it depends on what the request was for.
fn reason(case: &Case<'_>, failure: &RemoteFailure) -> Reason {
    let desired = case.desired.as_ref().ok();
    let Some(desired) = desired.filter(|_| failure.maybe_applied && !case.terminating) else {
        return failure.reason;
    };
    match desired.source {
        Source::ImportInto(..) => Reason::Importing,
        Source::ExportFrom(..) => Reason::Exporting,
        // An object with a known id, recorded or to be adopted, is read again: there is nothing to search for.
        Source::Create | Source::CreateThenImport(_) | Source::Import(_) => {
            match case.object_id() {
                Some(_) => failure.reason,
                None => Reason::AmbiguousCreate,
            }
        }
    }
}
