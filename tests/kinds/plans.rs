//! `mode: Plan`: nothing is sent before exactly this plan is approved.

use super::scene::{auth_config, status};
use super::support::{World, credentials, with};
use metorial_operator::resources::{ProviderAuthConfig, ProviderAuthCredentials};
use serde_json::{Value, json};

fn approve(hash: &str) -> Value {
    json!({"metadata": {"annotations": {"metorial.com/approve": hash}}})
}

#[tokio::test]
async fn a_plan_waits_for_its_own_approval_and_a_changed_one_asks_again() {
    let world = World::running().await;
    let planned = with(credentials("github"), json!({"spec": {"mode": "Plan"}}));
    world.apply(planned).await;
    world
        .reason::<ProviderAuthCredentials>("github", "PlanPending")
        .await;
    let first = status(&world.credentials("github").await).plan.unwrap();
    assert_eq!(first.steps[0].action, "Create");
    let shown = serde_json::to_string(&first).unwrap();
    assert!(shown.contains("<hidden>") && !shown.contains(&world.client_secret));

    world
        .patch::<ProviderAuthCredentials>("github", json!({"spec": {"name": "other"}}))
        .await;
    world
        .wait_for(
            "github",
            "another plan",
            |object: &ProviderAuthCredentials| {
                status(object)
                    .plan
                    .is_some_and(|plan| plan.hash != first.hash)
            },
        )
        .await;
    world
        .patch::<ProviderAuthCredentials>("github", approve(&first.hash))
        .await;
    world.check_quiet().await;
    assert!(
        world.attempts().is_empty(),
        "an old approval lets nothing through"
    );

    let second = status(&world.credentials("github").await).plan.unwrap();
    world
        .patch::<ProviderAuthCredentials>("github", approve(&second.hash))
        .await;
    world.ready::<ProviderAuthCredentials>("github").await;
    assert_eq!(world.only_remote().readable["name"], "other");
    assert!(status(&world.credentials("github").await).plan.is_none());

    world
        .rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    world
        .reason::<ProviderAuthCredentials>("github", "PlanPending")
        .await;
    assert_eq!(
        world.only_remote().write_only["client_secret"],
        world.client_secret
    );
    let third = status(&world.credentials("github").await).plan.unwrap();
    world
        .patch::<ProviderAuthCredentials>("github", approve(&third.hash))
        .await;
    world
        .wait_remote("the new secret", |o| {
            o.write_only["client_secret"] == "rotated-0123456789"
        })
        .await;
}

#[tokio::test]
async fn an_import_is_planned_like_everything_else() {
    let world = World::running().await;
    world.value("token", "first").await;
    world.apply(auth_config("linear")).await;
    world.ready::<ProviderAuthConfig>("linear").await;
    world
        .patch::<ProviderAuthConfig>("linear", json!({"spec": {"mode": "Plan"}}))
        .await;
    world.ready::<ProviderAuthConfig>("linear").await;
    world.value("token", "second").await;
    world
        .reason::<ProviderAuthConfig>("linear", "PlanPending")
        .await;
    let object = world
        .api::<ProviderAuthConfig>()
        .get("linear")
        .await
        .unwrap();
    let plan = status(&object).plan.unwrap();
    assert_eq!(plan.steps[0].action, "Import");
    assert!(world.imports().is_empty());
    world
        .patch::<ProviderAuthConfig>("linear", approve(&plan.hash))
        .await;
    world
        .until("the import", async || {
            (world.imports().len() == 1).then_some(())
        })
        .await;
    world.ready::<ProviderAuthConfig>("linear").await;
}
