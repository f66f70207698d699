//! Many callers, the scheduler and a server, on a simulated clock.

use crate::plan::purpose::{Priority, Purpose};
use crate::remote::budget::capacity::Capacity;
use crate::remote::budget::limit::{Limit, WINDOW};
use crate::remote::budget::quota::Quota;
use crate::remote::budget::scheduler::Scheduler;
use crate::remote::budget::unanswered::LONGEST_PAUSE;
use crate::resources::ResourceKey;
use metorial::RateLimit;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::time::Duration;
use tokio::time::Instant;

/// Time that one request takes.
const LATENCY: Duration = Duration::from_millis(20);
/// Time until a failed reconciliation is repeated.
const RETRY: Duration = Duration::from_secs(4);
/// Concurrent reconciliations.
const WORKERS: usize = 16;

/// The way in which a server reports its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    /// The reset is when the oldest request leaves the window, in full seconds (▲).
    Oldest,
    /// The reset is when the window is empty, in full seconds.
    Empty,
    /// Nothing.
    None,
}

/// A server with a sliding window.
pub struct Server {
    pub limit: Limit,
    pub headers: Headers,
    sent: VecDeque<Instant>,
    pub refused: usize,
}

impl Server {
    fn answer(&mut self, now: Instant) -> (bool, Option<RateLimit>) {
        let per = self.limit.per;
        self.sent.retain(|at| now.duration_since(*at) < per);
        let admitted = (self.sent.len() as u64) < self.limit.requests;
        if admitted {
            self.sent.push_back(now);
        } else {
            self.refused += 1;
        }
        let of = match self.headers {
            Headers::None => return (admitted, None),
            Headers::Oldest => self.sent.front(),
            Headers::Empty => self.sent.back(),
        };
        let reset = of.map_or(per, |at| per - now.duration_since(*at));
        let report = RateLimit {
            limit: Some(self.limit.requests),
            remaining: Some(self.limit.requests - self.sent.len() as u64),
            reset: Some(Duration::from_secs(reset.as_secs_f64().ceil() as u64)),
        };
        (admitted, Some(report))
    }
}

/// The fate of the requests of an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// They are not sent, and that is known.
    NotSent,
    /// They don't reach the server.
    Request,
    /// The server counts them, and its responses are lost.
    Response,
}

/// A resource whose reconciliation sends so many requests, and is repeated from the start if one is refused.
#[derive(Clone, Debug)]
struct Caller {
    purpose: Purpose,
    requests: u64,
    sent: u64,
    /// The number of its request that is on its way.
    in_flight: Option<u64>,
}

/// A request that was accepted.
#[derive(Clone, Debug)]
pub struct Sent {
    pub at: Instant,
    pub purpose: Purpose,
}

/// Callers, the scheduler and the server.
pub struct World {
    pub scheduler: Scheduler,
    pub server: Server,
    pub start: Instant,
    pub now: Instant,
    /// Every request, in order.
    pub sent: Vec<Sent>,
    /// When each resource was done.
    pub done: HashMap<ResourceKey, Instant>,
    /// Reconciliations that were refused.
    pub refusals: usize,
    /// The time during which requests have no response, and what happens to them.
    pub outage: Option<(Range<Duration>, Lost)>,
    /// The requests without a response.
    pub lost: usize,
    /// True if the last request had no response.
    failing: bool,
    callers: HashMap<ResourceKey, Caller>,
    /// Those whose reconciliation has begun, and those who wait for a worker.
    running: HashSet<ResourceKey>,
    due: VecDeque<ResourceKey>,
    agenda: BTreeSet<(Instant, ResourceKey)>,
}

pub fn purpose(namespace: &str, name: &str, priority: Priority) -> Purpose {
    Purpose {
        key: ResourceKey::new("Kind", namespace, name),
        priority,
        requests: 1,
    }
}

/// The same for work that is known to take so many requests.
pub fn taking(requests: u64, purpose: Purpose) -> Purpose {
    Purpose {
        requests,
        ..purpose
    }
}

pub fn limit(requests: u64, per: Duration) -> Limit {
    Limit { requests, per }
}

impl World {
    /// A server with this limit, which is documented as another one.
    pub fn new(actual: Limit, documented: Limit, headers: Headers) -> Self {
        let start = Instant::now();
        Self {
            scheduler: Scheduler::new(Capacity::from_quota(Quota::assumed(documented))),
            server: Server {
                limit: actual,
                headers,
                sent: VecDeque::new(),
                refused: 0,
            },
            start,
            now: start,
            sent: Vec::new(),
            done: HashMap::new(),
            refusals: 0,
            outage: None,
            lost: 0,
            failing: false,
            callers: HashMap::new(),
            running: HashSet::new(),
            due: VecDeque::new(),
            agenda: BTreeSet::new(),
        }
    }

    /// A development key.
    pub fn development() -> Self {
        let limit = limit(100, WINDOW);
        Self::new(limit, limit, Headers::Oldest)
    }

    /// Somebody else, of whom the scheduler knows nothing, sent requests so long ago.
    pub fn others_sent(&mut self, count: usize, ago: Duration) {
        let at = self.now - ago;
        self.server.sent.extend(std::iter::repeat_n(at, count));
    }

    /// A resource wants to send so many requests after `after`.
    pub fn want(&mut self, purpose: &Purpose, requests: u64, after: Duration) {
        let key = purpose.key.clone();
        let caller = Caller {
            purpose: purpose.clone(),
            requests,
            sent: 0,
            in_flight: None,
        };
        self.callers.insert(key.clone(), caller);
        self.agenda.insert((self.start + after, key));
    }

    /// So many new resources of a namespace want to be created after `after`.
    pub fn want_creates(&mut self, namespace: &str, count: usize, after: Duration) {
        for number in 0..count {
            let create = purpose(namespace, &format!("r{number}"), Priority::Create);
            self.want(&create, 1, after);
        }
    }

    /// A resource is deleted without notice.
    pub fn forget(&mut self, purpose: &Purpose) {
        self.callers.remove(&purpose.key);
    }

    /// Works until this time, or until everybody is done.
    pub fn run(&mut self, until: Duration) {
        let until = self.start + until;
        while let Some((at, key)) = self.agenda.pop_first() {
            if at > until {
                self.agenda.insert((at, key));
                break;
            }
            self.now = at.max(self.now);
            if !self.running.contains(&key) && self.running.len() == WORKERS {
                self.due.push_back(key);
                continue;
            }
            if let Some(mut caller) = self.callers.remove(&key) {
                self.running.insert(key.clone());
                if let Some(next) = self.step(&mut caller) {
                    self.agenda.insert((next, key.clone()));
                    self.callers.insert(key.clone(), caller);
                }
            }
            for woken in self.scheduler.wake(self.now) {
                if !self.running.contains(&woken) && !self.due.contains(&woken) {
                    self.agenda.retain(|(_, key)| *key != woken);
                    self.agenda.insert((self.now, woken));
                }
            }
            if self.running.len() < WORKERS
                && let Some(due) = self.due.pop_front()
            {
                self.agenda.insert((self.now, due));
            }
        }
        self.now = self.now.max(until);
    }

    /// The time from the start until a resource was done.
    pub fn done_after(&self, purpose: &Purpose) -> Option<Duration> {
        Some(*self.done.get(&purpose.key)? - self.start)
    }

    /// Takes the next step of a caller, and returns when the one after it is due.
    fn step(&mut self, caller: &mut Caller) -> Option<Instant> {
        if let Some(number) = caller.in_flight.take() {
            let elapsed = self.now - self.start;
            let outage = self.outage.as_ref();
            let outage = outage.filter(|(during, _)| during.contains(&elapsed));
            if let Some((_, lost)) = outage {
                let lost = *lost;
                self.lose(caller, number, lost);
                return Some(self.now + RETRY);
            }
            self.receive(caller, number);
        }
        if caller.sent == caller.requests {
            self.scheduler.withdraw(&caller.purpose.key);
            self.done.insert(caller.purpose.key.clone(), self.now);
            self.running.remove(&caller.purpose.key);
            return None;
        }
        match self.scheduler.check(&caller.purpose, caller.sent, self.now) {
            Ok(()) => {
                caller.in_flight =
                    Some(self.scheduler.take(&caller.purpose, caller.sent, self.now));
                Some(self.now + LATENCY)
            }
            Err(refusal) => {
                self.refusals += 1;
                self.running.remove(&caller.purpose.key);
                let mut wait = refusal.wait;
                // An outage is the reason then, and one that waits for its end has no place.
                let failed = self.scheduler.capacity.failed(self.now);
                let (purpose, sent) = (&caller.purpose, caller.sent);
                if self.failing && self.scheduler.is_spent_by(&failed, purpose, sent, self.now) {
                    self.scheduler.withdraw(&caller.purpose.key);
                    wait = wait.min(LONGEST_PAUSE);
                }
                caller.sent = 0;
                Some(self.now + wait)
            }
        }
    }

    /// Loses a request, after which the reconciliation is repeated from the start.
    fn lose(&mut self, caller: &mut Caller, number: u64, lost: Lost) {
        self.lost += 1;
        self.failing = true;
        if lost == Lost::Response {
            self.server.answer(self.now);
        }
        if lost == Lost::NotSent {
            let (quota, mut pool) = self.scheduler.capacity.quota().unwrap();
            quota.not_sent(number, &mut pool);
        }
        let (quota, pool) = self.scheduler.capacity.quota().unwrap();
        quota.ended(number, self.now);
        drop(pool);
        self.scheduler.withdraw(&caller.purpose.key);
        caller.sent = 0;
        self.running.remove(&caller.purpose.key);
    }

    fn receive(&mut self, caller: &mut Caller, number: u64) {
        self.failing = false;
        let (admitted, report) = self.server.answer(self.now);
        let (quota, mut pool) = self.scheduler.capacity.quota().unwrap();
        quota.answered(number, report.as_ref(), &mut pool, self.now);
        if !admitted {
            let reset = report.and_then(|report| report.reset);
            quota.refused(number, reset, &mut pool, self.now);
        }
        quota.ended(number, self.now);
        drop(pool);
        self.scheduler.wake_first(self.now);
        if admitted {
            caller.sent += 1;
            self.sent.push(Sent {
                at: self.now,
                purpose: caller.purpose.clone(),
            });
        }
    }
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
