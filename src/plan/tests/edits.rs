//! Failures that pass, on resources that are to use the same connection as before or another one.

use super::fixture::{Fixture, auth_config, created, mac, policy, recorded, second, wanted};
use crate::plan::backoff::Growth;
use crate::plan::case::{Failure, RemoteFailure};
use crate::plan::not_ready::NotReady;
use crate::plan::policy::Policy;
use crate::plan::record::Record;
use crate::plan::status;
use crate::plan::steps::{Effect, Plan};
use crate::plan::unknown_outcome::MaybeApplied;
use crate::resources::{
    AuthImport, AuthImportStatus, CommonStatus, DriftEntry, DriftPolicy, InputStatus,
    ProviderAuthConfigStatus, Reason, ResourceStatus, condition,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;
use std::sync::Arc;

/// A difference that was reported before.
fn drift() -> Vec<DriftEntry> {
    vec![DriftEntry {
        field: "name".to_owned(),
        desired: "ours".to_owned(),
        observed: "theirs".to_owned(),
    }]
}

/// A failure of the API that passes by itself.
fn passing() -> Failure {
    Failure::Remote(RemoteFailure {
        reason: Reason::RemoteUnavailable,
        message: "it failed".to_owned(),
        applied: MaybeApplied::No,
        concerns_connection: false,
        growth: Growth::Transient,
        wait: None,
        rejection: None,
    })
}

/// The plan where the connection does not exist, and where the API fails, and the status after each, of a resource of generation
/// 2 that used this connection.
fn failing(used: &str, observed: i64) -> [(Plan, Reason, CommonStatus); 2] {
    let desired = auth_config("a");
    let record = Record {
        connection: Some(used.to_owned()),
        observed_generation: Some(observed),
        drift: drift(),
        ..recorded(&desired, "pac_1")
    };
    let mut unconnected = Fixture::of(&desired, record).with_policy(policy());
    unconnected.generation = 2;
    unconnected.connection.instance = None;
    unconnected.connection.problem = Some(NotReady {
        reason: Reason::ConnectionNotFound,
        message: "there is none".to_owned(),
        transient: false,
        wait: None,
    });
    let mut unanswered = Fixture::of(&desired, unconnected.record.clone());
    unanswered.policy = policy();
    unanswered.generation = 2;
    unanswered.failure = Some(passing());
    let cases = [
        (unconnected, Reason::ConnectionNotFound),
        (unanswered, Reason::RemoteUnavailable),
    ];
    cases.map(|(fixture, reason)| {
        let plan = fixture.plan();
        let mut before = ProviderAuthConfigStatus::default();
        before.common.observed_generation = Some(observed);
        before.common.drift = Some(drift());
        let next = fixture.ask(|case, _| status::next(&before, case, &plan, &[]));
        (plan, reason, next.common().clone())
    })
}

const SAME: &str = "Connection/default";
const FORMER: &str = "Connection/former";

#[test]
fn a_failure_changes_nothing_on_a_resource_that_uses_the_same_connection() {
    for observed in [1, 2] {
        for (plan, reason, status) in failing(SAME, observed) {
            assert!(plan.verdict.keeps_conditions, "{reason}");
            assert_eq!(status.conditions, None, "{reason}");
            assert_eq!(status.observed_generation, Some(observed), "{reason}");
        }
    }
}

#[test]
fn another_connection_is_not_reported_as_used_while_a_failure_keeps_it_from_that() {
    for observed in [1, 2] {
        for (plan, reason, status) in failing(FORMER, observed) {
            assert_eq!(plan.verdict.reason, reason);
            let ready = condition(status.conditions.as_deref(), "Ready").unwrap();
            assert_eq!((&*ready.status, &*ready.reason), ("False", reason.as_str()));
            assert_eq!(status.observed_generation, Some(2), "{reason}");
            let drifted = condition(status.conditions.as_deref(), "Drifted").unwrap();
            assert_eq!(drifted.message, "differs at Metorial: name", "{reason}");
            assert_eq!(status.drift, Some(drift()), "{reason}");
        }
    }
}

#[test]
fn drift_of_what_is_no_longer_desired_is_not_kept() {
    let (before, now) = (auth_config("a"), auth_config("b"));
    let record = Record {
        connection: Some(FORMER.to_owned()),
        drift: drift(),
        ..recorded(&before, "pac_1")
    };
    let mut fixture = Fixture::of(&now, record);
    fixture.connection.instance = None;
    let verdict = fixture.plan().verdict;
    assert_eq!(verdict.reason, Reason::ConnectionNotReady);
    assert!(verdict.drift.is_empty());
}

#[test]
fn a_resource_that_is_suspended_keeps_the_drift_that_was_reported() {
    let desired = auth_config("a");
    let record = Record {
        drift: drift(),
        ..recorded(&desired, "pac_1")
    };
    let suspended = Policy {
        suspend: true,
        ..policy()
    };
    let verdict = Fixture::of(&desired, record)
        .with_policy(suspended)
        .plan()
        .verdict;
    assert_eq!(verdict.reason, Reason::Suspended);
    assert_eq!(verdict.drift, drift());
}

/// True if a failure that passes keeps the conditions.
fn keeps(mut fixture: Fixture<'_>) -> bool {
    fixture.failure = Some(passing());
    fixture.plan().verdict.keeps_conditions
}

#[test]
fn a_failure_keeps_no_report_of_a_cause_that_is_over() {
    let desired = auth_config("a");
    for (shown, kept) in [
        (Reason::Synced, true),
        (Reason::PlanPending, true),
        (Reason::RemoteMissing, true),
        (Reason::OwnershipConflict, true),
        (Reason::Suspended, false),
        (Reason::SecretNotFound, false),
        (Reason::ConnectionNotReady, false),
        (Reason::NamespaceNotAllowed, false),
        (Reason::InvalidValue, false),
        (Reason::RemoteRejected, false),
    ] {
        let record = Record {
            reason: Some(shown.to_string()),
            ..recorded(&desired, "pac_1")
        };
        let fixture = Fixture::of(&desired, record).with_policy(policy());
        assert_eq!(keeps(fixture), kept, "{shown}");
    }
}

#[test]
fn what_is_only_reported_is_no_pending_change() {
    let desired = auth_config("a");
    for (drift, kept) in [(DriftPolicy::Report, true), (DriftPolicy::Correct, false)] {
        let policy = Policy { drift, ..policy() };
        let mut theirs = created(&desired, "pac_1", 9);
        theirs.fields.insert("name", json!("theirs"));
        let fixture = Fixture::of(&desired, recorded(&desired, "pac_1")).with_policy(policy);
        assert_eq!(keeps(fixture.observes(theirs)), kept, "{drift:?}");
    }
}

#[test]
fn a_later_value_than_the_one_that_is_imported_once_is_no_pending_change() {
    let value = |value: &str, when: &str| {
        let spec = json!({
            "note": "n", "authConfigId": "pac_1", "when": when, "value": {"literal": {"token": value}},
        });
        wanted::<AuthImport>("AuthImport", &spec, &mac())
    };
    for (when, kept) in [("Once", true), ("OnChange", false)] {
        let later = value("b", when);
        let record = Record {
            imports: vec!["imp_1".to_owned()],
            revision: Some(later.revision.clone()),
            ..recorded(&value("a", when), "pac_1")
        };
        let fixture = Fixture::of(&later, record).with_policy(policy());
        let fixture = fixture.observes(created(&later, "pac_1", 9));
        if kept {
            let plan = fixture.plan();
            assert!(
                plan.steps.is_empty() && plan.acknowledges,
                "{:?}",
                plan.steps
            );
            assert!(plan.verdict.message.contains("spec.when is Once"));
        }
        assert_eq!(keeps(fixture), kept, "{when}");
    }
}

#[test]
fn a_value_that_was_not_sent_is_not_recorded_as_sent() {
    let spec = json!({
        "note": "n", "authConfigId": "pac_1", "when": "Once", "value": {"literal": {"token": "b"}},
    });
    let desired = wanted::<AuthImport>("AuthImport", &spec, &mac());
    let record = Record {
        imports: vec!["imp_1".to_owned()],
        revision: None,
        inputs: Vec::new(),
        ..recorded(&desired, "pac_1")
    };
    let remote = created(&desired, "pac_1", 9);
    let fixture = Fixture::of(&desired, record).observes(remote.clone());
    let plan = fixture.plan();
    assert!(plan.acknowledges && plan.verdict.message.contains("spec.when is Once"));
    let effects = [Effect::Bound(Arc::new(remote))];
    let ours = desired.inputs[0].fingerprint.to_string();
    let other_value = format!("{}0", ours.trim_end_matches(|it: char| it != ':'));
    for (imported, known, expected) in [
        (true, None, None),
        (true, Some(other_value.as_str()), Some(other_value.as_str())),
        // Under another key it says nothing, and the value is taken for unchanged.
        (true, Some("v1:other:0"), Some(ours.as_str())),
        // The list shows that the object was created with it.
        (false, None, Some(ours.as_str())),
    ] {
        let mut before = AuthImportStatus::default();
        before.common.imports = imported.then(Vec::new);
        before.common.inputs = known.map(|fingerprint| {
            vec![InputStatus {
                field: "value".to_owned(),
                source: "spec".to_owned(),
                fingerprint: fingerprint.to_owned(),
                pushed_at: Time(second(1)),
            }]
        });
        let next = fixture.ask(|case, _| status::next(&before, case, &plan, &effects));
        let revision = next.common().last_applied_revision.as_deref();
        assert_eq!(revision, Some(desired.revision.as_str()));
        let inputs = next.common().inputs.iter().flatten();
        let found: Vec<&str> = inputs.map(|it| it.fingerprint.as_str()).collect();
        assert_eq!(found, Vec::from_iter(expected), "{known:?}");
    }
}
