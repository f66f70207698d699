//! Two keys of one instance, of which one may read nothing.

use crate::plan::schema::ValueSchema;
use crate::remote::Session;
use crate::remote::testing::{ID, auth_config, serve, session_at, session_with_key};
use crate::resources::ProviderAuthConfig;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use tokio::time::Instant;

const NARROW: &str = "metorial_sk_narrow";

struct Server {
    /// The status of what the narrow key is refused with.
    refusal: AtomicU16,
    requests: Mutex<Vec<String>>,
}

async fn answer(State(server): State<Arc<Server>>, headers: HeaderMap, uri: Uri) -> Response {
    let path = uri.path().to_owned();
    server.requests.lock().unwrap().push(path.clone());
    if headers["authorization"].to_str().unwrap().contains(NARROW) {
        let status = server.refusal.load(Ordering::Relaxed);
        let code = if status == 401 {
            "unauthorized"
        } else {
            "forbidden"
        };
        let error = json!({"object": "error", "ok": false, "status": status, "code": code});
        return (StatusCode::from_u16(status).unwrap(), error.to_string()).into_response();
    }
    let answer: Value = match path.as_str() {
        "/provider-config-schema" => {
            json!({"schema": {"type": "json_schema", "schema": {"type": "object"}}})
        }
        "/providers/github" => {
            json!({"id": "pro_1", "oauth": {"callback_url": "https://callback.example/"}})
        }
        _ => auth_config(ID, "active"),
    };
    answer.to_string().into_response()
}

struct World {
    server: Arc<Server>,
    narrow: Session,
    full: Session,
}

impl World {
    async fn new() -> Self {
        let server = Arc::new(Server {
            refusal: AtomicU16::new(403),
            requests: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(server.clone());
        let url = serve(router).await;
        let full = session_at(&url);
        let narrow = Session {
            cache: full.cache.clone(),
            ..session_with_key(&url, NARROW)
        };
        Self {
            server,
            narrow,
            full,
        }
    }

    /// Returns the number of requests since the last time.
    fn requests(&self) -> usize {
        std::mem::take(&mut *self.server.requests.lock().unwrap()).len()
    }
}

async fn schema(session: &Session) -> bool {
    let of = ValueSchema::Config {
        provider: "pro_1".to_owned(),
        deployment: None,
    };
    session.schema(&of).await.unwrap().is_some()
}

#[tokio::test]
async fn a_refusal_to_describe_something_counts_for_the_key_alone() {
    let world = World::new().await;
    for _ in 0..2 {
        assert!(!schema(&world.narrow).await);
        assert_eq!(world.narrow.callback_url("github").await.unwrap(), None);
    }
    assert_eq!(world.requests(), 2, "each is asked for once");
    assert!(schema(&world.full).await);
    assert!(world.full.callback_url("github").await.unwrap().is_some());
    assert_eq!(world.requests(), 2);
    assert!(schema(&world.narrow).await, "what others read is public");
    assert!(world.narrow.callback_url("github").await.unwrap().is_some());
    assert_eq!(world.requests(), 0);
}

#[tokio::test]
async fn a_key_that_is_refused_altogether_is_asked_with_again() {
    let world = World::new().await;
    world.server.refusal.store(401, Ordering::Relaxed);
    for _ in 0..2 {
        assert_eq!(world.narrow.callback_url("github").await.unwrap(), None);
        assert_eq!(world.requests(), 1);
    }
}

#[tokio::test]
async fn what_one_key_has_read_is_known_to_another_once_that_has_read_the_collection_itself() {
    let world = World::new().await;
    let began = Instant::now();
    let read = async |session: &Session| {
        let observed = session.observe::<ProviderAuthConfig>(ID, began).await;
        observed.is_ok()
    };
    assert!(read(&world.full).await);
    assert!(world.full.known(ID, began).is_some());
    assert!(world.narrow.known(ID, began).is_none());
    assert!(!read(&world.narrow).await);
    let third = Session {
        loader: Arc::default(),
        ..world.full.clone()
    };
    assert!(third.known(ID, began).is_none());
    assert!(read(&third).await);
    assert!(third.known(ID, began).is_some());
}
