//! Every decision of the operator, as pure functions: no clock, no I/O, no randomness.
//!
//! [`decide`] lists the checks and cases in their order; each is in a file of its own.

pub mod adopt;
pub mod approve;
pub mod attempt;
pub mod backoff;
pub mod callback;
pub mod case;
pub mod checks;
pub mod children;
pub mod circle;
pub mod create;
pub mod delete;
pub mod desired;
pub mod differences;
pub mod events;
pub mod expiry;
pub mod export;
pub mod export_record;
pub mod external;
pub mod facts;
pub mod fields;
pub mod fingerprint;
pub mod import;
pub mod import_tag;
pub mod in_sync;
pub mod last_export;
pub mod memory;
pub mod not_ready;
pub mod observe;
pub mod observed;
pub mod on_error;
pub mod outcome;
pub mod ownership;
pub mod pauses;
pub mod policy;
pub mod presence;
pub mod publish;
pub mod purpose;
pub mod record;
pub mod record_sources;
pub mod recover;
pub mod referred;
pub mod refused_fields;
pub mod rejection;
pub mod replace;
pub mod request;
pub mod restart;
pub mod rewrites;
pub mod schema;
pub mod status;
pub mod steps;
#[cfg(test)]
pub(crate) mod tests;
pub mod unknown_outcome;
pub mod update;
pub mod verdict;

use case::Case;
use desired::Desired;
use facts::{Facts, Query};
use observed::RemoteView;
use presence::Presence;
use std::sync::Arc;
use steps::{Plan, bind};

/// Decides what to do about one resource. Pure: the same case and facts always lead to the same plan.
///
/// # Errors
/// The fact that has to be read before a decision is possible. That is not a failure: the caller reads the fact and decides
/// again.
pub fn decide(case: &Case<'_>, facts: &Facts) -> Result<Plan, Query> {
    let (plan, paused) = match &case.failure {
        Some(failure) => (on_error::on_error(case, facts, failure), false),
        None => match (decide_unpaused(case, facts), &case.paused) {
            // Nothing is asked of the API before its time, whatever led to this decision.
            (decided, Some(pause)) if asks_api(&decided) => {
                (in_sync::in_pause(case, facts, pause), true)
            }
            (decided, _) => (decided?, false),
        },
    };
    // Ids are published, and exported values kept, whatever else happens to the resource: applications read them.
    let plan = last_export::restore(case, facts, plan, paused)?;
    publish::publish(case, facts, plan)
}

/// Returns true if a decision, or what it needs to know, takes a request to the API.
fn asks_api(decided: &Result<Plan, Query>) -> bool {
    match decided {
        Ok(plan) => plan.asks_api(),
        Err(query) => query.asks_api(),
    }
}

/// Decides about a resource as if there were no pause.
fn decide_unpaused(case: &Case<'_>, facts: &Facts) -> Result<Plan, Query> {
    if !case.terminating {
        return synchronize(case, facts);
    }
    let plan = delete::delete(case, facts)?;
    let plan = delete::only_own_objects(case, facts, plan)?;
    approve::require_approval(case, facts, plan)
}

/// Decides about a resource that is to exist.
fn synchronize(case: &Case<'_>, facts: &Facts) -> Result<Plan, Query> {
    last_export::expect_secret(case, facts)?;
    if let Some(plan) = checks::held_back(case, facts) {
        return Ok(plan);
    }
    let desired = match &case.desired {
        Ok(desired) => *desired,
        Err(why) => return Ok(Plan::because(why.reason, &*why.message)),
    };
    if let Some(plan) = checks::blocked(case, facts) {
        return Ok(plan);
    }
    let plan = match case.object_id() {
        None => create::create_or_recover(case, desired, facts)?,
        Some(id) => match recover::before_adoption(case, desired, facts)? {
            Some(plan) => plan,
            None => match external::adoption_not_allowed(case) {
                Some(plan) => plan,
                None => by_presence(case, desired, facts, id)?,
            },
        },
    };
    let plan = update::read_back(desired, plan);
    let plan = import::report_ignored(case, desired, plan);
    let plan = external::require_fresh_read(desired, facts, plan)?;
    let plan = replace::delete_replaced(case, facts, plan)?;
    let plan = delete::only_own_objects(case, facts, plan)?;
    let plan = create::with_finalizer(case, plan);
    // The next ones may keep a plan from being carried out.
    let plan = external::refuse_foreign_objects(case, desired, facts, plan)?;
    let plan = checks::refuse_invalid_value(case, desired, facts, plan)?;
    let plan = approve::require_approval(case, facts, plan)?;
    let plan = checks::refuse_unwritable_secret(desired, facts, plan)?;
    callback::show(case, desired, facts, plan)
}

/// Decides about a resource whose object has this id.
fn by_presence(case: &Case<'_>, desired: &Desired, facts: &Facts, id: &str) -> Result<Plan, Query> {
    Ok(match Presence::read(case, facts, id)? {
        Presence::Live(remote) => live_object(case, desired, facts, &remote)?,
        Presence::Gone => create::object_gone(case, desired, facts, id)?,
        Presence::Lagging => on_error::wait_for_lagging_reads(case, facts),
    })
}

/// Decides about an object that exists.
fn live_object(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &Arc<RemoteView>,
) -> Result<Plan, Query> {
    let external = desired.source.external();
    if let Some(external) = external
        && let Some(conflict) = external::foreign_object(case, external, remote)
    {
        return Ok(Plan::report(conflict));
    }
    if case.observes() {
        return observe::observe(case, desired, facts, remote);
    }
    if let Some(exports) = desired.source.exports() {
        return export::export(case, desired, facts, exports, remote);
    }
    if external.is_some() {
        return update::update(case, desired, facts, remote);
    }
    if case.record.unrecorded {
        let created = format!("created {}", remote.id);
        return Ok(Plan::synced(desired, vec![bind(remote)]).then_compare(&created));
    }
    if let Some(conflict) = adopt::conflict(case, facts, remote)? {
        return Ok(Plan::report(conflict));
    }
    if adopt::is_adoption(case) {
        adopt::adopt(case, desired, facts, remote)
    } else {
        update::update(case, desired, facts, remote)
    }
}
