//! Reports on a resource whose reconciliation ended without a decision: it panicked, took too long, or Kubernetes refused
//! something. Nothing but its conditions is touched: the status records the remote object.

use crate::cluster::error::ClusterError;
use crate::connections::ConnectionResource;
use crate::kinds::Kind;
use crate::plan::events::type_of;
use crate::plan::referred::seen_by_others;
use crate::reconcile::context::Context;
use crate::resources::{
    Class, Conditions, ConnectionStatus, DRIFTED, EXPIRING, READY, REFERENCES_RESOLVED, Reason,
    ResourceKey, ResourceStatus, condition,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::time::Duration;

/// The cause of the end of a reconciliation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedBy {
    reason: Reason,
    message: String,
}

impl EndedBy {
    /// Returns the report on a reconciliation that panicked, or answered the same query twice: a fault of the operator.
    #[must_use]
    pub fn panic() -> Self {
        Self {
            reason: Reason::InternalError,
            message: "internal error in the operator (only this resource is affected); retrying; see the operator's log".to_owned(),
        }
    }

    /// Returns the report on a reconciliation that took longer than this, for example because the API answers slowly.
    #[must_use]
    pub fn timeout(after: Duration) -> Self {
        let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
        Self {
            reason: Reason::InternalError,
            message: format!(
                "the reconciliation did not end within {after:#}; retrying; if this lasts, check how fast the API answers, or raise --reconcile-timeout"
            ),
        }
    }

    /// Returns the report on a call to Kubernetes that failed.
    #[must_use]
    pub fn cluster(error: &ClusterError) -> Self {
        Self {
            reason: error.reason(),
            message: format!("Kubernetes: {error}; retrying"),
        }
    }

    /// Returns the conditions, or `None` where they stay: a resource that is ready, or waits for a person, is not affected by what
    /// passes by itself.
    fn conditions(
        &self,
        last: Option<&[Condition]>,
        generation: i64,
        terminating: bool,
    ) -> Option<Vec<Condition>> {
        let lasts = condition(last, READY).is_some_and(|ready| {
            let reason = Reason::parse(&ready.reason);
            let lasts = reason.is_some_and(|reason| reason.class() == Class::NeedsPerson);
            (ready.status == "True" || lasts) && ready.observed_generation == Some(generation)
        });
        if self.reason == Reason::ClusterUnavailable && lasts && !terminating {
            return None;
        }
        let conditions = Conditions::after(last, generation, Timestamp::now());
        // What else is known of the resource is as it was.
        let next = conditions
            .verdict(self.reason, false, &self.message)
            .unchanged(REFERENCES_RESOLVED)
            .unchanged(DRIFTED)
            .unchanged(EXPIRING);
        Some(next.build())
    }
}

impl fmt::Display for EndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The parts of a status that are written here: the generation that its conditions describe, and the conditions.
type Described<'a> = (&'a mut Option<i64>, &'a mut Option<Vec<Condition>>);

/// Sets the conditions of a resource with a remote object.
///
/// # Errors
/// The status could not be read or written.
pub async fn on_resource<K: Kind>(
    context: &Context,
    key: &ResourceKey,
    ended: &EndedBy,
) -> Result<(), ClusterError> {
    let api: Api<K> = context.cluster.namespaced(&key.namespace);
    let status = |object: &K| object.status().cloned().unwrap_or_default();
    let described: fn(&mut K::Status) -> Described<'_> = |status| {
        let common = status.common_mut();
        (&mut common.observed_generation, &mut common.conditions)
    };
    let written = write_conditions(context, key, &api, (status, described), ended).await?;
    if let Some((before, next)) = written
        && seen_by_others(before.common()) != seen_by_others(next.common())
    {
        context.enqueue_dependents(key);
    }
    Ok(())
}

/// Sets the conditions of a connection.
///
/// # Errors
/// The status could not be read or written.
pub async fn on_connection<C: ConnectionResource>(
    context: &Context,
    key: &ResourceKey,
    ended: &EndedBy,
) -> Result<(), ClusterError> {
    let api = C::api(context.cluster.client(), &key.namespace);
    let status = |object: &C| object.settings().status;
    let described: fn(&mut ConnectionStatus) -> Described<'_> =
        |status| (&mut status.observed_generation, &mut status.conditions);
    let written = write_conditions(context, key, &api, (status, described), ended).await;
    written.map(drop)
}

/// Sets the conditions, and returns the status before and after that; `None` where it stays as it is.
async fn write_conditions<R, S>(
    context: &Context,
    key: &ResourceKey,
    api: &Api<R>,
    (status, described): (impl Fn(&R) -> S, fn(&mut S) -> Described<'_>),
    ended: &EndedBy,
) -> Result<Option<(S, S)>, ClusterError>
where
    R: Resource<DynamicType = ()> + DeserializeOwned,
    S: Clone + Serialize,
{
    let (cluster, shard) = (&context.cluster, &context.shard);
    let Some(object) = cluster.get_of_shard(api, &key.name, shard).await? else {
        return Ok(None);
    };
    let before = status(&object);
    let generation = object.meta().generation.unwrap_or_default();
    let terminating = object.meta().deletion_timestamp.is_some();
    let mut next = before.clone();
    let (observed_generation, conditions) = described(&mut next);
    let changed = ended.conditions(conditions.as_deref(), generation, terminating);
    let Some(changed) = changed else {
        return Ok(None);
    };
    *observed_generation = Some(generation);
    *conditions = Some(changed);
    context.metrics.set_reason(key, ended.reason);
    let written = cluster.write_status(api, &object, &before, &next).await;
    // A status can be refused permanently, for example because of a spec that an older definition admitted.
    let reports = match &written {
        Ok(changed) => *changed,
        Err(error) => error.reason() != Reason::ClusterUnavailable,
    };
    if reports {
        let uid = object.uid().unwrap_or_default();
        let (about, reason) = ((key, uid.as_str()), ended.reason.as_str());
        let message = &ended.message;
        cluster
            .event(about, reason, type_of(ended.reason), message)
            .await;
    }
    written?;
    Ok(Some((before, next)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::error::Cause;

    fn failed(cause: Cause) -> EndedBy {
        EndedBy::cluster(&ClusterError {
            operation: "get Secret".to_owned(),
            object: "oauth-app".to_owned(),
            cause,
        })
    }

    fn ready(generation: i64) -> Vec<Condition> {
        let conditions = Conditions::after(None, generation, Timestamp::UNIX_EPOCH);
        conditions.verdict(Reason::Synced, true, "done").build()
    }

    #[test]
    fn a_ready_resource_keeps_its_conditions_only_while_the_failure_passes_by_itself() {
        let passing = failed(Cause::Timeout);
        assert_eq!(passing.conditions(Some(&ready(1)), 1, false), None);
        for (ended, last, terminating) in [
            (&passing, None, false),
            (&passing, Some(ready(0)), false),
            (&passing, Some(ready(1)), true),
            (&failed(Cause::Forbidden), Some(ready(1)), false),
            (&EndedBy::panic(), Some(ready(1)), false),
        ] {
            let conditions = ended.conditions(last.as_deref(), 1, terminating).unwrap();
            let ready = condition(Some(&conditions), "Ready").unwrap().clone();
            assert_eq!(
                (ready.status.as_str(), ready.reason.as_str()),
                ("False", ended.reason.as_str())
            );
        }
    }

    #[test]
    fn what_passes_by_itself_hides_no_verdict_that_needs_a_person_and_no_failure_another_condition()
    {
        let since = Conditions::after(None, 1, Timestamp::UNIX_EPOCH);
        let expired = since.verdict(Reason::Expired, false, "expired");
        let last = expired.with("Expiring", true, Reason::Expired, "soon");
        let last = last.build();
        let passing = failed(Cause::Timeout);
        assert_eq!(passing.conditions(Some(&last), 1, false), None);
        let lasting = failed(Cause::Forbidden).conditions(Some(&last), 1, false);
        let lasting = lasting.unwrap();
        let of = |type_: &str| condition(Some(&lasting), type_).unwrap();
        assert_eq!(of("Ready").reason, "Forbidden");
        assert_eq!(Some(of("Expiring")), condition(Some(&last), "Expiring"));
        assert_eq!(lasting.len(), last.len(), "each type once");
    }

    #[test]
    fn only_a_panic_is_called_an_internal_error() {
        let slow = EndedBy::timeout(Duration::from_secs(120)).message;
        assert!(slow.contains("within 2m; retrying"), "{slow}");
        assert!(!slow.contains("internal error in the operator"), "{slow}");
        let panic = EndedBy::panic().message;
        assert!(panic.contains("internal error in the operator"), "{panic}");
    }

    #[test]
    fn the_reason_tells_who_can_help() {
        let denied = |code, message: &str| Cause::Denied {
            code,
            message: message.to_owned(),
        };
        for (cause, reason) in [
            (Cause::Forbidden, Reason::Forbidden),
            (Cause::Terminating, Reason::Forbidden),
            (Cause::Refused(422), Reason::InvalidSpec),
            (denied(403, "cannot patch"), Reason::Forbidden),
            (denied(422, "a policy denied request"), Reason::Forbidden),
            (denied(422, "spec.name: too long"), Reason::InvalidSpec),
            (Cause::Timeout, Reason::ClusterUnavailable),
            (Cause::Server(500), Reason::ClusterUnavailable),
            (Cause::Unreachable, Reason::ClusterUnavailable),
            (Cause::Conflict, Reason::ClusterUnavailable),
        ] {
            assert_eq!(failed(cause.clone()).reason, reason, "{cause}");
        }
    }
}
