//! The schemas that the API publishes, kept for an hour.

use super::session::Session;
use super::trouble::Trouble;
use crate::kinds::ValueSchema;
use metorial::{ErrorKind, Method, Operation, SchemaOf};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

/// How long a schema is believed.
const LIFETIME: Duration = Duration::from_secs(3600);

/// One schema, when it was read; locked while it is, so that passes which need it share one read and nobody else waits.
pub type Place = Arc<AsyncMutex<Option<(Instant, Option<Arc<Value>>)>>>;

/// The schemas of one instance.
pub type Schemas = Mutex<HashMap<ValueSchema, Place>>;

/// The place of a schema. Those that nobody waits for and that are old, or were never read, make room.
pub(super) fn place(schemas: &mut HashMap<ValueSchema, Place>, of: &ValueSchema) -> Place {
    schemas.retain(|_, place| {
        place.try_lock().map_or(true, |schema| {
            let fresh = schema
                .as_ref()
                .is_some_and(|(at, _)| at.elapsed() < LIFETIME);
            fresh || Arc::strong_count(place) > 1
        })
    });
    schemas.entry(of.clone()).or_default().clone()
}

impl Session {
    /// The schema that a value has to follow; `None` where the API publishes none.
    ///
    /// # Errors
    /// It could not be read.
    pub async fn schema(&self, of: &ValueSchema) -> Result<Option<Arc<Value>>, Trouble> {
        let place = self.observations.schema(of);
        let mut known = place.lock().await;
        if let Some((at, schema)) = known.as_ref()
            && at.elapsed() < LIFETIME
        {
            return Ok(schema.clone());
        }
        let schema = self.published(of).await?.map(Arc::new);
        *known = Some((Instant::now(), schema.clone()));
        Ok(schema)
    }

    async fn published(&self, of: &ValueSchema) -> Result<Option<Value>, Trouble> {
        match of {
            ValueSchema::Config {
                provider,
                deployment,
            } => {
                let of = match deployment {
                    Some(deployment) => SchemaOf::Deployment(deployment.clone()),
                    None => SchemaOf::Provider(provider.clone()),
                };
                let read = self.line.client.config_schema(&of);
                let schema = self.line.send(get("/provider-config-schema"), read).await;
                Ok(unless_refused(schema)?.and_then(|schema| schema.schema?.schema))
            }
            ValueSchema::Auth {
                method: Some(method),
                ..
            } => {
                self.for_imports(SchemaOf::AuthMethod(method.clone()), Some(method))
                    .await
            }
            ValueSchema::Auth {
                method: None,
                provider: Some(provider),
            } => {
                self.for_imports(SchemaOf::Provider(provider.clone()), None)
                    .await
            }
            ValueSchema::Auth {
                method: None,
                provider: None,
            } => Ok(None),
            ValueSchema::AuthConfig { id, method } => {
                self.for_imports(SchemaOf::AuthConfig(id.clone()), method.as_ref())
                    .await
            }
        }
    }

    /// The import schema; where the server does not have that route, the auth method's own: what an OAuth method puts
    /// out, and what the others take in.
    async fn for_imports(
        &self,
        of: SchemaOf,
        method: Option<&String>,
    ) -> Result<Option<Value>, Trouble> {
        let client = &self.line.client;
        let read = self.line.send(
            get("/provider-auth-config-imports/schema"),
            client.import_schema(&of),
        );
        if let Some(schema) = unless_refused(read.await)? {
            return Ok(schema.schema.and_then(|schema| schema.schema));
        }
        let Some(method) = method else {
            return Ok(None);
        };
        let read = self.line.send(
            get("/provider-auth-methods/:id"),
            client.auth_method(method),
        );
        let Some(method) = unless_refused(read.await)? else {
            return Ok(None);
        };
        let oauth = method.r#type.as_deref() == Some("oauth");
        let schema = if oauth {
            method.output_schema
        } else {
            method.input_schema
        };
        Ok(schema.and_then(|schema| schema.schema))
    }
}

/// A schema that the API does not give out checks nothing: what is wrong with the value, or with what it is for, the
/// API says itself when it is sent.
fn unless_refused<T>(read: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    match read {
        Ok(schema) => Ok(Some(schema)),
        Err(Trouble::Api(error))
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
        Err(trouble) => Err(trouble),
    }
}

fn get(template: &'static str) -> Operation {
    Operation {
        method: Method::Get,
        template,
    }
}
