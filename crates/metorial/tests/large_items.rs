//! Lists with items that are larger than a page may be.

mod support;

use std::time::Duration;

use futures::StreamExt;
use metorial::{AuthCredentials, Error, ErrorKind, ListQuery, Page};
use serde_json::{Value, json};
use support::{Server, builder, credentials, json_answer, page};

/// Size of a page that is larger than this client reads.
const TOO_LARGE: usize = 9 << 20;

/// Starts a server with these items that honors limit and cursor, as the API does.
async fn server_of(items: Vec<Value>) -> Server {
    Server::start(move |seen| {
        let position = |id: String| items.iter().position(|item| item["id"] == id.as_str());
        let after = seen.query("after").and_then(position);
        let first = after.map_or(0, |after| after + 1);
        let limit = seen.query("limit").and_then(|limit| limit.parse().ok());
        let last = items.len().min(first + limit.unwrap_or(20));
        json_answer(200, &page(&items[first..last], last < items.len()))
    })
    .await
}

/// Reads all pages, without those that were too large and are followed by another; no test depends on how long that takes.
async fn pages_of(server: &Server) -> Result<Vec<Page<AuthCredentials>>, Error> {
    let client = builder(&server.url()).timeout(Duration::from_secs(60));
    let client = client.build().expect("a client");
    let results = client.pages::<AuthCredentials>(&ListQuery::new());
    let results: Vec<_> = results.collect().await;
    let last = results.len() - 1;
    let results = results.into_iter().enumerate();
    let results = results.filter(|(number, result)| {
        let is_last = *number == last;
        let follows = result.as_ref().is_err_and(Error::is_followed_by_a_page);
        assert_eq!(follows, !is_last && result.is_err());
        !follows
    });
    results
        .map(|(_, result)| Ok(result?.value))
        .collect::<Result<_, _>>()
}

#[tokio::test]
async fn an_item_that_is_too_large_for_any_page_hides_no_other_and_is_read_without_its_long_strings()
 {
    let mut large = credentials("par_1");
    let long = format!("u-in-a-long-string {}", "x".repeat(TOO_LARGE));
    large["metadata"] = json!({"kubernetes": {"uid": "u-1"}, "long": long});
    large["description"] = "d".repeat(2000).into();
    let server = server_of(vec![
        credentials("par_0"),
        large.clone(),
        credentials("par_2"),
    ])
    .await;
    let pages = pages_of(&server).await.expect("a complete list");
    let read: Vec<&str> = pages
        .iter()
        .flat_map(|page| &page.items)
        .map(|item| item.id.as_str())
        .collect();
    assert_eq!(read, ["par_0", "par_2"]);
    let unreadable: Vec<_> = pages.iter().flat_map(|page| &page.unreadable).collect();
    let [item] = unreadable.as_slice() else {
        panic!("{unreadable:?}");
    };
    assert_eq!(item.id, "par_1");
    assert!(item.is_shortened() && item.mentions("\"u-1\""));
    large["metadata"]["long"] = "".into();
    large["description"] = "".into();
    assert_eq!(item.text(), large.to_string());
    assert_eq!(server.seen().len(), 10, "{:?}", server.lines());
}

#[tokio::test]
async fn an_item_of_many_values_is_not_decoded_and_pages_of_many_are_read_in_parts() {
    let dense = |id: &str, values: usize| {
        let mut item = credentials(id);
        item["metadata"] = json!({"a": vec![0; values], "kubernetes": {"uid": "u-1"}});
        item
    };
    let mut items: Vec<Value> = (0..16)
        .map(|n| dense(&format!("par_{n}"), 18_000))
        .collect();
    items.push(dense("par_dense", 500_000));
    let server = server_of(items).await;
    let pages = pages_of(&server).await.expect("a complete list");
    let read = pages.iter().map(|page| page.items.len());
    assert_eq!(read.clone().sum::<usize>(), 16);
    assert!(
        read.max() < Some(12),
        "each page has 200,000 values at most"
    );
    let unreadable: Vec<_> = pages.iter().flat_map(|page| &page.unreadable).collect();
    assert_eq!(unreadable.len(), 1);
    assert_eq!(unreadable[0].id, "par_dense");
    assert!(unreadable[0].mentions("\"u-1\""));

    let one = dense("par_dense", 500_000);
    let server = Server::start(move |_| json_answer(200, &one)).await;
    let error = server.client().get::<AuthCredentials>("par_dense").await;
    let error = error.expect_err("not decoded");
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.is_too_large());
}

#[tokio::test]
async fn an_item_that_is_too_large_without_its_long_strings_ends_the_list() {
    let mut large = credentials("par_1");
    large["metadata"] = json!({"many": vec!["x".repeat(1000); TOO_LARGE / 1000]});
    let server = server_of(vec![credentials("par_0"), large, credentials("par_2")]).await;
    let error = pages_of(&server).await.expect_err("not complete");
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.is_too_large());
}

#[tokio::test]
async fn an_item_that_fits_into_a_page_keeps_its_long_strings() {
    let mut item = credentials("par_0");
    item["description"] = "d".repeat(5000).into();
    let mut undecodable = credentials("par_1");
    undecodable["created_at"] = "x".repeat(5000).into();
    let server = server_of(vec![item.clone(), undecodable.clone()]).await;
    let (client, one) = (server.client(), ListQuery::new().limit(1));
    let first = client.list::<AuthCredentials>(&one).await;
    let first = first.expect("a page").value;
    assert_eq!(
        first.items[0].description.as_deref(),
        item["description"].as_str()
    );
    let pages = pages_of(&server).await.expect("a complete list");
    let unreadable = &pages[0].unreadable[0];
    assert!(!unreadable.is_shortened());
    assert_eq!(unreadable.text(), undecodable.to_string());
}
