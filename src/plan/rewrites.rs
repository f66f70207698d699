//! Child objects that somebody else changes back again and again: the operator writes the same content a few times and then
//! reports it, instead of taking turns with another writer permanently.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The most writes of the same content within [`WINDOW`].
const MOST: usize = 4;
/// The time after which a write no longer counts.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// The recent writes of the same content to one child object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrites {
    /// The generation that asked for the content, and its fingerprint.
    content: Option<(i64, String)>,
    /// The times of the writes, oldest first.
    at: Vec<Timestamp>,
}

impl Rewrites {
    /// Counts a write.
    pub fn count(&mut self, generation: i64, fingerprint: &str, now: Timestamp) {
        if !self.are_of(generation, fingerprint) {
            self.content = Some((generation, fingerprint.to_owned()));
            self.at.clear();
        }
        self.at.retain(|at| is_recent(*at, now));
        self.at.push(now);
    }

    /// Returns the time until this content may be written again, where it was written too often.
    #[must_use]
    pub fn exhausted_for(
        &self,
        generation: i64,
        fingerprint: &str,
        now: Timestamp,
    ) -> Option<Duration> {
        let recent = self.at.iter().filter(|at| is_recent(**at, now));
        let oldest_of_most = recent.rev().nth(MOST - 1)?;
        let left = WINDOW - now.duration_since(*oldest_of_most);
        let left = Duration::try_from(left).ok();
        left.filter(|_| self.are_of(generation, fingerprint))
    }

    fn are_of(&self, generation: i64, fingerprint: &str) -> bool {
        let known = self.content.as_ref();
        known.is_some_and(|(of, content)| *of == generation && content == fingerprint)
    }
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn written(times: &[i64]) -> Rewrites {
        let mut rewrites = Rewrites::default();
        for time in times {
            rewrites.count(1, "same", second(*time));
        }
        rewrites
    }

    fn exhausted_for(rewrites: &Rewrites, content: &str, at: i64) -> Option<u64> {
        let left = rewrites.exhausted_for(1, content, second(at));
        left.map(|left| left.as_secs())
    }

    #[test]
    fn the_same_content_is_written_four_times_within_ten_minutes() {
        assert_eq!(exhausted_for(&written(&[0, 1, 2]), "same", 3), None);
        let exhausted = written(&[0, 1, 2, 3]);
        assert_eq!(exhausted_for(&exhausted, "same", 4), Some(596));
        assert_eq!(exhausted_for(&exhausted, "same", 599), Some(1));
        assert_eq!(exhausted_for(&exhausted, "same", 600), None);
        let again = written(&[0, 1, 2, 3, 600]);
        assert_eq!(exhausted_for(&again, "same", 600), Some(1));
    }

    #[test]
    fn other_content_and_another_generation_are_written_at_once() {
        let mut rewrites = written(&[0, 1, 2, 3]);
        assert_eq!(exhausted_for(&rewrites, "other", 4), None);
        assert_eq!(rewrites.exhausted_for(2, "same", second(4)), None);
        rewrites.count(1, "other", second(4));
        assert_eq!(exhausted_for(&rewrites, "same", 4), None);
    }
}
