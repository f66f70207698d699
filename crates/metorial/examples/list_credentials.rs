//! Lists all auth credentials of the instance, a hundred with each request.
//!
//! `METORIAL_API_KEY` and `METORIAL_BASE_URL` are as in `first_call`.

use futures::TryStreamExt;
use metorial::{ApiKey, AuthCredentials, Client, ListQuery};
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("METORIAL_BASE_URL");
    let url = url.unwrap_or_else(|_| "https://api.metorial.com".to_owned());
    let key = ApiKey::parse(&std::env::var("METORIAL_API_KEY")?)?;
    for line in run(&Client::builder(url.parse()?, key).build()?).await? {
        println!("{line}");
    }
    Ok(())
}

/// Returns a line for each of them.
pub async fn run(client: &Client) -> Result<Vec<String>, Box<dyn Error>> {
    let query = ListQuery::new().limit(100);
    let mut pages = std::pin::pin!(client.pages::<AuthCredentials>(&query));
    let mut lines = Vec::new();
    // A page that can't be read, or a list that loses one, is an error: what ends is complete.
    while let Some(page) = pages.try_next().await? {
        for credentials in page.value.items {
            let name = credentials.name.unwrap_or_default();
            lines.push(format!("{} {name}", credentials.id));
        }
    }
    Ok(lines)
}
