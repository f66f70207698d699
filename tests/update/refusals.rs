//! Requests that the API refuses for good, or until an account is changed.

use crate::support::{Environment, Form, Given, Kind, Snapshot, VALUES, credentials};
use metorial_simulator::{Action, Fault, ImportExport};
use serde_json::json;

/// Refuses all requests of this method, and checks that the refusal is reported, not repeated at once, and passes.
async fn refused(method: &str, status: u16, code: &str) {
    let env = Environment::running().await;
    let app = env.credentials("app");
    let fault = Fault::on(method, Kind::Credentials.path());
    let refusal = Action::error(status, code);
    if method == "PATCH" {
        env.create(credentials("app")).await;
        env.sim.faults().add(fault, refusal);
        app.edit(json!({"name": "renamed"})).await;
    } else {
        env.sim.faults().add(fault, refusal);
        env.apply(credentials("app")).await;
    }
    let shown = app.wait_reason("RemoteRejected").await;
    for part in [code, &status.to_string()] {
        assert!(shown.message().contains(part), "{}", shown.message());
    }
    assert_eq!(shown.condition("Stalled").unwrap().status, "True");
    let asked = env.attempts().len();
    env.check_quiet().await;
    assert_eq!(env.attempts().len(), asked, "{method} {status}");
    env.sim.faults().clear();
    app.request_reconcile().await;
    app.wait_synced().await;
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_request_that_is_invalid_for_good_is_reported_and_repeated_rarely() {
    for method in ["POST", "PATCH"] {
        refused(method, 422, "unprocessable").await;
    }
}

#[tokio::test]
async fn a_precondition_that_never_passes_is_reported_and_repeated_rarely() {
    for method in ["POST", "PATCH"] {
        refused(method, 412, "precondition_failed").await;
    }
}

#[tokio::test]
async fn an_import_or_export_that_is_not_in_the_plan_is_reported_until_it_is() {
    for form in [Form::ImportInto, Form::ImportNew, Form::Export] {
        let scenario = Given::form(form).running().await;
        let set = |to| scenario.sim.set_import_export(&scenario.instance, to);
        set(ImportExport::NotInPlan);
        scenario.apply_tested().await;
        let tested = scenario.tested();
        let shown = tested.wait_reason("PaymentRequired").await;
        assert!(shown.message().contains("change the plan at Metorial"));
        let stalled = |it: &Snapshot| it.condition("Stalled").is_some();
        assert!(stalled(&shown), "{form:?}");
        scenario.connection("default").wait_reason("Synced").await;
        scenario.check_quiet().await;
        assert_eq!(
            scenario.attempts().last(),
            Some(&format!("POST {}", form.kind().path()))
        );
        assert!(scenario.imports().is_empty() && scenario.exports().is_empty());
        set(ImportExport::Allowed);
        tested.request_reconcile().await;
        scenario.wait_synced(VALUES[0]).await;
        scenario.check_oracles().await;
    }
}
