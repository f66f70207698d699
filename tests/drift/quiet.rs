//! How often the API is asked.

use crate::support::{World, credentials, status};

#[tokio::test]
async fn a_request_to_look_is_one_read_and_its_text_is_echoed() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    let calls = world.calls();
    for _ in 0..3 {
        world.look_again("github").await;
    }
    world.check_oracles().await;
    assert_eq!(world.calls(), calls + 3);
    let handled = status(&world.credentials("github").await).last_handled_reconcile_at;
    let annotations = world.credentials("github").await.metadata.annotations;
    let asked = annotations.unwrap()["metorial.com/reconcile-requested-at"].clone();
    assert_eq!(handled, Some(asked));
}
