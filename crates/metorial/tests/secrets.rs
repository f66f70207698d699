//! Neither the key nor a value gets into errors or into logs of any level, whatever a server echoes.

mod support;

use std::io;
use std::sync::{Arc, Mutex};

use metorial::{AuthConfig, AuthExport, Body, Error};
use serde_json::json;
use support::{KEY, Reaction, Server, answer, json_answer};
use tracing_subscriber::fmt::MakeWriter;

/// Value that is sent. Like the key, it must not show up anywhere.
const VALUE: &str = "canary-value-0123456789";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no test panicked here")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn shown(error: &Error) -> String {
    format!(
        "{error} {error:?} {error:#?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        error.cause(),
        error.code(),
        error.entity(),
        error.field_paths(),
        error.blockers(),
        error.request_id(),
        error.meta(),
    )
}

/// Returns answers that echo `secret` in every place where a server could.
fn echoes(secret: &str) -> Vec<Reaction> {
    let error = json!({
        "object": "error", "ok": false, "status": 400, "code": secret, "entity": secret, "id": secret,
        "entityId": secret, "message": secret, "hint": secret, "description": secret, "reason": secret,
        "data": {"id": secret, "integrationId": secret, "ids": [secret], "name": secret, secret: secret},
        "errors": [{"code": secret, "message": secret, "path": [secret, 0, {secret: secret}], "received": secret}],
    });
    let headers =
        format!("metorial-req-id: {secret}\r\nmetorial-version: {secret}\r\nx-echo: {secret}\r\n");
    let ids = format!("metorial-req-id: req_{secret}\r\n");
    let html = format!("<html>{secret}</html>");
    let location = format!("location: https://127.0.0.1/{secret}\r\nretry-after: {secret}\r\n");
    let mut reactions: Vec<Reaction> = [400, 401, 403, 404, 409, 410, 429, 500, 200]
        .into_iter()
        .flat_map(|status| [json_answer(status, &error), answer(status, &ids, &html)])
        .collect();
    reactions.extend([
        answer(400, &headers, &error.to_string()),
        answer(200, &headers, &error.to_string()),
        answer(302, &location, ""),
        answer(
            200,
            "",
            &json!({"id": {secret: secret}, "created_at": secret}).to_string(),
        ),
        answer(200, "", &format!("{{\"id\": {secret}")),
        Reaction::Send(format!("HTTP/1.1 200 {secret}\r\n{secret}\r\n\r\n").into_bytes()),
        Reaction::Send(format!("{secret} {secret}").into_bytes()),
        Reaction::Send(
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{secret}\r\n")
                .into_bytes(),
        ),
    ]);
    reactions
}

fn assert_clean(text: &str, what: &str) {
    for secret in [KEY, &KEY[12..20], VALUE, &VALUE[..8]] {
        assert!(!text.contains(secret), "{what} shows {secret}: {text}");
    }
}

#[tokio::test]
async fn an_echoed_secret_is_neither_in_errors_nor_in_logs() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let body =
        Body::from(json!({"provider_auth_method_id": "pam_1", "value": {"access_token": VALUE}}));
    for secret in [KEY, VALUE] {
        for reaction in echoes(secret) {
            let server = Server::always(reaction).await;
            let client = server.client();
            // A value that this client didn't send in the same call can't be distinguished from a word of the server's.
            if secret == KEY {
                let read = client
                    .get::<AuthConfig>("pac_1")
                    .await
                    .expect_err("no object");
                assert_clean(&shown(&read), "the error of a read");
            }
            let create = client
                .create::<AuthConfig>(&body)
                .await
                .expect_err("no object");
            assert_clean(&shown(&create), "the error of a create");
        }
    }
    let log =
        String::from_utf8(log.0.lock().expect("no test panicked here").clone()).expect("UTF-8");
    assert!(
        log.contains("POST /provider-auth-configs"),
        "calls are logged: {log}"
    );
    assert_clean(&log, "the log");
}

#[tokio::test]
async fn an_exported_value_does_not_print() {
    let export = json!({"id": "pace_1", "created_at": "2025-09-15T10:30:00.000Z", "value": {"access_token": VALUE}});
    let server = Server::always(json_answer(200, &export)).await;
    let answer = server
        .client()
        .get::<AuthExport>("pace_1")
        .await
        .expect("an export");
    assert_clean(&format!("{answer:?}"), "the answer");
    assert_eq!(
        answer.value.value.expect("a value").expose()["access_token"],
        VALUE
    );
}
