//! Carries out exports, and the restarts of the workloads that use the exported Secret.

use super::act::desired;
use super::error::Error;
use super::memory::Exported;
use super::run::Run;
use crate::cluster::error::Cause;
use crate::kinds::Kind;
use crate::plan::case::Case;
use crate::plan::export_record::MadeExport;
use crate::plan::observed::RemoteView;
use crate::plan::record::Writes;
use crate::plan::restart;
use crate::plan::steps::Effect;
use crate::plan::steps::{NotRestarted, RestartRefusal};
use crate::remote::RemoteError;
use crate::remote::records::export_target;
use crate::resources::{ExportStatus, Workload};
use jiff::Timestamp;
use std::sync::Arc;

impl<K: Kind> Run<'_, K> {
    /// Exports the value. From the response on it is remembered, so that only a crash before the Secret is written costs
    /// another export: no later read ever contains the value (▲).
    pub(super) async fn export(
        &mut self,
        case: &Case<'_>,
        remote: &RemoteView,
        newest_import: Option<&String>,
        lost: usize,
    ) -> Result<(), Error> {
        let desired = desired(case)?;
        let Some(exports) = desired.source.exports() else {
            return Ok(());
        };
        let target = export_target(&remote.id, Some(exports));
        let (session, context) = (self.api()?, self.context);
        let sent = session.export(&target, &exports.note, &desired.marker);
        let made = self.send(sent, self.resource.memory.writes).await?;
        if lost > 0 {
            context.metrics.export_repeated();
        }
        let made_export = MadeExport {
            id: made.id.clone(),
            created_at: made.created_at,
            expires_at: made.expires_at,
            auth_config_updated_at: remote.updated_at,
            newest_import: newest_import.cloned(),
            lost,
            restarts: !exports.workloads.is_empty(),
        };
        let status = made_export.status(&self.last_export(case), Timestamp::now());
        let value = made.value.filter(|value| !value.expose().is_null());
        let Some(value) = value else {
            // It counts against the budget, and the Secret does not hold its value.
            self.resource.remember(context, |memory| {
                // If the status can't be written now, only the list of exports has it.
                memory.writes = Writes::Unknown;
                memory.exported = None;
            });
            self.effects.push(Effect::Export(status));
            return Err(RemoteError::ExportWithoutValue.into());
        };
        let exported = Arc::new(Exported {
            value,
            status,
            of: remote.id.clone(),
        });
        self.resource
            .remember(context, |memory| memory.exported = Some(exported));
        Ok(())
    }

    /// Restarts workloads that run with another content than the Secret holds. One that can't be restarted is reported and keeps
    /// the restart pending, which changes nothing at the others.
    ///
    /// # Errors
    /// Kubernetes failed.
    pub(super) async fn restart(
        &mut self,
        case: &Case<'_>,
        workloads: &[Workload],
    ) -> Result<(), Error> {
        let export = self.last_export(case);
        let held = export.secret_fingerprint.as_ref();
        let Some(content) = held.filter(|_| restart::is_pending(&export)) else {
            return Ok(());
        };
        let mut failed = Vec::new();
        for workload in workloads {
            let (cluster, namespace) = (&self.context.cluster, &self.resource.key.namespace);
            let Err(error) = cluster.restart(namespace, workload, content).await else {
                continue;
            };
            let why = match error.cause {
                Cause::NotFound => RestartRefusal::NotFound,
                Cause::Forbidden => RestartRefusal::NotPermitted,
                Cause::Refused(code) | Cause::Denied { code, .. } => RestartRefusal::Refused(code),
                _ => return Err(error.into()),
            };
            let workload = workload.clone();
            failed.push(Effect::NotRestarted(NotRestarted { workload, why }));
        }
        if failed.is_empty() {
            self.effects.push(Effect::Export(restart::done(export)));
        }
        self.effects.extend(failed);
        Ok(())
    }

    /// Returns the content that workloads still run with, where this export is written once more: they may be restarted by now.
    pub(super) fn restart_pending_from(
        &self,
        case: &Case<'_>,
        exported: &ExportStatus,
    ) -> Option<String> {
        let recorded = &case.record.export;
        let known = match recorded.export_id == exported.export_id {
            true => recorded,
            false => exported,
        };
        known.restart_pending_from.clone()
    }

    pub(super) fn last_export(&self, case: &Case<'_>) -> ExportStatus {
        let known = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Export(export) => Some(export.clone()),
            _ => None,
        });
        known.unwrap_or_else(|| case.record.export.clone())
    }
}
