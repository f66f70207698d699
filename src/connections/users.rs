//! Counts of the resources that use a connection which is being deleted. A count lists resources of all kinds, and each user
//! that is released asks for one.

use crate::lock::lock;
use crate::resources::{ConnectionKey, ResourceKey};
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// A count is not repeated for this many times as long as it took: the larger the cluster, the fewer counts.
const REST: u32 = 20;
/// The longest time for which it is not repeated. Users of other shards may be gone by then.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The users of connections, as they were last counted. Once this process has released all that it knows of, they are counted
/// again immediately.
#[derive(Default)]
pub struct UserCounts(Mutex<HashMap<ConnectionKey, Users>>);

/// The result of a count.
#[derive(Debug, PartialEq)]
pub struct CountedUsers {
    /// The resources that keep the connection in use.
    pub users: Vec<ResourceKey>,
    /// The time until they are counted again, if this is what an earlier count found.
    pub recount_in: Option<Duration>,
}

#[derive(Default)]
struct Users {
    listed: Vec<ResourceKey>,
    until: Option<Instant>,
    /// Those that were released since the last count began.
    released: HashSet<ResourceKey>,
}

impl UserCounts {
    /// Returns the users as they were last counted; `None` if they may be counted again now.
    #[must_use]
    pub fn known(&self, of: &ConnectionKey, now: Instant) -> Option<CountedUsers> {
        let all = lock(&self.0);
        let users = all.get(of).filter(|users| !users.listed.is_empty())?;
        let left = users.until?.saturating_duration_since(now);
        (!left.is_zero()).then(|| CountedUsers {
            users: users.listed.clone(),
            recount_in: Some(left),
        })
    }

    /// Starts a count.
    pub fn begin(&self, of: &ConnectionKey) {
        lock(&self.0).insert(of.clone(), Users::default());
    }

    /// Ends a count that began and ended at these times. Nothing is kept of it if the connection is not in use: what follows from
    /// that needs a count of its own.
    pub fn end(&self, of: &ConnectionKey, listed: &[ResourceKey], began: Instant, ended: Instant) {
        let mut all = lock(&self.0);
        if listed.is_empty() {
            all.remove(of);
            return;
        }
        let users = all.entry(of.clone()).or_default();
        let stays = |user: &&ResourceKey| !users.released.contains(*user);
        users.listed = listed.iter().filter(stays).cloned().collect();
        let rest = ended.duration_since(began).saturating_mul(REST);
        users.until = Some(ended + rest.min(LONGEST_REST));
    }

    /// Records that this process released a resource, or that it no longer exists.
    pub fn release(&self, resource: &ResourceKey) {
        let mut all = lock(&self.0);
        if all.is_empty() {
            return;
        }
        for users in all.values_mut() {
            users.listed.retain(|user| user != resource);
            users.released.insert(resource.clone());
        }
    }

    /// Forgets a connection that no longer exists.
    pub fn forget(&self, of: &ConnectionKey) {
        lock(&self.0).remove(of);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn connection() -> ConnectionKey {
        ConnectionKey::parse("Connection/main", "apps").unwrap()
    }

    fn user(name: &str) -> ResourceKey {
        ResourceKey::new("AuthImport", "apps", name)
    }

    fn counted(users: &[&str], began: Instant, ended: Instant) -> UserCounts {
        let (counts, of) = (UserCounts::default(), connection());
        counts.begin(&of);
        let users: Vec<ResourceKey> = users.iter().map(|name| user(name)).collect();
        counts.end(&of, &users, began, ended);
        counts
    }

    #[test]
    fn the_longer_a_count_takes_the_later_it_is_repeated() {
        let began = Instant::now();
        for (took, rest) in [(SECOND, 20), (2 * SECOND, 40), (3600 * SECOND, 60)] {
            let ended = began + took;
            let counts = counted(&["token"], began, ended);
            for (after, left) in [(0, Some(rest)), (rest - 1, Some(1)), (rest, None)] {
                let known = counts.known(&connection(), ended + after * SECOND);
                let expected = left.map(|left| CountedUsers {
                    users: vec![user("token")],
                    recount_in: Some(left * SECOND),
                });
                assert_eq!(known, expected, "{took:?}, {after}");
            }
        }
    }

    #[test]
    fn a_connection_that_is_not_in_use_is_counted_each_time() {
        let now = Instant::now();
        let counts = counted(&[], now, now + SECOND);
        assert_eq!(counts.known(&connection(), now + SECOND), None);
    }

    #[test]
    fn users_are_counted_immediately_when_the_last_that_is_known_was_released_also_during_the_count()
     {
        let (now, of) = (Instant::now(), connection());
        let counts = counted(&["a", "b"], now, now + SECOND);
        counts.release(&user("a"));
        let left = counts.known(&of, now + SECOND).unwrap().users;
        assert_eq!(left, [user("b")]);
        counts.release(&user("b"));
        assert_eq!(counts.known(&of, now + SECOND), None);

        counts.begin(&of);
        counts.release(&user("c"));
        counts.end(&of, &[user("c")], now, now + SECOND);
        assert_eq!(counts.known(&of, now + SECOND), None);
    }
}
