//! Failure of the demo or the benchmark, as a message for the terminal.

use std::error::Error;
use std::fmt;

/// Failure. Every error converts into it; it isn't an error itself, because the conversion would then overlap with
/// `From<T> for T`.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// Creates a failure with this message.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        Self(text)
    }
}
