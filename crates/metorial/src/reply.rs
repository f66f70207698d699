//! A success before its body is decoded, and the checks that its body is about what was requested.

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::answer::Answer;
use crate::classify;
use crate::collection::Operation;
use crate::error::{Error, ErrorKind};
use crate::meta::Meta;
use crate::nodes::{self, OBJECT_NODES};
use crate::objects::Object;
use crate::page::{Page, PageError};
use crate::secret::Buffer;

/// Success (2xx) with its whole body.
pub(crate) struct Reply {
    pub(crate) operation: Operation,
    pub(crate) status: u16,
    pub(crate) meta: Meta,
    pub(crate) body: Buffer,
    /// True if long strings were left out of the body.
    pub(crate) shortened: bool,
}

impl Reply {
    /// Decodes the body.
    ///
    /// # Errors
    /// The error's text is this crate's own: `serde_json`'s messages quote the body, which may hold a secret.
    pub(crate) fn decode<T: DeserializeOwned>(self) -> Result<Answer<T>, Error> {
        match serde_json::from_slice(&self.body) {
            Ok(value) => Ok(Answer {
                value,
                meta: self.meta,
            }),
            Err(error) => Err(self.undecodable(&error)),
        }
    }

    /// Decodes one object, which must have the id `requested` if that is given.
    pub(crate) fn object<T: Object>(self, requested: Option<&str>) -> Result<Answer<T>, Error> {
        let operation = self.operation;
        if nodes::count(&self.body) > OBJECT_NODES {
            let kind = classify::unreadable_success(operation.method);
            let cause = "the object has more values than are read";
            return Err(self.error(kind, cause).too_large());
        }
        self.any_object(requested)
    }

    /// Decodes one object, of however many values: an exported value is in no other answer.
    pub(crate) fn any_object<T: Object>(self, requested: Option<&str>) -> Result<Answer<T>, Error> {
        let (operation, status) = (self.operation, self.status);
        let answer: Answer<T> = self.decode()?;
        let id = answer.value.id();
        if requested.is_some_and(|requested| requested != id) {
            let kind = classify::unreadable_success(operation.method);
            let cause = "the answer is about another object";
            return Err(Error::of(kind, operation, answer.meta, cause).with_status(status));
        }
        Ok(answer)
    }

    /// Decodes one page of a list.
    pub(crate) fn page<T: Object>(self) -> Result<Answer<Page<T>>, Error> {
        let page = match serde_json::from_slice(&self.body) {
            Ok(list) => Page::read(&list, self.status, self.shortened),
            Err(error) => return Err(self.undecodable(&error)),
        };
        match page {
            Ok(value) => Ok(Answer {
                value,
                meta: self.meta,
            }),
            Err(PageError::TooManyValues) => {
                let cause = "the items of the page have more values than are read at a time";
                Err(self.error(ErrorKind::Malformed, cause).too_large())
            }
            Err(PageError::BadItem) => {
                let cause = "the list has an item without an id, or with malformed metadata";
                Err(self.error(ErrorKind::Malformed, cause))
            }
        }
    }

    fn error(self, kind: ErrorKind, cause: &'static str) -> Error {
        Error::of(kind, self.operation, self.meta, cause).with_status(self.status)
    }

    fn undecodable(self, error: &serde_json::Error) -> Error {
        let method = self.operation.method;
        let is_html = self.body.trim_ascii_start().starts_with(b"<");
        // Some proxies send their error page with status 200. Unlike a malformed answer of the API, it passes.
        let kind = if is_html {
            classify::no_answer(method)
        } else {
            classify::unreadable_success(method)
        };
        let cause = match error.classify() {
            _ if is_html => "the answer is HTML, not JSON",
            Category::Eof => "the answer is cut short",
            Category::Data => "the answer lacks a member, or has one of another type",
            Category::Syntax | Category::Io => "the answer is not JSON",
        };
        self.error(kind, cause)
    }
}
