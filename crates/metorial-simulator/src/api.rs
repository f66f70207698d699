//! Processing of a request by the API, in this order: version, route, key, rate limit, scope, body, object.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::actions::Gate;
use crate::clock;
use crate::collections::{self, Caller, Patch};
use crate::errors::{ApiError, Result};
use crate::fields::has_nul;
use crate::http::{Request, Response};
use crate::introspection;
use crate::limits::Usage;
use crate::lists;
use crate::objects::{Collection, Object};
use crate::options::Quirk;
use crate::present::present;
use crate::query::singles;
use crate::reference;
use crate::routes::{ExportsOf, NestedExport, Route};
use crate::shared::Shared;
use crate::state::State;
use crate::versions;

/// Length from which the server refuses the head of a request, in bytes: 15 KB pass, 30 KB don't ▲.
const LONG_HEAD: usize = 16 * 1024;

/// Response, and its details for the journal.
pub(crate) struct Reply {
    pub(crate) response: Response,
    pub(crate) request_id: Option<String>,
    pub(crate) applied: bool,
}

/// Result of processing a request while the state is locked.
enum Step {
    Done(Value),
    Changed(Value),
    Deleted(Value, String),
    Patch(Patch),
}

/// Details of a request that the headers of the answer need.
struct Context {
    version: &'static str,
    usage: Option<Usage>,
}

/// Interruption between the read and the write of a PATCH.
pub(crate) enum Between {
    Nothing,
    /// It waits.
    Wait(Gate),
    /// It fails after a part of its write.
    Fail,
}

/// Processes a request.
pub(crate) async fn handle(shared: &Arc<Shared>, request: &Request, between: Between) -> Reply {
    let introspected = introspection::answer(&shared.state().options, request);
    if let Some((status, body)) = introspected {
        let body = body.to_string().into_bytes();
        return Reply {
            response: shared.response(status, Vec::new(), body),
            request_id: None,
            applied: false,
        };
    }
    let (context, step) = shared.state().begin(request);
    let mut half = false;
    let outcome = match (step, between) {
        (Ok(Step::Patch(patch)), Between::Fail) => {
            half = collections::write_half(&mut shared.state(), patch);
            Err(ApiError::internal())
        }
        (Ok(Step::Patch(patch)), between) => {
            match between {
                Between::Wait(gate) => gate.wait().await,
                _ => tokio::task::yield_now().await,
            }
            collections::write_patch(&mut shared.state(), patch).map(Step::Changed)
        }
        (other, _) => other,
    };
    let applied = half || matches!(outcome, Ok(Step::Changed(_) | Step::Deleted(..)));
    if let Ok(Step::Deleted(_, id)) = &outcome {
        shared.start_cascade(id);
    }
    if applied {
        shared.journal.changed();
    }
    shared.state().reply(request, &context, outcome, applied)
}

impl State {
    fn begin(&mut self, request: &Request) -> (Context, Result<Step>) {
        let mut context = Context {
            version: versions::displayed(&self.options),
            usage: None,
        };
        let step = self.run(request, &mut context);
        (context, step)
    }

    fn run(&mut self, request: &Request, context: &mut Context) -> Result<Step> {
        if request.head_length > LONG_HEAD && self.has(Quirk::LongHeadRefused) {
            let message = "The request's header fields are too large.";
            return Err(ApiError::new(431, "bad_request", message));
        }
        let route = self.route(request, context)?;
        let access = self.authenticate(request);
        if let Ok(access) = &access {
            self.count(access, request, &mut context.usage)?;
        }
        // An unknown route is 404 with any key.
        let route = route.ok_or_else(|| ApiError::not_found("endpoint", None))?;
        let access = access?;
        if route == Route::Token {
            let token = self.tenants.present_token(&access.key);
            return token.map(Step::Done).ok_or_else(ApiError::internal);
        }
        let caller = self.caller(&access, request)?;
        self.check_scope(&access.key, &route)?;
        let body = self.body(request)?;
        self.check_nul(request, &body)?;
        self.dispatch(&caller, route, request, &body)
    }

    fn route(&self, request: &Request, context: &mut Context) -> Result<Option<Route>> {
        let parameters = singles(&request.query);
        let asked = request.header("metorial-version");
        let asked = asked.or_else(|| parameters.get("api-version").map(String::as_str));
        if asked.is_some_and(versions::is_known) {
            return Ok(Route::find(&request.method, &request.path, &self.options));
        }
        if self.has(Quirk::UnknownVersionIsOld) {
            context.version = "2025-01-01";
            return Ok(None);
        }
        if asked.is_some() {
            let message = "There is no such version of the API.";
            return Err(ApiError::new(406, "not_acceptable", message));
        }
        Ok(Route::find(&request.method, &request.path, &self.options))
    }

    /// Returns the JSON body; null if there is none.
    fn body(&self, request: &Request) -> Result<Value> {
        let is_json = request
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/json"));
        let bodiless = matches!(request.method.as_str(), "GET" | "DELETE");
        let malformed = || ApiError::bad_request("bad_request", "The body is not valid JSON.");
        if request.body.is_empty() {
            let refused = bodiless && is_json && self.has(Quirk::EmptyJsonBodyRefused);
            return if refused || (is_json && !bodiless) {
                Err(malformed())
            } else {
                Ok(Value::Null)
            };
        }
        if bodiless {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&request.body).map_err(|_| malformed())
    }

    /// Refuses a NUL in a text, wherever it is.
    fn check_nul(&self, request: &Request, body: &Value) -> Result<()> {
        let in_url = |text: &str| percent_decode_str(text).any(|byte| byte == 0);
        if !has_nul(body) && !in_url(&request.path) && !in_url(&request.query) {
            return Ok(());
        }
        Err(if self.has(Quirk::NulIsInternalError) {
            ApiError::internal()
        } else {
            ApiError::bad_request("bad_request", "NUL is not allowed in text.")
        })
    }

    fn dispatch(
        &mut self,
        caller: &Caller,
        route: Route,
        request: &Request,
        body: &Value,
    ) -> Result<Step> {
        match route {
            Route::List(collection) => {
                lists::list(self, &caller.instance, collection, &request.query, None)
                    .map(Step::Done)
            }
            Route::Get(collection, id) => self.read(caller, collection, &id).map(Step::Done),
            Route::Create(collection) => {
                collections::create(self, caller, collection, body).map(Step::Changed)
            }
            Route::Update(collection, id) => {
                collections::read_for_patch(self, caller, collection, &id, body).map(Step::Patch)
            }
            Route::Delete(collection, id) => collections::delete(self, caller, collection, &id)
                .map(|answer| Step::Deleted(answer, id)),
            Route::Nested(of, what) => self.nested_exports(caller, &of, what, request, body),
            other => reference::answer(self, caller, &other, &request.query).map(Step::Done),
        }
    }

    fn read(&self, caller: &Caller, collection: Collection, id: &str) -> Result<Value> {
        let view = self.store.read();
        let found = view.find(&caller.instance, collection, id);
        let object = collections::readable(found)
            .ok_or_else(|| ApiError::not_found(collection.entity(), Some(id)))?;
        Ok(present(self, &view, object))
    }

    fn nested_exports(
        &mut self,
        caller: &Caller,
        of: &ExportsOf,
        what: NestedExport,
        request: &Request,
        body: &Value,
    ) -> Result<Step> {
        let exports = Collection::AuthExports;
        collections::check_parents_of_exports(self, caller, of)?;
        match what {
            NestedExport::List => {
                let only_of = Some(of.auth_config.as_str());
                lists::list(self, &caller.instance, exports, &request.query, only_of)
                    .map(Step::Done)
            }
            NestedExport::Create => {
                collections::create_nested_export(self, caller, of, body).map(Step::Changed)
            }
            NestedExport::Get(id) => {
                let found = self.store.read().find(&caller.instance, exports, &id);
                let of_it = |export: &Arc<Object>| {
                    export.links.auth_config.as_deref() == Some(&of.auth_config)
                };
                if !found.is_some_and(of_it) {
                    return Err(ApiError::not_found(exports.entity(), Some(&id)));
                }
                self.read(caller, exports, &id).map(Step::Done)
            }
        }
    }

    fn reply(
        &mut self,
        request: &Request,
        context: &Context,
        outcome: Result<Step>,
        applied: bool,
    ) -> Reply {
        let (status, body) = match outcome {
            Ok(Step::Done(body) | Step::Changed(body) | Step::Deleted(body, _)) => (200, body),
            Ok(Step::Patch(_)) => (500, ApiError::internal().body()),
            Err(error) => (error.status, error.spelled(&self.options).body()),
        };
        let (own, request_id) = self.own_headers(context, status);
        let mut headers = vec![
            ("Date".to_owned(), clock::http_date(self.clock.now())),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        headers.extend(own);
        tracing::debug!(
            method = request.method,
            path = request.path,
            status,
            "answered"
        );
        let body = body.to_string().into_bytes();
        Reply {
            response: Response {
                status,
                headers,
                body,
            },
            request_id,
            applied,
        }
    }

    /// Returns the headers of the API's answer to a request that is not processed, and the id of the request in them.
    pub(crate) fn headers_of_scripted(
        &mut self,
        request: &Request,
        status: u16,
    ) -> (Vec<(String, String)>, Option<String>) {
        let access = self.authenticate(request).ok();
        let access = access.filter(|_| status != 429);
        let context = Context {
            version: versions::displayed(&self.options),
            usage: access.and_then(|access| self.usage(&access)),
        };
        self.own_headers(&context, status)
    }

    /// Returns the headers by which an answer is the API's own, and the id of the request in them.
    fn own_headers(
        &mut self,
        context: &Context,
        status: u16,
    ) -> (Vec<(String, String)>, Option<String>) {
        let anonymous = matches!(status, 401 | 429) && self.has(Quirk::RefusalsWithoutRequestId);
        let request_id = (!anonymous).then(|| self.ids.next("req"));
        let version = context.version.to_owned();
        let mut headers = vec![("metorial-version".to_owned(), version)];
        if let Some(id) = &request_id {
            headers.push(("metorial-req-id".to_owned(), id.clone()));
        }
        if let (Some(usage), true) = (context.usage, status != 401) {
            headers.extend(self.limit_headers(usage));
        }
        (headers, request_id)
    }

    fn limit_headers(&self, usage: Usage) -> Vec<(String, String)> {
        let seconds = |duration: std::time::Duration| duration.as_secs_f64().ceil() as i64;
        let reset = if self.has(Quirk::ResetWhenOldestLeaves) {
            let now = self.clock.now().as_millisecond();
            let left = i64::try_from(usage.oldest_leaves_in.as_millis()).unwrap_or(i64::MAX);
            now.saturating_add(left).saturating_add(999) / 1000
        } else {
            seconds(usage.empty_in)
        };
        let mut headers = vec![
            ("RateLimit-Limit".to_owned(), usage.limit.to_string()),
            (
                "RateLimit-Remaining".to_owned(),
                usage.remaining.to_string(),
            ),
            ("RateLimit-Reset".to_owned(), reset.to_string()),
        ];
        if !usage.admitted && !self.has(Quirk::NoRetryAfter) {
            let wait = seconds(usage.oldest_leaves_in);
            headers.push(("Retry-After".to_owned(), wait.to_string()));
        }
        headers
    }
}
