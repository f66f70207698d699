//! One run of some work at a time, for all who wait for its result.

use crate::lock::lock;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use std::sync::Mutex;

/// The run that is under way. It makes progress as long as one of those who joined it waits for it, however long it takes: who
/// comes later starts no other one.
pub struct SingleFlight<T>(Mutex<Option<WeakShared<BoxFuture<'static, T>>>>);

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    /// Joins the run that is under way, or starts one. Returns its result, and true if it was started now.
    pub fn join<F>(&self, start: impl FnOnce() -> F) -> (Shared<BoxFuture<'static, T>>, bool)
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut current = lock(&self.0);
        let running = current.as_ref().and_then(WeakShared::upgrade);
        if let Some(running) = running.filter(|run| run.peek().is_none()) {
            return (running, false);
        }
        let run = start().boxed().shared();
        *current = run.downgrade();
        (run, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test]
    async fn who_comes_while_a_run_is_under_way_joins_it_and_who_comes_later_starts_another() {
        let single = SingleFlight::default();
        let (first, is_new) = single.join(|| async {
            tokio::task::yield_now().await;
            1
        });
        assert!(is_new);
        let mut first = first;
        assert!((&mut first).now_or_never().is_none());
        let (second, is_new) = single.join(|| ready(2));
        assert!(!is_new);
        assert_eq!((first.clone().await, second.await), (1, 1));
        let (third, is_new) = single.join(|| ready(3));
        assert!(is_new, "the result of the first is still there, and is old");
        assert_eq!((first.await, third.await), (1, 3));
    }

    #[tokio::test]
    async fn a_run_that_hangs_is_joined_by_everybody_and_ends_with_the_last_of_them() {
        let single = SingleFlight::default();
        let mut all = Vec::new();
        let mut started = 0;
        for _ in 0..9 {
            let (run, is_new) = single.join(pending::<()>);
            assert!(run.clone().now_or_never().is_none());
            started += usize::from(is_new);
            all.push(run);
        }
        assert_eq!(started, 1);
        drop(all);
        assert!(single.join(pending).1);
    }
}
