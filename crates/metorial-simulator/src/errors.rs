//! Errors of the API, with the fields that each has.

use serde_json::{Map, Value, json};

use crate::options::{Options, Quirk};

/// Error as the API returns it.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    code: String,
    message: String,
    extra: Map<String, Value>,
}

pub(crate) type Result<T> = std::result::Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(status: u16, code: &str, message: &str) -> Self {
        ApiError {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            extra: Map::new(),
        }
    }

    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(field.to_owned(), value.into());
        self
    }

    pub(crate) fn bad_request(code: &str, message: &str) -> Self {
        ApiError::new(400, code, message)
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        ApiError::new(401, "unauthorized", message)
    }

    pub(crate) fn forbidden(message: &str) -> Self {
        ApiError::new(403, "forbidden", message)
    }

    /// Returns 404 for a missing object. The entity of a missing route is `endpoint` ▲.
    pub(crate) fn not_found(entity: &str, id: Option<&str>) -> Self {
        let error = ApiError::new(
            404,
            "not_found",
            &format!("The requested {entity} could not be found."),
        )
        .with("entity", entity);
        match id {
            Some(id) => error.with("id", id),
            None => error,
        }
    }

    /// Returns 410 for an archived object. It names neither the object nor its entity ◆.
    pub(crate) fn gone() -> Self {
        ApiError::new(410, "gone", "The resource was archived or deleted.")
    }

    pub(crate) fn use_after_delete(id: &str) -> Self {
        let message = "A resource that was archived or deleted can't be used.";
        ApiError::bad_request("use_after_delete", message).with("entityId", id)
    }

    /// Returns 412 for an object that belongs to another deployment than the named one ◆.
    pub(crate) fn deployment_lock_mismatch() -> Self {
        let message = "The vault is locked to a different deployment.";
        ApiError::new(412, "deployment_lock_mismatch", message)
    }

    pub(crate) fn managed_credentials_readonly() -> Self {
        let message = "Managed credentials can't be changed.";
        ApiError::bad_request("managed_credentials_readonly", message)
    }

    pub(crate) fn provider_mismatch() -> Self {
        ApiError::bad_request(
            "provider_mismatch",
            "The objects named belong to different providers.",
        )
    }

    pub(crate) fn internal() -> Self {
        ApiError::new(
            500,
            "internal_server_error",
            "An internal server error occurred.",
        )
    }

    /// Returns the error as some builds spell the entity of a missing object ◆. That of a missing route is the same in all.
    pub(crate) fn spelled(mut self, options: &Options) -> Self {
        let missing = self.status == 404 && self.code == "not_found";
        let Some(Value::String(entity)) = self.extra.get_mut("entity").filter(|_| missing) else {
            return self;
        };
        let credentials = entity == "provider.auth_credentials";
        if credentials && options.has(Quirk::MissingCredentialsAreConfigs) {
            *entity = "provider.config".to_owned();
        }
        if options.has(Quirk::UnderscoredEntities) {
            *entity = entity.replace('.', "_");
        }
        self
    }

    /// Returns the JSON of the answer.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "object": "error",
            "ok": false,
            "status": self.status,
            "code": self.code,
            "message": self.message,
        });
        if let Value::Object(fields) = &mut body {
            fields.extend(self.extra.clone());
        }
        body
    }
}

/// Problem with a value that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) path: Vec<String>,
    pub(crate) expected: Option<String>,
    pub(crate) received: Option<Value>,
}

impl Problem {
    /// Creates the problem of a value of an unexpected type; `received` is None if it is missing.
    pub(crate) fn type_of(path: &[&str], expected: &str, received: Option<&Value>) -> Self {
        Problem {
            code: "invalid_type".to_owned(),
            message: "Invalid input type".to_owned(),
            path: path.iter().map(|&part| part.to_owned()).collect(),
            expected: Some(expected.to_owned()),
            received: received.cloned(),
        }
    }

    fn body(&self, echo: bool) -> Value {
        let mut body = json!({"code": self.code, "message": self.message, "path": self.path});
        if let Some(expected) = &self.expected {
            body["expected"] = expected.clone().into();
        }
        if let (true, Some(received)) = (echo, &self.received) {
            body["received"] = received.clone();
        }
        body
    }
}

/// Returns 400 `invalid_data` if there is any problem. The quirks decide how many of them the error lists and whether it
/// echoes the values.
pub(crate) fn refuse(problems: &[Problem], entity: &str, options: &Options) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let listed = if options.has(Quirk::OnlyFirstProblem) {
        &problems[..1]
    } else {
        problems
    };
    let echo = options.has(Quirk::ErrorsEchoInput);
    let errors: Vec<Value> = listed.iter().map(|problem| problem.body(echo)).collect();
    let message = format!("The provided data for {entity} is invalid.");
    Err(ApiError::bad_request("invalid_data", &message)
        .with("entity", entity)
        .with("errors", errors))
}
