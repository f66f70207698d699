//! Streams of pages, and the location of exports.

mod support;

use futures::{StreamExt, TryStreamExt};
use metorial::{AuthCredentials, AuthImport, Body, ErrorKind, ExportTarget, ListQuery, Object};
use serde_json::{Value, json};
use support::{
    Reaction, Seen, Server, answer, credentials, error_answer, failure, json_answer, page,
};

fn export(id: &str) -> Value {
    json!({"object": "provider.auth_export", "id": id, "note": "n", "provider_auth_config_id": "pac_1",
        "value": {"access_token": "canary"}, "created_at": "2025-09-15T10:30:00.000Z"})
}

fn target(deployment_id: Option<&str>) -> ExportTarget {
    ExportTarget {
        auth_config_id: "pac_1".to_owned(),
        deployment_id: deployment_id.map(str::to_owned),
    }
}

/// Starts a server with the credentials `par_0` to `par_(n-1)`, two a page.
async fn paged_server(n: usize) -> Server {
    Server::start(move |seen: &Seen| {
        let after = seen
            .query("after")
            .and_then(|id| id.strip_prefix("par_")?.parse::<usize>().ok());
        let first = after.map_or(0, |after| after + 1);
        let last = (first + 2).min(n);
        let items: Vec<_> = (first..last)
            .map(|number| credentials(&format!("par_{number}")))
            .collect();
        json_answer(200, &page(&items, last < n))
    })
    .await
}

async fn all_ids(server: &Server) -> Result<Vec<String>, metorial::Error> {
    let pages = server.client().pages::<AuthCredentials>(&ListQuery::new());
    let pages: Vec<_> = pages.try_collect().await?;
    Ok(pages
        .into_iter()
        .flat_map(|page| page.value.items)
        .map(|item| item.id)
        .collect())
}

#[tokio::test]
async fn all_pages_are_read_to_the_end() {
    for n in [0, 1, 2, 5] {
        let server = paged_server(n).await;
        let ids = all_ids(&server).await.expect("a complete list");
        assert_eq!(ids.len(), n);
        assert_eq!(server.seen().len(), n.div_ceil(2).max(1));
        assert_eq!(server.seen()[0].query("limit").as_deref(), Some("100"));
    }
}

#[tokio::test]
async fn an_incomplete_list_is_an_error() {
    let same_page = Server::always(json_answer(200, &page(&[credentials("par_1")], true))).await;
    let empty_page = Server::always(json_answer(200, &page(&[], true))).await;
    let lost_page = Server::start(|seen| match seen.query("after") {
        None => json_answer(200, &page(&[credentials("par_1")], true)),
        Some(_) => json_answer(200, &page(&[], false)),
    })
    .await;
    let loop_of_two = Server::start(|seen| match seen.query("after").as_deref() {
        Some("par_1") => json_answer(200, &page(&[credentials("par_2")], true)),
        _ => json_answer(200, &page(&[credentials("par_1")], true)),
    })
    .await;
    for server in [same_page, empty_page, lost_page, loop_of_two] {
        let error = all_ids(&server).await.expect_err("not complete");
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
        assert!(server.seen().len() <= 3);
    }
}

#[tokio::test]
async fn a_stream_of_pages_ends_with_its_first_error() {
    let server = Server::start(|seen| match seen.query("after") {
        None => json_answer(200, &page(&[credentials("par_1")], true)),
        Some(_) => error_answer(503, "internal_server_error", "query"),
    })
    .await;
    let pages = server.client().pages::<AuthCredentials>(&ListQuery::new());
    let kinds: Vec<_> = pages
        .map(|page| page.map(|_| ()).map_err(|error| error.kind()))
        .collect()
        .await;
    assert_eq!(kinds, [Ok(()), Err(ErrorKind::Transient)]);
}

#[tokio::test]
async fn a_list_without_an_end_is_an_error() {
    let server = paged_server(usize::MAX).await;
    let error = all_ids(&server).await.expect_err("no end");
    assert_eq!(error.cause(), Some("the list has no end"));
    assert_eq!(server.seen().len(), 1000);
}

#[tokio::test]
async fn a_page_without_pagination_is_malformed() {
    let server = Server::always(json_answer(200, &json!({"object": "list", "items": []}))).await;
    let error = failure(server.client().list::<AuthImport>(&ListQuery::new())).await;
    assert_eq!(error.kind(), ErrorKind::Malformed);
}

#[tokio::test]
async fn exports_use_the_flat_route_if_there_is_one() {
    let server = Server::always(json_answer(200, &export("pace_1"))).await;
    let body = Body::from(json!({"note": "n"}));
    let answer = server
        .client()
        .create_export(&target(Some("pde_1")), &body)
        .await
        .expect("exported");
    assert!(answer.value.value.is_some());
    assert_eq!(server.lines(), ["POST /provider-auth-config-exports"]);
    assert_eq!(
        server.seen()[0].body,
        br#"{"note":"n","provider_auth_config_id":"pac_1"}"#
    );
}

#[tokio::test]
async fn the_nested_route_of_exports_is_found_and_remembered() {
    let server = Server::start(|seen| {
        if seen
            .target()
            .starts_with("/provider-deployments/pde_1/auth-configs/pac_1/exports")
        {
            return match seen.target().contains('?') {
                true => json_answer(200, &page(&[export("pace_1")], false)),
                false => json_answer(200, &export("pace_1")),
            };
        }
        error_answer(404, "not_found", "endpoint")
    })
    .await;
    let (client, target) = (server.client(), target(Some("pde_1")));
    let body = Body::from(json!({"note": "n"}));
    let moved = failure(client.create_export(&target, &body)).await;
    assert!(moved.may_be_elsewhere() && moved.kind() == ErrorKind::NoSuchRoute);
    assert_eq!(server.lines(), ["POST /provider-auth-config-exports"]);
    client
        .create_export(&target, &body)
        .await
        .expect("exported");
    client.get_export(&target, "pace_1").await.expect("read");
    let pages: Vec<_> = client
        .export_pages(&target, &ListQuery::new())
        .try_collect()
        .await
        .expect("listed");
    assert_eq!(pages[0].value.items[0].id(), "pace_1");
    let nested = "/provider-deployments/pde_1/auth-configs/pac_1/exports";
    let want = [
        "POST /provider-auth-config-exports".to_owned(),
        format!("POST {nested}"),
        format!("GET {nested}/pace_1"),
        format!("GET {nested}?limit=100"),
    ];
    assert_eq!(server.lines(), want);
}

#[tokio::test]
async fn pages_of_exports_are_read_at_both_routes_and_at_each_once() {
    let server = Server::always(error_answer(404, "not_found", "endpoint")).await;
    let (client, target) = (server.client(), target(Some("pde_1")));
    let pages: Vec<_> = client
        .export_pages(&target, &ListQuery::new())
        .collect()
        .await;
    let kinds = pages
        .into_iter()
        .map(|page| page.map(|_| ()).map_err(|error| error.kind()));
    assert_eq!(kinds.collect::<Vec<_>>(), [Err(ErrorKind::NoSuchRoute); 2]);
    let mut paths = server.lines();
    paths.dedup();
    assert_eq!(paths.len(), 2);
}

#[tokio::test]
async fn an_exported_value_may_be_larger_than_other_answers() {
    let with_value = |mib: usize| {
        let mut export = export("pace_1");
        export["value"] = json!({"token": "t".repeat(mib << 20)});
        json_answer(200, &export)
    };
    let body = Body::from(json!({"note": "n"}));
    let large = Server::always(with_value(7)).await;
    let export = large.client().create_export(&target(None), &body).await;
    assert!(export.expect("exported").value.value.is_some());
    let mut export = crate::export("pace_1");
    export["value"] = json!({"scopes": vec![0; 50_000]});
    let dense = Server::always(json_answer(200, &export)).await;
    let export = dense.client().create_export(&target(None), &body).await;
    assert!(export.is_ok(), "it is in no other answer");
    let too_large = Server::always(with_value(8)).await;
    let error = failure(too_large.client().create_export(&target(None), &body)).await;
    assert!(error.is_too_large() && error.kind() == ErrorKind::Ambiguous);
    let read = failure(large.client().get_export(&target(None), "pace_1")).await;
    assert!(read.is_too_large());
}

#[tokio::test]
async fn without_a_deployment_the_nested_route_is_not_tried() {
    let server = Server::always(error_answer(404, "not_found", "endpoint")).await;
    let error = failure(server.client().get_export(&target(None), "pace_1")).await;
    assert_eq!(error.kind(), ErrorKind::NoSuchRoute);
    assert!(!error.may_be_elsewhere());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn only_the_apis_own_404_leads_to_the_other_route_of_exports() {
    for reaction in [
        answer(404, "", "<html>404</html>"),
        error_answer(403, "forbidden", "body"),
        error_answer(500, "internal_server_error", "body"),
        Reaction::Send(Vec::new()),
    ] {
        let server = Server::always(reaction).await;
        let body = Body::from(json!({"note": "n"}));
        failure(server.client().create_export(&target(Some("pde_1")), &body)).await;
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_list_of_exports_is_always_filtered_by_auth_config() {
    let server = Server::always(json_answer(200, &page(&[], false))).await;
    let client = server.client();
    client
        .list_exports(&target(None), &ListQuery::new())
        .await
        .expect("listed");
    assert_eq!(
        server.seen()[0]
            .query("provider_auth_config_id[]")
            .as_deref(),
        Some("pac_1")
    );
    let empty = ExportTarget {
        auth_config_id: String::new(),
        deployment_id: None,
    };
    assert_eq!(
        failure(client.list_exports(&empty, &ListQuery::new()))
            .await
            .kind(),
        ErrorKind::Rejected
    );
    assert_eq!(server.seen().len(), 1);
}
