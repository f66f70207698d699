//! `/_simulator`: pages to read and change the simulator by hand. Their requests are neither journaled nor limited.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock;
use crate::collections;
use crate::http::{Request, Response};
use crate::ids::InstanceId;
use crate::journal::Entry;
use crate::limits::Limit;
use crate::objects::{Collection, Stored};
use crate::options::Quirk;
use crate::present::stored;
use crate::query::singles;
use crate::shared::Shared;
use crate::tenants::ImportExport;
use crate::uses::UsedBy;

const PREFIX: &str = "/_simulator/";

/// Fields of a body that are secret, at any depth.
const SECRET_FIELDS: [&str; 3] = ["client_id", "client_secret", "value"];

/// Returns whether a request is for these pages.
pub(crate) fn matches(request: &Request) -> bool {
    request.path.starts_with(PREFIX)
}

/// Answers a request for these pages.
pub(crate) fn answer(shared: &Arc<Shared>, request: &Request) -> Response {
    let reveal = singles(&request.query)
        .get("reveal")
        .is_some_and(|reveal| reveal == "1");
    let what = request.path.trim_start_matches(PREFIX);
    let answer = match (request.method.as_str(), what) {
        ("GET", "state") => Ok(state(shared, reveal)),
        ("GET", "journal") => Ok(journal(shared, reveal)),
        ("POST", what) => match serde_json::from_slice(&request.body) {
            Ok(body) => act(shared, what, &body),
            Err(_) => Err("The body must be JSON."),
        },
        _ => Err("Page not found; the README lists the pages."),
    };
    let (status, body) = match answer {
        Ok(body) => (200, body),
        Err(problem) => (400, json!({"problem": problem})),
    };
    shared.response(status, Vec::new(), body.to_string().into_bytes())
}

fn state(shared: &Shared, reveal: bool) -> Value {
    let state = shared.state();
    let view = state.store.current();
    let instances: Vec<Value> = state
        .tenants
        .instances()
        .map(|instance| {
            let mut shown = state.tenants.present(instance);
            for collection in Collection::ALL {
                let objects = view.of(&instance.id, collection);
                let objects = objects.map(|object| shown_object(stored(&state, object), reveal));
                shown[collection.name()] = objects.collect();
            }
            shown
        })
        .collect();
    json!({"instances": instances})
}

fn shown_object(stored: Stored, reveal: bool) -> Value {
    json!({
        "readable": stored.readable,
        "write_only": if reveal { stored.write_only } else { masked(stored.write_only) },
        "status": stored.status.as_str(),
        "versions": stored.versions,
        "updated_at": clock::text(stored.updated_at),
    })
}

fn journal(shared: &Shared, reveal: bool) -> Value {
    let entries = shared.journal.entries().into_iter();
    entries.map(|entry| shown_entry(entry, reveal)).collect()
}

fn shown_entry(entry: Entry, reveal: bool) -> Value {
    json!({
        "seq": entry.seq,
        "method": entry.method,
        "path": entry.path,
        "query": entry.query,
        "status": entry.status,
        "applied": entry.applied,
        "instance": entry.instance.as_ref().map(|id| id.as_str()),
        "user_agent": entry.user_agent,
        "request_id": entry.request_id,
        "body": if reveal { entry.body } else { mask_secrets(entry.body) },
    })
}

/// Masks the secret fields of a body; one that isn't JSON is masked as a whole.
fn mask_secrets(body: Value) -> Value {
    match body {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| {
                let is_secret = SECRET_FIELDS.contains(&name.as_str());
                let value = match (is_secret, value) {
                    (true, value) => masked(value),
                    (false, value @ Value::Object(_)) => mask_secrets(value),
                    (false, value) => value,
                };
                (name, value)
            })
            .collect(),
        other => masked(other),
    }
}

/// Replaces every text by its first two characters and its length, and hides every number.
fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => {
            let first: String = text.chars().take(2).collect();
            format!("{first}…{}", text.chars().count()).into()
        }
        Value::Array(values) => values.into_iter().map(masked).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, masked(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Number(_) => "…".into(),
        other => other,
    }
}

/// Performs the action of a POST.
fn act(shared: &Arc<Shared>, what: &str, body: &Value) -> Result<Value, &'static str> {
    let text = |field: &'static str| body[field].as_str().unwrap_or_default();
    let seconds =
        || Duration::from_secs_f64(body["seconds"].as_f64().unwrap_or(0.0).clamp(0.0, 1e9));
    let done = match what {
        "edit" => {
            let fields = body["fields"].as_object().cloned().unwrap_or_default();
            shared.state().edit(text("id"), fields)
        }
        "archive" => {
            let archived = shared.state().archive(text("id"));
            if archived {
                shared.start_cascade(text("id"));
            }
            archived
        }
        "purge" => shared.state().purge(text("id")),
        "consent" => return consent(shared, body),
        "revoke-key" => set_revoked(shared, text("key"), true),
        "restore-key" => set_revoked(shared, text("key"), false),
        "rate-limit" => set_limit(shared, text("instance"), body),
        "import-export" => set_import_export(shared, text("instance"), text("is")),
        "only-oauth" => set_only_oauth(shared, text("instance"), body["on"] != false),
        "use" => return use_object(shared, text("id"), text("by")),
        "read-lag" => {
            shared.state().store.read_lag = seconds();
            true
        }
        "quirk" => match Quirk::named(text("name")) {
            Some(quirk) => {
                let on = body["on"].as_bool().unwrap_or(true);
                shared.state().options.set(quirk, on);
                true
            }
            None => false,
        },
        "outage" => {
            outage(shared, seconds());
            true
        }
        _ => return Err("Page not found; the README lists the pages."),
    };
    shared.journal.changed();
    if done {
        Ok(json!({"done": true}))
    } else {
        Err("Object, key, instance or quirk not found.")
    }
}

fn set_revoked(shared: &Shared, key: &str, revoked: bool) -> bool {
    let mut state = shared.state();
    let key = state.tenants.key_mut(key);
    key.map(|key| key.revoked = revoked).is_some()
}

/// Sets the rate limit to `requests` in `seconds`; without `requests` removes it.
fn set_limit(shared: &Shared, instance: &str, body: &Value) -> bool {
    let requests = body["requests"]
        .as_u64()
        .and_then(|count| usize::try_from(count).ok());
    let seconds = body["seconds"].as_u64().unwrap_or(600);
    let limit = requests.map(|requests| Limit {
        requests,
        per: Duration::from_secs(seconds),
    });
    let mut state = shared.state();
    let found = state
        .tenants
        .instances()
        .find(|known| known.id.as_str() == instance);
    let Some(organization) = found.map(|instance| instance.organization.clone()) else {
        return false;
    };
    state.tenants.set_limit(&organization, limit);
    state.windows.clear(organization.as_str());
    true
}

fn set_import_export(shared: &Shared, instance: &str, is: &str) -> bool {
    let import_export = match is {
        "allowed" => ImportExport::Allowed,
        "not-in-plan" => ImportExport::NotInPlan,
        "switched-off" => ImportExport::SwitchedOff,
        _ => return false,
    };
    let instance = InstanceId(instance.to_owned());
    let mut state = shared.state();
    let instance = state.tenants.instance_mut(&instance);
    instance
        .map(|instance| instance.import_export = import_export)
        .is_some()
}

fn set_only_oauth(shared: &Shared, instance: &str, on: bool) -> bool {
    let instance = InstanceId(instance.to_owned());
    let mut state = shared.state();
    let instance = state.tenants.instance_mut(&instance);
    instance.map(|instance| instance.only_oauth = on).is_some()
}

/// Makes something use an object, and returns the ids of what then blocks its archiving.
fn use_object(shared: &Shared, id: &str, by: &str) -> Result<Value, &'static str> {
    let by = match by {
        "integration-instance" => UsedBy::IntegrationInstance,
        "integration" => UsedBy::Integration,
        "identity" => UsedBy::Identity,
        _ => return Err("An object is used by an integration-instance, integration or identity."),
    };
    match shared.state().use_object(id, by) {
        blockers if blockers.is_empty() => Err("Object not found."),
        blockers => Ok(json!({"blockers": blockers})),
    }
}

/// Adds an auth config as the authorization of an OAuth application by an end user does.
fn consent(shared: &Shared, body: &Value) -> Result<Value, &'static str> {
    let mut state = shared.state();
    let id = body["credentials"].as_str().unwrap_or_default();
    let view = state.store.current();
    let credentials = view.get(id).map(Arc::clone);
    let credentials = credentials
        .filter(|object| object.collection == Collection::AuthCredentials)
        .ok_or("Credentials not found.")?;
    let fields = body["fields"].as_object().cloned().unwrap_or_default();
    let created = collections::consented(&mut state, &credentials, fields)
        .ok_or("The provider of the credentials has no OAuth method.")?;
    Ok(json!({"id": created.id}))
}

/// Takes the simulator down for this time. It comes up by itself, because it accepts no requests meanwhile.
fn outage(shared: &Arc<Shared>, duration: Duration) {
    let later = Arc::clone(shared);
    shared.in_background(async move {
        // Lets the answer to this request be sent first.
        tokio::task::yield_now().await;
        later.down.send_replace(true);
        tokio::time::sleep(duration).await;
        later.down.send_replace(false);
    });
}
