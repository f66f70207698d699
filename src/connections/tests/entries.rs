//! Who waits for the read of a connection, and for how long.

use crate::connections::entry::Entry;
use crate::resources::ResourceKey;
use futures::poll;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

fn user() -> ResourceKey {
    ResourceKey::new("AuthImport", "apps", "user")
}

#[tokio::test]
async fn users_wait_for_a_read_together_and_are_enqueued_when_it_has_ended() {
    let entry = Arc::new(Entry::default());
    let (queue, mut enqueued) = unbounded_channel();
    let began = Instant::now();
    let reading = entry.clone().read(queue.clone()).await;
    let waits: Vec<_> = (0..99)
        .map(|_| entry.clone().read_soon(queue.clone()))
        .collect();
    // One after the other, as a single worker would: the time of all of them counts from the start of the read.
    for wait in waits {
        assert!(wait.await.is_none());
        assert!(entry.postpone(&user()));
    }
    assert!(began.elapsed() < Duration::from_secs(2 * 99));
    assert!(enqueued.try_recv().is_err());
    drop(reading);
    assert_eq!(enqueued.try_recv(), Ok(user()));
    assert!(enqueued.try_recv().is_err(), "once");
    assert!(!entry.postpone(&user()), "nobody reads it");
    assert!(entry.read_soon(queue).await.is_some());
}

#[tokio::test]
async fn a_user_that_comes_while_a_read_ends_is_not_postponed() {
    let entry = Arc::new(Entry::default());
    let (queue, _enqueued) = unbounded_channel();
    let reading = entry.clone().read(queue.clone()).await;
    reading.slot().is_loaded = true;
    assert!(!entry.postpone(&user()));
    let mut soon = pin!(entry.read_soon(queue));
    assert!(poll!(&mut soon).is_pending());
    drop(reading);
    assert!(soon.await.is_some());
}
