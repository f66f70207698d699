//! The reasons that only the kinds with values, records and Secrets get into.

use crate::support::{auth_config, config, export, secret};
use crate::tour::Tour;
use metorial_simulator::{Action, Fault};
use serde_json::json;

/// What is seen nowhere else.
pub const REASONS: [&str; 8] = [
    "ExportBudgetSpent",
    "ImmutableFieldChanged",
    "Importing",
    "ReferenceNotFound",
    "ReferenceNotReady",
    "Replacing",
    "SecretNotOwned",
    "ValueConflict",
];

#[tokio::test]
async fn every_reason_of_values_and_records_reads_as_a_person_would_say() {
    let mut tour = Tour::start().await;
    references(&mut tour).await;
    imports(&mut tour).await;
    exports(&mut tour).await;
    replacements(&mut tour).await;
    let mut seen = tour.seen();
    seen.retain(|reason| !["Synced", "SecretNotFound"].contains(reason));
    assert_eq!(seen, REASONS.into());
}

async fn references(tour: &mut Tour) {
    tour.env.apply(export("lonely", "nowhere")).await;
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
    tour.env.apply(export("early", "late")).await;
    let says = "ProviderAuthConfig late is not ready";
    tour.of(
        "AuthExport",
        "early",
        ("ReferenceNotReady", says, "InProgress"),
    )
    .await;
    tour.env.apply_token("first").await;
    tour.of("AuthExport", "early", ("Synced", "Metorial", "Current"))
        .await;
}

async fn imports(tour: &mut Tour) {
    tour.env.apply(import("rival", "late")).await;
    tour.of(
        "AuthImport",
        "rival",
        ("ValueConflict", "valuePolicy: Initial", "Failed"),
    )
    .await;
    let lose = Fault::on("POST", "/provider-auth-config-imports").times(1);
    tour.env.sim.faults().add(lose, Action::CloseBefore);
    tour.env.apply_token("second").await;
    tour.of(
        "ProviderAuthConfig",
        "late",
        ("Importing", "looking for it", "InProgress"),
    )
    .await;
    tour.env.auth_config("late").wait_ready().await;
}

async fn exports(tour: &mut Tour) {
    tour.env.apply(secret("taken", &[("theirs", "t")])).await;
    tour.env.apply(export("taken", "late")).await;
    tour.of(
        "AuthExport",
        "taken",
        ("SecretNotOwned", "choose another name", "Failed"),
    )
    .await;
    let scarce = export("scarce", "late").spec(json!({"maxPerDay": 1}));
    tour.env.apply(scarce).await;
    tour.env.wait_token("scarce", "second").await;
    tour.env.apply_token("third").await;
    tour.env.wait_token("early", "third").await;
    tour.env.export("scarce").request_reconcile().await;
    tour.of(
        "AuthExport",
        "scarce",
        ("ExportBudgetSpent", "spec.maxPerDay", "Failed"),
    )
    .await;
}

async fn replacements(tour: &mut Tour) {
    let fixed = json!({"value": settings(1000), "replace": "Never"});
    tour.env.apply(config("fixed", &fixed)).await;
    tour.env.config("fixed").wait_ready().await;
    let changed = json!({"value": settings(2000), "replace": "Never"});
    tour.env.apply(config("fixed", &changed)).await;
    let says = "set replace: Allow";
    tour.of(
        "ProviderConfig",
        "fixed",
        ("ImmutableFieldChanged", says, "Failed"),
    )
    .await;
    let lose = Fault::on("POST", "/provider-configs").times(1);
    tour.env.sim.faults().add(lose, Action::CloseBefore);
    tour.env
        .apply(config(
            "fixed",
            &json!({"value": settings(2000), "replace": "Allow"}),
        ))
        .await;
    tour.of(
        "ProviderConfig",
        "fixed",
        ("Replacing", "looking for it", "InProgress"),
    )
    .await;
    tour.env.config("fixed").wait_ready().await;
}
