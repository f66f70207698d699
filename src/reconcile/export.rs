//! Carries out exports, and the restarts of the workloads that use the exported Secret.

use super::error::Error;
use super::run::Run;
use crate::kinds::Kind;
use crate::plan::case::{Case, Failure};
use crate::plan::children::{ChildSpec, Data};
use crate::plan::export_record;
use crate::plan::memory::{Exported, ExportedValue};
use crate::plan::observed::RemoteView;
use crate::plan::record::Writes;
use crate::plan::restart;
use crate::plan::steps::{Effect, export_after};
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
        let desired = case.desired().ok_or(RemoteError::NotConnected)?;
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
        let before = export_after(&self.effects, &case.record.export);
        let now = Timestamp::now();
        let status = export_record::made(&made, remote, newest_import, exports, lost, &before, now);
        // It counts against the budget, whether or not the Secret ever holds its value.
        self.effects.push(Effect::Export(status.clone()));
        let value = made.value.filter(|value| !value.expose().is_null());
        let Some(value) = value else {
            self.remember(|memory| {
                // If the status can't be written now, only the list of exports has it.
                memory.writes = Writes::Unknown;
                memory.exported = None;
            });
            return Err(RemoteError::ExportWithoutValue.into());
        };
        let value = ExportedValue::Answered(value);
        let exported = Arc::new(Exported { value, status });
        self.remember(|memory| memory.exported = Some(exported));
        Ok(())
    }

    /// Returns the content of the Secret with the value of the last export, and what is recorded of that export once the Secret
    /// has it. It is `None` where neither this process nor the Secret has the value any more, as when the resource left this shard since the
    /// decision: the next one exports again.
    pub(super) async fn last_export(
        &mut self,
        case: &Case<'_>,
        wanted: &ChildSpec,
    ) -> Result<Option<(Data, ExportStatus)>, Error> {
        let Some(exports) = case.exports() else {
            return Ok(None);
        };
        let recorded = export_after(&self.effects, &case.record.export);
        let secret_name = Some(wanted.name.clone());
        if let Some(exported) = self.resource.memory.exported.clone() {
            let data = exported.content(wanted);
            let data = data.map_err(|why| Error::Failed(Failure::ChildUnfit(why)))?;
            let export = ExportStatus {
                secret_name,
                restart_pending_from: restart::pending_from(&recorded, &exported.status, exports),
                ..exported.status.clone()
            };
            return Ok(data.map(|data| (data, export)));
        }
        let held = self.parent().content(wanted).await?;
        let of_record = |data: &Data| Some(case.fingerprint(wanted, data));
        let held = held.filter(|data| of_record(data) == recorded.secret_fingerprint);
        let Some(data) = held else {
            return Ok(None);
        };
        let status = ExportStatus {
            secret_name,
            ..recorded
        };
        // A Secret that gets another type is deleted first: until it is created again, only this has its value.
        let exported = Exported {
            value: ExportedValue::Content(wanted.clone(), data.clone()),
            status: status.clone(),
        };
        self.remember(|memory| memory.exported = Some(Arc::new(exported)));
        Ok(Some((data, status)))
    }

    /// Restarts workloads that run with a content other than the Secret holds. One that can't be restarted is reported and keeps
    /// the restart pending, which changes nothing at the others.
    ///
    /// # Errors
    /// Kubernetes failed.
    pub(super) async fn restart(
        &mut self,
        case: &Case<'_>,
        workloads: &[Workload],
    ) -> Result<(), Error> {
        let export = export_after(&self.effects, &case.record.export);
        let held = export.secret_fingerprint.as_ref();
        let Some(content) = held.filter(|_| restart::is_pending(&export)) else {
            return Ok(());
        };
        let mut failed = Vec::new();
        for workload in workloads {
            let (cluster, namespace) = (&self.context.cluster, &self.resource.key.namespace);
            if let Some(why) = cluster.restart(namespace, workload, content).await? {
                failed.push(Effect::NotRestarted(workload.clone(), why));
            }
        }
        if failed.is_empty() {
            self.effects
                .push(Effect::Export(restart::without_pending_restart(export)));
        }
        self.effects.extend(failed);
        Ok(())
    }
}
