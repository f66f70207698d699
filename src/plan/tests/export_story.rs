//! An auth config that is exported: one decision after the other.

use super::fixture::{Fixture, mac, owner, policy, second};
use super::import_lists::import;
use crate::plan::backoff::Retry;
use crate::plan::children::{ChildKind, ChildSpec, ChildState, RememberedValue};
use crate::plan::desired::{Desired, Exports, External, Source, Wanted, When};
use crate::plan::facts::{Answer, Query};
use crate::plan::observed::{Fields, ListedImport, RemoteView};
use crate::plan::pauses::Pause;
use crate::plan::policy::{Lifecycle, Policy, Renewal};
use crate::plan::record::{Record, Writes};
use crate::plan::rewrites::Rewrites;
use crate::plan::steps::{Plan, Step};
use crate::resources::{ExportStatus, Reason, RemoteDetails, Workload};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Map;
use std::collections::HashMap;
use std::time::Duration;

pub fn export(id: &str, at: i64) -> ExportStatus {
    ExportStatus {
        export_id: Some(id.to_owned()),
        exported_at: Some(Time(second(at))),
        secret_fingerprint: Some("held".to_owned()),
        ..ExportStatus::default()
    }
}

pub fn record(export: ExportStatus, value_known: bool) -> Record {
    Record {
        export,
        known_value: if value_known {
            RememberedValue::Value
        } else {
            RememberedValue::Nothing
        },
        writes: Writes::Known,
        ..Record::default()
    }
}

/// An auth config that is exported, what is recorded of it, and what a reconciliation reads.
pub struct Story {
    pub when: When,
    pub record: Record,
    pub secret: ChildState,
    pub updated_at: i64,
    pub observed_for: Duration,
    pub imports: Vec<ListedImport>,
    pub rewrites: Rewrites,
    pub now: i64,
    pub renewal: Option<Renewal>,
    pub workloads: Vec<Workload>,
    pub paused: Option<Pause>,
    pub suspend: bool,
}

impl Story {
    /// Exported at second 10, with the import of second 10; the Secret holds it, and this process does not know the value.
    pub fn exported(when: When) -> Self {
        let export = ExportStatus {
            auth_config_updated_at: Some(second(10).to_string()),
            newest_import_id: Some("paci_10".to_owned()),
            recent_exports: Some(vec![Time(second(10))]),
            ..export("one", 10)
        };
        let record = Record {
            id: Some("pac_1".to_owned()),
            finalizer: true,
            reason: Some(Reason::Synced.to_string()),
            ..record(export, false)
        };
        let mut story = Self {
            when,
            record,
            secret: ChildState::Owned {
                fingerprint: "held".to_owned(),
                in_shape: true,
                export: None,
            },
            updated_at: 10,
            observed_for: Duration::ZERO,
            imports: Vec::new(),
            rewrites: Rewrites::default(),
            now: 10,
            renewal: None,
            workloads: Vec::new(),
            paused: None,
            suspend: false,
        };
        story.record.revision = Some(story.desired().revision);
        story
    }

    /// The auth config was last written at this second.
    pub fn moved(self, updated_at: i64) -> Self {
        Self { updated_at, ..self }
    }

    pub fn imports(self, at: &[i64]) -> Self {
        let imports = at.iter().map(|at| import(*at, None)).collect();
        Self { imports, ..self }
    }

    pub fn at(self, now: i64) -> Self {
        Self { now, ..self }
    }

    pub fn desired(&self) -> Desired {
        let secret = serde_json::from_value(serde_json::json!({"name": "tokens"})).unwrap();
        let exports = Exports {
            when: self.when,
            max_per_day: self.renewal.as_ref().map_or(1, |it| it.max_per_day),
            note: "note".to_owned(),
            deployment: None,
            secret: ChildSpec::secret(&secret),
            workloads: self.workloads.clone(),
        };
        let wanted = Wanted {
            fields: Vec::new(),
            source: Source::ExportFrom(
                External {
                    id: "pac_1".to_owned(),
                    owner: None,
                },
                exports,
            ),
            schema: None,
            uses: Vec::new(),
        };
        Desired::new(wanted, Map::new(), &owner("uid"), &mac())
    }

    pub fn remote(&self) -> RemoteView {
        RemoteView {
            id: "pac_1".to_owned(),
            live: true,
            fields: Fields::default(),
            metadata: Map::new(),
            marker: None,
            created_at: second(1),
            updated_at: second(self.updated_at),
            details: RemoteDetails::default(),
            authorized_by_user: false,
            ignores_rotation: false,
            auth_method: None,
        }
    }

    pub fn with<T>(&self, question: impl FnOnce(Fixture<'_>) -> T) -> T {
        let desired = self.desired();
        let secret = desired.source.exports().unwrap().secret.clone();
        let lifecycle = Lifecycle {
            external: true,
            renewal: self.renewal.clone(),
            ..Lifecycle::default()
        };
        let mut fixture = Fixture::of(&desired, self.record.clone())
            .with_policy(Policy {
                lifecycle,
                suspend: self.suspend,
                ..policy()
            })
            .reads("pac_1", Some(self.remote()), self.observed_for)
            .fact(
                Query::Child(secret.clone()),
                Answer::Child(self.secret.clone()),
            )
            .fact(Query::ChildAdmission(secret), Answer::ChildAdmission(None))
            .lists_imports("pac_1", self.imports.clone());
        fixture.now = self.now;
        fixture.paused = self.paused.clone();
        let secret = (ChildKind::Secret, self.rewrites.clone());
        fixture.rewrites = HashMap::from([secret]);
        question(fixture)
    }

    pub fn plan(&self) -> Plan {
        self.with(|fixture| fixture.plan())
    }

    /// Returns true if another has to be made; the one of second 10 has spent the budget of its day.
    pub fn must_export(&self) -> bool {
        self.plan().verdict.reason == Reason::ExportBudgetSpent
    }

    /// Returns true if the comparison is left open, to be made again soon.
    pub fn is_open(&self) -> bool {
        let plan = self.plan();
        let recorded = plan.has(|step| matches!(step, Step::RecordExport(_)));
        !recorded && matches!(plan.retry, Retry::Interval(Some(_)))
    }
}
