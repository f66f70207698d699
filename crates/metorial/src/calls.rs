//! The calls, each one typed: which route, which answer, and whether the answer is about what was asked.

use crate::body::Body;
use crate::classify::{self, Asked};
use crate::client::Client;
use crate::collection::{Collection, Method, Operation};
use crate::error::{Error, ErrorKind};
use crate::meta::Meta;
use crate::objects::{AuthMethod, ConfigSchema, Deployment, Instance, Object, Provider};
use crate::page::{ListBody, Page};
use crate::query::{ListQuery, encode};
use crate::send::{Answer, Call, LIST_CAP, OBJECT_CAP, Reply};

/// Whose schema is asked for. Not every route takes every kind; one that doesn't refuses it before sending.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SchemaOf {
    /// A provider, by id, global identifier or slug.
    Provider(String),
    /// One version of a provider (config schema only).
    Version(String),
    /// A deployment.
    Deployment(String),
    /// An existing config (config schema only).
    Config(String),
    /// An existing auth config (import schema only).
    AuthConfig(String),
    /// An auth method (import schema only).
    AuthMethod(String),
}

impl Client {
    /// The instance that the key opens: the call to check a key with.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn instance(&self) -> Result<Answer<Instance>, Error> {
        let call = fixed("/instance", None, OBJECT_CAP);
        self.send(call).await?.decode()
    }

    /// A provider, by id, global identifier or slug. The answer carries the canonical id.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn provider(&self, id: &str) -> Result<Answer<Provider>, Error> {
        self.send(by_id("/providers/:id", "provider", id)?)
            .await?
            .decode()
    }

    /// A deployment of a provider.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn deployment(&self, id: &str) -> Result<Answer<Deployment>, Error> {
        self.send(by_id(
            "/provider-deployments/:id",
            "provider.deployment",
            id,
        )?)
        .await?
        .decode()
    }

    /// An auth method with its schemas.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn auth_method(&self, id: &str) -> Result<Answer<AuthMethod>, Error> {
        self.send(by_id(
            "/provider-auth-methods/:id",
            "provider.auth_method",
            id,
        )?)
        .await?
        .decode()
    }

    /// The schema of config values.
    ///
    /// # Errors
    /// See [`ErrorKind`]; [`ErrorKind::Rejected`] for an auth config or auth method, which this route doesn't take.
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

    /// The schema of values to import. Servers on which another route hides this one answer
    /// [`ErrorKind::NoSuchRoute`]: then the schemas of the [`AuthMethod`] tell.
    ///
    /// # Errors
    /// See [`ErrorKind`]; [`ErrorKind::Rejected`] for a config or version, which this route doesn't take.
    pub async fn import_schema(&self, of: &SchemaOf) -> Result<Answer<ConfigSchema>, Error> {
        let filter = match of {
            SchemaOf::Provider(id) => Some(("provider_id", id)),
            SchemaOf::Deployment(id) => Some(("provider_deployment_id", id)),
            SchemaOf::AuthConfig(id) => Some(("provider_auth_config_id", id)),
            SchemaOf::AuthMethod(id) => Some(("provider_auth_method_id", id)),
            SchemaOf::Config(_) | SchemaOf::Version(_) => None,
        };
        self.schema(
            "/provider-auth-config-imports/schema",
            Some(Collection::AuthImports.entity()),
            filter,
        )
        .await
    }

    async fn schema(
        &self,
        template: &'static str,
        shadow: Option<&'static str>,
        filter: Option<(&str, &String)>,
    ) -> Result<Answer<ConfigSchema>, Error> {
        let refuse = |cause| {
            let operation = Operation {
                method: Method::Get,
                template,
            };
            Error::of(ErrorKind::Rejected, operation, Meta::default(), cause)
        };
        let (name, id) = filter.ok_or_else(|| refuse("this schema can't be asked for so"))?;
        if id.is_empty() {
            return Err(refuse("the id is empty"));
        }
        let mut call = fixed(template, Some(format!("{name}={}", encode(id))), OBJECT_CAP);
        call.asked.shadow = shadow;
        self.send(call).await?.decode()
    }

    /// One object by its id. Archived ones are found too: look at [`Object::status`].
    ///
    /// # Errors
    /// See [`ErrorKind`]; [`ErrorKind::Gone`] only if the API says that this very object is no more.
    pub async fn get<T: Object>(&self, id: &str) -> Result<Answer<T>, Error> {
        self.on_object(Method::Get, id, None).await
    }

    /// One page of a list.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn list<T: Object>(&self, query: &ListQuery) -> Result<Answer<Page<T>>, Error> {
        page(
            self.send(fixed(T::COLLECTION.path(), query.encoded(), LIST_CAP))
                .await?,
        )
    }

    /// Makes a new object. There is no idempotency key: sent twice, it makes two.
    ///
    /// # Errors
    /// See [`ErrorKind`]; after [`ErrorKind::Ambiguous`] look for the object before trying again.
    pub async fn create<T: Object>(&self, body: &Body) -> Result<Answer<T>, Error> {
        let asked = Asked {
            method: Method::Post,
            object: None,
            shadow: None,
        };
        let path = T::COLLECTION.path();
        let call = Call {
            asked,
            template: path,
            path: path.to_owned(),
            query: None,
            body: Some(body),
            cap: OBJECT_CAP,
        };
        object(self.send(call).await?, None)
    }

    /// Changes the members that `body` names. The server reads, changes and writes the whole object: two updates of
    /// one object at the same time lose one of them.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn update<T: Object>(&self, id: &str, body: &Body) -> Result<Answer<T>, Error> {
        self.on_object(Method::Patch, id, Some(body)).await
    }

    /// Archives an object for good, and whatever hangs on it: of credentials and vaults the configs that use them.
    ///
    /// # Errors
    /// See [`ErrorKind`]; [`ErrorKind::Gone`] if it was gone already.
    pub async fn delete<T: Object>(&self, id: &str) -> Result<Answer<T>, Error> {
        self.on_object(Method::Delete, id, None).await
    }

    async fn on_object<T: Object>(
        &self,
        method: Method,
        id: &str,
        body: Option<&Body>,
    ) -> Result<Answer<T>, Error> {
        let template = T::COLLECTION.item_template();
        let path = fill(Operation { method, template }, &[id])?;
        let asked = Asked {
            method,
            object: Some((T::COLLECTION.entity(), id)),
            shadow: None,
        };
        let call = Call {
            asked,
            template,
            path,
            query: None,
            body,
            cap: OBJECT_CAP,
        };
        object(self.send(call).await?, Some(id))
    }
}

/// The object in an answer: the one with the id `asked`, if that was given.
pub(crate) fn object<T: Object>(reply: Reply, asked: Option<&str>) -> Result<Answer<T>, Error> {
    let operation = reply.operation();
    let answer: Answer<T> = reply.decode()?;
    let id = answer.value.id();
    if id.is_empty() || asked.is_some_and(|asked| asked != id) {
        let kind = classify::unreadable(operation.method);
        return Err(Error::of(
            kind,
            operation,
            answer.meta,
            "the answer is about another object",
        ));
    }
    Ok(answer)
}

/// The page in an answer.
pub(crate) fn page<T: Object>(reply: Reply) -> Result<Answer<Page<T>>, Error> {
    let operation = reply.operation();
    let Answer { value, meta } = reply.decode::<ListBody<T>>()?;
    let page = Page::from(value);
    if page.items.iter().any(|item| item.id().is_empty()) {
        return Err(Error::of(
            ErrorKind::Malformed,
            operation,
            meta,
            "the list has an item without an id",
        ));
    }
    Ok(Answer { value: page, meta })
}

/// A read of a path without ids.
pub(crate) fn fixed(template: &'static str, query: Option<String>, cap: usize) -> Call<'static> {
    let asked = Asked {
        method: Method::Get,
        object: None,
        shadow: None,
    };
    Call {
        asked,
        template,
        path: template.to_owned(),
        query,
        body: None,
        cap,
    }
}

/// A read of a path that ends in an id.
fn by_id<'a>(template: &'static str, entity: &'static str, id: &'a str) -> Result<Call<'a>, Error> {
    let path = fill(
        Operation {
            method: Method::Get,
            template,
        },
        &[id],
    )?;
    let asked = Asked {
        method: Method::Get,
        object: Some((entity, id)),
        shadow: None,
    };
    Ok(Call {
        asked,
        template,
        path,
        query: None,
        body: None,
        cap: OBJECT_CAP,
    })
}

/// The operation's path with `ids` in their places, each one segment whatever is in it.
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
            let cause = "an id is empty, or a path of dots";
            return Err(Error::of(
                ErrorKind::Rejected,
                operation,
                Meta::default(),
                cause,
            ));
        }
        path.push_str(&encode(id).to_string());
    }
    Ok(path)
}
