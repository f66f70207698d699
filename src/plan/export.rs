//! Exports: audit records that can't be taken back, each written to a Secret. One is made when there is none, when the value
//! of the last one is lost, before its tokens expire, or when `spec.when` asks for another.

use super::backoff::{MOMENT, Retry};
use super::case::Case;
use super::children::ChildKind;
use super::desired::{Desired, Exports, When};
use super::expiry;
use super::export_record::{budget_free_in, created_at, exports_within_a_day, is_within_a_day};
use super::facts::{Facts, Query};
use super::last_export::LastExport;
use super::observed::{ListedExport, ListedImport, RemoteView, newest_import};
use super::restart;
use super::steps::{Plan, Step, bind};
use super::verdict::EventReason;
use crate::resources::{ExportStatus, Reason};
use jiff::SignedDuration;
use std::sync::Arc;
use std::time::Duration;

/// The most by which the API's clock may be ahead.
const CLOCKS: SignedDuration = SignedDuration::from_hours(1);

/// Decides about the Secret and the next export.
///
/// # Errors
/// The fact that has to be read first.
pub fn export(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    exports: &Exports,
    remote: &Arc<RemoteView>,
) -> Result<Plan, Query> {
    let secret = &exports.secret;
    if let Some((verdict, wait)) = secret.not_owned(facts.child(secret)?) {
        return Ok(Plan::report(verdict).with_retry(Retry::Interval(wait)));
    }
    let last = LastExport::read(case, facts, exports, &remote.id)?;
    let must_export = must_export(case, facts, exports, remote, &last)?;
    let state = State::new(case, facts, exports, remote, last)?;
    let mut plan = if must_export {
        make_export(case, desired, facts, &state, remote)?
    } else if state.last.in_secret {
        up_to_date(case, desired, &state, remote)
    } else {
        write_again(case, desired, &state, remote)
    };
    if let Some(unrecorded) = state.last.unrecorded {
        plan.steps.insert(0, Step::RecordExport(unrecorded));
    }
    Ok(plan)
}

/// Returns true if an export has to be made: there is none yet, its value is lost, its tokens expire, or `spec.when` asks for
/// another.
///
/// # Errors
/// The fact that has to be read first.
fn must_export(
    case: &Case<'_>,
    facts: &Facts,
    exports: &Exports,
    remote: &RemoteView,
    last: &LastExport,
) -> Result<bool, Query> {
    // A value that is not in the Secret yet is written first, as Kubernetes may refuse every export of the same kind.
    let is_due = (last.in_secret || last.contested(case).is_some())
        && (expiry::must_renew(case, &last.export) || last.is_period_over(case, exports));
    Ok(is_due || last.is_outdated(facts, exports, remote)?)
}

/// The last export, compared with the imports into the auth config.
struct State<'a> {
    exports: &'a Exports,
    last: LastExport,
    newest_import: Option<&'a ListedImport>,
    /// True if the auth config was written after the last comparison.
    written_since: bool,
    /// Where the imports that were read don't explain that write: time until their list must have caught up.
    unexplained: Option<Duration>,
}

impl<'a> State<'a> {
    fn new(
        case: &'a Case<'_>,
        facts: &'a Facts,
        exports: &'a Exports,
        remote: &RemoteView,
        last: LastExport,
    ) -> Result<Self, Query> {
        let written_since = last.config_written_since(remote);
        let lists_imports = exports.when == When::OnChange && written_since;
        let imports = if lists_imports {
            facts.imports(&remote.id)?
        } else {
            &[]
        };
        let newest_import = newest_import(imports);
        let explains = |newest: &ListedImport| newest.created_at >= remote.updated_at;
        let observed_for = facts.remote(&remote.id, case.max_age())?.unchanged_for;
        let catches_up_in = case.list_lag.saturating_sub(observed_for);
        let open =
            lists_imports && !catches_up_in.is_zero() && !newest_import.is_some_and(explains);
        Ok(Self {
            exports,
            last,
            newest_import,
            written_since,
            unexplained: open.then_some(catches_up_in),
        })
    }

    /// Returns when to decide again: when the next periodic export is due, once a list of imports that lags behind the auth
    /// config must have caught up, and when the budget admits a renewal.
    fn retry(&self, case: &Case<'_>) -> Retry {
        let last = self.last.export.exported_at.as_ref();
        let now = case.now;
        let due_in = last.and_then(|last| self.exports.due_in(last.0, now));
        let held_back = expiry::held_back_for(case, &self.last.export).map(|left| left + MOMENT);
        let caught_up = self.unexplained.map(|left| left + MOMENT);
        Retry::Interval([due_in, caught_up, held_back].into_iter().flatten().min())
    }
}

/// Decides where the Secret holds the last export and no other has to be made.
fn up_to_date(
    case: &Case<'_>,
    desired: &Desired,
    state: &State<'_>,
    remote: &Arc<RemoteView>,
) -> Plan {
    let record = &case.record;
    let unrecorded = record.id.as_ref() != Some(&remote.id)
        || state.written_since
        || record.written_after(remote)
        || !record.acknowledged(desired);
    let mut steps = Vec::new();
    if unrecorded {
        steps.push(bind(remote));
    }
    let last = &state.last.export;
    let mut next = last.clone();
    // Only where imports were compared: otherwise the time stays that of the export, in case they are compared later.
    if unrecorded && state.exports.when == When::OnChange && state.unexplained.is_none() {
        next.auth_config_updated_at = Some(remote.updated_at.to_string());
    }
    // The former Secret is still there after a crash.
    if let Some(former) = state.last.former_secret(state.exports) {
        steps.push(Step::RemoveChild(ChildKind::Secret, former.clone()));
        next.secret_name = Some(state.exports.secret.name.clone());
    }
    let restart = restart::step(state.exports).filter(|_| restart::is_pending(last));
    if restart.is_none() {
        next = restart::without_pending_restart(next);
    }
    if next != *last {
        steps.push(Step::RecordExport(next));
    }
    steps.extend(restart);
    Plan::synced(desired, steps).with_retry(state.retry(case))
}

/// Decides about a Secret that was edited, deleted, renamed or refused, where its value is known: this process remembers it, or
/// the Secret has it in another form.
fn write_again(
    case: &Case<'_>,
    desired: &Desired,
    state: &State<'_>,
    remote: &Arc<RemoteView>,
) -> Plan {
    if let Some(left) = state.last.contested(case) {
        let verdict = state.exports.secret.changed_by_others();
        return Plan::report(verdict).with_retry(Retry::Interval(Some(left + MOMENT)));
    }
    let steps = [vec![bind(remote)], state.last.write_secret(state.exports)].concat();
    // Another export may have waited until this one is in the Secret.
    let retry = if expiry::must_renew(case, &state.last.export) {
        Retry::Interval(Some(MOMENT))
    } else {
        state.retry(case)
    };
    Plan::synced(desired, steps).with_retry(retry)
}

/// Decides about an export that has to be made.
fn make_export(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    state: &State<'_>,
    remote: &Arc<RemoteView>,
) -> Result<Plan, Query> {
    let record = &case.record;
    // A process before this one may have made an export whose value it could not write to the Secret.
    let lost = if record.may_have_unrecorded_write() {
        lost_exports(case, &state.last.export, facts, &remote.id)?
    } else {
        0
    };
    let made = exports_within_a_day(&state.last.export, case.now) + lost;
    if made >= state.exports.max_per_day {
        return Ok(budget_spent(case, desired, state, remote, made));
    }
    let export = Step::Export {
        remote: remote.clone(),
        newest_import: newest_import_id(state),
        lost,
    };
    // Another auth config is recorded only once the Secret holds its value: until then the recorded state and the Secret
    // are those of the former one.
    let write = state.last.write_secret(state.exports);
    let steps = if state.last.is_of_another {
        [vec![export], write, vec![bind(remote)]].concat()
    } else {
        [vec![bind(remote), export], write].concat()
    };
    let note = format!("exported the value of {}", remote.id);
    let due_in = state.exports.due_in(case.now, case.now);
    Ok(Plan::synced(desired, steps)
        .with_event(EventReason::Exported, note)
        .with_retry(Retry::Interval(due_in)))
}

/// Decides where an export has to be made and so many were made within 24 hours. A value that is known and not in the Secret is
/// written all the same, until another one can be exported.
fn budget_spent(
    case: &Case<'_>,
    desired: &Desired,
    state: &State<'_>,
    remote: &Arc<RemoteView>,
    made: usize,
) -> Plan {
    let last = &state.last;
    // A Secret that gets another type is deleted and created: while nothing else has its value, a crash in between would lose it.
    let known = case.record.known_value.is_enough_for(&state.exports.secret);
    let steps = if known && !(last.in_secret || last.is_first || last.is_lost) {
        write_again(case, desired, state, remote).steps
    } else {
        Vec::new()
    };
    let message = format!(
        "{made} exports within 24 hours, the maximum of spec.maxPerDay; waiting until one of them is older, or raise spec.maxPerDay"
    );
    let free_in = budget_free_in(&last.export, case.now);
    let retry = Retry::Interval(free_in.map(|left| left + MOMENT));
    Plan {
        steps,
        ..Plan::because(Reason::ExportBudgetSpent, message).with_retry(retry)
    }
}

/// Returns the newest import at this export. Where the auth config was not written since the last comparison, imports are
/// not listed and it is still the recorded one. A list that may lag behind shows none: then later imports are recognized by
/// their time.
fn newest_import_id(state: &State<'_>) -> Option<String> {
    let listed = state.newest_import.filter(|_| state.unexplained.is_none());
    let listed = listed.map(|newest| newest.id.clone());
    let recorded = state.last.export.newest_import_id.as_ref();
    listed.or(recorded.filter(|_| !state.written_since).cloned())
}

/// Returns the number of exports that nothing records: those after the recorded one, or where there is none, all that count
/// against the budget.
fn lost_exports(
    case: &Case<'_>,
    last: &ExportStatus,
    facts: &Facts,
    id: &str,
) -> Result<usize, Query> {
    let made = facts.exports(id)?;
    let recorded = last.export_id.as_ref().zip(created_at(last, made));
    let is_lost = |export: &&ListedExport| match recorded {
        Some((id, at)) => (export.created_at, &export.id) > (at, id),
        // By the API's clock. One that is far ahead would let them count for as long as it is.
        None => {
            is_within_a_day(export.created_at, case.now) && export.created_at < case.now + CLOCKS
        }
    };
    Ok(made.iter().filter(is_lost).count())
}
