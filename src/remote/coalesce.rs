//! Shares requests that can name many objects: who needs one of them within a few milliseconds joins the request that is
//! about to be sent.

use crate::lock::lock;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// A batch is sent once nobody joined it for this long: it must be lost in the time of a request.
pub const QUIET_TIME: Duration = Duration::from_millis(10);
/// The same where everybody who joined deletes something: deletions come in numbers, and nobody waits for a single one.
pub const LONG_QUIET_TIME: Duration = Duration::from_millis(50);
/// A batch that is joined again and again is sent after this time.
pub const LONGEST_BATCH_WAIT: Duration = Duration::from_millis(200);
/// The batches that are open or under way, one for each key. The result is shared by all who joined.
pub struct Coalesced<K, T>(Mutex<HashMap<K, Open<T>>>);

struct Open<T> {
    batch: Arc<Batch>,
    /// Those who joined own it: once they have all given up, nobody is left who would send the batch or wait for its response.
    result: WeakShared<BoxFuture<'static, T>>,
}

#[derive(Default)]
struct Batch {
    content: Mutex<Content>,
    full: Notify,
}

#[derive(Default)]
struct Content {
    ids: Vec<String>,
    /// The shortest time that one of those who joined allows for others.
    quiet: Duration,
    sent: bool,
}

impl<K, T> Default for Coalesced<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, T: Clone + Send + Sync + 'static> Coalesced<K, T> {
    /// Joins the open batch of `key` with these ids, or opens one, which `send` sends with at most `limit` ids, or with
    /// these alone. It is sent once nobody joined it for `quiet`. Returns its result, which was read after this call began.
    ///
    /// The batch makes progress as long as one of those who joined waits for it: nothing is spawned, and nobody waits for
    /// somebody who gave up.
    pub fn join<F>(
        &self,
        key: K,
        ids: &[String],
        limit: usize,
        quiet: Duration,
        send: impl FnOnce(Vec<String>) -> F + Send + 'static,
    ) -> Shared<BoxFuture<'static, T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut all = lock(&self.0);
        if let Some(open) = all.get(&key)
            && let Some(result) = open.result.upgrade()
            && open.batch.add(ids, limit, quiet)
        {
            return result;
        }
        let batch = Arc::new(Batch::default());
        batch.add(ids, limit, quiet);
        let collected = batch.clone();
        let result = async move { send(collected.collect().await).await };
        let result = result.boxed().shared();
        // Nobody has polled it yet, so it is there.
        if let Some(weak) = result.downgrade() {
            let open = Open {
                batch,
                result: weak,
            };
            all.insert(key, open);
        }
        result
    }
}

impl Batch {
    /// Adds ids. Returns false if the batch was sent, or has no room for them.
    fn add(&self, ids: &[String], limit: usize, quiet: Duration) -> bool {
        let mut content = lock(&self.content);
        let new: Vec<&String> = ids.iter().filter(|id| !content.ids.contains(id)).collect();
        let fits = content.ids.is_empty() || content.ids.len() + new.len() <= limit;
        if content.sent || !fits {
            return false;
        }
        content.quiet = if content.ids.is_empty() {
            quiet
        } else {
            content.quiet.min(quiet)
        };
        let new: Vec<String> = new.into_iter().cloned().collect();
        content.ids.extend(new);
        if content.ids.len() >= limit {
            self.full.notify_one();
        }
        true
    }

    /// Waits until the batch is full or nobody joins it any more, closes it, and returns its ids.
    async fn collect(&self) -> Vec<String> {
        let began = Instant::now();
        let seen = || {
            let content = lock(&self.content);
            (content.ids.len(), content.quiet)
        };
        let (mut joined, mut quiet) = seen();
        while began.elapsed() < LONGEST_BATCH_WAIT {
            tokio::select! {
                () = self.full.notified() => break,
                () = sleep(quiet) => {}
            }
            let before = joined;
            (joined, quiet) = seen();
            if joined == before {
                break;
            }
        }
        let mut content = lock(&self.content);
        content.sent = true;
        std::mem::take(&mut content.ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Has `callers` ask for ids of their own concurrently, and returns the sizes of the batches.
    async fn sizes(callers: usize, limit: usize) -> Vec<usize> {
        let coalesced = Coalesced::<(), usize>::default();
        let asked = (0..callers).map(|number| {
            let id = number.to_string();
            let coalesced = &coalesced;
            async move {
                let send = |ids: Vec<String>| async move { ids.len() };
                coalesced.join((), &[id], limit, QUIET_TIME, send).await
            }
        });
        futures::future::join_all(asked).await
    }

    #[tokio::test]
    async fn who_asks_at_the_same_time_shares_a_batch_up_to_the_limit() {
        assert_eq!(sizes(3, 100).await, [3, 3, 3]);
        assert_eq!(sizes(5, 2).await, [2, 2, 2, 2, 1]);
        assert_eq!(sizes(1, 100).await, [1]);
    }

    #[tokio::test]
    async fn who_joins_after_the_batch_was_sent_opens_another_one() {
        let coalesced = Coalesced::<(), usize>::default();
        let batches = Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            let batches = batches.clone();
            let send = move |_| async move { batches.fetch_add(1, Ordering::Relaxed) + 1 };
            coalesced
                .join((), &["a".to_owned()], 100, QUIET_TIME, send)
                .await;
        }
        assert_eq!(batches.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_batch_waits_as_long_as_the_least_patient_of_those_who_joined_it() {
        for (all, expected) in [
            (
                [LONG_QUIET_TIME, LONG_QUIET_TIME, LONG_QUIET_TIME],
                LONG_QUIET_TIME,
            ),
            ([LONG_QUIET_TIME, QUIET_TIME, LONG_QUIET_TIME], QUIET_TIME),
            ([QUIET_TIME, LONG_QUIET_TIME, LONG_QUIET_TIME], QUIET_TIME),
        ] {
            let batch = Batch::default();
            for (number, quiet) in all.into_iter().enumerate() {
                assert!(batch.add(&[number.to_string()], 100, quiet));
            }
            assert_eq!(lock(&batch.content).quiet, expected, "{all:?}");
        }
    }

    #[tokio::test]
    async fn one_that_gives_up_keeps_nobody_waiting() {
        let coalesced = Coalesced::<(), Vec<String>>::default();
        let send = |ids: Vec<String>| async move { ids };
        let join = |id: &str| coalesced.join((), &[id.to_owned()], 100, QUIET_TIME, send);
        let (gone, stays) = (join("gone"), join("stays"));
        assert_eq!(gone.now_or_never(), None);
        assert_eq!(stays.await, ["gone", "stays"]);
    }

    #[tokio::test]
    async fn a_batch_that_everybody_gave_up_holds_nothing_and_nobody_joins_it() {
        let coalesced = Coalesced::<(), Vec<String>>::default();
        let ticket = Arc::new(());
        let held = ticket.clone();
        let hangs = move |_| async move {
            std::future::pending::<()>().await;
            drop(held);
            Vec::new()
        };
        let sent = coalesced.join((), &["gone".to_owned()], 1, QUIET_TIME, hangs);
        let other = sent.clone();
        assert!(sent.now_or_never().is_none());
        assert_eq!(Arc::strong_count(&ticket), 2, "somebody waits for it");
        drop(other);
        assert_eq!(Arc::strong_count(&ticket), 1);
        let send = |ids: Vec<String>| async move { ids };
        let next = coalesced.join((), &["a".to_owned()], 100, QUIET_TIME, send);
        assert_eq!(next.await, ["a"]);
    }
}
