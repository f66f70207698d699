//! Events that wait to be written, and the order and the pace in which they are.

use crate::lock::lock;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Events that wait to be written. One more is written at once, by whoever reports it.
const CAPACITY: usize = 1000;
/// The pause between two events that are no warnings, once a [`BURST`] of them was written. An event costs the API server as
/// much as a status, and when a thousand resources are created at once their statuses come first.
const PAUSE: Duration = Duration::from_millis(40);
/// Events that are written without a pause, if none was written for a while.
const BURST: u32 = 50;

/// An event that is to be written.
pub struct Report {
    /// The resource.
    pub about: ObjectReference,
    /// Type, reason and note.
    pub event: Event,
    /// When it was reported.
    pub at: Timestamp,
}

impl Report {
    /// Returns whether it is a warning.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        matches!(self.event.type_, EventType::Warning)
    }
}

/// Where events wait.
#[derive(Clone, Default)]
pub struct EventQueue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// `None` once nobody takes events any more.
    waiting: Mutex<Option<VecDeque<Report>>>,
    added: Notify,
}

/// The events that wait.
pub struct Waiting {
    queue: EventQueue,
    pace: Pace,
}

/// Returns a queue of events, and what waits in it.
#[must_use]
pub fn queue() -> (EventQueue, Waiting) {
    let queue = EventQueue::default();
    *lock(&queue.0.waiting) = Some(VecDeque::new());
    let waiting = Waiting {
        queue: queue.clone(),
        pace: Pace::new(Instant::now()),
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

    /// Takes the event that was added first; of warnings alone, if the others have to pause.
    fn take(&self, paused: bool) -> Option<Report> {
        let mut waiting = lock(&self.0.waiting);
        let waiting = waiting.as_mut()?;
        let first = waiting
            .iter()
            .position(|report| !paused || report.is_warning())?;
        waiting.remove(first)
    }
}

impl Waiting {
    /// Waits for the next event.
    pub async fn next(&mut self) -> Report {
        loop {
            let pause = self.pace.pause(Instant::now());
            if let Some(report) = self.queue.take(!pause.is_zero()) {
                if !report.is_warning() {
                    self.pace.count(Instant::now());
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

/// How fast events that are no warnings are written: a [`BURST`] at once, and then one after each [`PAUSE`].
struct Pace {
    /// The time at which as many pauses have passed as events were written.
    due: Instant,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { due: now }
    }

    /// Returns how long to wait before the next event.
    fn pause(&self, now: Instant) -> Duration {
        let ahead = self.due.saturating_duration_since(now);
        ahead.saturating_sub(PAUSE * BURST)
    }

    /// Counts an event.
    fn count(&mut self, now: Instant) {
        self.due = self.due.max(now) + PAUSE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(600);

    #[test]
    fn a_burst_of_events_is_written_at_once_and_more_of_them_one_after_each_pause() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..=BURST {
            assert_eq!(pace.pause(now), Duration::ZERO);
            pace.count(now);
        }
        for _ in 0..100 {
            assert_eq!(pace.pause(now), PAUSE);
            now += PAUSE;
            pace.count(now);
        }
        now += PAUSE * BURST * 2;
        for _ in 0..=BURST {
            assert_eq!(pace.pause(now), Duration::ZERO);
            pace.count(now);
        }
        assert_eq!(pace.pause(now), PAUSE);
    }

    fn report(warning: bool) -> Report {
        Report {
            about: ObjectReference::default(),
            event: Event {
                type_: match warning {
                    true => EventType::Warning,
                    false => EventType::Normal,
                },
                reason: String::new(),
                note: None,
                action: String::new(),
                secondary: None,
            },
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn a_warning_does_not_wait_for_those_that_pause() {
        let (queue, mut waiting) = queue();
        for _ in 0..=BURST + 1 {
            assert!(queue.add(report(false)).is_none());
        }
        for _ in 0..=BURST {
            assert!(!waiting.next().await.is_warning());
        }
        waiting.pace.count(Instant::now() + PATIENCE);
        assert!(queue.add(report(true)).is_none());
        assert!(waiting.next().await.is_warning());
        assert_eq!(waiting.count(), 1);
    }

    #[tokio::test]
    async fn events_are_written_in_their_order_where_none_pauses() {
        let (queue, mut waiting) = queue();
        let order = [false, true, true, false];
        for warning in order {
            assert!(queue.add(report(warning)).is_none());
        }
        for warning in order {
            assert_eq!(waiting.next().await.is_warning(), warning);
        }
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
