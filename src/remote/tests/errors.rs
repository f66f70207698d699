//! Tables over the meanings of API errors.

use crate::plan::backoff::Growth;
use crate::plan::unknown_outcome::MaybeApplied;
use crate::remote::budget::Spent;
use crate::remote::error::RemoteError;
use crate::remote::testing::{ID, refusal, refusal_of_config, unreachable_error};
use crate::resources::Reason;
use metorial::Method::{Delete, Get};
use serde_json::json;
use std::time::Duration;

/// Checks reason, a part of the message, and `[needs_person, concerns_connection, may have been applied]`.
fn check(error: &RemoteError, reason: Reason, part: &str, means: [bool; 3]) {
    let message = error.message();
    assert_eq!(error.reason(), reason, "{message}");
    assert!(message.contains(part), "{part} is not in: {message}");
    let found = [
        error.needs_person(),
        error.concerns_connection(),
        error.maybe_applied() != MaybeApplied::No,
    ];
    assert_eq!(found, means, "{message}");
}

#[tokio::test]
async fn a_refusal_that_will_be_repeated_needs_a_person() {
    use Reason::{ApiVersionUnsupported, ConnectionNotReady, Forbidden, PaymentRequired};
    let (object, connection) = ([true, false, false], [true, true, false]);
    for (status, code, reason, part, means) in [
        (400, "bad_request", Reason::RemoteRejected, "400", object),
        (
            402,
            "payment_required",
            PaymentRequired,
            "change the plan at Metorial",
            object,
        ),
        (
            403,
            "forbidden",
            Forbidden,
            "the key lacks `instance.provider.auth:read`",
            object,
        ),
        (401, "unauthorized", ConnectionNotReady, "key", connection),
        (
            406,
            "bad",
            ApiVersionUnsupported,
            "check spec.baseUrl",
            connection,
        ),
    ] {
        let error = refusal(Get, status, code, json!({})).await;
        check(&error, reason, part, means);
        assert_eq!(error.wait(), None);
    }
}

#[tokio::test]
async fn an_unknown_route_is_about_the_server_and_an_unknown_id_about_the_object() {
    let route = json!({"entity": "endpoint"});
    let route = refusal(Get, 404, "not_found", route).await;
    let (reason, part) = (Reason::ApiVersionUnsupported, "no such route");
    check(&route, reason, part, [true, true, false]);
    let object = json!({"entity": "provider.auth_config", "id": ID});
    let object = refusal(Get, 404, "not_found", object).await;
    check(
        &object,
        Reason::RemoteRejected,
        "archived or deleted",
        [false; 3],
    );
}

#[tokio::test]
async fn a_failure_that_passes_is_retried_and_may_have_been_applied_only_if_it_was_a_write() {
    let unavailable = Reason::RemoteUnavailable;
    let conflict = refusal(Delete, 409, "conflict", json!({})).await;
    check(
        &conflict,
        unavailable,
        "conflict (409, conflict)",
        [false; 3],
    );
    let fields = json!({"errors": [{"code": "taken", "path": ["name"], "message": "m"}]});
    let conflict = refusal(Delete, 412, "precondition_failed", fields).await;
    let part = "conflict: name (412, precondition_failed)";
    check(&conflict, unavailable, part, [false; 3]);
    assert_eq!(conflict.failure(None).growth, Growth::TransientThenRefused);
    let connection = [false, true, false];
    let read = refusal(Get, 500, "internal_server_error", json!({})).await;
    check(&read, unavailable, "returned 500; retrying", connection);
    let unreachable = RemoteError::Api(unreachable_error().await);
    let part = "connection refused; retrying";
    check(&unreachable, unavailable, part, connection);
    let lost = refusal(Delete, 504, "timeout", json!({})).await;
    let part = "the response was lost; checking what was applied";
    check(&lost, unavailable, part, [false, false, true]);
    assert_eq!(lost.maybe_applied(), MaybeApplied::InFlight);
    let redirected = refusal(Delete, 303, "see_other", json!({})).await;
    let part = "redirect to another address, which is not followed; checking what was applied";
    check(&redirected, unavailable, part, [false, false, true]);
    let answered = refusal(Delete, 500, "internal_server_error", json!({})).await;
    let part = "the API failed on the request; checking what was applied";
    check(&answered, unavailable, part, [false, false, true]);
    assert_eq!(answered.maybe_applied(), MaybeApplied::Answered);
}

#[tokio::test]
async fn a_429_and_a_spent_budget_pass_by_themselves() {
    let throttled = refusal(Get, 429, "rate_limit_exceeded", json!({})).await;
    check(&throttled, Reason::RateLimited, "429", [false; 3]);
    assert_eq!(throttled.wait(), Some(Duration::from_secs(7)));
    let spent = RemoteError::BudgetSpent(Spent {
        wait: Duration::from_secs(9),
        message: "rate limit of organization org_1 reached".to_owned(),
    });
    check(&spent, Reason::RateLimited, "org_1", [false; 3]);
    assert_eq!(spent.wait(), Some(Duration::from_secs(9)));
}

#[test]
fn what_was_not_sent_was_not_applied() {
    let none = [false; 3];
    check(
        &RemoteError::NotLeader,
        Reason::RemoteUnavailable,
        "another replica took over; it continues the reconciliation",
        none,
    );
    check(
        &RemoteError::NotConnected,
        Reason::ConnectionNotReady,
        "the connection is not ready",
        none,
    );
}

#[test]
fn what_can_be_done_about_an_unreadable_item_depends_on_what_it_is() {
    for (is_record, part) in [
        (false, "repair or delete it at Metorial"),
        (true, "neither changed nor deleted: use another auth config"),
    ] {
        let id = ID.to_owned();
        let error = RemoteError::Unreadable { id, is_record };
        check(&error, Reason::RemoteUnavailable, part, [false; 3]);
    }
}

#[test]
fn an_export_without_its_value_needs_a_person() {
    let (error, reason) = (RemoteError::ExportWithoutValue, Reason::RemoteRejected);
    check(
        &error,
        reason,
        "import the value again",
        [true, false, false],
    );
    check(
        &RemoteError::ExportTooLarge,
        reason,
        "import a smaller value",
        [true, false, true],
    );
}

#[tokio::test]
async fn a_config_is_refused_until_its_provider_is_discovered() {
    let message = "POST /provider-configs was refused (400, bad_request): Metorial may still be discovering the provider's settings";
    let undiscovered = refusal_of_config("bad_request", json!({})).await;
    check(
        &undiscovered,
        Reason::RemoteUnavailable,
        message,
        [false; 3],
    );
    assert!(!undiscovered.message().contains("req_"));
    let failure = undiscovered.failure(None);
    assert_eq!(failure.growth, Growth::TransientThenSlow);
    assert!(failure.rejection.is_none());
    let field = json!({"errors": [{"code": "invalid", "path": ["value"], "message": "m"}]});
    for other in [
        refusal_of_config("bad_request", field).await,
        refusal_of_config("invalid_data", json!({})).await,
    ] {
        let part = "correct the ";
        check(&other, Reason::RemoteRejected, part, [true, false, false]);
        assert_eq!(other.failure(None).growth, Growth::Refused);
    }
}
