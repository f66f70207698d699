//! The callback URL of a provider, which has to be entered at the OAuth app (◆). The status shows it.

use super::case::Case;
use super::desired::Desired;
use super::facts::{Facts, Query};
use super::fields::Role;
use super::steps::Plan;
use crate::resources::Class;

/// Adds the callback URL to the plan of a resource that is or becomes ready, where its status does not show one yet. It is a
/// service to the user: nothing waits for it, and a provider whose URL can't be read has none.
///
/// # Errors
/// The provider was not read.
pub fn show(case: &Case<'_>, desired: &Desired, facts: &Facts, plan: Plan) -> Result<Plan, Query> {
    let shows = case.policy.lifecycle.shows_callback_url && case.details.callback_url.is_none();
    let done = plan.verdict.reason.class() == Class::Done;
    let provider = desired.role(Role::Provider);
    let provider = provider.and_then(|field| field.expose().as_str());
    // In a pause the API is not asked, and everything else continues.
    let (true, true, None, Some(provider)) = (shows, done, &case.paused, provider) else {
        return Ok(plan);
    };
    let callback_url = facts.callback_url(provider)?.map(str::to_owned);
    Ok(Plan {
        callback_url,
        ..plan
    })
}
