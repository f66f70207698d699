//! The ConfigMap in which a resource's ids are published for applications to read.

use super::backoff::{MOMENT, Retry};
use super::case::Case;
use super::children::{ChildKind, ChildSpec, Data, published_ids};
use super::facts::{Facts, Query};
use super::observed::RemoteView;
use super::steps::{Plan, Step};
use super::verdict::Verdict;
use crate::resources::Class;
use std::time::Duration;

/// Adds the steps that create, correct or remove the ConfigMap. It is corrected whatever else keeps the resource from being
/// reconciled, because applications read it. One of a former name is removed once the ids are in the new one, which Kubernetes
/// may refuse.
///
/// # Errors
/// The ConfigMap was not read.
pub fn publish(case: &Case<'_>, facts: &Facts, mut plan: Plan) -> Result<Plan, Query> {
    if case.terminating || case.policy.suspend {
        return Ok(plan);
    }
    let published = case.record.published.as_ref();
    let former = published.filter(|published| Some(published.as_str()) != case.publish.as_deref());
    let remove = former.map(|former| Step::RemoveChild(ChildKind::ConfigMap, former.clone()));
    let Some(name) = case.publish.as_deref() else {
        plan.steps.extend(remove);
        return Ok(plan);
    };
    let expected = expected(case, &plan);
    if expected.is_none() && !binds_later(case, &plan) {
        return Ok(plan);
    }
    let wanted = ChildSpec::config_map(name);
    let state = facts.child(&wanted)?;
    if let Some((verdict, wait)) = wanted.not_owned(state) {
        return Ok(refused(plan, verdict, wait));
    }
    let fingerprint = expected.map(|data| case.fingerprint(&wanted, &data));
    let current = fingerprint.as_ref().is_some_and(|it| state.holds(it));
    let contested = |fingerprint: String| case.contested(ChildKind::ConfigMap, &fingerprint);
    if let Some(left) = fingerprint.filter(|_| !current).and_then(contested) {
        return Ok(refused(
            plan,
            wanted.changed_by_others(),
            Some(left + MOMENT),
        ));
    }
    if !current || published.map(String::as_str) != Some(name) {
        plan.steps.push(Step::ApplyChild(wanted));
        plan.steps.extend(remove);
    }
    Ok(plan)
}

/// Reports that the ConfigMap can't be written, and after which time it may be. Another problem is reported first, and keeps its
/// pause.
fn refused(plan: Plan, verdict: Verdict, wait: Option<Duration>) -> Plan {
    match (plan.verdict.reason.class(), wait) {
        (Class::Done, None) => Plan { verdict, ..plan },
        (Class::Done, wait) => Plan { verdict, ..plan }.with_retry(Retry::Interval(wait)),
        _ => plan,
    }
}

/// Returns true if the plan binds an object whose ids are known only from the response to a write.
fn binds_later(case: &Case<'_>, plan: &Plan) -> bool {
    plan.has(|step| match step {
        Step::Create => true,
        Step::Import { into, .. } => case.record.id.as_ref() != Some(into),
        _ => false,
    })
}

/// Returns the ids after the plan, or `None` where there are none yet, or they are known only once the object is created.
fn expected(case: &Case<'_>, plan: &Plan) -> Option<Data> {
    if binds_later(case, plan) {
        return None;
    }
    let bound = plan.steps.iter().rev().find_map(|step| match step {
        Step::Bind { remote, .. } | Step::Update { remote, .. } => Some(&**remote),
        _ => None,
    });
    ids(case, bound)
}

/// Returns the ids of a resource that now has the object `bound`, or else the recorded one; `None` where it has none.
#[must_use]
pub fn ids(case: &Case<'_>, bound: Option<&RemoteView>) -> Option<Data> {
    let id = bound.map(|remote| &remote.id).or(case.record.shown_id())?;
    let here = case.connection.instance.as_ref();
    let instance = case.record.instance.as_ref().or(here)?;
    let details = bound.map_or(&case.details, |remote| &remote.details);
    Some(published_ids(id, instance, details))
}
