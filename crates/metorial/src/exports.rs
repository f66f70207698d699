//! Calls on exports, which are at one of two locations (see [`ExportStyle`]). The flat one is assumed first; where the server
//! has none, the call fails, and later ones use the other.

use futures::stream::Stream;

use crate::answer::Answer;
use crate::body::Body;
use crate::classify::Target;
use crate::client::Client;
use crate::collection::{Collection, Method, Operation};
use crate::error::Error;
use crate::export_paths::ExportStyle;
use crate::objects::AuthExport;
use crate::page::{self, Page};
use crate::query::ListQuery;
use crate::reply::Reply;
use crate::request::{LIST_CAP, OBJECT_CAP, Request, fill, refused};

/// Auth config whose exports are meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExportTarget {
    /// `pac_…`
    pub auth_config_id: String,
    /// `pde_…`. Required on servers that have exports below the deployment only; without it these answer
    /// [`NoSuchRoute`](crate::ErrorKind::NoSuchRoute).
    pub deployment_id: Option<String>,
}

impl Client {
    /// Exports the value of an auth config; only this answer ever carries it. Each export is a permanent record in the
    /// account's audit log.
    ///
    /// `body` has `note` and may have `metadata`; the auth config's id is added.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind) and [`Error::may_be_elsewhere`]. After [`Ambiguous`](crate::ErrorKind::Ambiguous)
    /// or [`Inconclusive`](crate::ErrorKind::Inconclusive) an export may have been recorded whose value is lost. One that [is too large](Error::is_too_large) was recorded, and every other of the same value is too.
    pub async fn create_export(
        &self,
        target: &ExportTarget,
        body: &Body,
    ) -> Result<Answer<AuthExport>, Error> {
        let operation = Operation::on_collection(Method::Post, Collection::AuthExports);
        let body = body
            .with_member("provider_auth_config_id", &target.auth_config_id)
            .ok_or_else(|| refused(operation, "the body must be a JSON object"))?;
        let call = ExportCall {
            method: Method::Post,
            id: None,
            query: None,
            body: Some(&body),
        };
        self.send_export(target, &call).await?.any_object(None)
    }

    /// Reads the record of an export, which has no value.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind) and [`Error::may_be_elsewhere`].
    pub async fn get_export(
        &self,
        target: &ExportTarget,
        id: &str,
    ) -> Result<Answer<AuthExport>, Error> {
        let call = ExportCall {
            method: Method::Get,
            id: Some(id),
            query: None,
            body: None,
        };
        self.send_export(target, &call).await?.object(Some(id))
    }

    /// Reads one page of the exports of an auth config.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind) and [`Error::may_be_elsewhere`].
    pub async fn list_exports(
        &self,
        target: &ExportTarget,
        query: &ListQuery,
    ) -> Result<Answer<Page<AuthExport>>, Error> {
        let call = ExportCall {
            method: Method::Get,
            id: None,
            query: Some(query),
            body: None,
        };
        self.send_export(target, &call).await?.page()
    }

    /// Reads all pages of the exports of an auth config, with the guarantees of [`Client::pages`]. After an error that says
    /// that they [may be elsewhere](Error::may_be_elsewhere), the stream continues there, once.
    pub fn export_pages(
        &self,
        target: &ExportTarget,
        query: &ListQuery,
    ) -> impl Stream<Item = Result<Answer<Page<AuthExport>>, Error>> + Send + use<> {
        let (client, target) = (self.clone(), target.clone());
        let operation = Operation::on_collection(Method::Get, Collection::AuthExports);
        page::follow(operation, query.clone().or_largest_page(), move |query| {
            let (client, target) = (client.clone(), target.clone());
            async move { client.list_exports(&target, &query).await }
        })
    }

    /// Sends the call at the preferred location. If the server has no such route, later calls use the other one. Only the
    /// API's own 404 `endpoint` counts: it means that nothing was done.
    async fn send_export(
        &self,
        target: &ExportTarget,
        call: &ExportCall<'_>,
    ) -> Result<Reply, Error> {
        let style = match &target.deployment_id {
            Some(_) => self.0.export_paths.preferred(),
            None => ExportStyle::Flat,
        };
        let result = self.send(call.request(style, target)?).await;
        result.map_err(|error| {
            if target.deployment_id.is_none() || !error.is_unknown_endpoint() {
                return error;
            }
            self.0.export_paths.remember(style.other());
            error.elsewhere()
        })
    }
}

/// Call on the exports of an auth config, independent of their location.
struct ExportCall<'a> {
    method: Method,
    id: Option<&'a str>,
    query: Option<&'a ListQuery>,
    body: Option<&'a Body>,
}

impl ExportCall<'_> {
    fn request<'a>(
        &'a self,
        style: ExportStyle,
        target: &ExportTarget,
    ) -> Result<Request<'a>, Error> {
        let template = match self.id {
            None => style.path(),
            Some(_) => style.item_template(),
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
            ExportStyle::Flat => self.id.into_iter().collect(),
            ExportStyle::Nested => parents.into_iter().chain(self.id).collect(),
        };
        let query = match (style, self.query) {
            // The flat list is one of all exports of the instance unless it is filtered.
            (ExportStyle::Flat, Some(query)) => query
                .clone()
                .filter("provider_auth_config_id", [&target.auth_config_id])
                .map_err(|_| refused(operation, "the auth config's id is empty"))?,
            (ExportStyle::Nested, Some(query)) => query.clone(),
            (_, None) => ListQuery::new(),
        };
        Ok(Request {
            target: Target {
                object: self.id.map(|id| (Collection::AuthExports.entity(), id)),
                ..Target::unnamed(self.method)
            },
            template,
            path: fill(operation, &ids)?,
            query: query.encoded(),
            body: self.body,
            // A value alone may be as large as other answers, or larger ▲, and no later answer has it.
            cap: match (self.query, self.body) {
                (None, None) => OBJECT_CAP,
                _ => LIST_CAP,
            },
            shortens: self.query.is_some_and(|query| query.page_size() == 1),
        })
    }
}
