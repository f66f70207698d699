//! Real errors and sessions for tests. An error of the API client can't be built by hand, so a server on this machine
//! returns what causes it.

use super::budget::{Budget, Limit, Requester, WINDOW};
use super::error::RemoteError;
use super::session::Session;
use super::transport::Transport;
use crate::cluster::fence::Fence;
use crate::metrics::Metrics;
use crate::plan::purpose::Purpose;
use crate::resources::{InstanceStatus, ResourceKey};
use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use metorial::{ApiKey, AuthConfig, Body, Client, Config, Error, Method};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

/// The id of the object that every request here is about.
pub const ID: &str = "pac_1";

/// The API key of sessions.
const KEY: &str = "metorial_sk_test";

/// Returns the error of a request that the API refuses with this status, code and details. A 429 asks to wait 7 s.
pub async fn refusal(method: Method, status: u16, code: &str, details: Value) -> RemoteError {
    let wait = (status == 429).then_some([("retry-after", "7")]);
    let send = async |client: Client| send(&client, method).await;
    refused_with(status, error_body(status, code, &details), wait, send).await
}

/// Returns the error of the create of a config that the API refuses in the same way.
pub async fn refusal_of_config(code: &str, details: Value) -> RemoteError {
    let send = async |client: Client| {
        let body = Body::json(&json!({}));
        client.create::<Config>(&body).await.unwrap_err()
    };
    refused_with(400, error_body(400, code, &details), None, send).await
}

fn error_body(status: u16, code: &str, details: &Value) -> String {
    let mut body = json!({"object": "error", "ok": false, "status": status, "code": code});
    for (name, value) in details.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.to_string()
}

/// Returns the error of a read that the API refuses with 429.
pub async fn too_many_requests() -> Error {
    match refusal(Method::Get, 429, "busy", json!({})).await {
        RemoteError::Api(error) => error,
        other => unreachable!("the client returns an error of the API: {other:?}"),
    }
}

/// Starts a server on this machine, which runs as long as the test; returns its URL.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

/// Returns the error of a read that a proxy refuses with this status.
pub async fn proxy_refusal(status: u16) -> RemoteError {
    let send = async |client: Client| send(&client, Method::Get).await;
    refused_with(status, "<html>".to_owned(), None, send).await
}

async fn refused_with(
    status: u16,
    body: String,
    wait: Option<[(&'static str, &'static str); 1]>,
    send: impl AsyncFnOnce(Client) -> Error,
) -> RemoteError {
    let status = StatusCode::from_u16(status).unwrap();
    let answer = move || {
        let plain = (status, body.clone()).into_response();
        let answer = match wait {
            Some(headers) => (headers, plain).into_response(),
            None => plain,
        };
        std::future::ready(answer)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(&format!("http://{}", listener.local_addr().unwrap()));
    let server = async { axum::serve(listener, Router::new().fallback(answer)).await };
    tokio::select! {
        _ = server => unreachable!("the server runs until it is dropped"),
        error = send(client) => RemoteError::Api(error),
    }
}

/// Returns the error of a read from an address where nobody listens.
pub async fn unreachable_error() -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    send(&client(&format!("http://{address}")), Method::Get).await
}

/// Returns a session of the instance `ins_1` that never sent anything.
#[must_use]
pub fn session(epoch: usize) -> Session {
    Session {
        epoch,
        ..session_at("http://127.0.0.1:9")
    }
}

/// Returns a session of the instance `ins_1` at this server.
#[must_use]
pub fn session_at(url: &str) -> Session {
    session_with_key(url, KEY)
}

/// Returns such a session with this key.
#[must_use]
pub fn session_with_key(url: &str, key: &str) -> Session {
    session_behind(Fence::open(), client_of(url, key))
}

/// Returns a session of the instance `ins_1` that writes with this client while the fence is open.
#[must_use]
pub fn session_behind(fence: Fence, client: Client) -> Session {
    let limit = Limit {
        requests: 5000,
        per: WINDOW,
    };
    let budget = Budget::new("organization org_1", limit, unbounded_channel().0);
    let purpose = Purpose::of_check(ResourceKey::new("Connection", "apps", "default"));
    let requester = Requester::new(Arc::new(budget), None, purpose);
    let metrics = Arc::new(Metrics::default());
    let transport = Transport::new(client, requester, fence, metrics);
    Session {
        connection: "Connection/default".to_owned(),
        epoch: 1,
        generation: Some(1),
        server: "http://127.0.0.1".into(),
        instance: InstanceStatus {
            id: "ins_1".to_owned(),
            ..InstanceStatus::default()
        },
        on_unreachable: None,
        recreation_approved: false,
        transport,
        cache: Arc::default(),
        loader: Arc::default(),
    }
}

/// Returns an auth config as the API shows it.
#[must_use]
pub fn auth_config(id: &str, status: &str) -> Value {
    json!({
        "object": "provider.auth_config", "id": id, "type": "manual", "source": "manual", "status": status,
        "provider_id": "pro_1", "created_at": "2025-09-15T10:00:00.000Z", "updated_at": "2025-09-15T10:00:00.000Z",
    })
}

fn client(url: &str) -> Client {
    client_of(url, KEY)
}

fn client_of(url: &str, key: &str) -> Client {
    let key = ApiKey::parse(key).unwrap();
    Client::builder(url.parse().unwrap(), key).build().unwrap()
}

async fn send(client: &Client, method: Method) -> Error {
    match method {
        Method::Get => client.get::<AuthConfig>(ID).await.map(drop),
        _ => client.delete::<AuthConfig>(ID).await.map(drop),
    }
    .unwrap_err()
}
