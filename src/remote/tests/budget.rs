//! What responses, and requests that are not sent, count for in the budget.

use crate::remote::testing::{ID, auth_config, session_at};
use crate::remote::transport::full_pages;
use crate::remote::{RemoteError, Session};
use crate::resources::ProviderAuthConfig;
use axum::Router;
use axum::extract::RawQuery;
use axum::response::IntoResponse;
use axum::routing::get;
use metorial::AuthConfig;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// The requests that the server allows.
const LIMIT: u64 = 100;

/// A server that counts requests, and the session of a key there.
struct World {
    counted: Arc<AtomicU64>,
    session: Session,
}

impl World {
    /// Starts a server with this object, and with lists of whatever `list` returns for a query.
    async fn new(object: Value, list: fn(&str) -> Value) -> Self {
        let counted = Arc::new(AtomicU64::new(0));
        let counting = counted.clone();
        let answer = move |body: Value| {
            let left = LIMIT - 1 - counting.fetch_add(1, Ordering::Relaxed);
            let headers = [
                ("ratelimit-limit", LIMIT.to_string()),
                ("ratelimit-remaining", left.to_string()),
                ("ratelimit-reset", "600".to_owned()),
            ];
            std::future::ready((headers, body.to_string()).into_response())
        };
        let answer_item = answer.clone();
        let list = move |RawQuery(query): RawQuery| answer(list(&query.unwrap_or_default()));
        let router = Router::new()
            .route("/provider-auth-configs", get(list))
            .fallback(move || answer_item(object.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self {
            counted,
            session: session_at(&url),
        }
    }

    /// Checks that this error ended as many requests as the server counted, and that each is known to be counted.
    fn check<T>(&self, result: Result<T, RemoteError>, requests: u64) {
        assert!(matches!(result, Err(RemoteError::Api(_))));
        assert_eq!(self.counted.load(Ordering::Relaxed), requests);
        let budget = self.session.transport.budget();
        assert_eq!(budget.remaining(Instant::now()), LIMIT - requests);
    }
}

fn page(items: &[Value], more: bool) -> Value {
    let pagination = json!({"has_more_before": false, "has_more_after": more});
    json!({"object": "list", "items": items, "pagination": pagination})
}

fn no_list(_: &str) -> Value {
    page(&[], false)
}

#[tokio::test]
async fn a_response_that_is_not_understood_shows_what_is_left() {
    let mut dense = auth_config(ID, "active");
    dense["metadata"] = json!({"a": vec![0; 20_001]});
    for object in [dense, auth_config("pac_2", "active")] {
        let world = World::new(object, no_list).await;
        let session = &world.session;
        let read = session.observe::<ProviderAuthConfig>(ID, Instant::now());
        world.check(read.await, 1);
    }
    let endless = |_: &str| page(&[auth_config(ID, "active")], true);
    let world = World::new(json!({}), endless).await;
    let transport = &world.session.transport;
    let query = full_pages();
    let list = transport.list::<AuthConfig, _>(&query, |_| Some(()));
    world.check(list.await, 2);
}

#[tokio::test]
async fn a_request_that_can_not_be_sent_does_not_count() {
    let world = World::new(json!({}), no_list).await;
    let before = world.session.transport.budget().remaining(Instant::now());
    let read = world
        .session
        .observe::<ProviderAuthConfig>("..", Instant::now());
    assert!(read.await.is_err());
    let after = world.session.transport.budget().remaining(Instant::now());
    assert_eq!((before, world.counted.load(Ordering::Relaxed)), (after, 0));
}
