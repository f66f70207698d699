//! Carries out the steps of a plan, one at a time, and stops at the first that fails.

use super::context::now;
use super::error::Error;
use super::run::Run;
use crate::cluster::children::Applied;
use crate::kinds::Kind;
use crate::plan::case::{Case, Failure, Rejection};
use crate::plan::children::{ChildKind, ChildSpec};
use crate::plan::delete;
use crate::plan::desired::Source;
use crate::plan::differences::{Differences, others_since};
use crate::plan::export_record;
use crate::plan::memory::Memory;
use crate::plan::observed::{ListedImport, RemoteView};
use crate::plan::outcome;
use crate::plan::publish;
use crate::plan::record::Writes;
use crate::plan::request;
use crate::plan::steps::{Effect, Plan, Step, remote_after, removes_child};
use crate::plan::unknown_outcome::MaybeApplied;
use crate::remote::RemoteError;
use crate::remote::records::note;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

impl<K: Kind> Run<'_, K> {
    /// Carries out a plan and reports it. Returns when to reconcile again.
    ///
    /// # Errors
    /// A step failed; the effects of those before it are kept.
    pub async fn execute(
        &mut self,
        case: &Case<'_>,
        plan: &Plan,
    ) -> Result<Option<Duration>, Error> {
        let reason = plan.verdict.reason;
        tracing::debug!(steps = plan.steps.len(), %reason, "decided");
        for (index, step) in plan.steps.iter().enumerate() {
            if step.is_sent() || (step.writes_status() && !self.wrote()) {
                self.confirm_shard().await?;
            }
            match step {
                Step::RecordStatus => {
                    let publishes = |step: &Step| matches!(step, Step::ApplyChild(_));
                    if plan.steps[index..].iter().any(publishes) {
                        self.report(case, &outcome::created(plan)).await?;
                    } else {
                        self.report(case, plan).await?;
                    }
                }
                step => self.step(case, step).await?,
            }
        }
        let next = self.finish(case, plan).await?;
        self.report_response(case);
        Ok(next)
    }

    async fn step(&mut self, case: &Case<'_>, step: &Step) -> Result<(), Error> {
        match step {
            Step::AddFinalizer => {
                // It must be in etcd before the first create is sent.
                self.resource.handle.add_finalizer().await?;
                if case.record.writes == Writes::Never {
                    self.remember(|memory| memory.set_nothing_created(now()));
                }
            }
            Step::Create => self.create(case).await?,
            Step::Update {
                remote,
                differences,
            } => self.update(case, remote, differences).await?,
            Step::Import { into, tag } => self.import(case, Some(into), tag).await?,
            Step::Export {
                remote,
                newest_import,
                lost,
            } => {
                let newest_import = newest_import.as_ref();
                self.export(case, remote, newest_import, *lost).await?;
            }
            Step::ApplyChild(wanted) => self.apply_child(case, wanted).await?,
            Step::RemoveChild(kind, name) => self.remove_child(*kind, name).await?,
            Step::Restart(workloads) => self.restart(case, workloads).await?,
            Step::Bind { remote, import } => self.bind(case, remote, import.as_ref()).await?,
            Step::RecordExport(export) => self.effects.push(Effect::Export(export.clone())),
            Step::RecordDestination(found) => {
                self.remember(|memory| memory.sent_to = Some(found.clone()));
                self.effects.push(Effect::SentTo(found.clone()));
            }
            Step::RecordReplacement(revision) => self.record_replacement(case, revision).await?,
            Step::Unbind => self.effects.push(Effect::Unbound),
            Step::EndReplacement => self.effects.push(Effect::ReplacementEnded),
            Step::DeleteLater(id) => self.effects.push(Effect::PendingDeletion(id.clone())),
            Step::Delete(id) => {
                self.api()?.delete::<K>(id).await?;
                self.effects.push(Effect::Deleted(id.clone()));
            }
            Step::DeleteReplaced(id) => self.delete_replaced(case, id).await?,
            Step::Forget(id) => self.effects.push(Effect::Forgotten(id.clone())),
            Step::RecordOrphan(id) => self.record_orphan(case, id).await?,
            Step::RemoveFinalizer => {
                self.resource.handle.remove_finalizer().await?;
                if let (Some(session), Some(id)) = (&self.session, case.object_id()) {
                    session.release(id);
                }
                self.effects.push(Effect::FinalizerRemoved);
            }
            // The caller writes the status: it knows the plan.
            Step::RecordStatus => {}
        }
        Ok(())
    }

    async fn remove_child(&mut self, kind: ChildKind, name: &str) -> Result<(), Error> {
        if removes_child(&self.effects, kind) {
            self.parent().remove(kind, name).await?;
            let removed = Effect::ChildRemoved(kind, name.to_owned());
            self.effects.push(removed);
        }
        Ok(())
    }

    async fn delete_replaced(&mut self, case: &Case<'_>, id: &str) -> Result<(), Error> {
        let deleted = self.api()?.delete::<K>(id).await;
        let failure = deleted.as_ref().err().map(|it| it.failure(case.desired()));
        let effect = match failure.and_then(|failure| failure.rejection) {
            Some(Rejection::InUse(users)) => Effect::InUse(users),
            _ => deleted.map(|()| Effect::Deleted(id.to_owned()))?,
        };
        self.effects.push(effect);
        Ok(())
    }

    async fn record_orphan(&self, case: &Case<'_>, id: &str) -> Result<(), Error> {
        let cluster = &self.context.cluster;
        let namespace = &self.context.operator_namespace;
        let (key, entry) = delete::orphan_record(case, id);
        cluster.record_orphan(namespace, &key, &entry).await?;
        let instance = case.record.instance.as_deref();
        tracing::info!(id, instance, "left a remote object at Metorial");
        Ok(())
    }

    async fn create(&mut self, case: &Case<'_>) -> Result<(), Error> {
        let sent_to = case.connection.destination();
        self.remember(|memory| memory.sent_to = sent_to);
        let sent = self.create_object(case).await;
        let created = match &sent {
            Ok(()) => Ok(remote_after(&self.effects).map(|remote| remote.id.clone())),
            Err(Error::Remote(error)) => Err(error.maybe_applied()),
            Err(_) => Err(MaybeApplied::No),
        };
        self.remember(|memory| memory.end_create(created));
        sent
    }

    async fn create_object(&mut self, case: &Case<'_>) -> Result<(), Error> {
        let desired = case.desired().ok_or(RemoteError::NotConnected)?;
        if let Source::Import(_) = &desired.source {
            return self.import(case, None, &desired.import_tag(None)).await;
        }
        let session = self.api()?;
        let sent = session.create::<K>(request::create(desired));
        let (created, request) = self.send(sent, case.writes_after_refused_create()).await?;
        self.effects.push(Effect::Created(created, request));
        Ok(())
    }

    async fn update(
        &mut self,
        case: &Case<'_>,
        remote: &RemoteView,
        differences: &Differences,
    ) -> Result<(), Error> {
        let desired = case.desired().ok_or(RemoteError::NotConnected)?;
        let recorded_keys = &case.record.metadata_keys;
        let body = request::update(desired, differences, remote, recorded_keys);
        let session = self.api()?;
        let written = session.update::<K>(&remote.id, body);
        let sent = match &case.record.id {
            Some(_) => self.send_repeatable(written).await,
            // It adopts an object, which nothing but its marker says until the status does. A refusal says nothing about
            // what was created before.
            None => self.send(written, self.resource.memory.writes).await,
        };
        let written = match sent {
            Err(error) if error.refuses_fields() && !differences.refusable(desired).is_empty() => {
                return Err(Error::FieldsRefused(differences.refusable(desired)));
            }
            written => written?,
        };
        let since = others_since(desired, differences, remote, &written, &case.record);
        self.remember(|memory| memory.bind(&written.id));
        self.effects.push(Effect::Written(written, since));
        Ok(())
    }

    /// Imports the value, into an object or as the creation of one.
    async fn import(
        &mut self,
        case: &Case<'_>,
        into: Option<&str>,
        tag: &str,
    ) -> Result<(), Error> {
        let desired = case.desired().ok_or(RemoteError::NotConnected)?;
        let words = desired.source.imports().map_or("", |imports| &imports.note);
        let body = request::import(desired, into, &note(words, &case.owner, tag));
        let refused = match into {
            Some(_) => self.resource.memory.writes,
            None => case.writes_after_refused_create(),
        };
        let session = self.api()?;
        let sent = session.import(body, into, &case.owner, case.key);
        let before = self.remember(Memory::begin_import);
        let imported = self.send(sent, refused).await;
        let import = outcome(&imported).map(|imported| imported.record.id.clone());
        self.remember(|memory| memory.end_import(before, import));
        let imported = imported?;
        self.effects.push(Effect::Imported(imported.record));
        let remote = match (imported.into, into) {
            (Some(remote), _) => Some(remote),
            (None, Some(id)) => session.refreshed::<K>(id).await?,
            (None, None) => None,
        };
        self.effects.extend(remote.map(|remote| match into {
            Some(_) => Effect::Written(remote, None),
            None => Effect::Created(remote, imported.request_id),
        }));
        Ok(())
    }

    async fn apply_child(&mut self, case: &Case<'_>, wanted: &ChildSpec) -> Result<(), Error> {
        let (data, export) = match wanted.kind {
            ChildKind::Secret => {
                let Some((data, export)) = self.last_export(case, wanted).await? else {
                    return Ok(());
                };
                (data, Some(export))
            }
            ChildKind::ConfigMap => {
                let remote = remote_after(&self.effects);
                let Some(ids) = publish::ids(case, remote.map(|remote| &**remote)) else {
                    return Ok(());
                };
                (ids, None)
            }
        };
        let fingerprint = case.fingerprint(wanted, &data);
        let export = export.map(|export| export_record::in_secret(export, fingerprint.clone()));
        let applied = self.parent().apply(wanted, &data, export.as_ref()).await;
        match applied? {
            Applied::Done => self.remember(|memory| {
                let rewrites = memory.rewrites.entry(wanted.kind).or_default();
                rewrites.count(case.generation, &fingerprint, Timestamp::now());
            }),
            // The ids are published in addition to everything else; without the Secret an export is in vain.
            Applied::Refused(refusal) if wanted.kind == ChildKind::ConfigMap => {
                self.effects.push(Effect::ChildRefused(refusal));
                return Ok(());
            }
            Applied::Refused(refusal) => return Err(Error::Failed(Failure::ChildRefused(refusal))),
            Applied::TooLarge(error) => return Err(Error::Failed(Failure::ChildTooLarge(error))),
        }
        self.effects.extend(export.map(Effect::Export));
        self.effects
            .push(Effect::ChildApplied(wanted.kind, wanted.name.clone()));
        Ok(())
    }

    async fn bind(
        &mut self,
        case: &Case<'_>,
        remote: &Arc<RemoteView>,
        import: Option<&ListedImport>,
    ) -> Result<(), Error> {
        // An import that was found may have taken effect after the object was read.
        let newer = import.is_some_and(|import| import.created_at > remote.updated_at);
        let refreshed = if newer {
            self.api()?.refreshed::<K>(&remote.id).await?
        } else {
            None
        };
        let remote = refreshed.unwrap_or_else(|| remote.clone());
        // What is only observed is no object of the resource.
        if !case.observes() {
            self.remember(|memory| memory.bind(&remote.id));
        }
        self.effects.push(Effect::Bound(remote));
        self.effects.extend(import.cloned().map(Effect::Imported));
        Ok(())
    }

    /// Sends a write that must not be repeated blindly. While it is in flight, and after a lost response, its outcome is
    /// remembered as unknown: whatever ends this reconciliation, the next one searches.
    pub(super) async fn send<T>(
        &mut self,
        write: impl Future<Output = Result<T, RemoteError>>,
        refused: Writes,
    ) -> Result<T, RemoteError> {
        let before = self.resource.memory.writes;
        self.remember(|memory| memory.writes = Writes::Unknown);
        let sent = self.send_repeatable(write).await;
        let outcome = outcome(&sent).map(|_| ());
        self.remember(|memory| memory.end_unrepeatable(before, outcome, refused));
        sent
    }

    /// Sends a write. If its outcome is unknown, the next read shows what is left to do.
    async fn send_repeatable<T>(
        &mut self,
        write: impl Future<Output = Result<T, RemoteError>>,
    ) -> Result<T, RemoteError> {
        let lags = self.context.lags();
        let before = self.remember(|memory| memory.begin_write(&lags, now()));
        let sent = write.await;
        let outcome = outcome(&sent).map(|_| ());
        self.remember(|memory| memory.end_write(before, outcome, &lags, now()));
        sent
    }
}

/// Returns how a write ended.
fn outcome<T>(sent: &Result<T, RemoteError>) -> Result<&T, MaybeApplied> {
    sent.as_ref().map_err(RemoteError::maybe_applied)
}
