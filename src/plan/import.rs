//! Imports: audit records that can't be taken back, so exactly one for each change of value. The tag in the note of each
//! distinguishes a lost response from a lost request, because an import into an existing config keeps no metadata (▲).

use super::backoff::{MOMENT, Retry};
use super::case::Case;
use super::desired::{Desired, Imports};
use super::differences::{changed, hidden};
use super::facts::{Facts, Query};
use super::fields::Role;
use super::observed::{ListedImport, RemoteView};
use super::record::Writes;
use super::steps::{Plan, Step};
use super::verdict::EventReason;
use crate::resources::{DriftPolicy, Reason};
use std::sync::Arc;
use std::time::Duration;

/// What a resource reports while it is not known whether its import was applied.
const CHECKING: &str =
    "an import may have been applied; checking the list of imports before another is made";

/// What the list of imports shows about the desired value.
enum Finding<'a> {
    /// It was imported: by this import of ours, or the object was created with it.
    Imported(Option<&'a ListedImport>),
    /// It was not: it is to follow this import of ours.
    Missing(Option<&'a str>),
}

/// Decides about a value that may have to be imported, beside what `plan` does.
///
/// # Errors
/// The imports into the object were not read.
pub fn import(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &Arc<RemoteView>,
    plan: Plan,
) -> Result<Plan, Query> {
    let Some(imports) = desired.source.imports() else {
        return Ok(plan);
    };
    let reason = Reason::Importing;
    if let Some(wait) = Plan::wait_for_answered_write(&case.record, reason, CHECKING) {
        return Ok(wait);
    }
    let listed = match case.record.writes {
        // Nothing was ever sent for this resource, so the list shows nothing of ours.
        Writes::Never => &[],
        _ => facts.imports(&remote.id)?,
    };
    let plan = Plan {
        acknowledges: true,
        ..plan
    };
    if let Some(left) = lags(case, desired, facts, remote, listed)? {
        let plan = match case.record.acknowledged(desired) {
            // Nothing is sent before it is known what others wrote: each PATCH would begin the wait anew.
            true => Plan::synced(desired, Vec::new()),
            false => left_open(plan),
        };
        return Ok(plan.retry(Retry::Interval(Some(left + MOMENT))));
    }
    let record = &case.record;
    let unsure = record.lost_import && !record.settled();
    Ok(match find(case, desired, imports, remote, listed) {
        // The list may lack the import of a value that is not desired any more.
        Finding::Imported(None) if unsure && !imports.once => {
            Plan::wait_until_settled(reason, CHECKING, record.settles_in)
        }
        Finding::Imported(record) => imported(case, desired, imports, remote, record, plan),
        Finding::Missing(previous) => missing(case, desired, remote, previous, plan),
    })
}

/// Returns the plan whose PATCH does not hide that others wrote the object before it: what they imported is looked for later.
fn left_open(mut plan: Plan) -> Plan {
    for step in &mut plan.steps {
        if let Step::Update { differences, .. } = step {
            differences.open = true;
        }
    }
    plan
}

/// Returns whether the value that the API last acknowledged for this object is the desired one.
fn is_acknowledged(case: &Case<'_>, desired: &Desired, remote: &RemoteView) -> bool {
    let record = &case.record;
    let value = desired.role(Role::Value).map(|field| field.rule.name);
    let same = |name: &str| record.input(name).is_some() && !changed(desired, record, name);
    let here = record.id.as_ref() == Some(&remote.id);
    here && (record.acknowledged(desired) || value.is_some_and(same))
}

/// Returns the time until the list of imports must have caught up, where it shows not even what is known: the last import of an
/// acknowledged value, or why the object was written. What it lacks may be the import of another value.
fn lags(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &RemoteView,
    listed: &[ListedImport],
) -> Result<Option<Duration>, Query> {
    let record = &case.record;
    if record.lost_import || !is_acknowledged(case, desired, remote) {
        return Ok(None);
    }
    let last = record.imports.first();
    let shown = last.is_none_or(|last| listed.iter().any(|import| import.id == *last));
    if !shown && !record.settled() {
        return Ok(Some(record.settles_in));
    }
    let explains = |import: &ListedImport| import.created_at >= remote.updated_at;
    if !record.written_after(remote) || listed.iter().any(explains) {
        return Ok(None);
    }
    let known_for = facts.remote(&remote.id, case.max_age())?.unchanged_for;
    let left = case.list_lag.saturating_sub(known_for);
    Ok((!left.is_zero()).then_some(left))
}

fn imported(
    case: &Case<'_>,
    desired: &Desired,
    imports: &Imports,
    remote: &Arc<RemoteView>,
    record: Option<&ListedImport>,
    mut plan: Plan,
) -> Plan {
    // First, because the response to a PATCH is newer than what was read.
    let bind = Step::Bind {
        remote: remote.clone(),
        import: record.cloned(),
    };
    plan.steps.insert(0, bind);
    let value = desired.role(Role::Value).map(|field| field.rule.name);
    let of_other_value = record.is_some_and(|it| it.tag != Some(desired.import_tag(None)));
    let other_value = |name: &str| {
        let known = case.record.input(name).is_some();
        of_other_value || known && changed(desired, &case.record, name)
    };
    if imports.once && value.is_some_and(other_value) {
        // The value was not sent, so it must not be recorded as acknowledged.
        plan.acknowledges = false;
        plan.verdict.message =
            "imported once; later values are ignored because spec.when is Once".to_owned();
    }
    plan
}

fn missing(
    case: &Case<'_>,
    desired: &Desired,
    remote: &Arc<RemoteView>,
    previous: Option<&str>,
    mut plan: Plan,
) -> Plan {
    let record = &case.record;
    let changed_here = !record.acknowledged(desired) || record.lost_import;
    if !changed_here && case.policy.drift == DriftPolicy::Report {
        let value = desired.role(Role::Value).map(|field| field.rule.name);
        let drift = value.map(hidden).into_iter().collect();
        plan.verdict = plan.verdict.with_drift(drift);
        return left_open(plan);
    }
    if record.may_have_unrecorded_write() && !record.settled() && record.finalizer {
        return Plan::wait_until_settled(Reason::Importing, CHECKING, record.settles_in);
    }
    plan.steps.push(Step::Import {
        into: remote.id.clone(),
        tag: desired.import_tag(previous),
    });
    if changed_here {
        let note = format!("imported a value into {}", remote.id);
        let synced = Plan::synced(desired, Vec::new()).verdict;
        plan.verdict = synced.with_event(EventReason::Imported, note);
    }
    plan
}

/// Finds the import of the desired value. Tags are chained: each depends on the import before it, so that a value that
/// returns after another one is imported again.
fn find<'a>(
    case: &'a Case<'_>,
    desired: &Desired,
    imports: &Imports,
    remote: &RemoteView,
    listed: &'a [ListedImport],
) -> Finding<'a> {
    let mut newest: Vec<&ListedImport> = listed.iter().collect();
    newest.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    let tagged: Vec<&ListedImport> = newest
        .iter()
        .filter(|import| import.tag.is_some())
        .copied()
        .collect();
    let here = case.record.id.as_ref() == Some(&remote.id);
    let recorded = case.record.imports.first().filter(|_| here);
    if imports.once && (recorded.is_some() || !tagged.is_empty()) {
        return Finding::Imported(tagged.first().copied().filter(|_| recorded.is_none()));
    }
    // Where this resource imported into another object meanwhile, others may have imported into this one, as they may at any
    // time into one of its own. Only what somebody else's resource has them import is no concern of this one.
    let own = desired.source.external().is_none();
    let comes_back = !here && case.record.id.is_some();
    let is_newest = |import: &ListedImport| newest.first().is_some_and(|last| last.id == import.id);
    let superseded = |last: &ListedImport| (own || comes_back) && !is_newest(last);
    if let Some(last) = recorded {
        let tag = desired.import_tag(Some(last));
        let follows = |import: &&ListedImport| import.tag.as_ref() == Some(&tag);
        return match tagged.first() {
            Some(import) if follows(import) && !superseded(import) => {
                Finding::Imported(Some(import))
            }
            _ if tagged.iter().any(follows) => of_last(desired, &tagged, superseded),
            _ if same_value(case, desired, &newest, &tagged) => Finding::Imported(None),
            _ if ours_is_newest(case, desired, remote, &newest) => Finding::Imported(None),
            _ => Finding::Missing(Some(last)),
        };
    }
    match tagged.is_empty() {
        false => of_last(desired, &tagged, superseded),
        true if created_with_it(case, desired, remote, &newest) => Finding::Imported(None),
        true => Finding::Missing(None),
    }
}

/// Returns what the last of these imports of ours, newest first, says about the desired value.
fn of_last<'a>(
    desired: &Desired,
    ours: &[&'a ListedImport],
    superseded: impl Fn(&ListedImport) -> bool,
) -> Finding<'a> {
    match ours.split_first() {
        Some((last, older)) if is_of_value(desired, last, older) && !superseded(last) => {
            Finding::Imported(Some(last))
        }
        Some((last, _)) => Finding::Missing(Some(&last.id)),
        None => Finding::Missing(None),
    }
}

/// Returns whether an import of ours is of the desired value. It was the first one that was known when it was sent, or it
/// followed any of the older ones: those in between may not have been known, or not have been applied, by then.
fn is_of_value(desired: &Desired, import: &ListedImport, older: &[&ListedImport]) -> bool {
    let of = |previous| import.tag.as_deref() == Some(&*desired.import_tag(previous));
    of(None) || older.iter().any(|older| of(Some(&older.id)))
}

/// Returns whether the last import, by anybody, is the recorded one, and of the desired value: it comes from another Secret,
/// or from one that was created again.
fn same_value(
    case: &Case<'_>,
    desired: &Desired,
    newest: &[&ListedImport],
    tagged: &[&ListedImport],
) -> bool {
    let (last, recorded) = (newest.first(), case.record.imports.first());
    let older = tagged.get(1..).unwrap_or_default();
    last.is_some_and(|last| Some(&last.id) == recorded && is_of_value(desired, last, older))
}

/// Returns whether the value that is recorded as acknowledged is still the last one that was imported: by anybody, or by this
/// resource where the object is somebody else's, who may import into it as well.
fn ours_is_newest(
    case: &Case<'_>,
    desired: &Desired,
    remote: &RemoteView,
    newest: &[&ListedImport],
) -> bool {
    let external = desired.source.external().is_some();
    let recorded = |import: &&ListedImport| case.record.imports.contains(&import.id);
    let theirs = |import: &&ListedImport| external && import.tag.is_none();
    let last = newest.first();
    let acknowledged = is_acknowledged(case, desired, remote);
    acknowledged && last.is_none_or(|last| recorded(last) || theirs(last))
}

/// Returns whether the object was created with the desired value, and nobody imported another one since.
fn created_with_it(
    case: &Case<'_>,
    desired: &Desired,
    remote: &RemoteView,
    newest: &[&ListedImport],
) -> bool {
    if desired.source.external().is_some() {
        return false;
    }
    let marker = remote.marker.as_ref();
    let created_with = marker.and_then(|marker| marker.fingerprint.as_ref());
    let same = created_with == desired.marker.fingerprint.as_ref();
    let known = same || is_acknowledged(case, desired, remote);
    known && newest.first().is_none_or(|import| import.of_create)
}
