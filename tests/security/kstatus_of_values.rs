//! The reasons that only the kinds with values, records and Secrets get into.

use crate::support::{Kind, auth_config, config, export, import_into, secret};
use crate::tour::Tour;
use jiff::{SignedDuration, Timestamp};
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};

/// What is seen nowhere else.
pub const REASONS: [&str; 10] = [
    "Expired",
    "ExportBudgetSpent",
    "Exporting",
    "ImmutableFieldChanged",
    "Importing",
    "ReferenceNotFound",
    "ReferenceNotReady",
    "Replacing",
    "SecretNotOwned",
    "ValueConflict",
];

#[tokio::test]
async fn every_reason_of_values_and_records_reads_in_kstatus_as_a_person_would_say() {
    let mut tour = Tour::start().await;
    references(&mut tour).await;
    imports(&mut tour).await;
    exports(&mut tour).await;
    exports_in_need(&mut tour).await;
    replacements(&mut tour).await;
    let mut seen = tour.seen();
    seen.retain(|reason| !["Synced", "SecretNotFound"].contains(reason));
    assert_eq!(seen, REASONS.into());
}

async fn references(tour: &mut Tour) {
    tour.env.apply(export("lonely", "nowhere", "lonely")).await;
    let says = "ProviderAuthConfig nowhere";
    tour.of(
        "AuthExport",
        "lonely",
        ("ReferenceNotFound", says, "InProgress"),
    )
    .await;
    tour.env.apply(auth_config("late")).await;
    tour.of(
        "ProviderAuthConfig",
        "late",
        ("SecretNotFound", "Secret values", "InProgress"),
    )
    .await;
    tour.env.apply(export("early", "late", "early")).await;
    let says = "ProviderAuthConfig late is not ready";
    tour.of(
        "AuthExport",
        "early",
        ("ReferenceNotReady", says, "InProgress"),
    )
    .await;
    tour.env.value("token", "first").await;
    tour.of("AuthExport", "early", ("Synced", "Metorial", "Current"))
        .await;
}

async fn imports(tour: &mut Tour) {
    tour.env.apply(import_into("rival", "late", "token")).await;
    tour.of(
        "AuthImport",
        "rival",
        ("ValueConflict", "valuePolicy: Initial", "Failed"),
    )
    .await;
    tour.env
        .next("POST", "/provider-auth-config-imports", Action::CloseBefore);
    tour.env.value("token", "second").await;
    tour.of(
        "ProviderAuthConfig",
        "late",
        ("Importing", "may have been applied", "InProgress"),
    )
    .await;
    tour.env.auth_config("late").wait_ready().await;
}

async fn exports(tour: &mut Tour) {
    tour.env.apply(secret("taken", &[("theirs", "t")])).await;
    tour.env.apply(export("taken", "late", "taken")).await;
    tour.of(
        "AuthExport",
        "taken",
        ("SecretNotOwned", "choose another name", "Failed"),
    )
    .await;
    let scarce = export("scarce", "late", "scarce").spec(json!({"maxPerDay": 1}));
    tour.env.apply(scarce).await;
    tour.env.wait_secret_text("scarce", "token", "second").await;
    tour.env.value("token", "third").await;
    tour.env.wait_secret_text("early", "token", "third").await;
    tour.env.export("scarce").request_reconcile().await;
    tour.of(
        "AuthExport",
        "scarce",
        ("ExportBudgetSpent", "spec.maxPerDay", "Failed"),
    )
    .await;
}

/// An export that is due and fails, and one that is not made again when its tokens expire.
async fn exports_in_need(tour: &mut Tour) {
    let fails = Action::error(500, "internal_server_error");
    let fault = Fault::on("POST", Kind::Export.path());
    let fault = tour.env.sim.faults().add(fault, fails);
    tour.env.value("token", "fourth").await;
    tour.of(
        "AuthExport",
        "early",
        ("Exporting", "checking what was applied", "InProgress"),
    )
    .await;
    tour.env.sim.faults().remove(fault);
    tour.env.wait_secret_text("early", "token", "fourth").await;

    let id = tour.env.auth_config("late").wait_recorded().await.id();
    let until = Timestamp::now() + SignedDuration::from_secs(3);
    let value = json!({"token": "fourth", "expires_at": until.to_string()});
    assert!(tour.env.sim.edit(&id, json!({"value": value})));
    let once = export("once", "late", "once").spec(json!({"when": "Once"}));
    tour.env.apply(once).await;
    tour.of(
        "AuthExport",
        "once",
        ("Expired", "spec.when is Once", "Failed"),
    )
    .await;
}

async fn replacements(tour: &mut Tour) {
    let fixed = json!({"value": settings(1000), "replace": "Never"});
    tour.env.apply(config("fixed").spec(fixed)).await;
    tour.env.config("fixed").wait_ready().await;
    let changed = json!({"value": settings(2000), "replace": "Never"});
    tour.env.apply(config("fixed").spec(changed)).await;
    let says = "set spec.replace: Allow";
    tour.of(
        "ProviderConfig",
        "fixed",
        ("ImmutableFieldChanged", says, "Failed"),
    )
    .await;
    tour.env
        .next("POST", "/provider-configs", Action::CloseBefore);
    tour.env
        .apply(config("fixed").spec(json!({"value": settings(2000), "replace": "Allow"})))
        .await;
    tour.of(
        "ProviderConfig",
        "fixed",
        ("Replacing", "may have been created", "InProgress"),
    )
    .await;
    tour.env.config("fixed").wait_ready().await;
}

/// A value of the config.
fn settings(timeout: u64) -> Value {
    json!({"literal": {"statementTimeoutMs": timeout}})
}
