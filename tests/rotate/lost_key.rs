//! The key of the fingerprints is lost: every fingerprint is another one, and no value has changed.

use crate::support::{Form, Given, VALUES, each};
use k8s_openapi::api::core::v1::Secret;

#[tokio::test]
async fn a_lost_key_of_the_fingerprints_costs_no_import_no_export_and_no_replacement() {
    each(Form::VALUED, async |form| {
        let mut scenario = Given::form(form).settled().await;
        scenario.stop_operator().await;
        let key = "metorial-operator-fingerprint-key";
        let installation = scenario.secret_text(key, "installation").await;
        let installation = installation.expect("it is kept beside the key");
        scenario.delete::<Secret>(key).await;
        scenario.use_installation(&installation);
        let (objects, imports) = (scenario.ever_objects().len(), scenario.imports().len());
        let exports = scenario.exports().len();
        scenario.sim.clear_journal();
        scenario.start();
        scenario.tested().reconcile_now().await;
        scenario.wait_synced(VALUES[0]).await;
        scenario.check_oracles().await;
        assert_eq!(scenario.exports().len(), exports, "{form:?}");
        let patches = scenario.patches().len();
        let only_patched = scenario.writes().len() == patches && patches <= 1;
        assert!(only_patched, "{form:?}: {:?}", scenario.writes());
        assert_eq!(scenario.ever_objects().len(), objects, "{form:?}");
        assert_eq!(scenario.imports().len(), imports, "{form:?}");

        scenario.change(VALUES[1]).await;
        scenario.wait_synced(VALUES[1]).await;
        scenario.tested().reconcile_now().await;
        let imported = !form.is_replaced() && form != Form::Credentials;
        let expected = imports + usize::from(imported);
        assert_eq!(scenario.imports().len(), expected, "{form:?}");
        scenario.check_oracles().await;
    })
    .await;
}
