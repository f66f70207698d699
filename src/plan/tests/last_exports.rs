//! What is known of the last export after a crash, a changed spec or a failure, and what its Secret gets back.

use super::expiry::{HOUR, report, tokens};
use super::export_story::{Story, export};
use super::fixture::{denying, pause, second};
use crate::plan::backoff::Growth;
use crate::plan::case::{Failure, RemoteFailure};
use crate::plan::children::{ChildKind, ChildSpec, ChildState, RememberedValue};
use crate::plan::desired::{Desired, When};
use crate::plan::export_record::in_secret;
use crate::plan::facts::Query;
use crate::plan::not_ready::NotReady;
use crate::plan::restart::pending_from;
use crate::plan::steps::{Plan, Step};
use crate::plan::unknown_outcome::MaybeApplied;
use crate::plan::verdict::Verdict;
use crate::resources::{ExportStatus, ExportTimes, Reason, Workload, WorkloadKind};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::time::Duration;

fn exports(plan: &Plan) -> bool {
    plan.has(|step| matches!(step, Step::Export { .. }))
}

fn writes(plan: &Plan) -> bool {
    plan.has(|step| matches!(step, Step::ApplyChild(_)))
}

fn recorded(plan: &Plan) -> Option<ExportStatus> {
    plan.steps.iter().rev().find_map(|step| match step {
        Step::RecordExport(export) => Some(export.clone()),
        _ => None,
    })
}

/// The Secret with the content that this export records.
fn holding(export: ExportStatus) -> ChildState {
    ChildState::Owned {
        fingerprint: export.secret_fingerprint.clone().unwrap(),
        in_shape: true,
        export: Some(Box::new(export)),
    }
}

fn day_later(story: Story) -> Story {
    story.at(10 + 24 * HOUR)
}

#[test]
fn a_value_that_was_imported_before_when_was_set_to_on_change_is_exported() {
    for before in [
        When::Once,
        When::Every(jiff::SignedDuration::from_hours(48)),
    ] {
        let mut story = day_later(Story::exported(before).moved(20).imports(&[10, 20]));
        let plan = story.plan();
        assert!(!exports(&plan), "{before:?}");
        story.record.export = recorded(&plan).unwrap_or(story.record.export);
        story.when = When::OnChange;
        assert!(exports(&story.plan()), "{before:?}");
    }
}

#[test]
fn an_import_that_came_between_the_list_and_the_read_of_the_export_is_no_reason_for_another() {
    let mut story = Story::exported(When::OnChange).moved(20).imports(&[10]);
    story.record.export.export_id = None;
    let plan = day_later(story).plan();
    let newest = plan.steps.iter().find_map(|step| match step {
        Step::Export { newest_import, .. } => Some(newest_import.clone()),
        _ => None,
    });
    assert_eq!(
        newest,
        Some(None),
        "the list does not explain the write of second 20"
    );
    let mut later = Story::exported(When::OnChange).moved(30).imports(&[10, 20]);
    later.record.export.newest_import_id = None;
    later.record.export.auth_config_updated_at = Some(second(20).to_string());
    assert!(!exports(&day_later(later).plan()));
}

#[test]
fn an_export_is_of_the_auth_config_that_it_was_made_of_whatever_the_status_names() {
    // Another auth config was exported, and the change undone, before a status recorded it; or the status was lost.
    for id in [Some("pac_1".to_owned()), None] {
        let mut story = day_later(Story::exported(When::OnChange));
        let other = ExportStatus {
            exported_from: Some("pac_0".to_owned()),
            ..export("two", 11)
        };
        story.secret = holding(other);
        story.record.id = id.clone();
        assert!(exports(&story.plan()), "{id:?}");
    }
    // The same without the change undone: the Secret has the value already.
    let mut story = day_later(Story::exported(When::OnChange));
    story.secret = holding(ExportStatus {
        exported_from: Some("pac_1".to_owned()),
        auth_config_updated_at: Some(second(10).to_string()),
        ..export("two", 11)
    });
    story.record.id = Some("pac_0".to_owned());
    let plan = story.plan();
    assert!(!exports(&plan) && !writes(&plan));
    assert!(plan.has(|step| matches!(step, Step::Bind { .. })));
}

#[test]
fn a_secret_that_got_another_form_or_name_right_before_a_crash_is_recorded() {
    let mut story = Story::exported(When::Once);
    story.record.export.secret_name = Some("former".to_owned());
    let in_another_form = ExportStatus {
        secret_fingerprint: Some("v1:key:json".to_owned()),
        secret_name: Some("tokens".to_owned()),
        ..story.record.export.clone()
    };
    story.secret = holding(in_another_form.clone());
    let plan = day_later(story).plan();
    assert!(!exports(&plan) && !writes(&plan));
    assert_eq!(recorded(&plan), Some(in_another_form));
    let remove = Step::RemoveChild(ChildKind::Secret, "former".to_owned());
    assert!(plan.steps.contains(&remove), "{:?}", plan.steps);
}

#[test]
fn of_two_processes_clocks_that_of_the_api_decides_which_export_is_later() {
    let at = |id: &str, exported: i64, created: i64| ExportStatus {
        created_at: Some(second(created).to_string()),
        ..export(id, exported)
    };
    let mut story = Story::exported(When::Once);
    story.record.export = at("one", 100, 10);
    story.secret = holding(at("two", 20, 20));
    assert_eq!(
        recorded(&story.plan()).unwrap().export_id.as_deref(),
        Some("two")
    );
    story.record.export = at("two", 20, 20);
    story.secret = holding(at("one", 100, 10));
    assert_eq!(recorded(&story.plan()), None, "restored from an older copy");
}

#[test]
fn a_suspended_export_whose_secret_is_to_have_another_form_is_not_ready() {
    let mut story = Story::exported(When::Once);
    story.suspend = true;
    assert!(story.plan().verdict.ready);
    story.when = When::OnChange;
    assert!(!story.plan().verdict.ready, "another spec.when");
    let mut story = Story::exported(When::Once);
    story.suspend = true;
    story.secret = ChildState::Missing;
    assert!(!story.plan().verdict.ready, "whatever the status says");
    assert!(!writes(&story.plan()));
    // The Secret is read before anything is decided.
    let asked = story.with(|fixture| fixture.knowing(|_| false).decide());
    assert!(matches!(asked, Err(Query::Child(_))), "{asked:?}");
}

fn unusable(reason: Reason) -> NotReady {
    NotReady {
        reason,
        message: String::new(),
        transient: false,
        wait: None,
    }
}

#[test]
fn what_keeps_the_conditions_writes_the_secret_again_as_well() {
    let mut story = Story::exported(When::OnChange);
    story.record.known_value = RememberedValue::Value;
    story.secret = ChildState::Missing;
    for reason in [Reason::ApiVersionUnsupported, Reason::RemoteUnavailable] {
        let failure = Failure::Remote(RemoteFailure {
            reason,
            message: String::new(),
            applied: MaybeApplied::No,
            concerns_connection: true,
            growth: Growth::Transient,
            wait: None,
            rejection: None,
        });
        let plan = story.with(|mut fixture| {
            fixture.failure = Some(failure);
            fixture.plan()
        });
        assert!(plan.verdict.keeps_conditions && writes(&plan), "{reason}");
    }
}

#[test]
fn an_export_that_only_this_process_knows_and_that_is_in_the_secret_is_recorded() {
    let secret = serde_json::from_value(serde_json::json!({"name": "tokens"})).unwrap();
    let mut story = Story::exported(When::Once);
    story.record.known_value = RememberedValue::Content(ChildSpec::secret(&secret));
    assert_eq!(recorded(&story.plan()), None);
    story.record.export_unrecorded = true;
    assert_eq!(recorded(&story.plan()), Some(story.record.export));
}

#[test]
fn a_secret_gets_its_value_back_while_the_connection_cannot_be_used() {
    let plan = |known: RememberedValue, reason: Reason, change: fn(&mut Story)| {
        let mut story = Story::exported(When::OnChange);
        story.record.known_value = known;
        story.secret = ChildState::Missing;
        change(&mut story);
        story.with(|mut fixture| {
            let problem = Some(unusable(reason));
            match reason {
                Reason::NamespaceNotAllowed => fixture.connection.refusal = problem,
                _ => fixture.connection.problem = problem,
            }
            fixture.knowing(|query| !query.asks_api()).plan()
        })
    };
    let (revoked, nothing) = (Reason::Unauthorized, |_: &mut Story| {});
    let restored = plan(RememberedValue::Value, revoked, nothing);
    assert!(writes(&restored));
    assert!(restored.verdict.keeps_conditions, "nothing is pending");
    let lost = plan(RememberedValue::Nothing, revoked, nothing);
    assert!(!writes(&lost) && !lost.verdict.keeps_conditions);
    let renamed = plan(RememberedValue::Value, revoked, |story| {
        story.record.revision = None;
    });
    assert!(writes(&renamed) && !renamed.verdict.keeps_conditions);
    // Somebody else's Secret, and a namespace that may not use the connection any more.
    let foreign = plan(RememberedValue::Value, revoked, |story| {
        story.secret = ChildState::Foreign;
    });
    assert!(!writes(&foreign));
    let refused = plan(RememberedValue::Value, Reason::NamespaceNotAllowed, nothing);
    assert!(!writes(&refused));
    let mut story = Story::exported(When::OnChange);
    story.record.known_value = RememberedValue::Value;
    story.secret = ChildState::Missing;
    let ids_denied = story.with(|mut fixture| {
        fixture.connection = denying();
        fixture.connection.problem = Some(unusable(revoked));
        fixture.knowing(|query| !query.asks_api()).plan()
    });
    assert_eq!(ids_denied.verdict.reason, Reason::ConnectionNotReady);
    assert!(!writes(&ids_denied));
    let never_written = plan(RememberedValue::Value, revoked, |story| {
        story.record.export.secret_fingerprint = None;
    });
    assert!(!writes(&never_written));
}

#[test]
fn tokens_in_the_secret_expire_although_a_later_export_did_not_reach_it() {
    let mut story = tokens(When::OnChange, HOUR, 24);
    let held = story.record.export.clone();
    story.record.export = ExportStatus {
        export_id: Some("two".to_owned()),
        secret_fingerprint: None,
        expires_at: Some(second(10 + 20 * HOUR).to_string()),
        in_secret: held.times_in_secret(),
        ..held
    };
    story.secret = ChildState::Foreign;
    assert_eq!(
        report(&story.at(20)).plan.verdict.reason,
        Reason::SecretNotOwned
    );
    let mut story = tokens(When::OnChange, HOUR, 24);
    story.secret = ChildState::Foreign;
    story.record.export.secret_fingerprint = None;
    story.record.export.expires_at = Some(second(10 + 20 * HOUR).to_string());
    story.record.export.in_secret = Some(Box::new(ExportTimes {
        exported_at: Some(Time(second(10))),
        created_at: Some(second(10).to_string()),
        expires_at: Some(second(10 + HOUR).to_string()),
    }));
    let expired = report(&story.at(10 + 2 * HOUR)).plan.verdict;
    assert_eq!(expired.reason, Reason::Expired);
    assert!(
        expired.message.contains("1970-01-01T01:00:10Z"),
        "{}",
        expired.message
    );
}

#[test]
fn workloads_are_restarted_for_another_form_of_the_value_and_not_for_another_name_of_the_secret() {
    let workload = Workload {
        kind: WorkloadKind::Deployment,
        name: "worker".to_owned(),
    };
    let mut story = Story::exported(When::Once);
    story.workloads = vec![workload];
    let desired: Desired = story.desired();
    let wanted = desired.source.exports().unwrap();
    let of = |name: &str| ExportStatus {
        secret_name: Some(name.to_owned()),
        ..export("one", 10)
    };
    let pending = |name: &str| pending_from(&of(name), &export("one", 10), wanted);
    assert_eq!(pending("tokens").as_deref(), Some("held"));
    assert_eq!(pending("former"), None);
    let pending = ExportStatus {
        restart_pending_from: pending("tokens"),
        ..of("tokens")
    };
    let json = in_secret(pending.clone(), "json".to_owned());
    assert_eq!(json.restart_pending_from.as_deref(), Some("held"));
    let same = in_secret(pending.clone(), "held".to_owned());
    assert_eq!(same.restart_pending_from, None);
    // A restart that waits is given up with the workload.
    story.record.export = pending;
    assert!(story.plan().has(|step| matches!(step, Step::Restart(_))));
    story.workloads = Vec::new();
    let plan = story.plan();
    assert_eq!(recorded(&plan).unwrap().restart_pending_from, None);
}

#[test]
fn the_content_of_a_secret_is_enough_for_the_same_layout_only() {
    let spec = |name: &str, format: &str| {
        let secret = serde_json::json!({"name": name, "format": format, "type": "example.com/a"});
        ChildSpec::secret(&serde_json::from_value(secret).unwrap())
    };
    let content = RememberedValue::Content(spec("tokens", "Json"));
    let plain = ChildSpec {
        type_: None,
        ..spec("tokens", "Json")
    };
    assert!(content.is_enough_for(&plain), "another type");
    assert!(!content.is_enough_for(&spec("tokens", "Fields")));
    assert!(!content.is_enough_for(&spec("other", "Json")));
    assert!(RememberedValue::Value.is_enough_for(&spec("other", "Fields")));
    assert!(!RememberedValue::Nothing.is_enough_for(&plain));
}

#[test]
fn a_secret_gets_its_value_back_in_a_pause_whatever_was_reported_before_it() {
    let mut story = Story::exported(When::OnChange);
    story.record.known_value = RememberedValue::Value;
    story.record.reason = Some(Reason::ReferenceNotReady.to_string());
    story.secret = ChildState::Missing;
    let forbidden = Verdict::new(Reason::Forbidden, "no");
    story.paused = Some(pause(Duration::from_secs(60), Some(forbidden)));
    let plan = story.with(|fixture| fixture.knowing(|query| !query.asks_api()).plan());
    assert_eq!(plan.verdict.reason, Reason::Forbidden);
    assert!(writes(&plan), "{:?}", plan.steps);
}
