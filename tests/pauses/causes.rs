//! A cause that is over is reported no longer, whatever the resource waits for.

use super::{patient, settled};
use crate::support::{Environment, credentials};
use k8s_openapi::api::core::v1::Secret;
use metorial_simulator::{Action, Fault};
use serde_json::json;

const PATH: &str = "/provider-auth-credentials";

#[tokio::test]
async fn a_refused_create_is_reported_again_once_a_key_that_was_missing_is_back() {
    let mut env = Environment::new().await;
    let refusal = Action::error(400, "bad_request");
    env.sim.faults().add(Fault::on("POST", PATH), refusal);
    env.start_operator_with(patient(env.settings()));
    env.apply(credentials("github")).await;
    let github = env.credentials("github");
    github.wait_reason("RemoteRejected").await;
    settled(&env).await;
    let asked = env.requests();

    let value = env.secret_text("oauth-app", "client-secret").await.unwrap();
    let gone = json!({"data": {"client-secret": null}});
    env.patch::<Secret>("oauth-app", gone).await;
    github.wait_reason("SecretKeyNotFound").await;
    env.rotate("oauth-app", "client-secret", &value).await;
    let object = github.wait_reason("RemoteRejected").await;
    assert_eq!(
        object.condition("ReferencesResolved").unwrap().status,
        "True"
    );
    settled(&env).await;
    assert_eq!(env.requests(), asked, "nothing is sent again for that");
}

#[tokio::test]
async fn a_value_that_is_valid_again_is_not_called_invalid_while_the_key_is_refused() {
    let mut env = Environment::new().await;
    env.start_operator_with(patient(env.settings()));
    env.create(credentials("github")).await;
    let github = env.credentials("github");
    let value = env.secret_text("oauth-app", "client-secret").await.unwrap();
    env.sim.revoke_key(&env.key);
    env.connection("default").request_reconcile().await;
    env.connection("default").wait_reason("Unauthorized").await;

    env.rotate("oauth-app", "client-secret", "").await;
    github.wait_reason("InvalidValue").await;
    env.rotate("oauth-app", "client-secret", &value).await;
    github.wait_reason("ConnectionNotReady").await;
}
