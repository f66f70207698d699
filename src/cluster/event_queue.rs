//! The queue of events that are to be written, and the limit of their rate.

use crate::lock::lock;
use crate::resources::ResourceKey;
use jiff::Timestamp;
use kube::runtime::events::EventType;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Events that wait to be written. One more is written immediately, by the reconciliation that reports it.
const CAPACITY: usize = 4000;
/// With more events than this in the queue, none waits for the limit of the rate: there has to be room, or reconciliations
/// would write events.
const MAX_LIMITED: usize = CAPACITY / 2;
/// The time between two events that are no warnings, once a [`BURST`] of them was written. An event costs the API server as
/// much as a status, and when hundreds of resources are created together their statuses come first.
const INTERVAL: Duration = Duration::from_millis(40);
/// Events that are written without a pause, if none was written for a while.
const BURST: u32 = 50;

/// An event that is to be written. Thousands may wait, so it has no more than the write needs.
pub struct PendingEvent {
    /// The resource.
    pub about: ResourceKey,
    /// Its uid.
    pub uid: Box<str>,
    /// Its reason.
    pub reason: &'static str,
    /// Its type.
    pub type_: EventType,
    /// Its note.
    pub note: Box<str>,
    /// The time at which it was reported.
    pub at: Timestamp,
}

/// The end of the queue, to which events are added.
#[derive(Clone, Default)]
pub struct EventQueue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// `None` once nobody takes events any more.
    waiting: Mutex<Option<VecDeque<PendingEvent>>>,
    added: Notify,
}

/// The head of the queue, from which events are taken.
pub struct EventReceiver {
    queue: EventQueue,
    rate: RateLimit,
}

/// Returns both ends of an empty queue.
#[must_use]
pub fn queue() -> (EventQueue, EventReceiver) {
    let queue = EventQueue::default();
    *lock(&queue.0.waiting) = Some(VecDeque::new());
    let receiver = EventReceiver {
        queue: queue.clone(),
        rate: RateLimit::new(Instant::now()),
    };
    (queue, receiver)
}

impl EventQueue {
    /// Adds an event; returns it if the queue is full or closed.
    #[must_use]
    pub fn add(&self, event: PendingEvent) -> Option<PendingEvent> {
        let mut waiting = lock(&self.0.waiting);
        match &mut *waiting {
            Some(waiting) if waiting.len() < CAPACITY => waiting.push_back(event),
            _ => return Some(event),
        }
        self.0.added.notify_one();
        None
    }

    /// Takes the event that was added first; of warnings alone, if the rate is `limited` and the others have room.
    fn take(&self, limited: bool) -> Option<PendingEvent> {
        let mut waiting = lock(&self.0.waiting);
        let waiting = waiting.as_mut()?;
        let any = !limited || waiting.len() > MAX_LIMITED;
        let first = waiting
            .iter()
            .position(|event| any || event.type_ == EventType::Warning)?;
        waiting.remove(first)
    }
}

impl EventReceiver {
    /// Waits for the next event.
    pub async fn next(&mut self) -> PendingEvent {
        loop {
            let pause = self.rate.wait(Instant::now());
            if let Some(event) = self.queue.take(!pause.is_zero()) {
                if event.type_ == EventType::Normal {
                    self.rate.count(Instant::now());
                }
                return event;
            }
            let added = self.queue.0.added.notified();
            if pause.is_zero() {
                added.await;
            } else {
                timeout(pause, added).await.ok();
            }
        }
    }

    /// Returns the next event, if one waits.
    #[must_use]
    pub fn try_next(&self) -> Option<PendingEvent> {
        self.queue.take(false)
    }

    /// Returns how many events wait.
    #[must_use]
    pub fn count(&self) -> usize {
        let waiting = lock(&self.queue.0.waiting);
        waiting.as_ref().map_or(0, VecDeque::len)
    }
}

impl Drop for EventReceiver {
    fn drop(&mut self) {
        *lock(&self.queue.0.waiting) = None;
    }
}

/// The limit of the rate of events that are no warnings: a [`BURST`] without a pause, and then one in each [`INTERVAL`].
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

    fn event(type_: EventType) -> PendingEvent {
        PendingEvent {
            about: ResourceKey::new("K", "n", "it"),
            uid: "u".into(),
            reason: "Synced",
            type_,
            note: "".into(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn a_warning_does_not_wait_for_the_limit_of_the_rate() {
        let (queue, mut receiver) = queue();
        for _ in 0..=BURST + 1 {
            assert!(queue.add(event(EventType::Normal)).is_none());
        }
        for _ in 0..=BURST {
            assert_eq!(receiver.next().await.type_, EventType::Normal);
        }
        receiver.rate.count(Instant::now() + PATIENCE);
        assert!(queue.add(event(EventType::Warning)).is_none());
        assert_eq!(receiver.next().await.type_, EventType::Warning);
        assert_eq!(receiver.count(), 1);
    }

    #[tokio::test]
    async fn events_are_written_in_their_order_below_the_limit_of_the_rate() {
        let (queue, mut receiver) = queue();
        let (normal, warning) = (EventType::Normal, EventType::Warning);
        let order = [normal, warning, warning, normal];
        for type_ in order {
            assert!(queue.add(event(type_)).is_none());
        }
        for type_ in order {
            assert_eq!(receiver.next().await.type_, type_);
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
        let (queue, mut receiver) = queue();
        receiver.rate.count(Instant::now() + PATIENCE);
        for _ in 0..=MAX_LIMITED + BURST as usize {
            assert!(queue.add(event(EventType::Normal)).is_none());
        }
        while receiver.count() > MAX_LIMITED {
            receiver.next().await;
            receiver.rate.count(Instant::now() + PATIENCE);
        }
        let next = timeout(INTERVAL, receiver.next()).await;
        assert!(next.is_err(), "the rest has room");
    }

    #[test]
    fn an_event_that_nobody_has_room_for_is_handed_back() {
        let (queue, receiver) = queue();
        for _ in 0..CAPACITY {
            assert!(queue.add(event(EventType::Normal)).is_none());
        }
        assert!(queue.add(event(EventType::Warning)).is_some());
        assert!(receiver.try_next().is_some());
        assert!(queue.add(event(EventType::Warning)).is_none());
        drop(receiver);
        assert!(queue.add(event(EventType::Warning)).is_some());
    }
}
