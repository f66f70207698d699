//! One request before it is sent: its target, query and body.

use crate::body::Body;
use crate::classify::Target;
use crate::collection::{Collection, Method, Operation};
use crate::error::{Error, ErrorKind};
use crate::meta::Meta;
use crate::objects::Object;
use crate::query::{ListQuery, encode};

/// Largest accepted answer about one object, in bytes.
pub(crate) const OBJECT_CAP: usize = 1 << 20;
/// Largest accepted page of a list and largest accepted export, in bytes: about a hundred times an ordinary page, and
/// enough for the largest value that the server was seen to store ▲.
pub(crate) const LIST_CAP: usize = 8 << 20;

/// Request to send.
pub(crate) struct Request<'a> {
    pub(crate) target: Target<'a>,
    /// Path with `:id` in place of ids, for errors and logs.
    pub(crate) template: &'static str,
    /// Path below the base URL, with encoded ids.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) body: Option<&'a Body>,
    /// Largest accepted answer, in bytes.
    pub(crate) cap: usize,
    /// True if a larger answer is read without its long strings.
    pub(crate) shortens: bool,
}

impl<'a> Request<'a> {
    /// Creates a read of a path without ids.
    pub(crate) fn get(template: &'static str) -> Self {
        Self {
            target: Target::unnamed(Method::Get),
            template,
            path: template.to_owned(),
            query: None,
            body: None,
            cap: OBJECT_CAP,
            shortens: false,
        }
    }

    /// Creates a read of a collection.
    pub(crate) fn list(collection: Collection, query: &ListQuery) -> Self {
        Self {
            query: query.encoded(),
            cap: LIST_CAP,
            shortens: query.page_size() == 1,
            ..Self::get(collection.path())
        }
    }

    /// Creates a POST to a collection.
    pub(crate) fn create(collection: Collection, body: &'a Body) -> Self {
        Self {
            target: Target::unnamed(Method::Post),
            body: Some(body),
            ..Self::get(collection.path())
        }
    }

    /// Creates a request for the object `id` at a path that ends in `:id`.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] if the id can't be a path segment.
    pub(crate) fn by_id(
        operation: Operation,
        entity: &'static str,
        id: &'a str,
    ) -> Result<Self, Error> {
        Ok(Self {
            target: Target::object(operation.method, entity, id),
            path: fill(operation, &[id])?,
            ..Self::get(operation.template)
        })
    }

    /// Creates a request for one object of a collection.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] if the id can't be a path segment.
    pub(crate) fn item<T: Object>(method: Method, id: &'a str) -> Result<Self, Error> {
        let operation = Operation::on_item(method, T::COLLECTION);
        Self::by_id(operation, T::COLLECTION.entity(), id)
    }

    pub(crate) fn operation(&self) -> Operation {
        Operation {
            method: self.target.method,
            template: self.template,
        }
    }
}

/// Returns the operation's path with `ids` in place of `:id`, each encoded as one segment.
///
/// # Errors
/// [`ErrorKind::Rejected`] for an id that would change the path: empty, `.` or `..`. The server answers a double slash
/// with 404 `endpoint` ▲, which says nothing about an object.
pub(crate) fn fill(operation: Operation, ids: &[&str]) -> Result<String, Error> {
    let mut ids = ids.iter();
    let mut path = String::new();
    for segment in operation.template.split('/').skip(1) {
        path.push('/');
        if segment != ":id" {
            path.push_str(segment);
            continue;
        }
        let id = ids.next().copied().unwrap_or_default();
        if matches!(id, "" | "." | "..") {
            return Err(refused(operation, "an id is empty, or a path of dots"));
        }
        path.push_str(&encode(id).to_string());
    }
    Ok(path)
}

/// Returns the error of a request that is refused before it is sent.
pub(crate) fn refused(operation: Operation, cause: &'static str) -> Error {
    Error::of(ErrorKind::Rejected, operation, Meta::default(), cause).not_sent()
}
