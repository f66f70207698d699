//! Child objects that somebody else changes back again and again: the operator writes the same content a few times and then
//! reports it, instead of taking turns with another writer for good.

use jiff::{SignedDuration, Timestamp};

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

    /// Returns whether this content was written too often to be written again now.
    #[must_use]
    pub fn exhausted(&self, generation: i64, fingerprint: &str, now: Timestamp) -> bool {
        let recent = self.at.iter().filter(|at| is_recent(**at, now));
        self.are_of(generation, fingerprint) && recent.count() >= MOST
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

    #[test]
    fn the_same_content_is_written_four_times_within_ten_minutes() {
        assert!(!written(&[0, 1, 2]).exhausted(1, "same", second(3)));
        let exhausted = written(&[0, 1, 2, 3]);
        assert!(exhausted.exhausted(1, "same", second(4)));
        assert!(exhausted.exhausted(1, "same", second(599)));
        assert!(!exhausted.exhausted(1, "same", second(600)));
        let again = written(&[0, 1, 2, 3, 600]);
        assert!(
            again.exhausted(1, "same", second(600)),
            "one write came free"
        );
    }

    #[test]
    fn other_content_and_another_generation_are_written_at_once() {
        let mut rewrites = written(&[0, 1, 2, 3]);
        assert!(!rewrites.exhausted(1, "other", second(4)));
        assert!(!rewrites.exhausted(2, "same", second(4)));
        rewrites.count(1, "other", second(4));
        assert!(!rewrites.exhausted(1, "same", second(4)));
    }
}
