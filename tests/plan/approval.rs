//! `mode: Plan` for every kind: nothing is sent before exactly this plan is approved.

use crate::support::{Form, Given, Scenario, THIRD, VALUES, each};
use serde_json::{Value, json};

/// The resource in mode Plan.
async fn planned(form: Form) -> Scenario {
    let scenario = Given::form(form)
        .with_spec(json!({"mode": "Plan"}))
        .running()
        .await;
    scenario.apply_tested().await;
    scenario
}

/// Approves the plan once it was seen that it waits; returns its hash.
async fn approve_pending(scenario: &Scenario, former: &str, action: &str, value: &str) -> String {
    let plan = scenario.tested().wait_plan(former).await;
    assert_eq!(plan["steps"][0]["action"], action, "{plan}");
    scenario.tested().wait_reason("PlanPending").await;
    scenario.check_quiet().await;
    for value in [VALUES[0], VALUES[1], THIRD] {
        assert!(!plan.to_string().contains(value), "{plan}");
    }
    let hash = plan["hash"].as_str().unwrap().to_owned();
    scenario.tested().approve(&hash).await;
    scenario.wait_synced(value).await;
    hash
}

fn hash(plan: &Value) -> &str {
    plan["hash"].as_str().unwrap()
}

#[tokio::test]
async fn each_kind_waits_for_the_approval_of_its_plan_and_asks_again_for_a_changed_one() {
    each(Form::ALL, async |form| {
        let scenario = planned(form).await;
        let first = scenario.tested().wait_plan("").await;
        let attempts = scenario.attempts();
        let approved = approve_pending(&scenario, "", form.create_action(), VALUES[0]).await;
        assert!(attempts.is_empty(), "{form:?}: {attempts:?}");
        assert_eq!(hash(&first), approved, "a plan that stays has one hash");

        scenario.change(VALUES[1]).await;
        let second = scenario.tested().wait_plan(&approved).await;
        scenario.change(THIRD).await;
        let third = scenario.tested().wait_plan(hash(&second)).await;
        assert_ne!(hash(&third), approved, "{form:?}");
        let before = scenario.attempts();
        for old in [approved.as_str(), hash(&second), "0000000000000000"] {
            scenario.tested().approve(old).await;
            scenario.check_quiet_after_approval().await;
        }
        assert_eq!(
            before,
            scenario.attempts(),
            "an old approval approves nothing"
        );
        approve_pending(&scenario, hash(&second), form.change_action(), THIRD).await;
        let object = scenario.tested().get().await;
        assert!(object.field("plan").is_null(), "{form:?}");
        scenario.check_oracles().await;
    })
    .await;
}

impl Scenario {
    /// Waits until the reconciliation that saw the approval is over.
    async fn check_quiet_after_approval(&self) {
        self.tested().reconcile_now().await;
        self.check_quiet().await;
    }
}

#[tokio::test]
async fn a_changed_name_is_planned_and_sent_as_it_was_approved() {
    each(Form::EDITABLE, async |form| {
        let scenario = planned(form).await;
        let first = scenario.tested().wait_plan("").await;
        scenario.tested().edit(json!({"name": "other"})).await;
        let second = scenario.tested().wait_plan(hash(&first)).await;
        scenario.tested().approve(hash(&first)).await;
        scenario.check_quiet_after_approval().await;
        assert!(
            scenario.attempts().is_empty(),
            "an old approval approves nothing"
        );
        scenario.tested().approve(hash(&second)).await;
        scenario.wait_synced(VALUES[0]).await;
        assert_eq!(
            scenario.remote_object().readable["name"],
            "other",
            "{form:?}"
        );
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_deletion_waits_for_its_approval() {
    each(Form::OWNING, async |form| {
        let scenario = planned(form).await;
        let created = approve_pending(&scenario, "", "Create", VALUES[0]).await;
        scenario.tested().delete().await;
        let plan = scenario.tested().wait_plan(&created).await;
        assert_eq!(plan["steps"][0]["action"], "Delete", "{form:?}");
        scenario.check_quiet().await;
        assert_eq!(scenario.live_objects().len(), 1, "{form:?}");
        scenario.tested().approve(hash(&plan)).await;
        scenario.tested().wait_gone().await;
        assert!(scenario.live_objects().is_empty(), "{form:?}");
    })
    .await;
}

#[tokio::test]
async fn a_deletion_that_leaves_the_object_needs_no_approval() {
    each(Form::OWNING, async |form| {
        let scenario = planned(form).await;
        approve_pending(&scenario, "", "Create", VALUES[0]).await;
        let orphan = json!({"deletionPolicy": "Orphan"});
        scenario.tested().edit(orphan).await;
        scenario.tested().remove().await;
        assert_eq!(scenario.live_objects().len(), 1, "{form:?}");
    })
    .await;
}

#[tokio::test]
async fn a_mode_that_is_changed_to_plan_holds_the_next_change_back() {
    each(Form::VALUED, async |form| {
        let scenario = Given::form(form).settled().await;
        scenario.tested().edit(json!({"mode": "Plan"})).await;
        scenario.wait_synced(VALUES[0]).await;
        scenario.sim.clear_journal();
        scenario.change(VALUES[1]).await;
        let before = scenario.attempts();
        let plan = scenario.tested().wait_plan("").await;
        assert_eq!(plan["steps"][0]["action"], form.change_action(), "{form:?}");
        scenario.tested().wait_reason("PlanPending").await;
        scenario.check_quiet().await;
        assert_eq!(before, scenario.attempts(), "{form:?}");
        scenario.tested().approve(hash(&plan)).await;
        scenario.wait_synced(VALUES[1]).await;
        scenario.check_oracles().await;
    })
    .await;
}
