//! Reads the schemas that the API publishes for values.

use super::access::Described;
use super::error::RemoteError;
use super::transport::Transport;
use crate::plan::schema::ValueSchema;
use metorial::{ErrorKind, Operation, SchemaOf};
use serde_json::Value;

/// Reads the schema that a value has to follow.
///
/// # Errors
/// The read failed.
pub async fn read(
    transport: &Transport,
    of: &ValueSchema,
) -> Result<Described<Value>, RemoteError> {
    match of {
        ValueSchema::Config {
            provider,
            deployment,
        } => {
            let of = match deployment {
                Some(deployment) => SchemaOf::Deployment(deployment.clone()),
                None => SchemaOf::Provider(provider.clone()),
            };
            let call = transport.client().config_schema(&of);
            let schema = transport.send(Operation::get("/provider-config-schema"), call);
            Ok(match unless_refused(schema.await)? {
                Some(schema) => Described::Answered(schema.schema.and_then(|it| it.schema)),
                None => Described::Refused,
            })
        }
        ValueSchema::Auth { method, provider } => {
            let of_method = method.clone().map(SchemaOf::AuthMethod);
            let of_provider = provider.clone().map(SchemaOf::Provider);
            match of_method.or(of_provider) {
                Some(of) => read_import_schema(transport, of, method.as_ref()).await,
                None => Ok(Described::Answered(None)),
            }
        }
        ValueSchema::AuthConfig { id, method } => {
            read_import_schema(transport, SchemaOf::AuthConfig(id.clone()), method.as_ref()).await
        }
    }
}

/// Reads the import schema, or else the auth method's own.
///
/// The route of the import schema is shadowed by `/:id` on the real server, which then answers 404 with the id "schema"
/// (▲). Values of an OAuth method are checked against its *output* schema, all others against the *input* schema.
async fn read_import_schema(
    transport: &Transport,
    of: SchemaOf,
    method: Option<&String>,
) -> Result<Described<Value>, RemoteError> {
    let call = transport.client().import_schema(&of);
    let schema = transport.send(Operation::get("/provider-auth-config-imports/schema"), call);
    if let Some(schema) = unless_refused(schema.await)? {
        let schema = schema.schema.and_then(|schema| schema.schema);
        return Ok(Described::Answered(schema));
    }
    let Some(method) = method else {
        return Ok(Described::Refused);
    };
    let call = transport.client().auth_method(method);
    let method = transport.send(Operation::get("/provider-auth-methods/:id"), call);
    let Some(method) = unless_refused(method.await)? else {
        return Ok(Described::Refused);
    };
    let schema = if method.r#type.as_deref() == Some("oauth") {
        method.output_schema
    } else {
        method.input_schema
    };
    Ok(Described::Answered(schema.and_then(|schema| schema.schema)))
}

/// Turns a refusal into `None`. The check of a value is a service to the user: without a schema the API itself
/// says what is wrong when the value is sent, so a key without the scope for schemas must not stop a resource.
fn unless_refused<T>(read: Result<T, RemoteError>) -> Result<Option<T>, RemoteError> {
    match read {
        Ok(schema) => Ok(Some(schema)),
        Err(RemoteError::Api(error))
            if matches!(
                error.kind(),
                ErrorKind::NoSuchRoute
                    | ErrorKind::Gone
                    | ErrorKind::Rejected
                    | ErrorKind::Forbidden
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
