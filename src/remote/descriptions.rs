//! What a server says about a provider and about itself. All of it is a service: nothing fails for want of it.

use super::cache::{SCHEMA_LIFETIME, Shared};
use super::error::RemoteError;
use super::session::Session;
use crate::kinds::Kind;
use metorial::{Method, Object, Operation, Provider};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::time::Instant;
use url::Url;

/// The longest URL of a server that a status shows, in bytes.
const LONGEST_URL: usize = 1000;

impl Session {
    /// Returns the callback URL of a provider, at most an hour old; `None` where it has none, or none that can be read: a key
    /// without the scope for providers serves as well.
    ///
    /// # Errors
    /// Nothing was sent.
    pub async fn callback_url(&self, provider: &str) -> Result<Option<String>, RemoteError> {
        let shared = self.cache.callback_url(provider);
        let call = self.transport.client().provider(provider);
        let sent = self.transport.send(read("/providers/:id"), call);
        let url = |provider: Provider| provider.callback_url().and_then(callback_url);
        described(&shared, sent, url).await
    }

    /// Returns the fields that a PATCH of the kind's objects takes on this server, at most an hour old; `None` where the server
    /// does not say.
    ///
    /// # Errors
    /// Nothing was sent.
    pub async fn patch_fields<K: Kind>(
        &self,
    ) -> Result<Option<Arc<BTreeSet<String>>>, RemoteError> {
        let shared = self.cache.patch_fields(K::Remote::COLLECTION);
        let call = self.transport.client().patch_fields(K::Remote::COLLECTION);
        let operation = read("/metorial/introspect/endpoints");
        let sent = self.transport.send_uncounted(operation, call);
        let fields = |fields: Option<BTreeSet<String>>| fields.map(Arc::new);
        described(&shared, sent, fields).await
    }
}

fn read(template: &'static str) -> Operation {
    Operation {
        method: Method::Get,
        template,
    }
}

/// Returns the last read of a description, or reads it. A refusal is remembered like an answer.
async fn described<T, D: Clone>(
    shared: &Shared<Option<D>>,
    sent: impl Future<Output = Result<T, RemoteError>>,
    description: impl FnOnce(T) -> Option<D>,
) -> Result<Option<D>, RemoteError> {
    let mut known = shared.lock().await;
    if let Some((at, known)) = known.as_ref()
        && at.elapsed() < SCHEMA_LIFETIME
    {
        return Ok(known.clone());
    }
    let read = match sent.await {
        Ok(answer) => description(answer),
        Err(error @ RemoteError::Api(_)) if error.passes() => return Ok(None),
        Err(RemoteError::Api(_)) => None,
        Err(unsent) => return Err(unsent),
    };
    *known = Some((Instant::now(), read.clone()));
    Ok(read)
}

/// Returns a callback URL that a status may show.
fn callback_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let shown = matches!(url.scheme(), "http" | "https") && text.len() <= LONGEST_URL;
    shown.then(|| url.into())
}
