//! The requests without a response: those on their way, and those that failed, which the server may have counted or not.
//!
//! A failed request counts until a later response shows that the server did not count it. Only a response to a request that
//! was sent after the failure can show that.

use super::limit::Moment;
use super::window::{Counted, PerPriority};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The first and the longest pause after a failure until a request that the count forbids finds out what is left.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
pub const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The requests without a response.
#[derive(Clone, Default)]
pub struct Unanswered {
    /// The number of the last request that was sent.
    last: u64,
    in_flight: BTreeMap<u64, InFlight>,
    /// Those that failed, the first that was sent first.
    failed: Vec<Failed>,
    /// Pauses since the last response, and the end of the last one.
    pauses: u32,
    probe_at: Option<Instant>,
}

#[derive(Clone)]
struct InFlight {
    counted: Counted,
    /// The number of requests with keys of another limit that had ended before.
    others_ended: u64,
    /// True if its response has arrived, which shows that the server counted it.
    answered: bool,
}

#[derive(Clone)]
struct Failed {
    counted: Counted,
    /// The number of the last request that was sent before it failed.
    last_sent: u64,
    /// True if the response to a later request has arrived: the server had counted it by then, or never will.
    settled: bool,
}

impl Unanswered {
    /// Returns the number of the last request that was sent.
    #[must_use]
    pub fn last_sent(&self) -> u64 {
        self.last
    }

    /// Returns the number of requests with keys of another limit that had ended when this one, which is on its way, was sent.
    #[must_use]
    pub fn others_ended_before(&self, request: u64) -> Option<u64> {
        Some(self.in_flight.get(&request)?.others_ended)
    }

    /// Adds a request that is sent after `others_ended` with keys of another limit have ended. Returns its number.
    pub fn sent(&mut self, counted: Counted, others_ended: u64) -> u64 {
        self.last += 1;
        let in_flight = InFlight {
            counted,
            others_ended,
            answered: false,
        };
        self.in_flight.insert(self.last, in_flight);
        self.last
    }

    /// Removes a request that does not count. Returns it, and whether its response has arrived.
    pub fn remove(&mut self, request: u64) -> Option<(Counted, bool)> {
        let in_flight = self.in_flight.remove(&request)?;
        Some((in_flight.counted, in_flight.answered))
    }

    /// Learns that the server counted this request.
    pub fn answered(&mut self, request: u64) {
        self.pauses = 0;
        if let Some(in_flight) = self.in_flight.get_mut(&request) {
            in_flight.answered = true;
        }
    }

    /// Learns that the server refused a request, so that all others are counted as they should be.
    pub fn refused(&mut self) {
        self.failed.clear();
        self.pauses = 0;
    }

    /// Ends a request. If no response arrived, it has failed.
    pub fn ended(&mut self, request: u64, now: Instant) {
        let ended = self.in_flight.remove(&request);
        let Some(InFlight { counted, .. }) = ended.filter(|ended| !ended.answered) else {
            return;
        };
        // Those that fail at the same time are one failure.
        if self.pauses == 0 || self.probe_at.is_none_or(|at| now >= at) {
            let pause = FIRST_PAUSE * (1 << self.pauses.min(5));
            self.pauses = self.pauses.saturating_add(1);
            self.probe_at = Some(now + pause.min(LONGEST_PAUSE));
        }
        let failed = Failed {
            counted,
            last_sent: self.last,
            settled: false,
        };
        let before = |other: &Failed| other.counted.at <= failed.counted.at;
        let place = self.failed.partition_point(before);
        self.failed.insert(place, failed);
    }

    /// Forgets those that no limit counts any more.
    pub fn expire(&mut self, per: Duration, now: Instant) {
        self.failed.retain(|failed| now < failed.counted.at + per);
    }

    /// Returns the number of requests that the response to this one may not have counted.
    #[must_use]
    pub fn uncounted_besides(&self, request: u64) -> u64 {
        let others = self.in_flight.keys().filter(|number| **number != request);
        (others.count() + self.unsettled().count()) as u64
    }

    /// Returns the failed requests that the server did not count, by the response to this request, which says that it had
    /// `counted` so many of those that were `sent`. Which of them it counted is not known, so the oldest are returned.
    #[must_use]
    pub fn correct(&mut self, request: u64, counted: u64, sent: u64) -> Vec<Counted> {
        self.settle(request);
        let certain = sent.saturating_sub(self.uncounted_besides(request));
        let mut excess = certain.saturating_sub(counted);
        let uncounted = self.failed.extract_if(.., |failed| {
            let uncounted = failed.settled && excess > 0;
            excess -= u64::from(uncounted);
            uncounted
        });
        uncounted.map(|failed| failed.counted).collect()
    }

    /// Learns from a server that reports no count that it accepted this request although all were sent that it allows. Returns
    /// the failed request that it did not count then.
    #[must_use]
    pub fn exceeded(&mut self, request: u64) -> Option<Counted> {
        self.settle(request);
        let first = self.failed.iter().position(|failed| failed.settled);
        let uncounted = first.map(|first| self.failed.remove(first).counted);
        // What is left is as uncertain as before.
        self.failed
            .iter_mut()
            .for_each(|failed| failed.settled = false);
        uncounted
    }

    /// Returns whether a request that the count alone forbids may find out at this moment what is left, after the pause that
    /// follows a failure.
    #[must_use]
    pub fn may_probe(&self, moment: Moment) -> bool {
        let alone = moment.is_expected() || self.in_flight.is_empty();
        let due = self.probe_at.is_none_or(|from| moment.at() >= from);
        alone && due
    }

    /// Returns the number of requests on their way.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.in_flight.len() as u64
    }

    /// Returns the requests that failed, and that no later response has shown to be counted or not, in a window of this length.
    #[must_use]
    pub fn failed_in(&self, per: Duration, now: Instant) -> PerPriority {
        let mut all = PerPriority::default();
        let in_window = |failed: &&Failed| now < failed.counted.at + per;
        for failed in self.unsettled().filter(in_window) {
            all[failed.counted.priority as usize] += 1;
        }
        all
    }

    /// Takes over those that failed before the organization was known.
    pub fn take_over(&mut self, unknown: &Self) {
        let failed = unknown.failed.iter().cloned().map(|failed| Failed {
            last_sent: self.last,
            settled: false,
            ..failed
        });
        self.failed.extend(failed);
        self.failed.sort_by_key(|failed| failed.counted.at);
        self.probe_at = self.probe_at.max(unknown.probe_at);
    }

    fn settle(&mut self, request: u64) {
        for failed in &mut self.failed {
            failed.settled |= failed.last_sent < request;
        }
    }

    fn unsettled(&self) -> impl Iterator<Item = &Failed> {
        self.failed.iter().filter(|failed| !failed.settled)
    }
}
