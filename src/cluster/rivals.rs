//! Whether another replica may lead: what a candidate concludes from the Leases that it reads, by its own clock.

use std::time::Duration;
use tokio::time::Instant;

/// What one candidate knows about the other replicas. Every time is passed in, of one clock.
pub struct Rivals {
    /// The time for which a Lease, or its absence, has to be seen before the next holder may lead.
    duration: Duration,
    /// The longest time between two reads after which both still show what was there in between.
    longest_gap: Duration,
    /// The last resource version that was read, and when it was first read.
    observed: Option<(String, Instant)>,
    /// True if another replica may lead: one was seen to, or this one lost the leadership.
    may_lead: bool,
    /// The reads that found no Lease, without another one in between.
    absence: Option<Absence>,
}

/// Reads in a row that found no Lease.
#[derive(Clone, Copy)]
struct Absence {
    first: Instant,
    last: Instant,
}

impl Rivals {
    /// Returns what a candidate knows that has read nothing yet. It reads the Lease each `renew`, as often as a holder renews it.
    #[must_use]
    pub fn new(duration: Duration, renew: Duration) -> Self {
        Self {
            duration,
            longest_gap: renew * 2,
            observed: None,
            may_lead: false,
            absence: None,
        }
    }

    /// Records that another replica leads, or may have led since this one last did.
    pub fn assume_leader(&mut self) {
        self.may_lead = true;
    }

    /// Records that this candidate leads.
    pub fn overcome(&mut self) {
        (self.may_lead, self.absence) = (false, None);
    }

    /// Records that there is a Lease, or that it is not known whether there is one.
    pub fn end_absence(&mut self) {
        self.absence = None;
    }

    /// Returns whether this candidate may create a Lease that a read has just not found. After a Lease was deleted, its holder may
    /// write until its next renewal, so other replicas wait for a full lease duration. A holder that renews creates it again, and
    /// it may be deleted again: an absence counts only from the first of reads that are close enough to each other to show that.
    pub fn may_create(&mut self, now: Instant) -> bool {
        if !self.may_lead {
            return true;
        }
        let close = |absence: &Absence| now.duration_since(absence.last) <= self.longest_gap;
        let former = self.absence.filter(close);
        let first = former.map_or(now, |absence| absence.first);
        self.absence = Some(Absence { first, last: now });
        now.duration_since(first) >= self.duration
    }

    /// Returns true if nobody renewed for the whole duration: this version of the Lease was read all the time.
    pub fn expired(&mut self, version: &str, now: Instant) -> bool {
        match &self.observed {
            Some((known, since)) if known == version => now.duration_since(*since) >= self.duration,
            _ => {
                self.observed = Some((version.to_owned(), now));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_secs(15);
    const RENEW: Duration = Duration::from_secs(3);
    const JUST_BEFORE: Duration = Duration::from_millis(1);

    fn rivals() -> (Rivals, Instant) {
        (Rivals::new(DURATION, RENEW), Instant::now())
    }

    #[test]
    fn a_lease_expires_when_the_same_version_was_seen_for_the_whole_duration() {
        let (mut rivals, start) = rivals();
        assert!(!rivals.expired("1", start));
        assert!(!rivals.expired("1", start + DURATION - JUST_BEFORE));
        assert!(rivals.expired("1", start + DURATION));
    }

    #[test]
    fn a_lease_that_is_renewed_never_expires() {
        let (mut rivals, start) = rivals();
        for renewal in 0..100 {
            let now = start + RENEW * renewal;
            assert!(!rivals.expired(&renewal.to_string(), now), "{renewal}");
            assert!(!rivals.expired(&renewal.to_string(), now + DURATION - JUST_BEFORE));
        }
    }

    #[test]
    fn the_first_candidate_creates_the_lease_at_once_and_one_that_saw_a_leader_waits() {
        let (mut rivals, start) = rivals();
        assert!(rivals.may_create(start));
        rivals.assume_leader();
        let polls = (0..5).map(|poll| start + RENEW * poll);
        let created: Vec<bool> = polls.map(|now| rivals.may_create(now)).collect();
        assert_eq!(created, [false; 5]);
        assert!(rivals.may_create(start + DURATION));
        rivals.overcome();
        assert!(rivals.may_create(start + DURATION));
    }

    /// Reads every [`RENEW`] that find no Lease, from this time on; returns how long after it one may be created.
    fn waits(rivals: &mut Rivals, from: Instant) -> Duration {
        let mut waited = Duration::ZERO;
        while !rivals.may_create(from + waited) {
            waited += RENEW;
        }
        waited
    }

    #[test]
    fn an_absence_counts_anew_after_a_lease_a_failed_read_or_a_gap() {
        let (mut rivals, start) = rivals();
        rivals.assume_leader();
        assert_eq!(waits(&mut rivals, start), DURATION);
        let now = start + DURATION;
        rivals.end_absence();
        assert_eq!(waits(&mut rivals, now + RENEW), DURATION);

        let now = now + RENEW + DURATION;
        let gap = RENEW * 2;
        assert!(
            rivals.may_create(now + gap),
            "two reads may be that far apart"
        );
        let now = now + gap * 2 + JUST_BEFORE;
        assert!(!rivals.may_create(now), "it may have been there meanwhile");
        assert_eq!(waits(&mut rivals, now), DURATION);
    }
}
