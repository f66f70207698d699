//! Pauses: what waits is asked of the API when its time has come or when something changes that matters, whatever else
//! happens in the cluster.

mod causes;
mod conflicts;
mod events;
mod keys;
mod repetitions;
mod requests;

use crate::support::{Environment, FOREVER, with_hook};
use futures::FutureExt;
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::settings::Settings;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many events a storm has.
const EVENTS: usize = 20;

/// The reconciliations of one kind so far.
#[derive(Clone, Default)]
struct Reconciliations(Arc<AtomicUsize>);

impl Reconciliations {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Settings that count the reconciliations of this kind.
    fn counted(&self, kind: &'static str, settings: Settings) -> Settings {
        let counter = self.0.clone();
        let counts = move |of: &str, _: &str| {
            counter.fetch_add(usize::from(of == kind), Ordering::SeqCst);
            false
        };
        with_hook(settings, counts, || std::future::ready(()).boxed())
    }
}

/// Settings whose pauses don't end within a test.
fn patient(mut settings: Settings) -> Settings {
    let timing = &mut settings.timing;
    timing.backoff = (FOREVER, FOREVER);
    timing.rest = FOREVER;
    timing.settle = FOREVER;
    timing.read_lag = FOREVER;
    settings
}

/// Waits until nothing has happened while the API server answered several requests: what an event led to is over.
async fn settled(env: &Environment) {
    let (mut before, mut same) = ((env.versions().await, env.requests()), 0);
    while same < 10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = (env.versions().await, env.requests());
        same = if now == before { same + 1 } else { 0 };
        before = now;
    }
}

/// Changes the metadata of a Secret again and again, as tools do that refresh it; each change leads to a reconciliation.
async fn refresh(env: &Environment, secret: &str, reconciliations: &Reconciliations) {
    for event in 0..EVENTS {
        let before = reconciliations.count();
        let labels = json!({"metadata": {
            "labels": {"example.com/refreshed": event.to_string()},
            "annotations": {"example.com/refreshed-at": event.to_string()},
        }});
        env.patch::<Secret>(secret, labels).await;
        env.wait_until("the change was noticed", async |_| {
            reconciliations.count() > before
        })
        .await;
    }
}
