//! Messages about failures of the API, as conditions show them: what happened, and what to do.

use metorial::{Error, ErrorKind, Method};

/// Returns the message for a failed request.
#[must_use]
pub fn explain(error: &Error) -> String {
    let operation = error.operation();
    match error.kind() {
        ErrorKind::Transient | ErrorKind::Malformed => {
            let cause = match (error.cause(), error.status()) {
                (Some(cause), _) => cause.to_owned(),
                (None, Some(status)) => format!("the API returned {status}"),
                (None, None) => error.kind().to_string(),
            };
            format!("{operation}: {cause}; retrying")
        }
        ErrorKind::Conflict => format!("{operation} was refused for a conflict{}", cause(error)),
        ErrorKind::Ambiguous => format!(
            "{operation}: {}; checking what was applied before anything is sent again",
            error.cause().unwrap_or("the response was lost")
        ),
        ErrorKind::Inconclusive => format!(
            "{operation}: the API failed on the request; checking what was applied before anything is sent again"
        ),
        ErrorKind::Unauthorized => {
            "the API refused the API key; see the connection's conditions".to_owned()
        }
        ErrorKind::NoSuchRoute => format!(
            "{operation}: the server has no such route; check spec.baseUrl of the connection and the server's version"
        ),
        ErrorKind::Forbidden => format!(
            "{operation} was refused: {} ({})",
            forbidden(error),
            details(error, error.request_id())
        ),
        ErrorKind::VersionUnsupported => {
            format!("{error}; check spec.baseUrl of the connection")
        }
        ErrorKind::PaymentRequired => format!("{error}; change the plan at Metorial"),
        ErrorKind::Rejected if error.may_be_undiscovered() => format!(
            "{operation} was refused ({}): Metorial may still be discovering the provider's settings",
            details(error, None)
        ),
        ErrorKind::Throttled | ErrorKind::Rejected | ErrorKind::Gone => match next_step(error) {
            Some(next_step) => format!("{error}; {next_step}"),
            None => error.to_string(),
        },
    }
}

/// Returns why a request may have been refused although the key is valid.
fn forbidden(error: &Error) -> String {
    if error.allows_only_oauth() {
        return "the project's switch \"only OAuth methods\" is on: use an OAuth method, or have the switch turned off".to_owned();
    }
    let Some(scope) = error.scope() else {
        return "the key's scopes or the project's settings don't allow it".to_owned();
    };
    // The project's switch for imports and exports, off by default, refuses in the same way (▲).
    let of_switch = scope.ends_with(":import") || scope.ends_with(":export");
    if of_switch && error.operation().method == Method::Post {
        format!(
            "the key lacks `{scope}`, or the project's switch \"allow auth config import/export\" is off"
        )
    } else {
        format!("the key lacks `{scope}`")
    }
}

/// Returns which fields are in conflict, status and code: nothing that changes from one attempt to the next.
fn cause(error: &Error) -> String {
    let fields = match error.field_paths() {
        [] => String::new(),
        fields => format!(": {}", fields.join(", ")),
    };
    format!("{fields} ({})", details(error, None))
}

/// Returns status and code, and this request id.
fn details(error: &Error, request_id: Option<&str>) -> String {
    let status = error.status().map(|status| status.to_string());
    let code = error.code().map(str::to_owned);
    let request = request_id.map(|id| format!("request {id}"));
    let details: Vec<String> = [status, code, request].into_iter().flatten().collect();
    details.join(", ")
}

/// Returns what to do about a rejection. One that names no fields may be about any part of what was sent.
fn next_step(error: &Error) -> Option<&'static str> {
    let sends = matches!(error.operation().method, Method::Post | Method::Patch);
    let correctable = sends && error.kind() == ErrorKind::Rejected;
    let correct = if error.field_paths().is_empty() {
        "correct the spec or its Secrets"
    } else {
        "correct the named fields in the spec or its Secrets"
    };
    let known = error.code().and_then(advice);
    known.or(correctable.then_some(correct))
}

/// Returns what to do about a rejection with this code.
fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "managed_credentials_readonly" => {
            "Metorial's own credentials can't be changed in this way: set spec.mode: Observe"
        }
        "managed_credentials_scope_mismatch" => {
            "the scopes have to be among those of Metorial's own credentials"
        }
        "managed_credentials_import_export_blocked" => {
            "tokens of Metorial's own credentials can't be imported or exported: use credentials of your own"
        }
        "missing_auth_credentials" => {
            "the provider has no auth credentials yet: create ProviderAuthCredentials for it"
        }
        "vault_config_operation" => "the config follows its vault: change the vault instead",
        "cannot_update_automated_oauth_config" => {
            "an end user authorized the auth config, and only they can change it: set spec.mode: Observe"
        }
        "not_implemented" => "not implemented by this server",
        _ => return None,
    })
}
