//! What is reported after a request to the API whose response was lost.

use super::fixture::{Fixture, auth_config, config, mac, policy, recorded, wanted};
use crate::plan::backoff::{MOMENT, Retry};
use crate::plan::case::{Failure, RemoteFailure};
use crate::plan::desired::Desired;
use crate::plan::on_error::on_error;
use crate::plan::policy::Policy;
use crate::plan::record::{Record, Writes};
use crate::plan::steps::Plan;
use crate::resources::{Adopt, AuthExport, AuthImport, Reason};
use serde_json::{Value, json};
use std::time::Duration;

/// Time until a search is sure to show the object.
const SETTLES_IN: Duration = Duration::from_secs(30);

fn failure(maybe_applied: bool) -> Failure {
    Failure::Remote(RemoteFailure {
        reason: Reason::RemoteUnavailable,
        message: "failed".to_owned(),
        maybe_applied,
        concerns_connection: !maybe_applied,
        needs_person: false,
        wait: None,
    })
}

fn unrecorded() -> Record {
    Record {
        finalizer: true,
        writes: Writes::Unknown,
        settles_in: SETTLES_IN,
        ..Record::default()
    }
}

fn decide(desired: &Desired, record: Record, maybe_applied: bool) -> Plan {
    Fixture::of(desired, record).ask(|case, facts| on_error(case, facts, &failure(maybe_applied)))
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
        let lost = decide(&desired, unrecorded(), true);
        assert_eq!(lost.verdict.reason, without_id, "{case}: no id recorded");
        let lost = decide(&desired, recorded(&desired, "pac_1"), true);
        assert_eq!(lost.verdict.reason, with_id, "{case}: id recorded");
        let refused = decide(&desired, unrecorded(), false);
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
    let lost = fixture.ask(|case, facts| on_error(case, facts, &failure(true)));
    assert_eq!(lost.verdict.reason, Reason::RemoteUnavailable);
}

#[test]
fn a_lost_response_to_a_deletion_keeps_its_reason() {
    let desired = config("x");
    let fixture = Fixture::of(&desired, unrecorded()).terminating();
    let lost = fixture.ask(|case, facts| on_error(case, facts, &failure(true)));
    assert_eq!(lost.verdict.reason, Reason::RemoteUnavailable);
}

#[test]
fn only_what_is_searched_for_is_tried_again_once_reads_must_show_it() {
    let at_most = |desired: &Desired| match decide(desired, unrecorded(), true).retry {
        Retry::Backoff(backoff) => backoff.at_most,
        retry => panic!("{retry:?}"),
    };
    let settled = Some(SETTLES_IN + MOMENT);
    assert_eq!(at_most(&config("x")), settled);
    assert_eq!(at_most(&import_into_existing()), settled);
    assert_eq!(
        at_most(&export()),
        None,
        "an export is made again in any case"
    );
}
