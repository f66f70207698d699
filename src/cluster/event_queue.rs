//! Events that wait to be written, and the order and the pace in which they are.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType};
use std::future::pending;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep};

/// Warnings, and other events, that wait to be written. One more is written at once, by whoever reports it.
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
#[derive(Clone)]
pub struct EventQueues {
    warnings: Sender<Report>,
    others: Sender<Report>,
}

/// The events that wait.
pub struct Waiting {
    warnings: Receiver<Report>,
    others: Receiver<Report>,
    pace: Pace,
}

/// Returns queues of events, and what waits in them.
#[must_use]
pub fn queues() -> (EventQueues, Waiting) {
    let (to_warnings, warnings) = channel(CAPACITY);
    let (to_others, others) = channel(CAPACITY);
    let queues = EventQueues {
        warnings: to_warnings,
        others: to_others,
    };
    let waiting = Waiting {
        warnings,
        others,
        pace: Pace::new(Instant::now()),
    };
    (queues, waiting)
}

impl EventQueues {
    /// Adds an event; returns it if there is no room for it, or nobody who writes it.
    #[must_use]
    pub fn add(&self, report: Report) -> Option<Report> {
        let queue = match report.is_warning() {
            true => &self.warnings,
            false => &self.others,
        };
        queue.try_send(report).err().map(TrySendError::into_inner)
    }
}

impl Waiting {
    /// Waits for the next event: a warning, or another one when its time has come.
    pub async fn next(&mut self) -> Report {
        let other = async {
            sleep(self.pace.pause(Instant::now())).await;
            self.others.recv().await
        };
        tokio::select! {
            biased;
            Some(warning) = self.warnings.recv() => warning,
            Some(other) = other => {
                self.pace.count(Instant::now());
                other
            }
            else => pending().await,
        }
    }

    /// Returns the next event, if one waits, at once.
    #[must_use]
    pub fn try_next(&mut self) -> Option<Report> {
        let warning = self.warnings.try_recv().ok();
        warning.or_else(|| self.others.try_recv().ok())
    }

    /// Returns how many events wait.
    #[must_use]
    pub fn count(&self) -> usize {
        self.warnings.len() + self.others.len()
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
    async fn a_warning_waits_for_no_other_event() {
        let (queues, mut waiting) = queues();
        for _ in 0..=BURST + 1 {
            assert!(queues.add(report(false)).is_none());
        }
        for _ in 0..=BURST {
            assert!(!waiting.next().await.is_warning());
        }
        assert!(queues.add(report(true)).is_none());
        assert!(waiting.next().await.is_warning());
        assert!(!waiting.next().await.is_warning());
        assert_eq!(waiting.count(), 0);
    }

    #[test]
    fn an_event_beyond_the_capacity_is_handed_back() {
        let (queues, mut waiting) = queues();
        for _ in 0..CAPACITY {
            assert!(queues.add(report(false)).is_none());
        }
        assert!(queues.add(report(false)).is_some());
        assert!(queues.add(report(true)).is_none());
        assert!(waiting.try_next().is_some_and(|it| it.is_warning()));
    }
}
