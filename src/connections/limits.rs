//! The limits that connections set. A `Connection` limits its own requests only: an author of one in a namespace must not
//! slow down everybody else in the organization. A `ClusterConnection` belongs to the administrator, and limits the
//! organization.

use super::settings::ConnectionSettings;
use crate::remote::budget::{Budget, Limit, WINDOW};
use crate::resources::{ConnectionKey, ConnectionKind, ResourceKey};
use std::sync::Arc;
use tokio::time::Instant;

/// Returns the limit that a connection sets; `None` if it sets none.
#[must_use]
pub fn user_limit(settings: &ConnectionSettings) -> Option<Limit> {
    let limit = settings.common.rate_limit.as_ref()?;
    let per = limit.per.as_ref().and_then(|per| per.duration());
    Some(Limit {
        requests: u64::from(limit.requests),
        per: per.unwrap_or(WINDOW),
    })
}

/// A budget that a connection uses. It leaves the budget, with the limit that it sets for the organization, when this is dropped.
pub struct Joined {
    connection: ResourceKey,
    budget: Arc<Budget>,
}

impl Joined {
    /// Adds the connection to the budget that it uses now, with the organization's limit, which only a `ClusterConnection`
    /// sets, after it has left the one that it used before: a connection that was deleted and created again may have a key of
    /// another organization.
    pub fn join(
        joined: &mut Option<Self>,
        key: &ConnectionKey,
        limit: Option<Limit>,
        budget: &Arc<Budget>,
        now: Instant,
    ) {
        let of_organization = limit.filter(|_| key.kind == ConnectionKind::ClusterConnection);
        drop(joined.take_if(|former| !Arc::ptr_eq(&former.budget, budget)));
        let joined = joined.get_or_insert_with(|| Self {
            connection: key.resource_key(),
            budget: budget.clone(),
        });
        budget.join(&joined.connection, of_organization, now);
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.budget.leave(&self.connection, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::unbounded_channel;

    fn limit(requests: u64) -> Limit {
        Limit {
            requests,
            per: WINDOW,
        }
    }

    #[test]
    fn the_limit_of_a_user_moves_with_the_connection_to_another_organization() {
        let key = ConnectionKey::new(ConnectionKind::ClusterConnection, "", "shared");
        let five = Some(limit(5));
        let budget = || Arc::new(Budget::new("", limit(100), unbounded_channel().0));
        let (former, current) = (budget(), budget());
        let now = Instant::now();
        let mut joined = None;
        let mut join = |limit, budget| Joined::join(&mut joined, &key, limit, budget, now);
        join(five, &former);
        assert_eq!(former.remaining(now), 5);
        join(five, &former);
        assert_eq!(former.remaining(now), 5);
        join(five, &current);
        assert_eq!((former.remaining(now), current.remaining(now)), (100, 5));
        join(None, &current);
        assert_eq!(current.remaining(now), 100);
        join(five, &current);
        drop(joined);
        assert_eq!(current.remaining(now), 100);
    }
}
