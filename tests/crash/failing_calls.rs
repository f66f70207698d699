//! Every call to the Kubernetes API fails once, in each way in which an API server or something before it fails: the life
//! of a resource ends as if nothing had happened, with the same requests to Metorial, and the operator runs on.

use crate::support::{ApiCall, FailingCalls, Form, Given, Moment, Scenario, VALUES, each};
use Moment::{After, Before};

/// Statuses, and whether the calls took effect.
const FAILURES: [(&[u16], Moment); 4] = [
    (&[429], Before),
    (&[500, 503, 504], Before),
    // As with a token that has expired.
    (&[401], Before),
    (&[500, 504], After),
];

/// Creates the resource, changes its value and deletes it. Returns the writes at Metorial, but for exports: a Secret that may
/// not have been written is written with a new one.
async fn live(scenario: &Scenario) -> Vec<ApiCall> {
    scenario.apply_tested().await;
    scenario.wait_synced(VALUES[0]).await;
    scenario.change(VALUES[1]).await;
    scenario.wait_synced(VALUES[1]).await;
    scenario.tested().delete().await;
    scenario.tested().wait_gone().await;
    let mut calls: Vec<ApiCall> = scenario.sim.journal().iter().map(ApiCall::of).collect();
    calls.retain(|call| !call.is_read() && !call.path.ends_with("-exports"));
    calls
}

#[tokio::test]
async fn every_call_to_kubernetes_may_fail_once_in_each_life() {
    each(Form::VALUED, async |form| {
        let calm = Given::form(form).running().await;
        let wanted = live(&calm).await;
        drop(calm);
        for (statuses, moment) in FAILURES {
            let mut scenario = Given::form(form).prepared().await;
            let calls = FailingCalls::with(statuses, moment);
            scenario.start_operator_failing(&calls);
            assert_eq!(live(&scenario).await, wanted, "{statuses:?} {moment:?}");
            let failed = calls.failed();
            let of_tested = |verb: &str| {
                failed
                    .iter()
                    .any(|call| call.starts_with(verb) && call.contains("/tested"))
            };
            assert!(of_tested("GET") && of_tested("PATCH"), "{failed:?}");
            scenario.check_oracles().await;
        }
    })
    .await;
}
