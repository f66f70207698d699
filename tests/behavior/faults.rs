//! Specs and Secrets that can't be used, and an API that fails.

use super::kind::{Kind, every_kind, every_valued_kind};
use super::story::Story;
use super::support::{FOREVER, secret};
use metorial_operator::resources::RECONCILE_REQUESTED;
use metorial_simulator::{Action, Fault};
use serde_json::json;

every_valued_kind! {
    secret_missing
    value_emptied
}

every_kind! {
    create_rate_limited
    create_unavailable
    create_answer_lost
    create_lost
    create_lost_and_too_young_to_believe
    create_rejected
    create_unpaid
    create_forbidden
    update_unavailable
    update_rate_limited
    update_answer_lost
    update_rejected
    rotation_answer_lost
    rotation_rejected
    rotation_unavailable
    delete_unavailable
    delete_answer_lost
    delete_of_what_is_gone
    delete_in_use
    unavailable_without_a_change
}

async fn secret_missing(kind: Kind) {
    let mut story = Story::begin().await;
    let (name, _) = kind.secret();
    if name == "oauth-app" {
        story
            .delete::<k8s_openapi::api::core::v1::Secret>(name)
            .await;
    }
    story.apply(kind.manifest(json!({}))).await;
    story.reach(kind.it(), "SecretNotFound").await;
    story
        .apply(secret(
            name,
            &[("other", "text"), ("client-id", "Iv1.0123456789")],
        ))
        .await;
    story.reach(kind.it(), "SecretKeyNotFound").await;
    story.new_value(kind, "first").await;
    story.reach(kind.it(), "Synced").await;
    story.end("secret_missing", kind.word()).await;
}

async fn value_emptied(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    story.new_value(kind, "").await;
    story.reach(kind.it(), "InvalidValue").await;
    story.new_value(kind, "second").await;
    story.reach(kind.it(), "Synced").await;
    story.end("value_emptied", kind.word()).await;
}

/// Runs a story whose create fails once.
async fn create(kind: Kind, name: &str, action: Action) {
    let mut story = Story::of_kinds().await;
    let fault = Fault::on("POST", kind.path()).exactly().times(1);
    story.sim.faults().add(fault, action);
    story.apply(kind.manifest(json!({}))).await;
    story.reach(kind.it(), "Synced").await;
    story.end(name, kind.word()).await;
}

async fn create_rate_limited(kind: Kind) {
    let action = Action::too_many_requests(Some("1"));
    create(kind, "create_rate_limited", action).await;
}

async fn create_unavailable(kind: Kind) {
    let action = Action::error(500, "internal_server_error");
    create(kind, "create_unavailable", action).await;
}

async fn create_answer_lost(kind: Kind) {
    create(kind, "create_answer_lost", Action::CloseAfterApply).await;
}

async fn create_lost(kind: Kind) {
    create(kind, "create_lost", Action::CloseBefore).await;
}

/// A search soon after a create that finds nothing may only be too early.
async fn create_lost_and_too_young_to_believe(kind: Kind) {
    let mut story = Story::of_kinds_settling(FOREVER).await;
    let fault = Fault::on("POST", kind.path()).exactly().times(1);
    story.sim.faults().add(fault, Action::CloseBefore);
    story.apply(kind.manifest(json!({}))).await;
    story.reach(kind.it(), "AmbiguousCreate").await;
    story
        .end("create_lost_and_too_young_to_believe", kind.word())
        .await;
}

async fn create_rejected(kind: Kind) {
    let mut story = Story::of_kinds().await;
    let fault = Fault::on("POST", kind.path()).exactly();
    let fault = story
        .sim
        .faults()
        .add(fault, Action::error(400, "invalid_data"));
    story.apply(kind.manifest(json!({}))).await;
    story.reach(kind.it(), "RemoteRejected").await;
    story.sim.faults().remove(fault);
    story.spec(kind.it(), json!({"name": "renamed"})).await;
    story.reach(kind.it(), "Synced").await;
    story.end("create_rejected", kind.word()).await;
}

/// Runs a story whose create is refused until it is requested again.
async fn create_refused(kind: Kind, action: Action, reason: &str, name: &str) {
    let mut story = Story::of_kinds().await;
    let fault = Fault::on("POST", kind.path()).exactly();
    story.sim.faults().add(fault, action);
    story.apply(kind.manifest(json!({}))).await;
    story.reach(kind.it(), reason).await;
    story.sim.faults().clear();
    story.request(kind.it()).await;
    story.end(name, kind.word()).await;
}

async fn create_unpaid(kind: Kind) {
    let action = Action::error(402, "payment_required");
    create_refused(kind, action, "PaymentRequired", "create_unpaid").await;
}

async fn create_forbidden(kind: Kind) {
    let action = Action::error(403, "forbidden");
    create_refused(kind, action, "Forbidden", "create_forbidden").await;
}

/// Runs a story whose update fails once.
async fn update(kind: Kind, name: &str, action: Action) {
    let mut story = Story::with(kind, json!({})).await;
    let fault = Fault::on("PATCH", kind.path()).times(1);
    story.sim.faults().add(fault, action);
    story.spec(kind.it(), json!({"name": "renamed"})).await;
    story.reach(kind.it(), "Synced").await;
    story.end(name, kind.word()).await;
}

async fn update_unavailable(kind: Kind) {
    let action = Action::error(500, "internal_server_error");
    update(kind, "update_unavailable", action).await;
}

async fn update_rate_limited(kind: Kind) {
    let action = Action::too_many_requests(Some("1"));
    update(kind, "update_rate_limited", action).await;
}

async fn update_answer_lost(kind: Kind) {
    let lost = Action::CloseAfterApply;
    update(kind, "update_answer_lost", lost).await;
}

async fn update_rejected(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    let fault = Fault::on("PATCH", kind.path());
    let fault = story
        .sim
        .faults()
        .add(fault, Action::error(400, "invalid_data"));
    story.spec(kind.it(), json!({"name": "renamed"})).await;
    story.reach(kind.it(), "RemoteRejected").await;
    story.sim.faults().remove(fault);
    story
        .spec(kind.it(), json!({"name": "renamed again"}))
        .await;
    story.reach(kind.it(), "Synced").await;
    story.end("update_rejected", kind.word()).await;
}

/// Begins a rotation whose request fails so often.
async fn rotate(kind: Kind, times: u64, action: Action) -> Story {
    let story = Story::with(kind, json!({})).await;
    let fault = match kind {
        Kind::Deployment | Kind::AuthCredentials => Fault::on("PATCH", kind.path()),
        Kind::AuthConfig => Fault::on("POST", "/provider-auth-config-imports"),
        Kind::Config | Kind::Vault => Fault::on("POST", kind.path()),
    };
    story.sim.faults().add(fault.times(times), action);
    story.new_value(kind, "second").await;
    story
}

async fn rotation_answer_lost(kind: Kind) {
    let mut story = rotate(kind, 1, Action::CloseAfterApply).await;
    story.reach(kind.it(), "Synced").await;
    story.end("rotation_answer_lost", kind.word()).await;
}

async fn rotation_rejected(kind: Kind) {
    let action = Action::error(400, "invalid_data");
    let mut story = rotate(kind, u64::MAX, action).await;
    story.reach(kind.it(), "RemoteRejected").await;
    story.sim.faults().clear();
    story.new_value(kind, "third").await;
    story.reach(kind.it(), "Synced").await;
    story.end("rotation_rejected", kind.word()).await;
}

async fn rotation_unavailable(kind: Kind) {
    let action = Action::error(500, "internal_server_error");
    let mut story = rotate(kind, 1, action).await;
    story.reach(kind.it(), "Synced").await;
    story.end("rotation_unavailable", kind.word()).await;
}

/// Runs a story whose deletion fails once.
async fn delete(kind: Kind, name: &str, action: Action) {
    let story = Story::with(kind, json!({})).await;
    let fault = Fault::on("DELETE", kind.path()).times(1);
    story.sim.faults().add(fault, action);
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story.end(name, kind.word()).await;
}

async fn delete_unavailable(kind: Kind) {
    let action = Action::error(500, "internal_server_error");
    delete(kind, "delete_unavailable", action).await;
}

async fn delete_answer_lost(kind: Kind) {
    let lost = Action::CloseAfterApply;
    delete(kind, "delete_answer_lost", lost).await;
}

async fn delete_of_what_is_gone(kind: Kind) {
    let story = Story::with(kind, json!({})).await;
    story.sim.purge(&story.id(kind.it()).await);
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story.end("delete_of_what_is_gone", kind.word()).await;
}

/// The API refuses to delete what an integration uses.
async fn delete_in_use(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    let id = story.id(kind.it()).await;
    story.sim.set_in_use(&id, true);
    story.remove(kind.it()).await;
    story.reach(kind.it(), "DeletionBlocked").await;
    story.sim.set_in_use(&id, false);
    story
        .edit(
            kind.it(),
            json!({"metadata": {"annotations": {RECONCILE_REQUESTED: "1"}}}),
        )
        .await;
    story.gone(kind.it()).await;
    story.end("delete_in_use", kind.word()).await;
}

/// Nothing is to be written, so the conditions stay as they are.
async fn unavailable_without_a_change(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    let action = Action::error(500, "internal_server_error");
    story
        .sim
        .faults()
        .add(Fault::on("GET", kind.path()).times(1), action);
    story.request(kind.it()).await;
    story.end("unavailable_without_a_change", kind.word()).await;
}
