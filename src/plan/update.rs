//! Changes of an object that exists: what becomes of each difference. It is applied by a PATCH, an import or a replacement,
//! refused, or left and reported as drift.

use super::backoff::{Backoff, Growth};
use super::case::Case;
use super::desired::{Desired, Used};
use super::differences::{Differences, differences, is_as_created};
use super::facts::{Facts, MaxAge, Query};
use super::fields::Role;
use super::import;
use super::observed::RemoteView;
use super::refused_fields;
use super::replace;
use super::steps::{Plan, Step, bind};
use super::verdict::{EventReason, Verdict};
use crate::resources::{DriftEntry, DriftPolicy, Reason, Replace};
use metorial::Collection;
use std::sync::Arc;

/// Decides about an object of our own, or one that values are imported into.
///
/// # Errors
/// The fact that has to be read first.
pub fn update(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &Arc<RemoteView>,
) -> Result<Plan, Query> {
    let record = &case.record;
    let mut found = differences(desired, remote, record);
    let blocked = refused_fields::without_refused(case, desired, facts, remote, &mut found)?;
    if !blocked.is_empty() {
        return refused(case, desired, facts, remote, &found, &blocked);
    }
    let changed_here = !record.acknowledged(desired);
    if found.is_without_replacement(desired)
        && let Some(plan) = replace::undone(case, desired, facts, remote)?
    {
        return Ok(if found.is_empty() || !plan.acknowledges {
            plan
        } else {
            plan.then_compare(&format!("keeping {}", remote.id))
        });
    }
    if found.is_empty() {
        let not_sent = !case.refused.is_empty();
        let unrecorded = changed_here
            || not_sent
            || record.remote_updated_at.is_none()
            || is_as_created(desired, remote, record);
        let steps = unrecorded.then(|| bind(remote));
        return Ok(Plan::synced(desired, steps.into_iter().collect()));
    }
    if !found.fixed.is_empty() {
        return fixed(desired, facts, &found, remote);
    }
    if found.needs_replacement && changed_here {
        return replace::replace(case, desired, facts, remote, &found.names());
    }
    let mut plan = Plan::synced(desired, Vec::new());
    if found.needs_replacement || found.patches(desired) {
        plan = patch(case, desired, facts, remote, &found)?;
    }
    // Where drift is only reported, nothing is recorded, so what was imported is looked for when nothing else differs.
    if found.needs_import && (plan.acknowledges || record.lost_import) {
        plan = import::import(case, desired, facts, remote, plan)?;
    }
    Ok(plan)
}

/// Decides about an object of which the API refuses to change the fields `blocked`; `rest` is what it can apply.
///
/// # Errors
/// The fact that has to be read first.
pub fn refused(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &Arc<RemoteView>,
    rest: &Differences,
    blocked: &[&'static str],
) -> Result<Plan, Query> {
    let fields = blocked.join(", ");
    let adopted = case.policy.adopts(&remote.id).is_some();
    if case.policy.lifecycle.replace == Some(Replace::Allow) && !adopted {
        return replace::replace(case, desired, facts, remote, &fields);
    }
    let step = if rest.patches(desired) {
        fresh_update(facts, remote, rest)?
    } else {
        bind(remote)
    };
    let way_out = if adopted {
        "change it back, or create a resource that does not adopt an object"
    } else {
        "undo the change, or set spec.replace: Allow to create new credentials, which end users must authorize again"
    };
    let message = format!(
        "Metorial does not allow changing {fields} of {} (providers on remote or container MCP servers, and some server versions); {way_out}",
        remote.id
    );
    Ok(Plan {
        steps: vec![step],
        ..Plan::because(Reason::RotationRefused, message)
    })
}

/// Decides about differences that a PATCH applies.
fn patch(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &Arc<RemoteView>,
    found: &Differences,
) -> Result<Plan, Query> {
    let record = &case.record;
    let changed_here = case.restored(remote) || !record.acknowledged(desired);
    // If nobody else wrote since our PATCH, the API normalized our value (▲ it trims text); it is not sent again.
    let ours_last = !record.written_after(remote) && record.remote_updated_at.is_some();
    let ignored = found.possibly_ignored(desired);
    if !changed_here && ours_last && !ignored.is_empty() {
        return Ok(Plan::report(unchangeable(desired, found, &ignored, remote)));
    }
    let left = ours_last || found.needs_replacement || case.policy.drift == DriftPolicy::Report;
    if !changed_here && left {
        let mut plan = Plan::synced(desired, Vec::new());
        plan.verdict.drift.clone_from(&found.entries);
        plan.acknowledges = false;
        return Ok(plan);
    }
    let (event, note) = if changed_here {
        (EventReason::Updated, format!("applied {}", found.names()))
    } else {
        EventReason::corrected(&found.names())
    };
    let step = fresh_update(facts, remote, found)?;
    Ok(Plan::synced(desired, vec![step]).with_event(event, note))
}

/// Reports fields that Metorial can't change. Where a deployment was created again, what belongs to the former one is about to
/// be archived along with it (▲: in the background), which no older read shows.
fn fixed(
    desired: &Desired,
    facts: &Facts,
    found: &Differences,
    remote: &Arc<RemoteView>,
) -> Result<Plan, Query> {
    facts.remote(&remote.id, MaxAge::ThisReconciliation)?;
    let plan = Plan::report(unchangeable(desired, found, &found.fixed, remote));
    let deployment = desired.role(Role::Deployment);
    let differs = deployment.is_some_and(|it| found.fixed.contains(&it.rule.name));
    let of = |used: &Used| used.collection == Collection::Deployments;
    let mut references = desired.uses.iter().filter(|it| it.object.owner.is_some());
    Ok(if differs && references.any(of) {
        // A user who named a different deployment also ends up here; that never passes.
        plan.with_backoff(Backoff::new(Growth::TransientThenRefused))
    } else {
        plan
    })
}

/// Reports fields that Metorial can't change, or that its build ignored.
fn unchangeable(
    desired: &Desired,
    found: &Differences,
    fields: &[&'static str],
    remote: &RemoteView,
) -> Verdict {
    let entries = found.entries.iter();
    let of = entries.filter(|entry| fields.contains(&entry.field.as_str()));
    let drift: Vec<DriftEntry> = of.cloned().collect();
    let config = desired.role(Role::Config).map(|config| config.rule.name);
    let is_config = |entry: &&DriftEntry| config == Some(entry.field.as_str());
    let (configs, others): (Vec<_>, Vec<_>) = drift.iter().partition(is_config);
    let mut messages: Vec<String> = configs
        .iter()
        .map(|entry| default_config(&remote.id, &entry.observed))
        .collect();
    if !others.is_empty() {
        let shown = others.iter().map(|entry| {
            let (field, observed) = (&entry.field, &entry.observed);
            format!("{field}, which is {observed}")
        });
        messages.push(format!(
            "Metorial can't change these fields of {}: {}; undo the change, or create a new resource",
            remote.id,
            shown.collect::<Vec<_>>().join(", ")
        ));
    }
    Verdict::new(Reason::ImmutableFieldChanged, messages.join("; ")).with_drift(drift)
}

/// Explains that a deployment keeps its default config. Where a ProviderConfig was replaced, there is no change to undo.
fn default_config(deployment: &str, observed: &str) -> String {
    let current = observed.trim_matches('"');
    format!(
        "Metorial can't change the default config of {deployment}, which is {current}; to use the new config, create another ProviderDeployment; to keep {current}, remove spec.defaultConfigRef and spec.defaultConfigId"
    )
}

/// Decides again after a PATCH that some builds ignore in part: whether it was applied shows in the response, so that costs
/// no request.
#[must_use]
pub fn read_back(desired: &Desired, plan: Plan) -> Plan {
    let tries = |step: &Step| matches!(step, Step::Update { differences, .. } if !differences.possibly_ignored(desired).is_empty());
    if plan.verdict.reason != Reason::Synced || !plan.has(tries) {
        return plan;
    }
    let message = "sent to Metorial; comparing its response with the spec";
    Plan {
        acknowledges: true,
        ..plan.then_requeue(message.to_owned())
    }
}

/// Returns the step of a PATCH. It contains others' metadata as it was read, because the API replaces metadata as a whole:
/// only a read of this reconciliation will do.
///
/// # Errors
/// The object was read before this reconciliation.
pub fn fresh_update(
    facts: &Facts,
    remote: &Arc<RemoteView>,
    differences: &Differences,
) -> Result<Step, Query> {
    facts.remote(&remote.id, MaxAge::ThisReconciliation)?;
    Ok(Step::Update {
        remote: remote.clone(),
        differences: differences.clone(),
    })
}
