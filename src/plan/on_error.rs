//! The decision after a read or a step that failed.

use super::backoff::{Backoff, Growth, MOMENT, Retry, TRANSIENT_ATTEMPTS};
use super::case::{Case, Failure, RemoteFailure};
use super::delete;
use super::desired::Source;
use super::facts::Facts;
use super::in_sync::passing;
use super::outcome::child_refused;
use super::steps::Plan;
use super::unknown_outcome::MaybeApplied;
use super::verdict::Verdict;
use crate::resources::Reason;

/// Decides after a failure: what is reported, and when the next attempt is made.
#[must_use]
pub fn on_error(case: &Case<'_>, facts: &Facts, failure: &Failure) -> Plan {
    match failure {
        Failure::Remote(failure) => remote(case, facts, failure),
        Failure::ChildRefused(refusal) => child_refused(refusal),
        Failure::ChildUnfit(why) => wrong_secret(format!(
            "the exported value {why}; set spec.secret.format: Json, which stores it under one key"
        )),
        Failure::ChildTooLarge(error) => wrong_secret(format!(
            "the exported value does not fit into the Secret ({error}): it is larger than 1 MiB, or lacks keys that its type requires; change spec.secret.type or spec.secret.format"
        )),
    }
}

/// Returns the plan of a resource whose Secret can't hold the value as the spec has it: no request to the API caused that.
fn wrong_secret(message: String) -> Plan {
    Plan::because(Reason::InvalidSpec, message).with_retry(Retry::Interval(None))
}

fn remote(case: &Case<'_>, facts: &Facts, failure: &RemoteFailure) -> Plan {
    let unreachable = failure.concerns_connection || failure.applied != MaybeApplied::No;
    let stuck = case.terminating && unreachable;
    if let Some(orphaned) = stuck.then(|| delete::orphan_after_timeout(case)).flatten() {
        return orphaned;
    }
    let reason = reason(case, failure);
    let persists = persists(case, failure);
    let transient = failure.concerns_connection || !(failure.growth == Growth::Refused || persists);
    let mut verdict = match &failure.rejection {
        Some(rejection) => rejection.verdict(case, facts),
        None => Verdict::new(reason, message(case, failure)),
    };
    if transient {
        verdict = passing(case, facts, verdict);
    }
    if let (Reason::RateLimited, Some(wait)) = (reason, failure.wait) {
        return Plan::report(verdict).with_retry(Retry::Turn(wait));
    }
    let backoff = Backoff::new(failure.growth).at_least(failure.wait.unwrap_or_default());
    // The search or the list of imports shows whether the request was applied. An export is made again in any case.
    let checked = matches!(reason, Reason::AmbiguousCreate | Reason::Importing);
    let backoff = match failure.applied {
        // What was applied shows up at any time, and is used from then on.
        MaybeApplied::InFlight if checked => backoff.until_settled(case.list_lag),
        MaybeApplied::Answered if checked => backoff.at_least(case.read_lag + MOMENT),
        _ => backoff,
    };
    Plan {
        deletion_blocked: stuck,
        ..Plan::report(verdict).with_backoff(backoff)
    }
}

/// Returns the plan where the API's reads lag behind our own writes, so that they say nothing.
#[must_use]
pub fn wait_for_lagging_reads(case: &Case<'_>, facts: &Facts) -> Plan {
    let verdict = Verdict::new(
        Reason::RemoteUnavailable,
        "the API's reads lag behind its writes; retrying",
    );
    let backoff = Backoff::transient().until_settled(case.record.settles_in);
    Plan::report(passing(case, facts, verdict)).with_backoff(backoff)
}

/// Returns true if the request was refused so often for a cause that may pass that it is taken for one that does not.
fn persists(case: &Case<'_>, failure: &RemoteFailure) -> bool {
    failure.growth.is_uncertain() && case.uncertain_failures + 1 >= TRANSIENT_ATTEMPTS
}

/// Returns the message of a failed request. A connection that the status does not show is named where the key matters, or where
/// it shows another one: a deletion may use another one than that which the object was created through.
fn message(case: &Case<'_>, failure: &RemoteFailure) -> String {
    let (used, shown) = (&case.connection.name, case.record.connection.as_ref());
    let next = match failure.growth {
        growth if growth.is_uncertain() && !persists(case, failure) => "; retrying",
        Growth::TransientThenRefused => {
            "; repeated attempts had the same result: correct the spec, or what it conflicts with at Metorial"
        }
        Growth::TransientThenSlow => {
            ", which can take a while; retrying every few minutes; otherwise correct the spec or its Secrets"
        }
        Growth::Transient | Growth::Refused => "",
    };
    let message = &failure.message;
    let of_key = matches!(failure.reason, Reason::Forbidden | Reason::PaymentRequired);
    match shown {
        Some(shown) if shown != used => {
            format!("{message}{next}; the request was sent through {used}, not {shown}")
        }
        None if of_key => format!("{message}{next}; the request was sent through {used}"),
        _ => format!("{message}{next}"),
    }
}

/// Returns the reason of a failed request. Where the request may have been applied it depends on what the request was for.
fn reason(case: &Case<'_>, failure: &RemoteFailure) -> Reason {
    if persists(case, failure) {
        return Reason::RemoteRejected;
    }
    let desired = case.desired();
    let unknown = failure.applied != MaybeApplied::No && failure.growth != Growth::Refused;
    let ambiguous = unknown && !case.terminating;
    let Some(desired) = desired.filter(|_| ambiguous) else {
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
