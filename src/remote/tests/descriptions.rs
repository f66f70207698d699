//! The descriptions that a server has of itself.

use crate::remote::error::RemoteError;
use crate::remote::testing::session_at;
use crate::resources::ProviderAuthCredentials;
use axum::Router;
use axum::http::StatusCode;
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

/// Returns what a server that answers with this is taken to say about the fields that it takes.
async fn described_by(status: StatusCode, body: &'static str) -> Result<bool, RemoteError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let session = session_at(&format!("http://{}", listener.local_addr().unwrap()));
    let router = Router::new().fallback(move || async move { (status, body) });
    tokio::select! {
        _ = async { axum::serve(listener, router).await } => unreachable!("it runs until it is dropped"),
        fields = session.patch_fields::<ProviderAuthCredentials>() => fields.map(|it| it.is_some()),
    }
}

#[tokio::test]
async fn a_description_that_could_not_be_read_for_a_moment_is_not_taken_for_none() {
    for passing in [StatusCode::SERVICE_UNAVAILABLE, StatusCode::REQUEST_TIMEOUT] {
        let failed = described_by(passing, "{}").await.unwrap_err();
        assert!(failed.passes(), "{failed:?}");
    }
    for lasting in [StatusCode::NOT_FOUND, StatusCode::OK] {
        let described = described_by(lasting, "[]").await;
        assert!(!described.unwrap(), "{lasting}");
    }
}
