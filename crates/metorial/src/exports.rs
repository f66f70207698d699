//! Exports, which live at one of two places: below `/provider-auth-config-exports`, or below the deployment and auth
//! config that they are of. The first is tried first; what the server knows is remembered.

use std::sync::atomic::{AtomicU8, Ordering};

use futures::stream::Stream;

use crate::body::Body;
use crate::calls::{self, fill};
use crate::classify::Asked;
use crate::client::Client;
use crate::collection::{Collection, Method, Operation};
use crate::error::{Error, ErrorKind};
use crate::meta::Meta;
use crate::objects::AuthExport;
use crate::page::{self, Page};
use crate::query::ListQuery;
use crate::send::{Answer, Call, LIST_CAP, OBJECT_CAP, Reply};

const NESTED: &str = "/provider-deployments/:id/auth-configs/:id/exports";
const NESTED_ITEM: &str = "/provider-deployments/:id/auth-configs/:id/exports/:id";

/// The auth config whose exports are meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExportTarget {
    /// `pac_…`
    pub auth_config_id: String,
    /// `pde_…`: needed on servers that have exports below the deployment only; without it these answer
    /// [`ErrorKind::NoSuchRoute`].
    pub deployment_id: Option<String>,
}

/// Where a server has its exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Flat,
    Nested,
}

/// The style that a server was seen to have, shared by all clones of a client.
#[derive(Default)]
pub(crate) struct ExportPaths(AtomicU8);

impl ExportPaths {
    fn preferred(&self) -> Style {
        if self.0.load(Ordering::Relaxed) == 1 {
            Style::Nested
        } else {
            Style::Flat
        }
    }

    fn remember(&self, style: Style) {
        self.0
            .store(u8::from(style == Style::Nested), Ordering::Relaxed);
    }
}

impl Client {
    /// Exports the value of an auth config: the only answer that ever carries it. Each export is a record in the
    /// account's audit log that can't be taken back.
    ///
    /// `body` has `note` and may have `metadata`; the auth config's id is put into it.
    ///
    /// # Errors
    /// See [`ErrorKind`]; after [`ErrorKind::Ambiguous`] an export may have been recorded whose value is lost.
    pub async fn create_export(
        &self,
        target: &ExportTarget,
        body: &Body,
    ) -> Result<Answer<AuthExport>, Error> {
        let body = body
            .with_member("provider_auth_config_id", &target.auth_config_id)
            .ok_or_else(|| {
                let operation = Operation {
                    method: Method::Post,
                    template: Collection::AuthExports.path(),
                };
                refused(operation, "the body must be a JSON object")
            })?;
        let ask = Ask {
            method: Method::Post,
            id: None,
            query: None,
            body: Some(&body),
        };
        calls::object(self.send_export(target, &ask).await?, None)
    }

    /// An export's record, without its value.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn get_export(
        &self,
        target: &ExportTarget,
        id: &str,
    ) -> Result<Answer<AuthExport>, Error> {
        let ask = Ask {
            method: Method::Get,
            id: Some(id),
            query: None,
            body: None,
        };
        calls::object(self.send_export(target, &ask).await?, Some(id))
    }

    /// One page of the exports of an auth config.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn list_exports(
        &self,
        target: &ExportTarget,
        query: &ListQuery,
    ) -> Result<Answer<Page<AuthExport>>, Error> {
        let ask = Ask {
            method: Method::Get,
            id: None,
            query: Some(query),
            body: None,
        };
        calls::page(self.send_export(target, &ask).await?)
    }

    /// All pages of the exports of an auth config; what [`Client::pages`] says holds here too.
    pub fn export_pages(
        &self,
        target: &ExportTarget,
        query: &ListQuery,
    ) -> impl Stream<Item = Result<Answer<Page<AuthExport>>, Error>> + Send + use<> {
        let (client, target) = (self.clone(), target.clone());
        let operation = Operation {
            method: Method::Get,
            template: Collection::AuthExports.path(),
        };
        page::follow(operation, query.clone().or_largest_page(), move |query| {
            let (client, target) = (client.clone(), target.clone());
            async move { client.list_exports(&target, &query).await }
        })
    }

    /// Asks in the style that is known or likely, and in the other if the server has no such route. That answer
    /// means that nothing was done, so that a create may be sent again.
    async fn send_export(&self, target: &ExportTarget, ask: &Ask<'_>) -> Result<Reply, Error> {
        let (first, second) = match (self.0.export_paths.preferred(), &target.deployment_id) {
            (_, None) => return self.send(ask.call(Style::Flat, target)?).await,
            (Style::Flat, Some(_)) => (Style::Flat, Style::Nested),
            (Style::Nested, Some(_)) => (Style::Nested, Style::Flat),
        };
        match self.send(ask.call(first, target)?).await {
            Err(error) if error.is_unknown_endpoint() => {}
            result => return result,
        }
        let result = self.send(ask.call(second, target)?).await;
        if !matches!(&result, Err(error) if error.kind() == ErrorKind::NoSuchRoute) {
            self.0.export_paths.remember(second);
        }
        result
    }
}

/// What is asked of the exports of an auth config, wherever they are.
struct Ask<'a> {
    method: Method,
    id: Option<&'a str>,
    query: Option<&'a ListQuery>,
    body: Option<&'a Body>,
}

impl Ask<'_> {
    fn call<'a>(&'a self, style: Style, target: &ExportTarget) -> Result<Call<'a>, Error> {
        let template = match (style, self.id) {
            (Style::Flat, None) => Collection::AuthExports.path(),
            (Style::Flat, Some(_)) => Collection::AuthExports.item_template(),
            (Style::Nested, None) => NESTED,
            (Style::Nested, Some(_)) => NESTED_ITEM,
        };
        let operation = Operation {
            method: self.method,
            template,
        };
        let parents = [
            target.deployment_id.as_deref().unwrap_or_default(),
            &target.auth_config_id,
        ];
        let ids: Vec<&str> = match style {
            Style::Flat => self.id.into_iter().collect(),
            Style::Nested => parents.into_iter().chain(self.id).collect(),
        };
        let query = match (style, self.query) {
            // Without this filter the list would be of all exports there are.
            (Style::Flat, Some(query)) => query
                .clone()
                .filter("provider_auth_config_id", [&target.auth_config_id]),
            (Style::Nested, Some(query)) => Ok(query.clone()),
            (_, None) => Ok(ListQuery::new()),
        };
        let query = query.map_err(|_| refused(operation, "the auth config's id is empty"))?;
        let object = self.id.map(|id| (Collection::AuthExports.entity(), id));
        Ok(Call {
            asked: Asked {
                method: self.method,
                object,
                shadow: None,
            },
            template,
            path: fill(operation, &ids)?,
            query: query.encoded(),
            body: self.body,
            cap: if self.query.is_some() {
                LIST_CAP
            } else {
                OBJECT_CAP
            },
        })
    }
}

fn refused(operation: Operation, cause: &'static str) -> Error {
    Error::of(ErrorKind::Rejected, operation, Meta::default(), cause)
}
