//! One pass over one `Connection` or `ClusterConnection`: whose key is it, and does anybody still need it?

use super::queue::After;
use super::world::{World, jitter};
use crate::cluster::{ClusterError, merge_patch};
use crate::plan::pace;
use crate::remote::{ConnectionKey, ConnectionObject, Facts, Standing};
use crate::resources::ResourceKey;
use crate::resources::{
    Conditions, ConnectionStatus, FINALIZER, IN_USE_FINALIZER, RECONCILE_REQUESTED, Reason,
    condition,
};
use jiff::Timestamp;
use kube::{Api, ResourceExt};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// Looks at one connection, and says in its status how it stands.
///
/// # Errors
/// Kubernetes failed.
pub async fn pass<C: ConnectionObject>(
    world: &World,
    key: &ResourceKey,
) -> Result<After, ClusterError> {
    let began = Instant::now();
    let connection = ConnectionKey::new(C::KIND, &key.namespace, &key.name);
    let api = C::api(world.cluster.client(), &key.namespace);
    let Some(object) = world.cluster.get(&api, &key.name).await? else {
        world.sessions.gone(&connection).await;
        world.forget(key);
        world.wake_dependents(key);
        return Ok(After::Never);
    };
    let facts = object.facts();
    depend(world, key, &facts);
    let requested = facts.annotations.get(RECONCILE_REQUESTED);
    let requested =
        requested.filter(|asked| Some(*asked) != facts.status.last_handled_reconcile_at.as_ref());
    let max_age = match requested {
        Some(_) => Duration::ZERO,
        None => world.timing.connection_check.mul_f64(0.85),
    };
    let standing = world.sessions.refresh(&connection, max_age).await;
    let users = match object.meta().deletion_timestamp {
        Some(_) => Some(world.users(&connection).await?),
        None => None,
    };
    let object = finalizer(world, &api, object, &standing, users.as_deref()).await?;
    let gone = object.meta().deletion_timestamp.is_some()
        && !object
            .finalizers()
            .iter()
            .any(|finalizer| finalizer == IN_USE_FINALIZER);
    if !gone {
        report(
            world,
            &api,
            &object,
            &facts,
            &standing,
            users.as_deref(),
            requested,
        )
        .await?;
    }
    world.metrics.reconciled(
        key.kind,
        say(&standing, users.as_deref()).0.as_str(),
        began.elapsed(),
    );
    if world.sessions.news(&connection).await {
        world.wake_dependents(key);
    }
    Ok(next(
        world,
        key,
        &object.uid().unwrap_or_default(),
        &standing,
        users.is_some(),
    ))
}

fn depend(world: &World, key: &ResourceKey, facts: &Facts) {
    let references = facts.references();
    let sources = references.iter().map(|reference| {
        ResourceKey::new(reference.kind.as_str(), &facts.namespace, &reference.name)
    });
    world.dependencies.set(key, sources.collect());
}

/// Keeps the connection for as long as resources with a remote id need it.
async fn finalizer<C: ConnectionObject>(
    world: &World,
    api: &Api<C>,
    object: C,
    standing: &Standing,
    users: Option<&[String]>,
) -> Result<C, ClusterError> {
    let mut finalizers = object.finalizers().to_vec();
    let held = finalizers
        .iter()
        .any(|finalizer| finalizer == IN_USE_FINALIZER);
    match users {
        None if !held && standing.down.is_none() => finalizers.push(IN_USE_FINALIZER.to_owned()),
        Some([]) if held => finalizers.retain(|finalizer| finalizer != IN_USE_FINALIZER),
        _ => return Ok(object),
    }
    world
        .cluster
        .set_finalizers(api, &object, &finalizers)
        .await
}

async fn report<C: ConnectionObject>(
    world: &World,
    api: &Api<C>,
    object: &C,
    facts: &Facts,
    standing: &Standing,
    users: Option<&[String]>,
    requested: Option<&String>,
) -> Result<(), ClusterError> {
    let (reason, message) = say(standing, users);
    let mut next = facts.status.clone();
    next.observed_generation = object.meta().generation;
    if let Some(asked) = requested {
        next.last_handled_reconcile_at = Some(asked.clone());
    }
    if let (Some(session), true) = (
        &standing.session,
        facts.status.instance.is_none() || standing.down.is_none(),
    ) {
        next.instance = Some(session.instance.clone());
    }
    let last = facts.status.conditions.as_deref();
    let generation = object.meta().generation.unwrap_or_default();
    let conditions = Conditions::after(last, generation, Timestamp::now());
    next.conditions = Some(conditions.verdict(reason, false, &message).build());
    let name = format!(
        "{}/{}",
        object.namespace().unwrap_or_default(),
        object.name_any()
    );
    world.metrics.set_reason(C::NAME, name, reason);
    let json = |status: &ConnectionStatus| serde_json::to_value(status).unwrap_or(Value::Null);
    let Some(difference) = merge_patch(&json(&facts.status), &json(&next)) else {
        return Ok(());
    };
    world.cluster.patch_status(api, object, difference).await?;
    let before = condition(last, "Ready").map(|before| before.reason.clone());
    if before.as_deref() != Some(reason.as_str()) && (before.is_some() || reason != Reason::Synced)
    {
        let about = object.object_ref(&());
        let warning = reason != Reason::Synced;
        world
            .cluster
            .event(&about, reason.as_str(), warning, &message)
            .await;
    }
    Ok(())
}

fn say(standing: &Standing, users: Option<&[String]>) -> (Reason, String) {
    if let Some(users) = users.filter(|users| !users.is_empty()) {
        let named = users
            .iter()
            .take(10)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        let more = if users.len() > 10 { ", …" } else { "" };
        let message = format!(
            "{} resource(s) with an object at Metorial still need this connection: {named}{more}. It goes when they are gone",
            users.len()
        );
        return (Reason::Deleting, message);
    }
    match &standing.down {
        Some(down) => (down.reason, down.message.clone()),
        None => (Reason::Synced, "the API accepts the key".to_owned()),
    }
}

fn next(
    world: &World,
    key: &ResourceKey,
    uid: &str,
    standing: &Standing,
    terminating: bool,
) -> After {
    let well = standing.down.is_none() && !terminating;
    if well {
        world.memory.update(key, uid, |memory| memory.failures = 0);
        return After::In(pace::interval(world.timing.connection_check, jitter()));
    }
    let mut failures = 0;
    world.memory.update(key, uid, |memory| {
        memory.failures = memory.failures.saturating_add(1);
        failures = memory.failures;
    });
    let pause = match &standing.down {
        Some(down) if !down.passing && !terminating => pace::refused(failures, jitter()),
        _ => pace::back_off(world.timing.backoff, failures, jitter()),
    };
    let wait = standing
        .down
        .as_ref()
        .and_then(|down| down.wait)
        .unwrap_or_default();
    After::In(pause.max(wait))
}

/// Whether a resource of any kind keeps `connection` in use.
#[must_use]
pub fn uses(
    connection: &ConnectionKey,
    namespace: &str,
    status: &crate::resources::CommonStatus,
    finalizers: &[String],
) -> bool {
    let recorded = status.connection.as_deref();
    let through = recorded.and_then(|text| ConnectionKey::stored(text, namespace));
    status.id.is_some()
        && through.as_ref() == Some(connection)
        && finalizers.iter().any(|finalizer| finalizer == FINALIZER)
}
