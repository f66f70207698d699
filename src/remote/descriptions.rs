//! Describes providers and the server itself. Best effort: a failed read never fails a reconciliation.

use super::access::{Described, Description};
use super::error::RemoteError;
use super::session::Session;
use crate::kinds::Kind;
use metorial::{Object, Operation, Provider};
use std::collections::BTreeSet;
use std::sync::Arc;
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
        let shared = self.cache.callback_urls.get(provider.to_owned());
        let call = self.transport.client().provider(provider);
        let sent = self.transport.send(Operation::get("/providers/:id"), call);
        let url = |provider: Provider| provider.callback_url().and_then(callback_url);
        let read = async { described(sent.await, url) };
        let what = Description::CallbackUrl(provider.to_owned());
        let access = &self.loader.access;
        best_effort(access.described(what, &shared, read).await)
    }

    /// Returns the fields that a PATCH of the kind's objects takes on this server, at most an hour old; `None` where the server
    /// does not say, or can't be asked: a description is optional (◆), and where there is none, the object itself decides.
    ///
    /// # Errors
    /// Nothing was sent.
    pub async fn patch_fields<K: Kind>(
        &self,
    ) -> Result<Option<Arc<BTreeSet<String>>>, RemoteError> {
        let shared = self.cache.patch_fields.get(K::Remote::COLLECTION);
        let call = self.transport.client().patch_fields(K::Remote::COLLECTION);
        let operation = Operation::get("/metorial/introspect/endpoints");
        let sent = self.transport.send_uncounted(operation, call);
        let fields = |fields: Option<BTreeSet<String>>| fields.map(Arc::new);
        let read = async { described(sent.await, fields) };
        let what = Description::PatchFields(K::Remote::COLLECTION);
        let access = &self.loader.access;
        best_effort(access.described(what, &shared, read).await)
    }
}

/// Returns what the API describes, or that it refuses to. That a key is refused altogether says nothing about the description.
fn described<T, D>(
    sent: Result<T, RemoteError>,
    description: impl FnOnce(T) -> Option<D>,
) -> Result<Described<D>, RemoteError> {
    match sent {
        Ok(answer) => Ok(Described::Answered(description(answer))),
        Err(error @ RemoteError::Api(_)) if !error.passes() && !error.refuses_key() => {
            Ok(Described::Refused)
        }
        Err(error) => Err(error),
    }
}

/// Returns a description; `None` where it could not be read.
fn best_effort<D>(described: Result<Option<D>, RemoteError>) -> Result<Option<D>, RemoteError> {
    match described {
        Err(RemoteError::Api(_)) => Ok(None),
        result => result,
    }
}

/// Returns a callback URL that a status may show.
fn callback_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let shown = matches!(url.scheme(), "http" | "https") && text.len() <= LONGEST_URL;
    shown.then(|| url.into())
}
