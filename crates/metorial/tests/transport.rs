//! Calls whose connection or answer is broken.

mod support;

use std::time::Duration;

use futures::future::join_all;
use metorial::{AuthCredentials, Body, Client, Error, ErrorKind, ListQuery};
use serde_json::json;
use support::{Reaction, Server, answer, credentials, error_answer, failure, json_answer};

async fn read(client: &Client) -> Error {
    failure(client.get::<AuthCredentials>("par_1")).await
}

async fn write(client: &Client) -> Error {
    failure(client.update::<AuthCredentials>("par_1", &Body::from(json!({"name": "n"})))).await
}

/// Calls a server that always has this reaction: returns the kind of a read's and of a write's error, and the read's cause.
async fn outcome(reaction: Reaction) -> (ErrorKind, ErrorKind, String) {
    let server = Server::always(reaction).await;
    let client = server.client();
    let (read, write) = tokio::join!(read(&client), write(&client));
    assert_eq!(server.seen().len(), 2, "one call is one request");
    (
        read.kind(),
        write.kind(),
        read.cause().unwrap_or_default().to_owned(),
    )
}

fn chunked(headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n{headers}\r\n").into_bytes()
}

#[tokio::test]
async fn a_write_without_an_answer_is_ambiguous() {
    let cut_body = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":".to_vec();
    for (reaction, cause) in [
        (
            Reaction::Send(Vec::new()),
            "the connection was closed before the answer was complete",
        ),
        (
            Reaction::Send(b"HTTP/1.1 200".to_vec()),
            "the connection was closed before the answer was complete",
        ),
        (
            Reaction::Send(b"SSH-2.0-x\r\n\r\n".to_vec()),
            "the answer is not HTTP, or its headers are too large",
        ),
        (
            Reaction::Send(cut_body),
            "the connection was closed before the answer was complete",
        ),
    ] {
        assert_eq!(
            outcome(reaction).await,
            (ErrorKind::Transient, ErrorKind::Ambiguous, cause.to_owned())
        );
    }
}

#[tokio::test]
async fn the_deadline_covers_the_whole_call() {
    let head = || b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec();
    let reactions = [
        Reaction::Stall(Vec::new()),
        Reaction::Stall(head()),
        Reaction::Drip(head(), b"{\"id\"}".to_vec()),
        Reaction::Drip(b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-a: b\r\n".to_vec()),
    ];
    for outcome in join_all(reactions.map(outcome)).await {
        let want = "timed out after 10s".to_owned();
        assert_eq!(outcome, (ErrorKind::Transient, ErrorKind::Ambiguous, want));
    }
}

#[tokio::test]
async fn an_endless_answer_is_read_to_the_cap_only() {
    let chunk = format!("1000\r\n{}\r\n", "a".repeat(0x1000)).into_bytes();
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n{".to_vec();
    for reaction in [
        Reaction::Pour(chunked(""), chunk),
        Reaction::Stall(announced),
    ] {
        let (read, write, cause) = outcome(reaction).await;
        assert_eq!((read, write), (ErrorKind::Malformed, ErrorKind::Ambiguous));
        assert_eq!(cause, "the answer is larger than 1 MiB");
    }
}

#[tokio::test]
async fn endless_headers_are_an_error() {
    let many = "x-a: b\r\n".repeat(100_000);
    for reaction in [
        answer(200, &many, "{}"),
        Reaction::Pour(b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-a: b\r\n".to_vec()),
    ] {
        let (read, write, _) = outcome(reaction).await;
        assert_eq!((read, write), (ErrorKind::Transient, ErrorKind::Ambiguous));
    }
}

#[tokio::test]
async fn a_list_may_be_larger_than_an_object() {
    let mut item = credentials("par_1");
    item["description"] = "d".repeat(3 << 20).into();
    let server = Server::always(json_answer(200, &support::page(&[item.clone()], false))).await;
    server
        .client()
        .list::<AuthCredentials>(&ListQuery::new())
        .await
        .expect("a large page");
    let server = Server::always(json_answer(200, &item)).await;
    assert_eq!(read(&server.client()).await.kind(), ErrorKind::Malformed);
}

#[tokio::test]
async fn a_success_with_an_invalid_body_is_an_error() {
    let deep = "[".repeat(100_000);
    let nested = format!("{{\"id\":\"par_1\",\"metadata\":{deep}");
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "\"par_1\"",
        "{\"id\":",
        "not json",
        "\u{0}",
        &deep,
        &nested,
    ] {
        let (read, write, cause) = outcome(answer(200, "", body)).await;
        assert_eq!(
            (read, write),
            (ErrorKind::Malformed, ErrorKind::Ambiguous),
            "{body:.20}"
        );
        assert!(!cause.is_empty());
    }
    for (member, value) in [
        ("id", json!(1)),
        ("id", json!(null)),
        ("id", json!("")),
        ("metadata", json!("text")),
    ] {
        let mut wrong = credentials("par_1");
        wrong[member] = value;
        let (read, write, _) = outcome(json_answer(200, &wrong)).await;
        assert_eq!(
            (read, write),
            (ErrorKind::Malformed, ErrorKind::Ambiguous),
            "{member}"
        );
    }
}

#[tokio::test]
async fn a_proxys_page_with_status_200_is_transient() {
    let (read, write, cause) = outcome(answer(
        200,
        "content-type: text/html\r\n",
        "\n<html>Sign in</html>",
    ))
    .await;
    assert_eq!((read, write), (ErrorKind::Transient, ErrorKind::Ambiguous));
    assert_eq!(cause, "the answer is HTML, not JSON");
    let (read, write, _) = outcome(answer(407, "", "<html></html>")).await;
    assert_eq!((read, write), (ErrorKind::Transient, ErrorKind::Transient));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::always(answer(status, "location: /elsewhere\r\n", "")).await;
        let client = server.client();
        let (read, write) = (read(&client).await, write(&client).await);
        // 303 refers to the answer to what was done.
        let of_write = match status {
            303 => ErrorKind::Ambiguous,
            _ => ErrorKind::Transient,
        };
        assert_eq!(
            (read.kind(), write.kind()),
            (ErrorKind::Transient, of_write)
        );
        assert_eq!(
            read.cause(),
            Some("redirect to another address, which is not followed")
        );
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn an_answer_in_another_version_is_an_error() {
    let server = Server::always(answer(200, "metorial-version: 2025-01-01\r\n", "{}")).await;
    let client = server.client();
    let (read, write) = (read(&client).await, write(&client).await);
    assert_eq!(
        (read.kind(), write.kind()),
        (ErrorKind::VersionUnsupported, ErrorKind::Ambiguous)
    );
    assert_eq!(read.meta().served_version.as_deref(), Some("2025-01-01"));
    let server = Server::always(answer(404, "metorial-version: 2025-01-01\r\n", "{}")).await;
    assert_eq!(write_kind(&server).await, ErrorKind::VersionUnsupported);
}

async fn write_kind(server: &Server) -> ErrorKind {
    write(&server.client()).await.kind()
}

#[tokio::test]
async fn a_rejection_has_the_details_of_the_apis_error() {
    let body = json!({"object": "error", "ok": false, "status": 400, "code": "invalid_data", "entity": "body",
        "message": "canary", "errors": [{"code": "invalid_type", "path": ["config", "scopes", 0]}]});
    let headers = "metorial-req-id: req_1\r\nratelimit-limit: 100\r\nratelimit-remaining: 7\r\nratelimit-reset: 30\r\n";
    let server = Server::always(answer(400, headers, &body.to_string())).await;
    let error = write(&server.client()).await;
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(
        (error.status(), error.code(), error.entity()),
        (Some(400), Some("invalid_data"), Some("body"))
    );
    assert_eq!(error.field_paths(), ["config.scopes.0"]);
    assert_eq!(error.request_id(), Some("req_1"));
    let limit = error.meta().rate_limit.expect("a rate limit");
    assert_eq!((limit.limit, limit.remaining), (Some(100), Some(7)));
    assert_eq!(limit.reset, Some(Duration::from_secs(30)));
    assert_eq!(
        error.operation().to_string(),
        "PATCH /provider-auth-credentials/:id"
    );
}

#[tokio::test]
async fn a_throttled_call_has_the_time_to_wait() {
    let body = json!({"object": "error", "status": 429, "code": "rate_limit_exceeded"}).to_string();
    let server = Server::always(answer(429, "retry-after: 17\r\n", &body)).await;
    let error = write(&server.client()).await;
    assert_eq!(
        (error.kind(), error.retry_after()),
        (ErrorKind::Throttled, Some(Duration::from_secs(17)))
    );
}

#[tokio::test]
async fn gone_is_distinguished_from_no_such_route() {
    let body = json!({"object": "error", "code": "not_found", "entity": "provider.auth_credentials", "id": "par_1"});
    let gone = Server::always(json_answer(404, &body)).await;
    assert_eq!(write_kind(&gone).await, ErrorKind::Gone);
    let archived = Server::always(error_answer(410, "gone", "provider.auth_credentials")).await;
    assert_eq!(write_kind(&archived).await, ErrorKind::Gone);
    let unknown = Server::always(error_answer(404, "not_found", "endpoint")).await;
    assert_eq!(write_kind(&unknown).await, ErrorKind::NoSuchRoute);
}
