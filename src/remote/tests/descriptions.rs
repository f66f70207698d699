//! The descriptions that a server has of itself.

use crate::remote::testing::session_at;
use crate::resources::ProviderAuthCredentials;
use axum::Router;
use tokio::net::TcpListener;

#[tokio::test]
async fn the_description_of_the_api_costs_nothing_of_the_budget() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let session = session_at(&format!("http://{}", listener.local_addr().unwrap()));
    let left = || session.budget().unwrap().remaining;
    let before = left();
    let asked = async {
        assert_eq!(session.callback_url("github").await.unwrap(), None);
        let counted = before - left();
        let fields = session.patch_fields::<ProviderAuthCredentials>().await;
        assert_eq!(fields.unwrap(), None);
        (counted, before - left())
    };
    // It has neither a provider nor a description: both are answered by 404.
    let server = async { axum::serve(listener, Router::new()).await };
    let counted = tokio::select! {
        _ = server => unreachable!("the server runs until it is dropped"),
        counted = asked => counted,
    };
    assert_eq!(counted, (1, 1));
}
