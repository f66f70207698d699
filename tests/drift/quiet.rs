//! How often the API is asked.

use crate::support::{Environment, credentials};

#[tokio::test]
async fn a_requested_reconciliation_is_one_read_and_its_text_is_echoed() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    let calls = env.calls();
    for _ in 0..3 {
        env.credentials("github").reconcile_now().await;
    }
    env.check_oracles().await;
    assert_eq!(env.calls(), calls + 3);
    let object = env.credentials("github").get().await;
    let annotations = object.metadata.annotations.as_ref().unwrap();
    let asked = &annotations["metorial.com/reconcile-requested-at"];
    assert_eq!(object.field("lastHandledReconcileAt"), asked.as_str());
}
