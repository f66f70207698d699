//! Auth configs that an end user authorized through OAuth are read-only to the operator.

use crate::support::{Environment, VALUES, auth_config, credentials};
use serde_json::json;

#[tokio::test]
async fn an_auth_config_that_an_end_user_authorized_is_observed_and_never_written() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    let app = env.create(credentials("github")).await.id();
    let consent = json!({"name": "somebody's"});
    let id = env.sim.add_auth_config(&env.instance, &app, consent);
    env.sim.clear_journal();
    env.apply(auth_config("theirs").overriding(&id)).await;
    let refused = env
        .auth_config("theirs")
        .wait_reason("AdoptionMismatch")
        .await;
    assert!(
        refused.message().contains("Observe"),
        "{}",
        refused.message()
    );
    env.auth_config("theirs")
        .edit(json!({"mode": "Observe"}))
        .await;
    let observed = env.auth_config("theirs").wait_reason("Observed").await;
    assert!(observed.is_ready());
    assert_eq!(observed.id(), id);
    env.value("token", VALUES[1]).await;
    env.check_oracles().await;
    env.auth_config("theirs").remove().await;
    assert!(env.attempts().is_empty(), "{:?}", env.attempts());
    assert_eq!(env.sim.object(&id).unwrap().readable["status"], "active");
    env.credentials("github").delete().await;
    let blocked = env
        .credentials("github")
        .wait_reason("DeletionBlocked")
        .await;
    assert!(blocked.message().contains(&id), "{}", blocked.message());
}
