//! The server's own limit: what its headers say, or what is assumed while it sends none.
//!
//! Headers describe a window that others may use too, so they count for more than the requests that were sent from here.
//! The number that is left can only grow until the next report, except by our own requests: it is correct to use it up.
//!
//! Keys of one organization that have another limit send requests, too. Whether the server counts them together with those of this
//! limit is not known (▲), so they reduce what is left, but no share of a priority. If they alone seem to have used it up, one request
//! finds out.

use super::limit::{Available, LONGEST_WINDOW, Limit, Moment, WINDOW};
use super::pool::Pool;
use super::report::Report;
use super::unanswered::Unanswered;
use super::window::{Counted, PerPriority, Window};
use crate::plan::purpose::Priority;
use crate::resources::RateLimitSource;
use metorial::RateLimit;
use std::time::Duration;
use tokio::time::Instant;

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
    /// The requests that were sent with keys of this limit, for as long as it counts them. Where a method takes a window, that has
    /// those of keys with another limit as well.
    own: Window,
    /// True if a server that sends no limit accepted more than it would allow if it counted other keys together with these.
    separate: bool,
    /// The numbers of requests with keys that have another limit which were sent, and which have ended.
    others_sent: u64,
    others_ended: u64,
    /// The requests without a response.
    unanswered: Unanswered,
    /// The time until which a 429 forbids every request.
    closed_until: Option<Instant>,
    /// The last 429 of a server that sends no limit.
    refused_at: Option<Instant>,
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
            own: Window::default(),
            separate: false,
            others_sent: 0,
            others_ended: 0,
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
        let mut available = self.own.available(&self.limit, at);
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
                report.left_after_reset(self.own.count(self.limit.per, at))
            };
            available.total = left.min(most);
            // The oldest may be somebody else's: one request finds out.
            let known = at < report.until || available.total > 0;
            available.probe = !known && (moment.is_expected() || self.unanswered.in_flight() == 0);
            available.total += u64::from(available.probe);
        } else {
            let left = self.limit.requests.saturating_sub(self.counted(window, at));
            available.total = available.total.min(left);
        }
        // Those that failed may have used up a share as well; those of other keys count for none.
        let failed = self.unanswered.failed_in(self.limit.per, at);
        let observations = failed[Priority::Observation as usize];
        let failed = failed.iter().sum();
        let spent = available.total == 0
            || failed > 0 && available.ordinary == 0
            || observations > 0 && available.observation == 0;
        if spent && self.may_probe(failed, window, moment) {
            available.probe = true;
            available.total = available.total.max(1);
            available.ordinary = available.ordinary.max(u64::from(failed > 0));
            available.observation = available.observation.max(u64::from(observations > 0));
        }
        if self.closed_until.is_some_and(|until| at < until) {
            available.total = 0;
            available.probe = false;
        }
        available
    }

    /// Returns the requests in the window, as far as the server may count them together.
    fn counted(&self, window: &Window, at: Instant) -> u64 {
        let window = if self.separate { &self.own } else { window };
        window.count(self.limit.per, at)
    }

    /// Counts a request that is sent, and returns its number.
    pub fn sent(&mut self, counted: Counted) -> u64 {
        if let Some(report) = &mut self.report {
            report.uncounted += 1;
        }
        self.own.add(&counted);
        self.unanswered.sent(counted, self.others_ended)
    }

    /// Learns how many requests were sent, and have ended, with keys of the organization that have another limit.
    pub fn learn_of_others(&mut self, sent: u64, ended: u64) {
        (self.others_sent, self.others_ended) = (sent, ended);
        if let Some(report) = &mut self.report {
            report.of_others = sent.saturating_sub(report.counted_of_others);
        }
    }

    /// Forgets requests that the limit does not count any more.
    pub fn expire(&mut self, now: Instant) {
        self.own.drop_older(self.limit.per, now);
    }

    /// Counts the end of the request of that number, with or without a response.
    pub fn ended(&mut self, request: u64, now: Instant) {
        self.unanswered.expire(self.limit.per, now);
        self.unanswered.ended(request, now);
    }

    /// Learns that the request of that number did not reach the server, or was refused, so that it does not count.
    pub fn not_sent(&mut self, request: u64, pool: &mut Pool) {
        if let Some((counted, answered)) = self.unanswered.remove(request) {
            self.remove(&counted, pool);
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
        pool: &mut Pool,
        now: Instant,
    ) {
        // Something else may have answered for a server that reports its limit.
        if reported.is_some() || self.source == RateLimitSource::Assumed {
            self.unanswered.answered(request);
        }
        let Some(reported) = reported else {
            return self.accepted(request, pool, now);
        };
        self.learn_limit(reported);
        let (Some(left), Some(reset)) = (reported.remaining, reported.reset) else {
            return;
        };
        self.exact |= self.limit.learn_length(left, reset);
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
        self.replace_report(request, remaining, until, pool, now);
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
        pool: &mut Pool,
        now: Instant,
    ) {
        // Those that had not ended when this request was sent may have been counted after it.
        let counted_of_others = self.unanswered.others_ended_before(request);
        let counted_of_others = counted_of_others.unwrap_or(self.others_sent);
        let of_others = self.others_sent.saturating_sub(counted_of_others);
        let is_latest = |last: &Report| request > last.last_sent || now < last.until;
        if self.report.as_ref().is_none_or(is_latest) {
            let Limit { requests, per } = self.limit;
            let counted = requests.saturating_sub(remaining);
            let sent = pool.window.count(per, now).saturating_sub(of_others);
            let uncounted = self.unanswered.correct(request, counted, sent);
            uncounted.iter().for_each(|it| self.remove(it, pool));
        }
        let uncounted = self.unanswered.uncounted_besides(request);
        let left = remaining.saturating_sub(uncounted);
        self.report = Some(Report {
            last_sent: self.unanswered.last_sent(),
            at: now,
            until,
            remaining,
            uncounted,
            of_others,
            counted_of_others,
            effective_limit: left + self.own.count(self.limit.per, now),
        });
    }

    /// Removes a request that the server did not count.
    fn remove(&mut self, counted: &Counted, pool: &mut Pool) {
        self.own.remove(counted);
        pool.remove(counted);
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
        pool: &mut Pool,
        now: Instant,
    ) {
        self.not_sent(request, pool);
        let longest = self.limit.per.max(WINDOW);
        let pause = asked.unwrap_or(UNKNOWN_PAUSE);
        self.closed_until = Some(now + pause.clamp(Duration::from_secs(1), longest));
        if self.source == RateLimitSource::Assumed {
            let sent = self.counted(&pool.window, now);
            let accepted = sent.saturating_sub(self.unanswered.in_flight());
            self.limit.requests = accepted.max(self.documented);
            self.refused_at = Some(now);
            self.separate = false;
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
        let mut available = self.own.available_without(failed, &self.limit, now);
        let failed: u64 = failed.iter().sum();
        available.total = match self.report.filter(|it| now < it.at + self.limit.per) {
            Some(report) if now < report.until => report.left_without(failed.min(report.uncounted)),
            Some(report) => {
                let ours = self.own.count(self.limit.per, now);
                report.left_after_reset(ours.saturating_sub(failed))
            }
            None => {
                let counted = self.counted(window, now).saturating_sub(failed);
                let left = self.limit.requests.saturating_sub(counted);
                available.total.min(left)
            }
        };
        if self.closed_until.is_some_and(|until| now < until) {
            available.total = 0;
        }
        available
    }

    /// Returns a copy that takes along the requests that were sent: they count there from now on.
    #[must_use]
    pub fn hand_over(&mut self) -> Self {
        let handed_over = self.clone();
        self.own = Window::default();
        handed_over
    }

    /// Takes over what was learned about the same organization before it was known.
    pub fn take_over(&mut self, unknown: &Self, now: Instant) {
        self.own.merge(unknown.own.clone());
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
                of_others: self.others_sent.saturating_sub(self.others_ended),
                counted_of_others: self.others_ended,
                effective_limit: left + self.own.count(self.limit.per, now),
                ..report
            });
        }
        self.closed_until = unknown.closed_until.max(self.closed_until);
    }

    /// Returns whether one request may find out what is left, because nothing forbids it but so many requests that failed, and
    /// those of keys with another limit.
    fn may_probe(&self, failed: u64, window: &Window, moment: Moment) -> bool {
        let (at, per) = (moment.at(), self.limit.per);
        let own = self.own.count(per, at);
        let reported = self.report.filter(|it| at < it.until && at < it.at + per);
        let of_others = reported.map_or_else(
            || self.counted(window, at).saturating_sub(own),
            |report| report.of_others,
        );
        let is_left = reported.map_or(failed > 0 || own < self.limit.requests, |report| {
            report.left_without(failed + of_others) > 0
        });
        failed + of_others > 0 && is_left && self.unanswered.may_probe(moment)
    }

    /// Learns from a request that a server accepted which reports no limit.
    fn accepted(&mut self, request: u64, pool: &mut Pool, now: Instant) {
        if self.source != RateLimitSource::Assumed {
            return;
        }
        let own = self.own.count(self.limit.per, now);
        self.separate |=
            own <= self.limit.requests && self.counted(&pool.window, now) > self.limit.requests;
        self.raise(own, now);
        if own > self.limit.requests
            && let Some(uncounted) = self.unanswered.exceeded(request)
        {
            self.remove(&uncounted, pool);
        }
    }

    /// Raises an assumed limit that was used up without a 429.
    fn raise(&mut self, used: u64, now: Instant) {
        let remembered = |at: Instant| now < at + REFUSAL_REMEMBERED;
        if !self.refused_at.is_some_and(remembered) && used >= self.limit.requests {
            let raised = self.limit.requests.saturating_mul(2).min(HIGHEST_LIMIT);
            self.limit.requests = raised.max(self.limit.requests);
        }
    }
}
