//! The server's own limit: what its headers say, or what is assumed while it sends none.
//!
//! Headers describe a window that others may use too, so they count for more than the requests that were sent from here.
//! The number that is left can only grow until the next report, except by our own requests: it is correct to use it up.

use super::limit::{Available, Limit, Moment, WINDOW};
use super::unanswered::Unanswered;
use super::window::{Counted, PerPriority, Window};
use crate::resources::RateLimitSource;
use metorial::RateLimit;
use std::time::Duration;
use tokio::time::Instant;

/// Bounds of a reset that is believed: the shortest window in the documentation has 10 s, and the client reads no wait
/// above an hour.
const SHORTEST_WINDOW: Duration = Duration::from_secs(10);
const LONGEST_WINDOW: Duration = Duration::from_secs(3600);
/// Pause after a 429 that doesn't say for how long.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(60);
/// Time after which a limit that a 429 showed is tried again.
const REFUSAL_REMEMBERED: Duration = Duration::from_secs(3600);
/// The highest limit that is assumed or believed.
const HIGHEST_LIMIT: u64 = 1_000_000;

/// The limit of the server.
#[derive(Clone)]
pub struct Quota {
    limit: Limit,
    source: RateLimitSource,
    /// The requests that the documentation allows.
    documented: u64,
    /// True if the server showed the exact length of its window.
    exact: bool,
    report: Option<Report>,
    /// The requests without a response.
    unanswered: Unanswered,
    /// The time until which a 429 forbids every request.
    closed_until: Option<Instant>,
    /// The last 429 of a server that sends no limit.
    refused_at: Option<Instant>,
}

/// The content of a response's headers.
#[derive(Clone, Copy)]
struct Report {
    /// The number of the last request that was sent before the response arrived.
    last_sent: u64,
    at: Instant,
    until: Instant,
    /// Requests left by the server's count.
    remaining: u64,
    /// Our requests that the server may not have counted then: those without a response, and those sent since.
    uncounted: u64,
    /// The limit as it would be without the requests of others: requests left, and ours in the window.
    effective_limit: u64,
}

impl Report {
    /// Returns true if this request was sent before the report arrived, and before its reset.
    fn is_concurrent(&self, request: u64, now: Instant) -> bool {
        request <= self.last_sent && now < self.until
    }

    fn left(&self) -> u64 {
        self.remaining.saturating_sub(self.uncounted)
    }

    /// Learns that the server had counted one of the uncounted.
    fn count_one(&mut self) {
        let left = self.left();
        self.uncounted = self.uncounted.saturating_sub(1);
        self.effective_limit += self.left() - left;
    }

    /// Learns that the request of that number was not sent.
    fn forget_one(&mut self, request: u64) {
        let left = self.left();
        self.uncounted = self.uncounted.saturating_sub(1);
        // It was among ours in the window already.
        if request <= self.last_sent && self.left() == left {
            self.effective_limit = self.effective_limit.saturating_sub(1);
        }
    }
}

impl Quota {
    /// Returns the documented limit, which holds until the server reports another one.
    #[must_use]
    pub fn assumed(limit: Limit) -> Self {
        Self {
            limit,
            source: RateLimitSource::Assumed,
            documented: limit.requests,
            exact: false,
            report: None,
            unanswered: Unanswered::default(),
            closed_until: None,
            refused_at: None,
        }
    }

    /// Returns the limit.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// Returns where the limit is from.
    #[must_use]
    pub fn source(&self) -> RateLimitSource {
        self.source
    }

    /// Returns what is available at this moment, if nothing else is sent until then.
    #[must_use]
    pub fn available(&self, window: &Window, moment: Moment) -> Available {
        let at = moment.at();
        let mut available = window.available(&self.limit, at);
        if let Some(report) = self.report.filter(|report| at < report.at + self.limit.per) {
            // Ours are counted as well where that is certain: a build that counts each key by itself (▲) reports the
            // window of another key with each response.
            let most = if self.exact {
                available.total
            } else {
                u64::MAX
            };
            let left = if at < report.until {
                report.left()
            } else {
                // At the reset only the oldest request leaves the window (▲). Which of ours leave when is known.
                let ours = window.count(self.limit.per, at);
                report.effective_limit.saturating_sub(ours)
            };
            available.total = left.min(most);
            // The oldest may be somebody else's: one request finds out.
            let known = at < report.until || available.total > 0;
            available.probe = !known && (moment.is_expected() || self.unanswered.in_flight() == 0);
            available.total += u64::from(available.probe);
        }
        if available.total.min(available.ordinary) == 0 && self.may_probe(moment) {
            available.probe = true;
            available.total = available.total.max(1);
            available.ordinary = available.ordinary.max(1);
        }
        if self.closed_until.is_some_and(|until| at < until) {
            available.total = 0;
            available.probe = false;
        }
        available
    }

    /// Counts a request that is sent, and returns its number.
    pub fn sent(&mut self, counted: Counted) -> u64 {
        if let Some(report) = &mut self.report {
            report.uncounted += 1;
        }
        self.unanswered.sent(counted)
    }

    /// Counts requests that were sent with other keys of the organization: the last report may lack them.
    pub fn others_sent(&mut self, requests: u64) {
        if let Some(report) = &mut self.report {
            report.uncounted += requests;
        }
    }

    /// Counts the end of the request of that number, with or without a response.
    pub fn ended(&mut self, request: u64, now: Instant) {
        self.unanswered.expire(self.limit.per, now);
        self.unanswered.ended(request, now);
    }

    /// Learns that the request of that number did not reach the server, or was refused, so that it does not count.
    pub fn not_sent(&mut self, request: u64, window: &mut Window) {
        if let Some((counted, answered)) = self.unanswered.remove(request) {
            window.remove(&counted);
            // The report of the response to it does not count it.
            if let Some(report) = self.report.as_mut().filter(|_| !answered) {
                report.forget_one(request);
            }
        }
    }

    /// Learns from the response to the request of that number, which has not ended yet.
    pub fn answered(
        &mut self,
        request: u64,
        reported: Option<&RateLimit>,
        window: &mut Window,
        now: Instant,
    ) {
        // Something else may have answered for a server that reports its limit.
        if reported.is_some() || self.source == RateLimitSource::Assumed {
            self.unanswered.answered(request);
        }
        let Some(reported) = reported else {
            return self.accepted(request, window, now);
        };
        self.learn_limit(reported);
        let (Some(left), Some(reset)) = (reported.remaining, reported.reset) else {
            return;
        };
        self.learn_length(left, reset);
        let remaining = left.min(HIGHEST_LIMIT);
        let until = now + reset.clamp(Duration::from_secs(1), LONGEST_WINDOW);
        // Responses may arrive in an order other than that in which the server counted the requests: what it counted first
        // says more is left.
        if let Some(last) = &mut self.report
            && last.is_concurrent(request, now)
            && remaining >= last.remaining
        {
            // The oldest request may have left the window in between: then the next one leaves it later.
            last.until = last.until.max(until);
            return last.count_one();
        }
        self.replace_report(request, remaining, until, window, now);
    }

    /// Learns the number of requests that the server allows, if it says so.
    fn learn_limit(&mut self, reported: &RateLimit) {
        if let Some(limit) = reported.limit.filter(|limit| *limit > 0) {
            self.limit.requests = limit.min(HIGHEST_LIMIT);
            self.source = RateLimitSource::Server;
        }
    }

    /// Replaces the report by that of the response to this request, and forgets the failed requests that it does not count.
    fn replace_report(
        &mut self,
        request: u64,
        remaining: u64,
        until: Instant,
        window: &mut Window,
        now: Instant,
    ) {
        let is_latest = |last: &Report| request > last.last_sent || now < last.until;
        if self.report.as_ref().is_none_or(is_latest) {
            let Limit { requests, per } = self.limit;
            let counted = requests.saturating_sub(remaining);
            self.unanswered.correct(request, counted, window, per, now);
        }
        let uncounted = self.unanswered.uncounted_besides(request);
        let left = remaining.saturating_sub(uncounted);
        self.report = Some(Report {
            last_sent: self.unanswered.last_sent(),
            at: now,
            until,
            remaining,
            uncounted,
            effective_limit: left + window.count(self.limit.per, now),
        });
    }

    /// Closes the window after a 429 for as long as the server asks: by `Retry-After`, which the reference documents and
    /// the server does not send (▲), else until the reset, else for a minute; never longer than a window, so that a wrong
    /// header can't stop the operator permanently.
    ///
    /// The refused request does not count. The response to it may have had no headers, if something else than the server sent it.
    pub fn refused(
        &mut self,
        request: u64,
        asked: Option<Duration>,
        window: &mut Window,
        now: Instant,
    ) {
        self.not_sent(request, window);
        let longest = self.limit.per.max(WINDOW);
        let pause = asked.unwrap_or(UNKNOWN_PAUSE);
        self.closed_until = Some(now + pause.clamp(Duration::from_secs(1), longest));
        if self.source == RateLimitSource::Assumed {
            let sent = window.count(self.limit.per, now);
            let accepted = sent.saturating_sub(self.unanswered.in_flight());
            self.limit.requests = accepted.max(self.documented);
            self.refused_at = Some(now);
        }
        self.unanswered.refused();
    }

    /// Returns the requests without a response that may have used up what is left.
    #[must_use]
    pub fn failed(&self, now: Instant) -> PerPriority {
        self.unanswered.failed_in(self.limit.per, now)
    }

    /// Returns what would be available now if so many requests had not failed.
    #[must_use]
    pub fn available_without(
        &self,
        failed: &PerPriority,
        window: &Window,
        now: Instant,
    ) -> Available {
        let mut available = window.available_without(failed, &self.limit, now);
        let failed: u64 = failed.iter().sum();
        if let Some(report) = self.report.filter(|it| now < it.at + self.limit.per) {
            let left = if now < report.until {
                let uncounted = report.uncounted.saturating_sub(failed);
                report.remaining.saturating_sub(uncounted)
            } else {
                let ours = window.count(self.limit.per, now).saturating_sub(failed);
                report.effective_limit.saturating_sub(ours)
            };
            available.total = left;
        }
        if self.closed_until.is_some_and(|until| now < until) {
            available.total = 0;
        }
        available
    }

    /// Takes over what was learned about the same organization before it was known. `window` has the requests of both.
    pub fn take_over(&mut self, unknown: &Self, window: &Window, now: Instant) {
        if unknown.source == RateLimitSource::Server {
            (self.limit, self.source) = (unknown.limit, unknown.source);
            self.exact = unknown.exact;
        }
        self.unanswered.take_over(&unknown.unanswered);
        if let Some(report) = unknown.report {
            let uncounted = report.uncounted + self.unanswered.uncounted_besides(0);
            let left = report.remaining.saturating_sub(uncounted);
            self.report = Some(Report {
                last_sent: self.unanswered.last_sent(),
                uncounted,
                effective_limit: left + window.count(self.limit.per, now),
                ..report
            });
        }
        self.closed_until = unknown.closed_until.max(self.closed_until);
    }

    /// Returns whether one request may find out what is left, because only requests that failed forbid it.
    fn may_probe(&self, moment: Moment) -> bool {
        let at = moment.at();
        let per = self.limit.per;
        let reported = self.report.filter(|it| at < it.until && at < it.at + per);
        let forbidden_without = |failed: u64| {
            reported.is_some_and(|it| it.remaining <= it.uncounted.saturating_sub(failed))
        };
        let unanswered = &self.unanswered;
        unanswered.may_probe(per, moment, forbidden_without)
    }

    /// Learns from a request that a server accepted which reports no limit.
    fn accepted(&mut self, request: u64, window: &mut Window, now: Instant) {
        self.raise(window, now);
        if self.source == RateLimitSource::Assumed
            && window.count(self.limit.per, now) > self.limit.requests
        {
            self.unanswered.exceeded(request, window);
        }
    }

    /// Raises an assumed limit that was used up without a 429.
    fn raise(&mut self, window: &Window, now: Instant) {
        let assumed = self.source == RateLimitSource::Assumed;
        let remembered = |at: Instant| now < at + REFUSAL_REMEMBERED;
        let used = window.count(self.limit.per, now);
        if assumed && !self.refused_at.is_some_and(remembered) && used >= self.limit.requests {
            let raised = self.limit.requests.saturating_mul(2).min(HIGHEST_LIMIT);
            self.limit.requests = raised.max(self.limit.requests);
        }
    }

    /// Learns the length of the window. The reset is at most that far away, and exactly that far if the window has only
    /// the request that was answered.
    fn learn_length(&mut self, left: u64, reset: Duration) {
        let alone = self.limit.requests.checked_sub(left) == Some(1);
        if (alone && reset >= SHORTEST_WINDOW) || reset > self.limit.per {
            self.limit.per = reset.min(LONGEST_WINDOW);
            self.exact |= alone;
        }
    }
}
