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
    let reading = entry.clone().read(&queue, &user()).await.unwrap();
    // One after the other, as a single worker would: the time of all of them counts from the start of the read.
    for _ in 0..99 {
        assert!(entry.clone().read(&queue, &user()).await.is_err());
    }
    assert!(began.elapsed() < Duration::from_secs(2 * 99));
    assert!(enqueued.try_recv().is_err());
    drop(reading);
    assert_eq!(enqueued.try_recv(), Ok(user()));
    assert!(enqueued.try_recv().is_err(), "once");
}

#[tokio::test]
async fn a_user_that_comes_shortly_before_a_read_ends_is_next() {
    let entry = Arc::new(Entry::default());
    let (queue, _enqueued) = unbounded_channel();
    let reading = entry.clone().read(&queue, &user()).await.unwrap();
    let user = user();
    let mut next = pin!(entry.read(&queue, &user));
    assert!(poll!(&mut next).is_pending());
    drop(reading);
    assert!(next.await.is_ok());
}
