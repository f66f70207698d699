//! Objects that the server itself writes just after it has answered their create.

use crate::support::{Environment, Kind, credentials};
use metorial_simulator::{Quirk, Stored};
use serde_json::json;

#[tokio::test]
async fn what_the_server_writes_just_after_a_create_is_no_drift() {
    for drift in ["Correct", "Report"] {
        let env = Environment::running().await;
        env.sim.set_quirk(Quirk::CreateAnswersBeforeTouch, true);
        env.create(credentials("app").spec(json!({"drift": drift})))
            .await;
        let app = env.credentials("app");
        let checked = app.reconcile_now().await;
        assert!(checked.is_ready() && checked.field("drift").is_null());
        let drifted = checked.condition("Drifted");
        assert!(drifted.is_none_or(|it| it.status == "False"), "{drift}");
        app.wait_synced().await;
        assert!(env.patches().is_empty(), "{drift}");
        assert!(app.notes("DriftCorrected").await.is_empty());
        // Its time is recorded once, and what others write from then on is theirs.
        env.sim
            .edit(&checked.id(), json!({"client_secret": "theirs"}));
        app.request_reconcile().await;
        if drift == "Correct" {
            let corrected = env.client_secret.as_str();
            let is_ours = |remote: &Stored| remote.write_only["client_secret"] == corrected;
            env.wait_only(Kind::Credentials, "corrected", is_ours).await;
        } else {
            app.wait("drifted", |object| !object.drifted().is_empty())
                .await;
        }
    }
}
