//! The last export and its Secret: what is known of it, whether another one has to be made, and how the Secret gets its content
//! back while the API can't be asked.

use super::case::Case;
use super::children::{ChildKind, ChildState};
use super::desired::{Exports, External, When};
use super::export_record::{unrecorded, with_current_key};
use super::external;
use super::facts::{Facts, Query};
use super::observed::{ListedImport, RemoteView, newest_import};
use super::restart;
use super::steps::{Plan, Step};
use crate::resources::{Class, ExportStatus, Reason, parse_time};
use jiff::Timestamp;
use std::time::Duration;

/// The last export and its Secret.
pub struct LastExport {
    /// The export, as the recorded state or the Secret has it.
    pub export: ExportStatus,
    /// The same, where the recorded state lacks it.
    pub unrecorded: Option<ExportStatus>,
    /// True if there is none, or none of this auth config.
    pub is_first: bool,
    /// True if it is of another auth config.
    pub is_of_another: bool,
    /// True if the Secret holds its value, in the form that is wanted.
    pub in_secret: bool,
    /// True if neither the Secret nor this process has its value.
    pub is_lost: bool,
}

impl LastExport {
    /// Returns what is known of the last export of an auth config.
    ///
    /// # Errors
    /// The Secret was not read.
    pub fn read(
        case: &Case<'_>,
        facts: &Facts,
        exports: &Exports,
        id: &str,
    ) -> Result<Self, Query> {
        let record = &case.record;
        let secret = facts.child(&exports.secret)?;
        let known = Some(&record.export).filter(|_| record.export_unrecorded);
        let known = known.filter(|export| export.secret_fingerprint.is_some());
        let unrecorded = unrecorded(record, secret)
            .or_else(|| with_current_key(record, secret))
            .or_else(|| known.cloned());
        let export = unrecorded.clone().unwrap_or_else(|| record.export.clone());
        let of = export.exported_from.as_ref().or(record.id.as_ref());
        let is_of_another = of.is_some_and(|of| of != id);
        let fingerprint = export.secret_fingerprint.as_deref();
        let in_secret = fingerprint.is_some_and(|fingerprint| secret.holds(fingerprint));
        let has_value = fingerprint.is_some_and(|fingerprint| secret.has_content(fingerprint));
        let is_known = record.known_value.is_enough_for(&exports.secret);
        Ok(Self {
            is_first: export.export_id.is_none() || is_of_another,
            is_of_another,
            in_secret,
            is_lost: !has_value && !is_known,
            export,
            unrecorded,
        })
    }

    /// Returns true if another value has to be exported: there is none, or the auth config has another one.
    ///
    /// # Errors
    /// The imports into the auth config were not listed.
    pub fn is_outdated(
        &self,
        facts: &Facts,
        exports: &Exports,
        remote: &RemoteView,
    ) -> Result<bool, Query> {
        if self.is_first || self.is_lost {
            return Ok(true);
        }
        let compares = exports.when == When::OnChange && self.config_written_since(remote);
        Ok(compares && self.has_new_import(facts.imports(&remote.id)?))
    }

    /// Returns true if the newest import is not that of the last export.
    fn has_new_import(&self, imports: &[ListedImport]) -> bool {
        let Some(newest) = newest_import(imports) else {
            return false;
        };
        let exported = self.export.newest_import_id.as_ref();
        // A list that lagged then, or lags now, does not have the import that was exported last: then only time decides.
        let comparable = imports.iter().any(|import| Some(&import.id) == exported);
        let compared_at = self.compared_at();
        let later = compared_at.is_none_or(|compared_at| newest.created_at > compared_at);
        Some(&newest.id) != exported && (comparable || later)
    }

    /// Returns the time until the Secret may be written again, where something else changes it each time that this value is
    /// written.
    #[must_use]
    pub fn contested(&self, case: &Case<'_>) -> Option<Duration> {
        let fingerprint = self.export.secret_fingerprint.as_ref()?;
        case.contested(ChildKind::Secret, fingerprint)
    }

    /// Returns true if `spec.when` is a period that has passed since the export, if there was one.
    #[must_use]
    pub fn is_period_over(&self, case: &Case<'_>, exports: &Exports) -> bool {
        let at = self.export.exported_at.as_ref();
        let left = exports.due_in(at.map_or(Timestamp::MIN, |at| at.0), case.now);
        left.is_some_and(|left| left.is_zero())
    }

    /// Returns true if the auth config was written after its imports were compared with this export.
    #[must_use]
    pub fn config_written_since(&self, remote: &RemoteView) -> bool {
        let compared_at = self.compared_at();
        compared_at.is_none_or(|compared_at| remote.updated_at > compared_at)
    }

    /// Returns the name of the Secret that held the tokens before another one was named.
    #[must_use]
    pub fn former_secret(&self, exports: &Exports) -> Option<&String> {
        let former = self.export.secret_name.as_ref();
        former.filter(|former| **former != exports.secret.name)
    }

    /// Returns the steps that write the export to the Secret and restart what uses it. A former Secret is removed once the new
    /// one holds the tokens, which Kubernetes may refuse.
    #[must_use]
    pub fn write_secret(&self, exports: &Exports) -> Vec<Step> {
        let remove = self.former_secret(exports).cloned();
        let remove = remove.map(|name| Step::RemoveChild(ChildKind::Secret, name));
        let apply = Step::ApplyChild(exports.secret.clone());
        let steps = [Some(apply), remove, restart::step(exports)];
        steps.into_iter().flatten().collect()
    }

    /// Returns the auth config's `updated_at` when its imports were last compared with this export.
    fn compared_at(&self) -> Option<Timestamp> {
        parse_time(self.export.auth_config_updated_at.as_deref())
    }
}

/// Returns true if the Secret holds the last export, or [`restore`] writes it again.
///
/// # Errors
/// The Secret was not read.
pub fn is_held(case: &Case<'_>, facts: &Facts, exports: &Exports, id: &str) -> Result<bool, Query> {
    let last = LastExport::read(case, facts, exports, id)?;
    let held = !last.is_first && last.in_secret;
    Ok(held || may_be_restored(case, facts, exports, &last)?)
}

/// Adds the steps that write the last export to its Secret again where the API can't be asked: applications read the Secret
/// whatever else happens to the resource, and this process knows the value. `paused`: the plan is that of a pause.
///
/// # Errors
/// The Secret was not read.
pub fn restore(
    case: &Case<'_>,
    facts: &Facts,
    mut plan: Plan,
    paused: bool,
) -> Result<Plan, Query> {
    let Some((External { id, .. }, exports)) = case.external().zip(case.exports()) else {
        return Ok(plan);
    };
    let reason = plan.verdict.reason;
    let waits = [Reason::ConnectionNotReady, Reason::ConnectionNotFound].contains(&reason);
    let waits = waits || reason.class() == Class::InProgress || plan.verdict.keeps_conditions;
    let waits = waits || paused;
    let writes = plan.has(|step| matches!(step, Step::ApplyChild(of) if *of == exports.secret));
    if !waits || writes {
        return Ok(plan);
    }
    let last = LastExport::read(case, facts, exports, id)?;
    if !last.in_secret && may_be_restored(case, facts, exports, &last)? {
        plan.steps.extend(last.write_secret(exports));
    }
    Ok(plan)
}

/// Returns true if the Secret held the last export of the auth config and may be written again without asking the API.
fn may_be_restored(
    case: &Case<'_>,
    facts: &Facts,
    exports: &Exports,
    last: &LastExport,
) -> Result<bool, Query> {
    let own = matches!(
        facts.child(&exports.secret)?,
        ChildState::Missing | ChildState::Owned { .. }
    );
    let known = case.record.known_value.is_enough_for(&exports.secret);
    let written = last.export.secret_fingerprint.is_some() && !last.is_first;
    let refused = external::id_not_allowed(case).is_some();
    let held_back = refused || case.terminating || case.policy.suspend || case.observes();
    Ok(own && known && written && !held_back && last.contested(case).is_none())
}

/// Reads the Secret of an export before anything is decided: every report depends on what it holds.
///
/// # Errors
/// The Secret was not read.
pub fn expect_secret(case: &Case<'_>, facts: &Facts) -> Result<(), Query> {
    match case.exports() {
        Some(exports) if case.disabled.is_none() => facts.child(&exports.secret).map(drop),
        _ => Ok(()),
    }
}
