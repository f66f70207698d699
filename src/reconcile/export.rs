//! Exports: one answer of the API that holds a value, and the Secret that it goes into.

use super::act::{Outcome, sent};
use super::memory::Exported;
use super::pass::Ended;
use super::see::Halt;
use super::subject::Subject;
use super::world::World;
use crate::cluster::export_secret::{Data, digest};
use crate::cluster::{Cause, ClusterError};
use crate::kinds::Kind;
use crate::plan::export::{former_secret, is_recent, signed_anew, unrecorded};
use crate::plan::policy::DEFAULT_INTERVAL;
use crate::plan::{Desired, Exporting, Seen, Sighting, Verdict};
use crate::remote::{RemoteError, Session};
use crate::resources::{ExportFormat, ExportSecret, ExportStatus, Reason};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use metorial::ExportTarget;
use serde_json::Value;
use std::sync::Arc;
use tokio::time::Instant;

/// Brings a value out. From its answer on it is remembered, so that only a crash before the Secret is written costs
/// another export.
pub(super) async fn export<K: Kind>(
    world: &World,
    session: &Session,
    subject: &mut Subject<K>,
    desired: &Desired,
    newest: Option<String>,
    lost: usize,
    outcome: &mut Outcome,
) -> Result<(), Halt> {
    let (Some(exporting), Some(remote)) = (&desired.exporting, outcome.remote.clone()) else {
        return Ok(());
    };
    let target = target(&remote.id, exporting);
    let made = session.export(&target, &exporting.note, &desired.marker);
    let refused = subject.memory.intent;
    let made = sent(world, subject, refused, made).await?;
    if lost > 0 {
        world.metrics.export_repeated();
    }
    let now = Timestamp::now();
    let before = &subject.ledger.export;
    let earlier = before
        .recent_exports
        .iter()
        .flatten()
        .filter(|at| is_recent(at.0, now))
        .cloned();
    let status = ExportStatus {
        export_id: Some(made.id.clone()),
        exported_at: Some(Time(now)),
        expires_at: made.expires_at.map(|at| at.to_string()),
        auth_config_updated_at: Some(remote.updated_at.to_string()),
        newest_import_id: newest,
        secret_fingerprint: None,
        secret_name: before.secret_name.clone(),
        recent_exports: Some(
            std::iter::repeat_n(Time(now), 1 + lost)
                .chain(earlier)
                .collect(),
        ),
    };
    outcome.wrote = true;
    let Some(value) = made.value.filter(|value| !value.expose().is_null()) else {
        // It counts against the budget, and what the Secret holds is not its value.
        subject.remember(world, |memory| memory.exported = None);
        outcome.export = Some(status);
        return Err(RemoteError::ExportWithoutValue.into());
    };
    let exported = Arc::new(Exported { value, status });
    subject.remember(world, |memory| memory.exported = Some(exported));
    Ok(())
}

/// Puts the value of the last export into the Secret.
pub(super) async fn deliver<K: Kind>(
    world: &World,
    subject: &mut Subject<K>,
    outcome: &mut Outcome,
) -> Result<(), Halt> {
    let (Some(exported), Some(wanted)) = (
        subject.memory.exported.clone(),
        subject.object.exports_into(),
    ) else {
        return Ok(());
    };
    let mut data = layout(wanted, exported.value.expose());
    let fingerprint = digest(&world.mac, &subject.key.namespace, wanted, &data);
    let export = ExportStatus {
        secret_fingerprint: Some(fingerprint),
        secret_name: Some(wanted.name.clone()),
        ..exported.status.clone()
    };
    let cluster = &world.cluster;
    let delivered = async {
        // The former first: a crash in between leaves no tokens behind that nobody knows of.
        if let Some(former) = former_secret(&subject.ledger, &wanted.name) {
            cluster.discard(&subject.object, former).await?;
        }
        let deliver = cluster.deliver(&subject.object, wanted, &data, &export);
        deliver.await
    };
    let delivered = delivered.await;
    data.values_mut().for_each(zeroize::Zeroize::zeroize);
    if let Err(error) = delivered {
        let refused = matches!(error.cause, Cause::Refused(_) | Cause::Forbidden);
        // The value stays in memory until the Secret takes it.
        let shape = data.into_keys().map(|key| (key, EMPTY.to_vec())).collect();
        outcome.refused = match refused {
            true => refusal(world, subject, &shape).await?,
            false => None,
        };
        return match (&outcome.refused, refused) {
            (Some(_), _) => Ok(()),
            (None, true) => {
                outcome.refused = Some(too_much(&error));
                Ok(())
            }
            (None, false) => Err(error.into()),
        };
    }
    outcome.export = Some(export);
    Ok(())
}

/// What stands for a value where a Secret is only tried: an object in JSON, as some types demand.
const EMPTY: &[u8] = b"{}";

/// How the pass ends where Kubernetes would not take the Secret: nothing is exported then.
pub(super) async fn refused<K: Kind>(
    world: &World,
    subject: &Subject<K>,
) -> Result<Option<Ended>, Halt> {
    let Some(wanted) = subject.object.exports_into() else {
        return Ok(None);
    };
    // Which fields there will be is not known: those that the type demands may be among them.
    let keys: &[&str] = match (wanted.format.unwrap_or_default(), wanted.type_.as_deref()) {
        (ExportFormat::Json, _) => &["value.json"],
        (_, Some("kubernetes.io/tls")) => &["tls.crt", "tls.key"],
        (_, Some("kubernetes.io/basic-auth")) => &["username", "password"],
        (_, Some("kubernetes.io/ssh-auth")) => &["ssh-privatekey"],
        (_, Some("kubernetes.io/dockercfg")) => &[".dockercfg"],
        (_, Some("kubernetes.io/dockerconfigjson")) => &[".dockerconfigjson"],
        _ => &[],
    };
    let shape = keys.iter().map(|key| ((*key).to_owned(), EMPTY.to_vec()));
    refusal(world, subject, &shape.collect()).await
}

async fn refusal<K: Kind>(
    world: &World,
    subject: &Subject<K>,
    shape: &Data,
) -> Result<Option<Ended>, Halt> {
    let Some(wanted) = subject.object.exports_into() else {
        return Ok(None);
    };
    let refusal = world
        .cluster
        .refuses(&subject.object, wanted, shape)
        .await?;
    Ok(refusal.map(|refusal| {
        let reason = match refusal.forbidden {
            true => Reason::Forbidden,
            false => Reason::InvalidSpec,
        };
        let message = format!(
            "Kubernetes does not take the Secret {} of spec.secret: {}",
            wanted.name, refusal.message
        );
        let ended = Ended::with(Verdict::new(reason, message));
        match refusal.terminating {
            // The resource goes with its namespace: there is nothing to say.
            true => Ended {
                held_back: true,
                wait: Some(DEFAULT_INTERVAL),
                ..ended
            },
            false => ended,
        }
    }))
}

/// What a dry run with other values does not show.
fn too_much(error: &ClusterError) -> Ended {
    let message = format!(
        "{error}: the value does not fit into the Secret of spec.secret, which holds 1 MiB at most"
    );
    Ended::with(Verdict::new(Reason::InvalidSpec, message))
}

/// Enters into the books what only the Secret tells of.
pub(super) fn recall<K: Kind>(subject: &mut Subject<K>, seen: &Seen, outcome: &mut Outcome) {
    let secret = seen.secret.as_ref();
    let known = unrecorded(&subject.ledger, secret).cloned();
    if let Some(known) = known.or_else(|| signed_anew(&subject.ledger, secret)) {
        subject.ledger.export = known.clone();
        outcome.export = Some(known);
    }
}

/// Notes since when the auth config is known as it is: what its imports were before says nothing about it.
pub(super) fn notice<K: Kind>(world: &World, subject: &mut Subject<K>, seen: &Seen) {
    let (Some(_), Some(Sighting::Live(remote))) = (subject.object.exports_into(), &seen.object)
    else {
        return;
    };
    let moved = subject
        .memory
        .moved
        .filter(|(at, _)| *at == remote.updated_at);
    let (at, since) = moved.unwrap_or((remote.updated_at, Instant::now()));
    subject.ledger.imports_settled = world.unsettled_for(Some(since)).is_zero();
    subject.remember(world, |memory| memory.moved = Some((at, since)));
}

/// What an export is of.
pub(super) fn target(id: &str, exporting: &Exporting) -> ExportTarget {
    ExportTarget {
        auth_config_id: id.to_owned(),
        deployment_id: exporting.deployment.clone(),
    }
}

/// The value as the Secret holds it: texts as they are, everything else as JSON. A member whose name can't be a key of
/// a Secret goes under a name in which other characters are `_`.
fn layout(wanted: &ExportSecret, value: &Value) -> Data {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    };
    match (wanted.format.unwrap_or_default(), value) {
        (ExportFormat::Fields, Value::Object(members)) => {
            let key = |name: &String| -> String {
                let plain = |c: char| {
                    if c.is_ascii_alphanumeric() || "-._".contains(c) {
                        c
                    } else {
                        '_'
                    }
                };
                name.chars().map(plain).collect()
            };
            members
                .iter()
                .map(|(name, value)| (key(name), text(value)))
                .collect()
        }
        (_, value) => [("value.json".to_owned(), value.to_string().into_bytes())].into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_texts_as_they_are_and_json_holds_everything() {
        let secret =
            |format: &str| serde_json::from_value(json!({"name": "s", "format": format})).unwrap();
        let value = json!({"access_token": "a\n", "expires in": 3600, "scopes": ["x"]});
        let fields = layout(&secret("Fields"), &value);
        assert_eq!(fields["access_token"], b"a\n");
        assert_eq!(fields["expires_in"], b"3600");
        assert_eq!(fields["scopes"], br#"["x"]"#);
        let json = layout(&secret("Json"), &value);
        assert_eq!(
            serde_json::from_slice::<Value>(&json["value.json"]).unwrap(),
            value
        );
    }
}
