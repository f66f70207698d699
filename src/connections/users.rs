//! Counts of the resources that use a connection which is being deleted. A count lists resources of all kinds, and each user
//! that is released asks for one.

use std::time::Duration;
use tokio::time::Instant;

/// A count is not repeated for this many times as long as it took: the larger the cluster, the fewer counts.
const REST: u32 = 20;
/// The longest time for which it is not repeated.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// The users of a connection, as they were last counted.
pub struct Users {
    listed: Vec<String>,
    until: Instant,
}

impl Users {
    /// Returns what is kept of a count that began and ended at these times; nothing if the connection is not in use: what
    /// follows from that needs a count of its own.
    #[must_use]
    pub fn counted(listed: &[String], began: Instant, ended: Instant) -> Option<Self> {
        let rest = ended.duration_since(began).saturating_mul(REST);
        (!listed.is_empty()).then(|| Self {
            listed: listed.to_vec(),
            until: ended + rest.min(LONGEST_REST),
        })
    }

    /// Returns the users and the time until they may be counted again; `None` if they may now.
    #[must_use]
    pub fn known(&self, now: Instant) -> Option<(Vec<String>, Duration)> {
        let left = self.until.saturating_duration_since(now);
        (!left.is_zero()).then(|| (self.listed.clone(), left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_longer_a_count_takes_the_later_it_is_repeated() {
        let began = Instant::now();
        let users = ["AuthImport apps/token".to_owned()];
        for (took, rest) in [(SECOND, 20), (5 * SECOND, 100), (3600 * SECOND, 300)] {
            let ended = began + took;
            let counted = Users::counted(&users, began, ended).unwrap();
            for (after, left) in [(0, Some(rest)), (rest - 1, Some(1)), (rest, None)] {
                let known = counted.known(ended + after * SECOND);
                let expected = left.map(|left| (users.to_vec(), left * SECOND));
                assert_eq!(known, expected, "{took:?}, {after}");
            }
        }
    }

    #[test]
    fn a_connection_that_is_not_in_use_is_counted_each_time() {
        let now = Instant::now();
        assert!(Users::counted(&[], now, now + SECOND).is_none());
    }
}
