//! The queue of events that are to be written, and the limit of their rate.

use crate::lock::lock;
use crate::resources::ResourceKey;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Events that wait to be written. One more is written at once, by whoever reports it.
const CAPACITY: usize = 4000;
/// With more events than this in the queue, none waits for the limit of the rate: there has to be room, or reconciliations
/// would write events.
const MANY: usize = CAPACITY / 2;
/// The time between two events that are no warnings, once a [`BURST`] of them was written. An event costs the API server as
/// much as a status, and when hundreds of resources are created at once their statuses come first.
const INTERVAL: Duration = Duration::from_millis(40);
/// Events that are written at once, if none was written for a while.
const BURST: u32 = 50;

/// An event that is to be written. Thousands may wait, so it has no more than the write needs.
pub struct Report {
    /// The resource.
    pub about: ResourceKey,
    /// Its uid.
    pub uid: Box<str>,
    /// Its reason.
    pub reason: &'static str,
    /// Whether it is a warning.
    pub warning: bool,
    /// Its note.
    pub note: Box<str>,
    /// When it was reported.
    pub at: Timestamp,
}

/// The end of the queue, to which events are added.
#[derive(Clone, Default)]
pub struct EventQueue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// `None` once nobody takes events any more.
    waiting: Mutex<Option<VecDeque<Report>>>,
    added: Notify,
}

/// The head of the queue, from which events are taken.
pub struct Waiting {
    queue: EventQueue,
    rate: RateLimit,
}

/// Returns both ends of an empty queue.
#[must_use]
pub fn queue() -> (EventQueue, Waiting) {
    let queue = EventQueue::default();
    *lock(&queue.0.waiting) = Some(VecDeque::new());
    let waiting = Waiting {
        queue: queue.clone(),
        rate: RateLimit::new(Instant::now()),
    };
    (queue, waiting)
}

impl EventQueue {
    /// Adds an event; returns it if there is no room for it, or nobody who takes it.
    #[must_use]
    pub fn add(&self, report: Report) -> Option<Report> {
        let mut waiting = lock(&self.0.waiting);
        match waiting.as_mut().filter(|it| it.len() < CAPACITY) {
            Some(waiting) => waiting.push_back(report),
            None => return Some(report),
        }
        self.0.added.notify_one();
        None
    }

    /// Takes the event that was added first; of warnings alone, if the rate is `limited` and the others have room.
    fn take(&self, limited: bool) -> Option<Report> {
        let mut waiting = lock(&self.0.waiting);
        let waiting = waiting.as_mut()?;
        let any = !limited || waiting.len() > MANY;
        let first = waiting.iter().position(|report| any || report.warning)?;
        waiting.remove(first)
    }
}

impl Waiting {
    /// Waits for the next event.
    pub async fn next(&mut self) -> Report {
        loop {
            let pause = self.rate.wait(Instant::now());
            if let Some(report) = self.queue.take(!pause.is_zero()) {
                if !report.warning {
                    self.rate.count(Instant::now());
                }
                return report;
            }
            let added = self.queue.0.added.notified();
            match pause.is_zero() {
                true => added.await,
                false => drop(timeout(pause, added).await),
            }
        }
    }

    /// Returns the next event at once, if one waits.
    #[must_use]
    pub fn try_next(&self) -> Option<Report> {
        self.queue.take(false)
    }

    /// Returns how many events wait.
    #[must_use]
    pub fn count(&self) -> usize {
        let waiting = lock(&self.queue.0.waiting);
        waiting.as_ref().map_or(0, VecDeque::len)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        *lock(&self.queue.0.waiting) = None;
    }
}

/// The limit of the rate of events that are no warnings: a [`BURST`] at once, and then one in each [`INTERVAL`].
struct RateLimit {
    /// The time at which as many intervals have passed as events were written.
    due: Instant,
}

impl RateLimit {
    fn new(now: Instant) -> Self {
        Self { due: now }
    }

    /// Returns how long to wait before the next event.
    fn wait(&self, now: Instant) -> Duration {
        let ahead = self.due.saturating_duration_since(now);
        ahead.saturating_sub(INTERVAL * BURST)
    }

    /// Counts an event. However many were written without a limit, the next one waits for one interval at most.
    fn count(&mut self, now: Instant) {
        let most = now + INTERVAL * (BURST + 1);
        self.due = most.min(self.due.max(now) + INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(600);

    #[test]
    fn a_burst_of_events_is_written_at_once_and_more_of_them_one_in_each_interval() {
        let mut now = Instant::now();
        let mut rate = RateLimit::new(now);
        for _ in 0..=BURST {
            assert_eq!(rate.wait(now), Duration::ZERO);
            rate.count(now);
        }
        for _ in 0..100 {
            assert_eq!(rate.wait(now), INTERVAL);
            now += INTERVAL;
            rate.count(now);
        }
        now += INTERVAL * BURST * 2;
        for _ in 0..=BURST {
            assert_eq!(rate.wait(now), Duration::ZERO);
            rate.count(now);
        }
        assert_eq!(rate.wait(now), INTERVAL);
    }

    fn report(warning: bool) -> Report {
        Report {
            about: ResourceKey::new("K", "n", "it"),
            uid: "u".into(),
            reason: "Synced",
            warning,
            note: "".into(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn a_warning_does_not_wait_for_the_limit_of_the_rate() {
        let (queue, mut waiting) = queue();
        for _ in 0..=BURST + 1 {
            assert!(queue.add(report(false)).is_none());
        }
        for _ in 0..=BURST {
            assert!(!waiting.next().await.warning);
        }
        waiting.rate.count(Instant::now() + PATIENCE);
        assert!(queue.add(report(true)).is_none());
        assert!(waiting.next().await.warning);
        assert_eq!(waiting.count(), 1);
    }

    #[tokio::test]
    async fn events_are_written_in_their_order_below_the_limit_of_the_rate() {
        let (queue, mut waiting) = queue();
        let order = [false, true, true, false];
        for warning in order {
            assert!(queue.add(report(warning)).is_none());
        }
        for warning in order {
            assert_eq!(waiting.next().await.warning, warning);
        }
    }

    #[test]
    fn many_events_that_were_written_without_a_limit_do_not_delay_the_next_one() {
        let now = Instant::now();
        let mut rate = RateLimit::new(now);
        for _ in 0..10 * CAPACITY {
            rate.count(now);
        }
        assert_eq!(rate.wait(now), INTERVAL);
    }

    #[tokio::test]
    async fn a_queue_that_fills_up_is_not_limited() {
        let (queue, mut waiting) = queue();
        waiting.rate.count(Instant::now() + PATIENCE);
        for _ in 0..=MANY + BURST as usize {
            assert!(queue.add(report(false)).is_none());
        }
        while waiting.count() > MANY {
            waiting.next().await;
            waiting.rate.count(Instant::now() + PATIENCE);
        }
        let next = timeout(INTERVAL, waiting.next()).await;
        assert!(next.is_err(), "the rest has room");
    }

    #[test]
    fn an_event_that_nobody_has_room_for_is_handed_back() {
        let (queue, waiting) = queue();
        for _ in 0..CAPACITY {
            assert!(queue.add(report(false)).is_none());
        }
        assert!(queue.add(report(true)).is_some());
        assert!(waiting.try_next().is_some());
        assert!(queue.add(report(true)).is_none());
        drop(waiting);
        assert!(queue.add(report(true)).is_some());
    }
}
