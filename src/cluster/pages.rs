//! Lists, read page by page with a limit for the bytes in memory, and watches. Items are handed on as the server wrote them,
//! each by itself, so that one that can't be decoded does not affect the others.

use super::client::Cluster;
use super::error::{Cause, ClusterError};
use super::metadata::PartialObject;
use super::verb::Verb;
use futures::stream::BoxStream;
use futures::{AsyncReadExt, StreamExt};
use kube::Resource;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::Request;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The most objects of a page.
const MAX_OBJECTS: u32 = 50;
/// The most bytes of a page that has more than one object. An object is limited by the API server.
const MAX_BYTES: usize = 512 * 1024;
/// The server closes a watch that is silent for longer than this, so that a dead one is noticed.
pub const WATCH_SECONDS: u32 = 180;

/// The objects of one kind, in one namespace or in all.
#[derive(Clone)]
pub struct Collection {
    kind: Cow<'static, str>,
    request: Request,
    metadata_only: bool,
    selector: Option<String>,
}

impl Collection {
    /// Returns the objects of a kind.
    #[must_use]
    pub fn new<K: Resource<DynamicType = ()>>(namespace: Option<&str>) -> Self {
        Self {
            kind: K::kind(&()),
            request: Request::new(K::url_path(&(), namespace)),
            metadata_only: false,
            selector: None,
        }
    }

    /// Returns those of the same that have the labels of a selector; all of them, where there is none.
    #[must_use]
    pub fn selected(self, selector: Option<&str>) -> Self {
        Self {
            selector: selector.map(str::to_owned),
            ..self
        }
    }

    /// Returns the same, of which only the metadata is sent.
    #[must_use]
    pub fn metadata_only(self) -> Self {
        Self {
            metadata_only: true,
            ..self
        }
    }

    /// Returns the same, of which everything is sent.
    #[must_use]
    pub fn whole(self) -> Self {
        Self {
            metadata_only: false,
            ..self
        }
    }
}

/// A page of a list, with its items as the server wrote them. A raw value is skipped in a loop, not decoded by recursion, so
/// no depth of an item is too much for it.
#[derive(Deserialize)]
struct Page<'a> {
    metadata: PageMetadata,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    #[serde(default)]
    resource_version: String,
    #[serde(rename = "continue", default)]
    next: String,
}

impl Cluster {
    /// Lists all objects of a collection: hands on each as JSON, and returns the version of the list. Requests a page
    /// again with half the limit if it is too large or can't be parsed.
    ///
    /// # Errors
    /// A call failed, or what was sent for a single object is no page.
    pub async fn list(
        &self,
        of: &Collection,
        each: &mut (dyn FnMut(&str) + Send),
    ) -> Result<String, ClusterError> {
        let (mut limit, mut next) = (MAX_OBJECTS, None);
        loop {
            let params = ListParams {
                limit: Some(limit),
                continue_token: next.clone(),
                label_selector: of.selector.clone(),
                ..ListParams::default()
            };
            match self.page(of, &params, each).await {
                Ok((page, _)) if page.next.is_empty() => return Ok(page.resource_version),
                Ok((page, bytes)) => {
                    next = Some(page.next);
                    // Far from too large: a page that is tried in vain costs as much as one that is not.
                    if bytes < MAX_BYTES / 4 {
                        limit = MAX_OBJECTS.min(limit * 2);
                    }
                }
                Err(error) if error.cause == Cause::Undecodable && limit > 1 => limit /= 2,
                Err(error) => return Err(error),
            }
        }
    }

    /// Lists the first object of a collection, which shows that the API server accepts its selector.
    ///
    /// # Errors
    /// The call failed.
    pub async fn first(&self, of: &Collection) -> Result<(), ClusterError> {
        let params = ListParams {
            limit: Some(1),
            label_selector: of.selector.clone(),
            ..ListParams::default()
        };
        self.page(of, &params, &mut |_| {}).await.map(drop)
    }

    /// Reads one page, and returns its size, too. Only a few are in memory at a time, for all callers.
    async fn page(
        &self,
        of: &Collection,
        params: &ListParams,
        each: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(PageMetadata, usize), ClusterError> {
        let _turn = self.pages.acquire().await;
        let several = params.limit != Some(1);
        let client = self.client();
        let read = async {
            let request = if of.metadata_only {
                of.request.list_metadata(params)
            } else {
                of.request.list(params)
            };
            let request = request.map_err(kube::Error::BuildRequest)?;
            let body = client.request_stream(request).await?;
            let most = if several {
                MAX_BYTES as u64 + 1
            } else {
                u64::MAX
            };
            let mut bytes = Vec::new();
            let read = body.take(most).read_to_end(&mut bytes).await;
            read.map_err(kube::Error::ReadEvents)?;
            Ok(bytes)
        };
        let bytes = self.call(Verb::List, &of.kind, "all", read).await?;
        let too_large = several && bytes.len() > MAX_BYTES;
        let page = if too_large {
            None
        } else {
            serde_json::from_slice::<Page<'_>>(&bytes).ok()
        };
        let page =
            page.ok_or_else(|| ClusterError::new(Verb::List, &of.kind, "all", Cause::Undecodable))?;
        for item in page.items.into_iter().flatten() {
            each(item.get());
        }
        Ok((page.metadata, bytes.len()))
    }

    /// Watches a collection from a version.
    ///
    /// # Errors
    /// The call failed.
    pub async fn watch(
        &self,
        of: &Collection,
        version: &str,
    ) -> Result<BoxStream<'static, kube::Result<WatchEvent<PartialObject>>>, ClusterError> {
        let params = WatchParams {
            label_selector: of.selector.clone(),
            ..WatchParams::default().timeout(WATCH_SECONDS)
        };
        let client = self.client();
        let start = async {
            let request = of.request.watch_metadata(&params, version);
            let request = request.map_err(kube::Error::BuildRequest)?;
            client.request_events::<PartialObject>(request).await
        };
        let events = self.call(Verb::Watch, &of.kind, "all", start).await?;
        Ok(events.boxed())
    }
}

/// Returns the first item of a list that has at most one; `None` if the text is no list.
pub(super) fn only_item(list: &str) -> Option<Option<&str>> {
    let page = serde_json::from_str::<Page<'_>>(list).ok()?;
    let item = page.items.into_iter().flatten().next();
    Some(item.map(RawValue::get))
}
