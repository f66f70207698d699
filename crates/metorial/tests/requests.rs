//! Requests as they are sent: routes, headers, bodies, ids.

mod support;

use metorial::{
    AuthCredentials, AuthExport, Body, ErrorKind, ExportTarget, ListQuery, Object, SchemaOf, Status,
};
use serde_json::json;
use support::{KEY, Server, builder, credentials, failure, json_answer};

#[tokio::test]
async fn a_write_has_key_version_and_a_json_body() {
    let server = Server::always(json_answer(200, &credentials("par_1"))).await;
    let body = Body::from(json!({"provider_id": "pro_1", "config": {"client_secret": "s"}}));
    let answer = server
        .client()
        .create::<AuthCredentials>(&body)
        .await
        .expect("created");
    assert_eq!(answer.value.id(), "par_1");
    assert_eq!(answer.meta.request_id.as_deref(), Some("req_1"));
    assert_eq!(answer.meta.served_version.as_deref(), Some("2026-01-01"));
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /provider-auth-credentials HTTP/1.1");
    assert_eq!(
        seen.header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    assert_eq!(seen.header("metorial-version"), Some("2026-01-01-magnetar"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(
        seen.body,
        br#"{"config":{"client_secret":"s"},"provider_id":"pro_1"}"#
    );
}

#[tokio::test]
async fn the_instance_is_named_only_if_it_is_set() {
    let server = Server::always(json_answer(200, &credentials("par_1"))).await;
    let builder = builder(&server.url()).instance_id("ins_1");
    for client in [server.client(), builder.build().expect("a client")] {
        client.get::<AuthCredentials>("par_1").await.expect("read");
    }
    let seen = server.seen();
    assert_eq!(seen[0].header("metorial-instance-id"), None);
    assert_eq!(seen[1].header("metorial-instance-id"), Some("ins_1"));
}

#[tokio::test]
async fn requests_without_a_body_have_no_content_type() {
    let server = Server::always(json_answer(200, &credentials("par_1"))).await;
    let client = server.client();
    client.get::<AuthCredentials>("par_1").await.expect("read");
    client
        .delete::<AuthCredentials>("par_1")
        .await
        .expect("deleted");
    assert_eq!(
        server.lines(),
        [
            "GET /provider-auth-credentials/par_1",
            "DELETE /provider-auth-credentials/par_1"
        ]
    );
    for seen in server.seen() {
        assert_eq!(seen.header("content-type"), None);
        assert_eq!(seen.header("cookie"), None);
        assert!(seen.body.is_empty());
    }
}

#[tokio::test]
async fn a_base_url_may_have_a_path() {
    let server = Server::always(json_answer(200, &json!({"id": "ins_1"}))).await;
    for suffix in ["/v1/metorial", "/v1/metorial/"] {
        let client = builder(&format!("{}{suffix}", server.url()))
            .build()
            .expect("a client");
        client.instance().await.expect("an instance");
    }
    assert_eq!(
        server.lines(),
        ["GET /v1/metorial/instance", "GET /v1/metorial/instance"]
    );
}

#[tokio::test]
async fn an_id_is_sent_as_one_segment_of_the_path() {
    for id in [
        "../instance",
        "a/b",
        "a%2fb",
        "a?b#c",
        "a\nb",
        "\u{202e}",
        "a b",
        "%2e%2e",
        "...",
        "ä;=&+",
    ] {
        let server = Server::start(|_| json_answer(200, &credentials("par_1"))).await;
        let answered = server.client().get::<AuthCredentials>(id).await;
        assert!(answered.is_err(), "no response can have this id: {id}");
        let seen = server.seen();
        let segment = seen[0]
            .target()
            .strip_prefix("/provider-auth-credentials/")
            .expect("below the collection");
        assert!(!segment.contains(['/', '?', '#']), "{segment}");
        let decoded = percent_encoding::percent_decode_str(segment)
            .decode_utf8()
            .expect("UTF-8");
        assert_eq!(decoded, id);
    }
}

#[tokio::test]
async fn an_id_that_would_change_the_path_is_rejected_before_sending() {
    let server = Server::always(json_answer(200, &credentials("par_1"))).await;
    for id in ["", ".", ".."] {
        let error = failure(server.client().delete::<AuthCredentials>(id)).await;
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_body_that_json_cannot_express_is_rejected_before_sending() {
    let server = Server::always(json_answer(200, &credentials("par_1"))).await;
    let body = Body::json(&std::collections::BTreeMap::from([((1, 2), 3)]));
    let error = failure(server.client().create::<AuthCredentials>(&body)).await;
    assert_eq!(
        (error.kind(), error.cause()),
        (
            ErrorKind::Rejected,
            Some("the body can't be written as JSON")
        )
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn an_answer_about_another_object_is_an_error() {
    let server = Server::always(json_answer(200, &credentials("par_2"))).await;
    let client = server.client();
    assert_eq!(
        failure(client.get::<AuthCredentials>("par_1")).await.kind(),
        ErrorKind::Malformed
    );
    let patch = Body::from(json!({"name": "n"}));
    assert_eq!(
        failure(client.update::<AuthCredentials>("par_1", &patch))
            .await
            .kind(),
        ErrorKind::Ambiguous
    );
}

#[tokio::test]
async fn an_archived_object_can_be_read() {
    let mut archived = credentials("par_1");
    archived["status"] = "archived".into();
    let server = Server::always(json_answer(200, &archived)).await;
    let answer = server
        .client()
        .get::<AuthCredentials>("par_1")
        .await
        .expect("read");
    assert_eq!(answer.value.status(), Status::Archived);
}

#[tokio::test]
async fn a_shadowed_import_schema_counts_as_a_missing_route() {
    let body = json!({"object": "error", "code": "not_found", "entity": "provider.auth_import", "id": "schema"});
    let server = Server::always(json_answer(404, &body)).await;
    let error = failure(
        server
            .client()
            .import_schema(&SchemaOf::Provider("pro_1".to_owned())),
    )
    .await;
    assert_eq!(error.kind(), ErrorKind::NoSuchRoute);
    assert_eq!(
        server.lines(),
        ["GET /provider-auth-config-imports/schema?provider_id=pro_1"]
    );
}

#[tokio::test]
async fn a_schema_is_requested_only_by_an_id_that_its_route_supports() {
    let server = Server::always(json_answer(200, &json!({"schema": null}))).await;
    let client = server.client();
    client
        .config_schema(&SchemaOf::Deployment("pde_1".to_owned()))
        .await
        .expect("a schema");
    client
        .import_schema(&SchemaOf::AuthMethod("pam_1".to_owned()))
        .await
        .expect("a schema");
    let want = [
        "GET /provider-config-schema?provider_deployment_id=pde_1",
        "GET /provider-auth-config-imports/schema?provider_auth_method_id=pam_1",
    ];
    assert_eq!(server.lines(), want);
    for of in [
        SchemaOf::AuthMethod("pam_1".to_owned()),
        SchemaOf::Provider(String::new()),
    ] {
        assert_eq!(
            failure(client.config_schema(&of)).await.kind(),
            ErrorKind::Rejected
        );
    }
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn futures_and_streams_of_calls_can_move_between_threads() {
    fn check<T: Send>(_: T) {}
    let client = builder("http://127.0.0.1:1").build().expect("a client");
    let (query, target, body) = (
        ListQuery::new(),
        ExportTarget {
            auth_config_id: "a".to_owned(),
            deployment_id: None,
        },
        Body::from(json!({})),
    );
    check(client.get::<AuthExport>("a"));
    check(client.create_export(&target, &body));
    check(client.export_pages(&target, &query));
    check(client.pages::<AuthCredentials>(&query));
}
