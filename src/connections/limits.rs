//! The limits that connections set. A `Connection` limits its own requests only: who may write one in a namespace must not
//! slow down everybody else in the organization. A `ClusterConnection` belongs to the administrator, and limits the
//! organization.

use super::settings::ConnectionSettings;
use crate::remote::budget::{Budget, Limit, WINDOW};
use crate::resources::{ConnectionKey, ConnectionKind};
use tokio::time::Instant;

/// The limit that one connection sets, by what it applies to.
pub struct UserLimits {
    /// The limit of the connection's own requests.
    pub own: Option<Limit>,
    of_organization: Option<Limit>,
}

impl UserLimits {
    /// Returns what the connection sets.
    #[must_use]
    pub fn of(key: &ConnectionKey, settings: &ConnectionSettings) -> Self {
        let limit = settings.common.rate_limit.as_ref().map(|limit| {
            let per = limit.per.as_ref().and_then(|per| per.duration());
            Limit {
                requests: u64::from(limit.requests),
                per: per.unwrap_or(WINDOW),
            }
        });
        let own = key.kind == ConnectionKind::Connection;
        Self {
            own: limit.filter(|_| own),
            of_organization: limit.filter(|_| !own),
        }
    }

    /// Adds the connection to the budget that it uses now, with the organization's limit, and removes it from the one that
    /// it used before: a connection that was deleted and created again may have a key of another organization.
    pub fn apply_to_organization(
        &self,
        key: &ConnectionKey,
        former: Option<&Budget>,
        current: &Budget,
        now: Instant,
    ) {
        let key = key.resource_key();
        if let Some(former) = former.filter(|former| !std::ptr::eq(*former, current)) {
            former.leave(&key, now);
        }
        current.join(&key, self.of_organization, now);
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
        let limits = |of_organization| UserLimits {
            own: None,
            of_organization,
        };
        let five = limits(Some(limit(5)));
        let budget = || Budget::new("", limit(100), unbounded_channel().0);
        let (former, current) = (budget(), budget());
        let now = Instant::now();
        five.apply_to_organization(&key, None, &former, now);
        assert_eq!(former.remaining(now), 5);
        five.apply_to_organization(&key, Some(&former), &former, now);
        assert_eq!(former.remaining(now), 5);
        five.apply_to_organization(&key, Some(&former), &current, now);
        assert_eq!((former.remaining(now), current.remaining(now)), (100, 5));
        limits(None).apply_to_organization(&key, Some(&current), &current, now);
        assert_eq!(current.remaining(now), 100);
    }
}
