//! Reconciles the resources of all kinds, and reports on those whose reconciliation ended without a decision.

use super::failures::EndedBy;
use super::registry::{Served, served};
use crate::cluster::error::Cause;
use crate::plan::policy::DEFAULT_INTERVAL;
use crate::reconcile::context::{Context, jitter, now};
use crate::resources::ResourceKey;
use crate::settings::{ReconcileHook, Settings};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// Reconciles the resources of all kinds.
pub struct Reconciler {
    context: Arc<Context>,
    kinds: HashMap<&'static str, Served>,
    hook: Option<ReconcileHook>,
}

impl Reconciler {
    /// Returns the reconciler of the kinds that are served.
    #[must_use]
    pub fn new(context: Arc<Context>, settings: &Settings) -> Self {
        Self {
            context,
            kinds: served(settings).map(|kind| (kind.name(), kind)).collect(),
            hook: settings.hook.clone(),
        }
    }

    /// Reconciles one resource, and returns when to do so again; `None`: when something changes.
    pub async fn reconcile(&self, key: &ResourceKey) -> Option<Duration> {
        let reconciled = async {
            if let Some(hook) = &self.hook {
                hook(key).await;
            }
            let kind = self.kinds.get(key.kind)?;
            match kind.reconcile(&self.context, key).await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, "a reconciliation failed; retrying");
                    let metrics = &self.context.metrics;
                    metrics.reconciled(key.kind, "KubernetesFailed", Duration::ZERO);
                    Span::current().record("verdict", "KubernetesFailed");
                    // After a conflict, another resource may have the name by now.
                    if !matches!(error.cause, Cause::NotLeader | Cause::Conflict) {
                        self.report_end(*kind, key, &EndedBy::cluster(&error)).await;
                    }
                    self.again(key)
                }
            }
        };
        reconciled.instrument(span(key)).await
    }

    /// Reports a reconciliation that panicked or took too long, and returns when to try again.
    pub async fn report_failure(&self, key: &ResourceKey, ended: &EndedBy) -> Option<Duration> {
        let reported = async {
            tracing::error!(cause = %ended, "a reconciliation failed");
            let kind = self.kinds.get(key.kind)?;
            self.report_end(*kind, key, ended).await;
            self.again(key)
        };
        reported.instrument(span(key)).await
    }

    async fn report_end(&self, kind: Served, key: &ResourceKey, ended: &EndedBy) {
        if let Err(error) = kind.report_end(&self.context, key, ended).await {
            tracing::warn!(%error, "the status could not be written");
        }
    }

    /// Returns the pause after one more failure.
    fn again(&self, key: &ResourceKey) -> Option<Duration> {
        let delays = self.context.timing.delays(DEFAULT_INTERVAL, jitter());
        Some(self.context.memories.failed(key, &delays, now()))
    }
}

/// Returns the span of a reconciliation: its fields are on every line that is logged within it. It has the highest level, so
/// that no filter of the log removes them from a line that passes.
fn span(key: &ResourceKey) -> Span {
    let (kind, namespace, name) = (key.kind, &*key.namespace, &*key.name);
    tracing::error_span!("reconcile", kind, namespace, name, verdict = Empty)
}
