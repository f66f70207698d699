//! What is reported after a request to the API that may have been applied, and when the next one is sent.

use super::fixture::{
    Fixture, auth_config, case, config, created, mac, owner, policy, recorded, wanted,
};
use crate::plan::backoff::{Backoff, Delays, Growth, MOMENT, Retry};
use crate::plan::case::{Case, Failure, RemoteFailure};
use crate::plan::children::{ChildSpec, ChildState};
use crate::plan::desired::Desired;
use crate::plan::facts::{Answer, Facts, Query};
use crate::plan::on_error::on_error;
use crate::plan::policy::Policy;
use crate::plan::publish::publish;
use crate::plan::record::{Record, Writes};
use crate::plan::steps::Plan;
use crate::plan::unknown_outcome::MaybeApplied;
use crate::resources::{Adopt, AuthExport, AuthImport, Reason};
use serde_json::{Value, json};
use std::time::Duration;

/// Time after which a write without a response is no longer applied, and its object shown.
const SETTLE: Duration = Duration::from_secs(45);
/// Time after which the object of a write that was answered is shown.
const READ_LAG: Duration = Duration::from_secs(10);

fn failure(applied: MaybeApplied) -> Failure {
    Failure::Remote(RemoteFailure {
        reason: Reason::RemoteUnavailable,
        message: "failed".to_owned(),
        applied,
        concerns_connection: applied == MaybeApplied::No,
        growth: Growth::Transient,
        wait: None,
        rejection: None,
    })
}

fn unrecorded() -> Record {
    Record {
        finalizer: true,
        writes: Writes::Unknown,
        ..Record::default()
    }
}

fn decide(desired: &Desired, record: Record, applied: MaybeApplied) -> Plan {
    Fixture::of(desired, record).ask(|case, facts| on_error(case, facts, &failure(applied)))
}

fn import(target: &Value) -> Desired {
    let mut spec = json!({"note": "moved", "value": {"literal": {"token": "x"}}});
    let members = target.as_object().unwrap().clone();
    spec.as_object_mut().unwrap().extend(members);
    wanted::<AuthImport>("AuthImport", &spec, &mac())
}

fn import_into_existing() -> Desired {
    import(&json!({"authConfigId": "pac_1"}))
}

fn export() -> Desired {
    let spec = json!({"note": "n", "authConfigId": "pac_1", "secret": {"name": "tokens"}});
    wanted::<AuthExport>("AuthExport", &spec, &mac())
}

#[test]
fn a_lost_response_is_an_ambiguous_create_only_where_the_request_would_have_created_the_object() {
    use Reason::{AmbiguousCreate, Exporting, Importing, RemoteUnavailable};
    let cases = [
        ("created", config("x"), AmbiguousCreate, RemoteUnavailable),
        (
            "created, then imported into",
            auth_config("x"),
            AmbiguousCreate,
            RemoteUnavailable,
        ),
        (
            "created by an import",
            import(&json!({"providerId": "linear"})),
            AmbiguousCreate,
            RemoteUnavailable,
        ),
        (
            "imported into an existing object",
            import_into_existing(),
            Importing,
            Importing,
        ),
        ("exported", export(), Exporting, Exporting),
    ];
    for (case, desired, without_id, with_id) in cases {
        for applied in [MaybeApplied::InFlight, MaybeApplied::Answered] {
            let lost = decide(&desired, unrecorded(), applied);
            assert_eq!(lost.verdict.reason, without_id, "{case}: no id recorded");
            let lost = decide(&desired, recorded(&desired, "pac_1"), applied);
            assert_eq!(lost.verdict.reason, with_id, "{case}: id recorded");
        }
        let refused = decide(&desired, unrecorded(), MaybeApplied::No);
        assert_eq!(refused.verdict.reason, RemoteUnavailable, "{case}: refused");
    }
}

#[test]
fn a_lost_response_to_the_update_that_adopts_an_object_is_no_ambiguous_create() {
    let desired = config("x");
    let adopt = Some(Adopt {
        id: "pcf_1".to_owned(),
        policy: None,
    });
    let fixture = Fixture::of(&desired, unrecorded()).with_policy(Policy { adopt, ..policy() });
    let lost = fixture.ask(|case, facts| on_error(case, facts, &failure(MaybeApplied::InFlight)));
    assert_eq!(lost.verdict.reason, Reason::RemoteUnavailable);
}

#[test]
fn a_lost_response_to_a_deletion_keeps_its_reason() {
    let desired = config("x");
    let fixture = Fixture::of(&desired, unrecorded()).terminating();
    let lost = fixture.ask(|case, facts| on_error(case, facts, &failure(MaybeApplied::InFlight)));
    assert_eq!(lost.verdict.reason, Reason::RemoteUnavailable);
}

#[test]
fn the_message_names_the_connection_in_use_where_the_status_shows_another_one() {
    let desired = config("x");
    let message = |connection: &str| {
        let record = Record {
            connection: Some(connection.to_owned()),
            ..recorded(&desired, "pcf_1")
        };
        let fixture = Fixture::of(&desired, record).terminating();
        let plan = fixture.ask(|case, facts| on_error(case, facts, &failure(MaybeApplied::No)));
        plan.verdict.message
    };
    assert_eq!(message("Connection/default"), "failed");
    let other = "failed; the request was sent through Connection/default, not Connection/other";
    assert_eq!(message("Connection/other"), other);
}

fn backoff(desired: &Desired, applied: MaybeApplied) -> Backoff {
    match decide(desired, unrecorded(), applied).retry {
        Retry::Backoff(backoff) => backoff,
        retry => panic!("{retry:?}"),
    }
}

#[test]
fn only_what_is_searched_for_is_tried_again_once_reads_must_show_it() {
    let at_most = |desired: &Desired| backoff(desired, MaybeApplied::InFlight).at_most;
    let settled = Some(SETTLE + MOMENT);
    assert_eq!(at_most(&config("x")), settled);
    assert_eq!(at_most(&import_into_existing()), settled);
    assert_eq!(
        at_most(&export()),
        None,
        "an export is made again in any case"
    );
}

#[test]
fn what_the_api_answered_is_searched_for_once_and_soon() {
    let caught_up = READ_LAG + MOMENT;
    for (desired, at_least) in [
        (config("x"), caught_up),
        (import_into_existing(), caught_up),
        (export(), Duration::ZERO),
    ] {
        let backoff = backoff(&desired, MaybeApplied::Answered);
        assert_eq!((backoff.at_least, backoff.at_most), (at_least, None));
    }
}

#[test]
fn three_answered_failures_of_a_create_in_a_row_take_less_than_a_minute() {
    let delays = Delays {
        transient: (Duration::from_secs(1), Duration::from_secs(300)),
        interval: Duration::from_secs(600),
        rest: Duration::from_secs(10),
        jitter: 1.0,
    };
    let retry = Retry::Backoff(backoff(&config("x"), MaybeApplied::Answered));
    let pauses = (1..=3).filter_map(|failures| delays.pause(&retry, failures));
    let total: Duration = pauses.sum();
    assert!(total < Duration::from_secs(60), "{total:?}");
}

#[test]
fn only_after_an_answered_failure_nothing_is_looked_for_until_reads_have_caught_up() {
    let settles_in = Duration::from_secs(3);
    let (before, after) = (config("a"), config("b"));
    let (old, new) = (auth_config("a"), auth_config("b"));
    let imports = Query::Imports("id_1".to_owned());
    let cases = [
        (Reason::AmbiguousCreate, None, &after, Query::Search),
        (Reason::Replacing, Some(&before), &after, Query::Search),
        (Reason::Importing, Some(&old), &new, imports),
    ];
    for (reason, existing, desired, query) in cases {
        let decide = |inconclusive| {
            let record = existing.map_or_else(unrecorded, |it| recorded(it, "id_1"));
            let record = Record {
                writes: Writes::Unknown,
                settles_in,
                inconclusive,
                ..record
            };
            let fixture = Fixture::of(desired, record);
            match existing {
                Some(it) => fixture.observes(created(it, "id_1", 9)).decide(),
                None => fixture.decide(),
            }
        };
        let waits = decide(true).unwrap();
        assert_eq!(waits.verdict.reason, reason);
        let backoff = Backoff::transient().at_least(settles_in + MOMENT);
        assert_eq!(waits.retry, Retry::Backoff(backoff), "{reason}");
        // What was lost may turn up at any time.
        assert_eq!(decide(false).unwrap_err(), query, "{reason}");
    }
}

#[test]
fn a_failed_request_keeps_its_backoff_while_its_config_map_belongs_to_somebody_else() {
    let desired = config("a");
    let (owner, key, record) = (owner("uid"), mac(), recorded(&desired, "pcf_1"));
    let case = Case {
        publish: Some("ids".to_owned()),
        ..case(&owner, &key, Some(&desired), &record)
    };
    for (state, reason, wait) in [
        (ChildState::OfPredecessor, Reason::Updating, Some(10)),
        (ChildState::Foreign, Reason::OwnershipConflict, None),
    ] {
        let mut facts = Facts::default();
        let query = Query::Child(ChildSpec::config_map("ids"));
        facts.add(query, Answer::Child(state));
        let reported = |plan| {
            let plan = publish(&case, &facts, plan).unwrap();
            (plan.verdict.reason, plan.retry)
        };
        let in_sync = Retry::Interval(wait.map(Duration::from_secs));
        let done = Plan::synced(&desired, Vec::new());
        assert_eq!(reported(done), (reason, in_sync));
        let failed = on_error(&case, &facts, &failure(MaybeApplied::No));
        let backoff = Retry::Backoff(Backoff::transient());
        assert_eq!(reported(failed), (Reason::RemoteUnavailable, backoff));
    }
}

#[test]
fn what_may_pass_and_does_not_is_reported_as_a_refusal() {
    let (desired, owner, key) = (config("x"), owner("uid"), mac());
    let decide = |growth: Growth, uncertain_failures: u32| {
        let case = Case {
            uncertain_failures,
            ..case(&owner, &key, Some(&desired), &unrecorded())
        };
        let failure = Failure::Remote(RemoteFailure {
            reason: Reason::RemoteUnavailable,
            message: "create: conflict: name (409, conflict)".to_owned(),
            applied: MaybeApplied::No,
            concerns_connection: false,
            growth,
            wait: None,
            rejection: None,
        });
        on_error(&case, &Facts::default(), &failure)
    };
    let (conflict, slow) = (Growth::TransientThenRefused, Growth::TransientThenSlow);
    for (of, uncertain_failures, reason, next) in [
        (conflict, 0, Reason::RemoteUnavailable, "; retrying"),
        (conflict, 4, Reason::RemoteUnavailable, "; retrying"),
        (conflict, 5, Reason::RemoteRejected, "; repeated attempts"),
        (conflict, 9, Reason::RemoteRejected, "; repeated attempts"),
        (slow, 4, Reason::RemoteUnavailable, "; retrying"),
        (slow, 5, Reason::RemoteRejected, ", which can take a while"),
    ] {
        let Plan { verdict, retry, .. } = decide(of, uncertain_failures);
        assert_eq!(verdict.reason, reason, "{uncertain_failures}");
        let message = format!("create: conflict: name (409, conflict){next}");
        assert!(verdict.message.starts_with(&message), "{}", verdict.message);
        assert!(!verdict.keeps_conditions);
        let growth = match retry {
            Retry::Backoff(backoff) => backoff.growth,
            other => panic!("{other:?}"),
        };
        assert_eq!(growth, of, "{uncertain_failures}");
    }
}
