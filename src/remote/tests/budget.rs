//! What responses, and requests that are not sent, count for in the budget.

use crate::remote::testing::{ID, auth_config, serve, session_at};
use crate::remote::transport::full_pages;
use crate::remote::{RemoteError, Session};
use crate::resources::ProviderAuthConfig;
use axum::Router;
use axum::body::Bytes;
use axum::response::IntoResponse;
use axum::routing::get;
use metorial::AuthConfig;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// The requests that the server allows.
const LIMIT: u64 = 100;

/// A server that counts requests, and the session of a key there.
struct World {
    counted: Arc<AtomicU64>,
    session: Session,
}

impl World {
    /// Starts a server with this object, and with this text as any list.
    async fn new(object: &Value, list: Bytes) -> Self {
        let counted = Arc::new(AtomicU64::new(0));
        let counting = counted.clone();
        let answer = move |body: Bytes| {
            let left = LIMIT - 1 - counting.fetch_add(1, Ordering::Relaxed);
            let headers = [
                ("ratelimit-limit", LIMIT.to_string()),
                ("ratelimit-remaining", left.to_string()),
                ("ratelimit-reset", "600".to_owned()),
            ];
            std::future::ready((headers, body).into_response())
        };
        let answer_item = answer.clone();
        let object = Bytes::from(object.to_string());
        let router = Router::new()
            .route("/provider-auth-configs", get(move || answer(list.clone())))
            .fallback(move || answer_item(object.clone()));
        let url = serve(router).await;
        Self {
            counted,
            session: session_at(&url),
        }
    }

    /// Checks that this is an error of the API, and that what the server has counted is left.
    fn check<T>(&self, result: &Result<T, RemoteError>) {
        assert!(matches!(result, Err(RemoteError::Api(_))));
        let counted = self.counted.load(Ordering::Relaxed);
        let left = self.session.transport.budget().remaining(Instant::now());
        assert!(counted > 0);
        assert_eq!(left, LIMIT - counted);
    }

    /// Checks a list that fails.
    async fn check_list(&self) {
        let transport = &self.session.transport;
        let query = full_pages();
        let list = transport.list::<AuthConfig, _>(&query, |_| Some(()));
        self.check(&list.await);
    }
}

#[tokio::test]
async fn a_response_that_is_not_understood_shows_what_is_left() {
    let mut dense = auth_config(ID, "active");
    dense["metadata"] = json!({"a": vec![0; 20_001]});
    for object in [dense, auth_config("pac_2", "active")] {
        let world = World::new(&object, Bytes::new()).await;
        let session = &world.session;
        let read = session.observe::<ProviderAuthConfig>(ID, Instant::now());
        world.check(&read.await);
    }
    let pagination = json!({"has_more_before": false, "has_more_after": true});
    let endless = json!({"items": [auth_config(ID, "active")], "pagination": pagination});
    let endless = Bytes::from(endless.to_string());
    World::new(&json!({}), endless).await.check_list().await;
}

#[tokio::test]
async fn a_list_that_ends_with_an_item_that_is_too_large_takes_no_other_request() {
    let too_large = Bytes::from(vec![b' '; (64 << 20) + 1]);
    World::new(&json!({}), too_large).await.check_list().await;
}

#[tokio::test]
async fn a_request_that_can_not_be_sent_does_not_count() {
    let world = World::new(&json!({}), Bytes::new()).await;
    let before = world.session.transport.budget().remaining(Instant::now());
    let read = world
        .session
        .observe::<ProviderAuthConfig>("..", Instant::now());
    assert!(read.await.is_err());
    let after = world.session.transport.budget().remaining(Instant::now());
    assert_eq!((before, world.counted.load(Ordering::Relaxed)), (after, 0));
}
