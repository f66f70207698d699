//! Tokens that expire. Time passes by the status: an export is recorded as if it had been made earlier.

use crate::support::{
    Form, Given, Kind, Loss, Manifest, Samples, Scenario, Snapshot, VALUES, each, free_address,
    import_new,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// An export of tokens that are valid for so long is about to be applied.
async fn prepared(spec: Value, lifetime: SignedDuration) -> Scenario {
    let scenario = Given::form(Form::Export).with_spec(spec).prepared().await;
    scenario.issue_tokens(VALUES[0], lifetime);
    scenario
}

/// Such an export reached its Secret.
async fn exported(spec: Value, lifetime: SignedDuration) -> Scenario {
    let mut scenario = prepared(spec, lifetime).await;
    scenario.start();
    scenario.apply_tested().await;
    scenario.wait_synced(VALUES[0]).await;
    scenario
}

async fn expires_at(scenario: &Scenario) -> Option<String> {
    let secret = scenario.api::<Secret>().get("exported").await.unwrap();
    secret.annotations().get("metorial.com/expires-at").cloned()
}

fn is_expiring(object: &Snapshot) -> bool {
    object.condition("Expiring").is_some()
}

#[tokio::test]
async fn tokens_are_exported_again_before_they_expire_and_the_secret_tells_when() {
    let scenario = exported(json!({}), HOUR * 3).await;
    let shown = scenario.tested().get().await;
    assert_eq!(
        expires_at(&scenario).await.as_deref(),
        shown.field("expiresAt").as_str()
    );
    scenario.tested().reconcile_now().await;
    assert_eq!(scenario.exports().len(), 1, "it is not time yet");

    scenario.age_export(HOUR * 2).await;
    scenario.issue_tokens(VALUES[1], HOUR * 6);
    scenario.tested().request_reconcile().await;
    scenario.wait_synced(VALUES[1]).await;
    assert_eq!(scenario.exports().len(), 2);
    let renewed = scenario.tested().get().await;
    assert_ne!(renewed.field("expiresAt"), shown.field("expiresAt"));
    assert_eq!(
        expires_at(&scenario).await.as_deref(),
        renewed.field("expiresAt").as_str()
    );
    assert!(!is_expiring(&renewed));

    // Tokens that don't expire take their place.
    let endless = json!({"value": {"token": VALUES[0], "expires_at": null}});
    assert!(scenario.sim.edit(&scenario.theirs, endless));
    scenario.age_export(HOUR * 5).await;
    scenario.tested().request_reconcile().await;
    scenario.wait_synced(VALUES[0]).await;
    assert_eq!(expires_at(&scenario).await, None);
    scenario.check_oracles_hiding(&VALUES).await;
}

#[tokio::test]
async fn expired_tokens_are_reported_at_that_moment() {
    let mut scenario = prepared(json!({"when": "Once"}), SignedDuration::from_secs(3)).await;
    scenario.start();
    scenario.apply_tested().await;
    let expired = scenario
        .tested()
        .wait_message("Expired", "spec.when is Once")
        .await;
    // The status has whole seconds.
    let until: Timestamp = expired
        .field("expiresAt")
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(Timestamp::now() + SignedDuration::from_secs(1) >= until);
    assert_eq!(expired.condition("Stalled").unwrap().status, "True");
    assert!(!is_expiring(&expired));
    assert_eq!(
        scenario.exported().await.as_deref(),
        Some(VALUES[0]),
        "the Secret stays"
    );
    scenario.check_quiet().await;
    assert_eq!(scenario.exports().len(), 1);
    let notes = scenario.tested().notes("Expired").await;
    assert_eq!(notes.len(), 1, "{notes:?}");
}

#[tokio::test]
async fn tokens_that_expired_while_no_operator_ran_are_reported_or_renewed_when_one_starts() {
    let mut scenario = exported(json!({"when": "Once"}), HOUR).await;
    scenario.stop_operator().await;
    scenario.age_export(HOUR * 2).await;
    scenario.start();
    scenario.tested().wait_reason("Expired").await;
    assert_eq!(scenario.exports().len(), 1);

    let mut scenario = exported(json!({}), HOUR).await;
    scenario.stop_operator().await;
    scenario.age_export(HOUR * 2).await;
    scenario.issue_tokens(VALUES[1], HOUR * 8);
    scenario.start();
    scenario.wait_synced(VALUES[1]).await;
    assert_eq!(scenario.exports().len(), 2);
    scenario.check_oracles().await;
}

#[tokio::test]
async fn a_renewal_that_fails_is_repeated_and_the_resource_is_ready_until_the_tokens_expire() {
    let scenario = exported(json!({}), HOUR * 8).await;
    let down = Action::error(500, "internal_server_error");
    let fault = Fault::on("POST", Kind::Export.path());
    let fault = scenario.sim.faults().add(fault, down);
    scenario.age_export(HOUR * 6).await;
    scenario.tested().request_reconcile().await;
    let expiring = scenario.tested().wait("expiring", is_expiring).await;
    assert!(expiring.is_ready(), "{}", expiring.message());
    scenario
        .tested()
        .wait_note("Expiring", "not renewed yet")
        .await;
    scenario
        .sim
        .wait_for(
            |entries| refused(entries.iter().map(|it| it.status)) >= 3,
            crate::support::PATIENCE,
        )
        .await
        .unwrap();
    assert!(scenario.tested().get().await.is_ready(), "all the while");
    assert_eq!(scenario.tested().notes("Expiring").await.len(), 1);

    scenario.age_export(HOUR * 9).await;
    scenario.tested().request_reconcile().await;
    let expired = scenario.tested().wait_reason("Expired").await;
    assert!(!is_expiring(&expired));
    scenario.issue_tokens(VALUES[1], HOUR * 8);
    scenario.sim.faults().remove(fault);
    scenario.wait_synced(VALUES[1]).await;
    assert_eq!(scenario.exports().len(), 2);
    scenario.check_oracles().await;
}

fn refused(statuses: impl Iterator<Item = u16>) -> usize {
    statuses.filter(|status| *status == 500).count()
}

#[tokio::test]
async fn a_renewal_waits_for_the_rate_limit_and_is_made_once() {
    let scenario = exported(json!({}), HOUR * 8).await;
    scenario.age_export(HOUR * 6).await;
    scenario.issue_tokens(VALUES[1], HOUR * 8);
    let limit = Action::too_many_requests(Some("1"));
    scenario.next("POST", Kind::Export.path(), limit);
    scenario.tested().request_reconcile().await;
    scenario.wait_synced(VALUES[1]).await;
    assert_eq!(scenario.exports().len(), 2);
    let limited = scenario.tested().notes("RateLimited").await;
    assert!(limited.is_empty(), "ready all the while: {limited:?}");
}

#[tokio::test]
async fn a_renewal_whose_answer_is_lost_is_made_once_more_and_counted() {
    each(
        [Loss::Closed, Loss::Cut, Loss::GatewayTimeout],
        async |loss| {
            let scenario = exported(json!({}), HOUR * 8).await;
            scenario.age_export(HOUR * 6).await;
            scenario.issue_tokens(VALUES[1], HOUR * 8);
            scenario.next("POST", Kind::Export.path(), loss.after());
            scenario.tested().request_reconcile().await;
            scenario.wait_synced(VALUES[1]).await;
            assert_eq!(scenario.exports().len(), 3);
            let shown = scenario.tested().get().await;
            let recent = shown.field("recentExports").as_array().unwrap();
            assert_eq!(recent.len(), 3, "the lost one counts");
            scenario.check_oracles().await;
        },
    )
    .await;
}

#[tokio::test]
async fn clocks_that_differ_neither_expire_tokens_nor_renew_them_early() {
    for offset in [HOUR * -24, HOUR * 24] {
        let scenario = Given::form(Form::Export).prepared().await;
        let mut scenario = scenario;
        scenario.sim.set_time_offset(offset);
        scenario.issue_tokens_until(VALUES[0], Timestamp::now() + offset + HOUR * 3);
        scenario.start();
        scenario.apply_tested().await;
        let ready = scenario.tested().wait_ready().await;
        assert!(!is_expiring(&ready), "{offset}");
        scenario.tested().reconcile_now().await;
        assert_eq!(scenario.exports().len(), 1, "{offset}");
        scenario.age_export(HOUR * 2).await;
        scenario.tested().request_reconcile().await;
        scenario
            .until("another export", async || {
                (scenario.exports().len() == 2).then_some(())
            })
            .await;
    }
}

#[tokio::test]
async fn a_lifetime_that_max_per_day_does_not_last_for_is_reported_at_once() {
    let mut scenario = prepared(json!({"maxPerDay": 2}), HOUR * 8).await;
    scenario.start();
    scenario.apply_tested().await;
    let shown = scenario.tested().wait("reported", is_expiring).await;
    assert!(shown.is_ready());
    scenario
        .tested()
        .wait_note("Expiring", "spec.maxPerDay admits 2")
        .await;
    let edit = json!({"maxPerDay": 12});
    scenario.tested().edit(edit).await;
    scenario
        .tested()
        .wait("enough", |it| it.is_ready() && !is_expiring(it))
        .await;
    assert_eq!(scenario.exports().len(), 1);
}

/// An import of a token of Slack that expires.
fn expiring_import(until: Timestamp) -> Manifest {
    let value =
        json!({"from": null, "literal": {"access_token": "xoxb", "expires_at": until.to_string()}});
    let slack = json!({"providerId": "slack", "authMethodId": "slack-oauth2", "value": value});
    import_new("tested").spec(slack)
}

#[tokio::test]
async fn an_imported_value_that_expires_is_reported_once() {
    let scenario = Given::form(Form::ImportNew).running().await;
    let until = Timestamp::now() + SignedDuration::from_secs(5);
    scenario.apply(expiring_import(until)).await;
    let over = |object: &Snapshot| {
        let expiring = object.condition("Expiring");
        expiring.is_some_and(|it| it.message.starts_with("the imported value expired at"))
    };
    let expired = scenario.tested().wait("expired", over).await;
    assert!(expired.is_ready(), "Metorial has the value all the same");
    scenario.tested().reconcile_now().await;
    let notes = scenario.tested().notes("Expiring").await;
    assert_eq!(notes.len(), 1, "{notes:?}");

    scenario
        .apply(expiring_import(Timestamp::now() + HOUR * 24))
        .await;
    scenario
        .tested()
        .wait("another", |it| it.is_ready() && !is_expiring(it))
        .await;
}

#[tokio::test]
async fn the_expiry_is_a_metric_for_as_long_as_the_resource_exists() {
    let mut scenario = prepared(json!({}), HOUR * 8).await;
    let listen = free_address();
    let settings = Settings {
        listen,
        ..scenario.settings()
    };
    scenario.start_operator_with(settings);
    scenario.apply_tested().await;
    scenario.wait_synced(VALUES[0]).await;
    let name = format!(
        "expiration_timestamp_seconds{{kind=\"AuthExport\",namespace=\"{}\",name=\"tested\"}}",
        scenario.namespace
    );
    let at = async || Samples::of(listen).await.get(&name);
    let shown = scenario.tested().get().await;
    let until: Timestamp = shown.field("expiresAt").as_str().unwrap().parse().unwrap();
    scenario
        .until("the metric", async || {
            (at().await == until.as_second() as f64).then_some(())
        })
        .await;
    scenario.tested().remove().await;
    scenario
        .until("it is gone", async || (at().await == 0.0).then_some(()))
        .await;
}
