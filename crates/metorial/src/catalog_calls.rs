//! Calls on what can only be read: the key and its instance, providers, auth methods and schemas.

use crate::answer::Answer;
use crate::client::Client;
use crate::collection::{Collection, Operation};
use crate::error::Error;
use crate::objects::{AuthMethod, ConfigSchema, Instance, Provider, Token};
use crate::query::encode;
use crate::request::{Request, refused};

/// Object whose schema is requested. A route that doesn't support a variant refuses it before sending.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SchemaOf {
    /// Provider, by id, global identifier or slug.
    Provider(String),
    /// Version of a provider (config schema only).
    Version(String),
    /// Deployment.
    Deployment(String),
    /// Existing config (config schema only).
    Config(String),
    /// Existing auth config (import schema only).
    AuthConfig(String),
    /// Auth method (import schema only).
    AuthMethod(String),
}

impl Client {
    /// Reads what the key is and what it belongs to. This needs no scope, and no header that names an instance ◆.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind).
    pub async fn token(&self) -> Result<Answer<Token>, Error> {
        self.send(Request::get("/token")).await?.decode()
    }

    /// Reads the instance that the key belongs to, or the one that
    /// [`ClientBuilder::instance_id`](crate::ClientBuilder::instance_id) names.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind).
    pub async fn instance(&self) -> Result<Answer<Instance>, Error> {
        self.send(Request::get("/instance")).await?.decode()
    }

    /// Reads a provider by id, global identifier or slug. The answer has the canonical id ▲.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind).
    pub async fn provider(&self, id: &str) -> Result<Answer<Provider>, Error> {
        let request = by_id("/providers/:id", "provider", id)?;
        self.send(request).await?.decode()
    }

    /// Reads an auth method with its schemas.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind).
    pub async fn auth_method(&self, id: &str) -> Result<Answer<AuthMethod>, Error> {
        let request = by_id("/provider-auth-methods/:id", "provider.auth_method", id)?;
        self.send(request).await?.decode()
    }

    /// Reads the schema of config values.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind). [`Rejected`](crate::ErrorKind::Rejected) for an auth config or auth method,
    /// which this route doesn't support.
    pub async fn config_schema(&self, of: &SchemaOf) -> Result<Answer<ConfigSchema>, Error> {
        let filter = match of {
            SchemaOf::Provider(id) => Some(("provider_id", id)),
            SchemaOf::Version(id) => Some(("provider_version_id", id)),
            SchemaOf::Deployment(id) => Some(("provider_deployment_id", id)),
            SchemaOf::Config(id) => Some(("provider_config_id", id)),
            SchemaOf::AuthConfig(_) | SchemaOf::AuthMethod(_) => None,
        };
        self.schema("/provider-config-schema", None, filter).await
    }

    /// Reads the schema of values to import.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind). [`Rejected`](crate::ErrorKind::Rejected) for a config or version, which this
    /// route doesn't support; [`NoSuchRoute`](crate::ErrorKind::NoSuchRoute) from servers on which the route of one
    /// import shadows this one ▲: use the schemas of the [`AuthMethod`] instead.
    pub async fn import_schema(&self, of: &SchemaOf) -> Result<Answer<ConfigSchema>, Error> {
        let filter = match of {
            SchemaOf::Provider(id) => Some(("provider_id", id)),
            SchemaOf::Deployment(id) => Some(("provider_deployment_id", id)),
            SchemaOf::AuthConfig(id) => Some(("provider_auth_config_id", id)),
            SchemaOf::AuthMethod(id) => Some(("provider_auth_method_id", id)),
            SchemaOf::Config(_) | SchemaOf::Version(_) => None,
        };
        let shadowed_by = Some(Collection::AuthImports.entity());
        self.schema("/provider-auth-config-imports/schema", shadowed_by, filter)
            .await
    }

    async fn schema(
        &self,
        template: &'static str,
        shadowed_by: Option<&'static str>,
        filter: Option<(&str, &String)>,
    ) -> Result<Answer<ConfigSchema>, Error> {
        let mut request = Request::get(template);
        let refuse = |cause| refused(request.operation(), cause);
        let (name, id) =
            filter.ok_or_else(|| refuse("this route has no schema of such objects"))?;
        if id.is_empty() {
            // The server ignores an empty filter ▲.
            return Err(refuse("the id is empty"));
        }
        request.query = Some(format!("{name}={}", encode(id)));
        request.target.shadowed_by = shadowed_by;
        self.send(request).await?.decode()
    }
}

fn by_id<'a>(
    template: &'static str,
    entity: &'static str,
    id: &'a str,
) -> Result<Request<'a>, Error> {
    Request::by_id(Operation::get(template), entity, id)
}
