//! What the status of a connection says.

use super::rate_limit;
use super::state::ConnectionState;
use crate::plan::not_ready::NotReady;
use crate::plan::verdict::Verdict;
use crate::resources::{Conditions, ConnectionStatus, Reason, ResourceKey};
use jiff::Timestamp;

/// The number of resources that a message names.
const NAMED_USERS: usize = 10;

/// Decides what the connection's conditions say; `users`: what still uses a connection that is being deleted.
#[must_use]
pub fn verdict(state: &ConnectionState, users: Option<&[ResourceKey]>) -> Verdict {
    // What keeps its users from being deleted comes first.
    let serves = |not_ready: &NotReady| not_ready.keeps_session() && state.session.is_some();
    let serves = state.not_ready.as_ref().is_none_or(serves);
    if let Some(users) = users.filter(|users| !users.is_empty() && serves) {
        let named = users.iter().take(NAMED_USERS).map(|user| {
            let ResourceKey {
                kind,
                namespace,
                name,
            } = user;
            format!("{kind} {namespace}/{name}")
        });
        let mut named = named.collect::<Vec<_>>().join(", ");
        if users.len() > NAMED_USERS {
            named.push_str(", …");
        }
        let message = format!(
            "still in use by {} resource(s): {named}; deletion continues when they are deleted",
            users.len()
        );
        return Verdict::new(Reason::Deleting, message);
    }
    match &state.not_ready {
        Some(not_ready) => Verdict::new(not_ready.reason, &*not_ready.message),
        None => Verdict::new(Reason::Synced, "the API accepts the key"),
    }
}

/// Returns the next status of a connection whose spec has this generation.
#[must_use]
pub fn next(
    status: &ConnectionStatus,
    generation: Option<i64>,
    state: &ConnectionState,
    verdict: &Verdict,
    now: Timestamp,
) -> ConnectionStatus {
    let mut next = status.clone();
    next.observed_generation = generation;
    if let Some(requested) = &state.handled {
        next.last_handled_reconcile_at = Some(requested.clone());
    }
    // The recorded instance is pinned: while the connection is not ready the session may be an older one, and must not
    // overwrite it.
    let record = status.instance.is_none() || state.not_ready.is_none();
    if let Some(session) = state.session.as_ref().filter(|_| record) {
        next.instance = Some(session.instance.clone());
    }
    let budget = state.session.as_ref().and_then(|session| session.budget());
    if let Some(budget) = budget {
        let shown = status.rate_limit.as_ref();
        next.rate_limit = Some(rate_limit::next(shown, &budget, now));
    }
    let generation = generation.unwrap_or_default();
    let conditions = Conditions::after(status.conditions.as_deref(), generation, now);
    next.conditions = Some(
        conditions
            .verdict(verdict.reason, false, &verdict.message)
            .build(),
    );
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::ConnectionDefaults;

    fn state(not_ready: Option<NotReady>) -> ConnectionState {
        ConnectionState {
            session: None,
            not_ready,
            external_ids: false,
            adopt_from: Vec::new(),
            defaults: ConnectionDefaults::default(),
            generation: Some(1),
            handled: None,
        }
    }

    #[test]
    fn a_connection_in_use_names_at_most_ten_of_its_users() {
        let users = |count| -> Vec<ResourceKey> {
            (0..count)
                .map(|n| ResourceKey::new("AuthImport", "apps", &format!("r{n}")))
                .collect()
        };
        let ready = state(None);
        for (users, reason, message) in [
            (None, Reason::Synced, "the API accepts the key"),
            (Some(users(0)), Reason::Synced, "the API accepts the key"),
            (
                Some(users(1)),
                Reason::Deleting,
                "still in use by 1 resource(s): AuthImport apps/r0; deletion continues when they are deleted",
            ),
        ] {
            let found = verdict(&ready, users.as_deref());
            assert_eq!(found, Verdict::new(reason, message));
        }
        let ten = verdict(&ready, Some(&users(10))).message;
        assert!(ten.contains("r9; ") && !ten.contains('…'), "{ten}");
        let eleven = verdict(&ready, Some(&users(11))).message;
        assert!(
            eleven.contains("r9, …") && !eleven.contains("r10"),
            "{eleven}"
        );
    }
}
