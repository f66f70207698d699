//! Asks whose key it is, and which providers there are.
//!
//! `METORIAL_API_KEY` is a secret key; `METORIAL_BASE_URL` an address other than `https://api.metorial.com`, such as the
//! simulator's.

use metorial::{ApiKey, Client};
use std::error::Error;

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

/// Returns a description of the key's instance, and of one provider.
pub async fn run(client: &Client) -> Result<String, Box<dyn Error>> {
    let answer = client.instance().await?;
    let provider = client.provider("github").await?.value;
    let limit = answer.meta.rate_limit;
    let left = limit.and_then(|limit| limit.remaining);
    let left = left.map_or_else(|| "?".to_owned(), |left| left.to_string());
    let (id, kind) = (answer.value.id, answer.value.r#type);
    Ok(format!(
        "This key belongs to {id} ({kind:?}), which has {left} requests left; github is {}",
        provider.id
    ))
}
