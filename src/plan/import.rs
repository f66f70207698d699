//! Imports: audit records that can't be taken back, so exactly one for each change of value. The tag in the note of each
//! distinguishes a lost response from a lost request, because an import into an existing config keeps no metadata (▲).

use super::backoff::{MOMENT, Retry};
use super::case::Case;
use super::desired::{Desired, Imports};
use super::differences::{changed, hidden, is_imported_for_good};
use super::facts::{Facts, Query};
use super::fields::Role;
use super::observed::{ListedImport, RemoteView, newest_import};
use super::record::Writes;
use super::steps::{Plan, Step};
use super::verdict::EventReason;
use crate::resources::{DriftPolicy, Reason};
use std::sync::Arc;
use std::time::Duration;

/// The report of a resource while it is not known whether its import was applied.
const CHECKING: &str =
    "an import may have been applied; checking the list of imports before another is made";

/// The report of a resource whose later values are ignored.
const ONCE: &str = "imported once; later values are ignored because spec.when is Once";

/// The result of the list of imports for the desired value.
enum Finding<'a> {
    /// It was imported: by this import of ours, or the object was created with it.
    Imported(Option<&'a ListedImport>),
    /// It was not: it is to follow this import of ours.
    Missing(Option<&'a str>),
}

/// Decides about a value that may have to be imported, besides what `plan` does.
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
    if let Some(left) = list_lag_left(case, desired, facts, remote, listed)? {
        let plan = if case.record.acknowledged(desired) {
            // Nothing is sent before it is known what others wrote: each PATCH would restart the wait.
            Plan::synced(desired, Vec::new())
        } else {
            left_open(plan)
        };
        return Ok(plan.with_retry(Retry::Interval(Some(left + MOMENT))));
    }
    let record = &case.record;
    let own = OwnImports::new(case, desired, remote, listed);
    let unsure = record.lost_import && !record.settled();
    Ok(match own.find(case, imports, remote) {
        // The list may lack the import of a value that is not desired any more.
        Finding::Imported(None) if unsure && !imports.once => {
            Plan::wait_until_settled(record, reason, CHECKING)
        }
        Finding::Imported(record) => record_import(case, desired, imports, remote, record, plan),
        Finding::Missing(previous) => make_import(case, desired, remote, previous, plan),
    })
}

/// Returns the plan whose PATCH does not hide that others wrote the object before it: what they imported is looked for later.
fn left_open(mut plan: Plan) -> Plan {
    for step in &mut plan.steps {
        if let Step::Update { differences, .. } = step {
            differences.keeps_write_time = true;
        }
    }
    plan
}

/// Returns true if the value that the API last acknowledged for this object is the desired one.
fn is_acknowledged(case: &Case<'_>, desired: &Desired, remote: &RemoteView) -> bool {
    let record = &case.record;
    let value = desired.role(Role::Value).map(|field| field.rule.name);
    let same = |name: &str| record.input(name).is_some() && !changed(desired, record, name);
    record.id.as_ref() == Some(&remote.id) && value.is_some_and(same)
}

/// Returns the time until the list of imports must have caught up, where it shows not even what is known: the last import of an
/// acknowledged value, or why the object was written. What it lacks may be the import of another value.
fn list_lag_left(
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

fn record_import(
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
        plan.verdict.message = ONCE.to_owned();
    }
    plan
}

/// Says in the report of a resource whose value is imported once that a later one is ignored.
#[must_use]
pub fn report_ignored(case: &Case<'_>, desired: &Desired, mut plan: Plan) -> Plan {
    let Some(value) = desired.role(Role::Value).map(|field| field.rule.name) else {
        return plan;
    };
    let kept = case.record.id.as_deref();
    let kept = kept.is_some_and(|id| is_imported_for_good(desired, id, &case.record));
    if kept && plan.verdict.reason == Reason::Synced && changed(desired, &case.record, value) {
        plan.verdict.message = ONCE.to_owned();
    }
    plan
}

fn make_import(
    case: &Case<'_>,
    desired: &Desired,
    remote: &Arc<RemoteView>,
    previous: Option<&str>,
    mut plan: Plan,
) -> Plan {
    let record = &case.record;
    // Of what is imported once, the revision is acknowledged without the value.
    let acknowledged = record.acknowledged(desired) && is_acknowledged(case, desired, remote);
    let changed_here = !acknowledged || record.lost_import;
    if !changed_here && case.policy.drift == DriftPolicy::Report {
        let value = desired.role(Role::Value).map(|field| field.rule.name);
        let drift = value.map(hidden).into_iter().collect();
        plan.verdict = plan.verdict.with_drift(drift);
        return left_open(plan);
    }
    if record.may_have_unrecorded_write() && !record.settled() && record.finalizer {
        return Plan::wait_until_settled(record, Reason::Importing, CHECKING);
    }
    plan.steps.push(Step::Import {
        into: remote.id.clone(),
        tag: desired.import_tag(previous),
    });
    let (event, note) = imported(desired, remote, &plan, changed_here);
    let synced = Plan::synced(desired, Vec::new());
    plan.verdict = synced.with_event(event, note).verdict;
    plan
}

/// Returns the event of a plan that imports the value, with what it applies besides.
fn imported(
    desired: &Desired,
    remote: &RemoteView,
    plan: &Plan,
    changed_here: bool,
) -> (EventReason, String) {
    let patched = plan.steps.iter().find_map(|step| match step {
        Step::Update { differences, .. } => Some(differences.names()),
        _ => None,
    });
    let patched = patched.filter(|names| !names.is_empty());
    if changed_here {
        let patched = patched.map(|names| format!("; applied {names}"));
        let note = format!(
            "imported a value into {}{}",
            remote.id,
            patched.unwrap_or_default()
        );
        return (EventReason::Imported, note);
    }
    let value = desired
        .role(Role::Value)
        .map(|field| field.rule.name.to_owned());
    let fields: Vec<String> = patched.into_iter().chain(value).collect();
    EventReason::corrected(&fields.join(", "))
}

/// The imports into an object, from the point of view of one resource.
struct OwnImports<'a> {
    desired: &'a Desired,
    /// The newest, by anybody.
    newest: Option<&'a ListedImport>,
    /// Those of the resource, the newest first.
    tagged: Vec<&'a ListedImport>,
    /// The last one that the status records of this object.
    recorded: Option<&'a String>,
    /// True if a newer import by others takes the place of an own one.
    others_count: bool,
}

impl<'a> OwnImports<'a> {
    fn new(
        case: &'a Case<'_>,
        desired: &'a Desired,
        remote: &RemoteView,
        listed: &'a [ListedImport],
    ) -> Self {
        let mut tagged: Vec<&ListedImport> = listed.iter().filter(|it| it.tag.is_some()).collect();
        tagged.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        let here = case.record.id.as_ref() == Some(&remote.id);
        let comes_back = !here && case.record.id.is_some();
        Self {
            desired,
            newest: newest_import(listed),
            tagged,
            recorded: case.record.imports.first().filter(|_| here),
            // Others may import into an object of ours at any time, or into this one while we used a different one. Imports into
            // somebody else's object don't concern us.
            others_count: desired.source.external().is_none() || comes_back,
        }
    }

    /// Finds the import of the desired value. Tags are chained: each depends on the import before it, so that a value that
    /// returns after another one is imported again.
    fn find(&self, case: &Case<'_>, imports: &Imports, remote: &RemoteView) -> Finding<'a> {
        let last = self.tagged.first().copied();
        if imports.once && (self.recorded.is_some() || last.is_some()) {
            return Finding::Imported(last.filter(|_| self.recorded.is_none()));
        }
        let Some(recorded) = self.recorded else {
            if last.is_none() && self.created_with_value(case, remote) {
                return Finding::Imported(None);
            }
            return self.of_last();
        };
        let tag = self.desired.import_tag(Some(recorded));
        let follows = |import: &ListedImport| import.tag.as_ref() == Some(&tag);
        if let Some(last) = last
            && follows(last)
            && !self.is_superseded(last)
        {
            return Finding::Imported(Some(last));
        }
        if self.tagged.iter().any(|import| follows(import)) {
            return self.of_last();
        }
        if self.is_recorded_value(case) || self.is_last_import(case, remote) {
            return Finding::Imported(None);
        }
        Finding::Missing(Some(recorded))
    }

    /// Returns what the last own import says about the desired value.
    fn of_last(&self) -> Finding<'a> {
        match self.tagged.split_first() {
            Some((last, older)) if self.is_of_value(last, older) && !self.is_superseded(last) => {
                Finding::Imported(Some(last))
            }
            Some((last, _)) => Finding::Missing(Some(&last.id)),
            None => Finding::Missing(None),
        }
    }

    fn is_superseded(&self, own: &ListedImport) -> bool {
        self.others_count && self.newest.is_none_or(|newest| newest.id != own.id)
    }

    /// Returns true if an own import is of the desired value. It was the first one that was known when it was sent, or it
    /// followed any of the older ones: those in between may not have been known, or not have been applied, by then.
    fn is_of_value(&self, import: &ListedImport, older: &[&ListedImport]) -> bool {
        let of = |previous| import.tag.as_deref() == Some(&*self.desired.import_tag(previous));
        of(None) || older.iter().any(|older| of(Some(&older.id)))
    }

    /// Returns true if the last import, by anybody, is the recorded one, and of the desired value: it comes from another
    /// Secret, or from one that was created again.
    fn is_recorded_value(&self, case: &Case<'_>) -> bool {
        let recorded = case.record.imports.first();
        let older = self.tagged.get(1..).unwrap_or_default();
        let newest = self.newest;
        newest.is_some_and(|it| Some(&it.id) == recorded && self.is_of_value(it, older))
    }

    /// Returns true if the value that is recorded as acknowledged is still the last one that was imported: by anybody, or by
    /// this resource where the object is somebody else's, who may import into it as well.
    fn is_last_import(&self, case: &Case<'_>, remote: &RemoteView) -> bool {
        let external = self.desired.source.external().is_some();
        let recorded = |import: &ListedImport| case.record.imports.contains(&import.id);
        let theirs = |import: &ListedImport| external && import.tag.is_none();
        let newest = self.newest;
        is_acknowledged(case, self.desired, remote)
            && newest.is_none_or(|newest| recorded(newest) || theirs(newest))
    }

    /// Returns true if the object was created with the desired value, and nobody imported another one since.
    fn created_with_value(&self, case: &Case<'_>, remote: &RemoteView) -> bool {
        if self.desired.source.external().is_some() {
            return false;
        }
        let marker = remote.marker.as_ref();
        let created_with = marker.and_then(|marker| marker.fingerprint.as_ref());
        let same = created_with == self.desired.marker.fingerprint.as_ref();
        let known = same || is_acknowledged(case, self.desired, remote);
        known && self.newest.is_none_or(|newest| newest.of_create)
    }
}
