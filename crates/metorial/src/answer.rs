//! A decoded success of the API.

use crate::meta::Meta;

/// Decoded body of a successful call, with the metadata of its headers.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// The decoded body.
    pub value: T,
    /// Metadata from the response's headers.
    pub meta: Meta,
}
