//! Creates an OAuth app, and never a second one: if the response is lost, it looks whether the app exists.
//!
//! The API has no idempotency keys, so a create that may have been applied must not simply be sent again. What makes an app
//! recognizable is metadata that only this program writes.
//!
//! `METORIAL_API_KEY` and `METORIAL_BASE_URL` are as in `first_call`.

use futures::TryStreamExt;
use metorial::{ApiKey, AuthCredentials, Body, Client, ErrorKind, ListQuery};
use serde_json::json;
use std::error::Error;

/// The metadata by which the app is recognized.
const MARK: &str = "examples/create_oauth_app";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("METORIAL_BASE_URL");
    let url = url.unwrap_or_else(|_| "https://api.metorial.com".to_owned());
    let key = ApiKey::parse(&std::env::var("METORIAL_API_KEY")?)?;
    println!(
        "{}",
        run(&Client::builder(url.parse()?, key).build()?).await?
    );
    Ok(())
}

/// Returns the ID of the app.
pub async fn run(client: &Client) -> Result<String, Box<dyn Error>> {
    if let Some(id) = find(client).await? {
        return Ok(id);
    }
    let body = Body::from(json!({
        "provider_id": "github",
        "name": "GitHub",
        "metadata": {"made_by": MARK},
        "config": {"client_id": "id", "client_secret": "secret", "scopes": ["repo"]},
    }));
    match client.create::<AuthCredentials>(&body).await {
        Ok(created) => Ok(created.value.id),
        Err(error) if matches!(error.kind(), ErrorKind::Ambiguous | ErrorKind::Inconclusive) => {
            // It may have been applied. A program that runs for longer waits before it concludes that it was not.
            find(client).await?.ok_or_else(|| error.into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn find(client: &Client) -> Result<Option<String>, Box<dyn Error>> {
    let query = ListQuery::new().limit(100);
    let mut pages = std::pin::pin!(client.pages::<AuthCredentials>(&query));
    while let Some(page) = pages.try_next().await? {
        let mut items = page.value.items.into_iter();
        let ours = items.find(|item| {
            let metadata = item.metadata.as_ref();
            metadata.is_some_and(|metadata| metadata.get("made_by") == Some(&json!(MARK)))
        });
        if let Some(found) = ours {
            return Ok(Some(found.id));
        }
    }
    Ok(None)
}
