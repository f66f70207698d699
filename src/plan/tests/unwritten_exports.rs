//! Exports whose value is not in the Secret: Kubernetes refused it, or holds it in another form, or it was lost in a crash.

use super::export_story::Story;
use super::fixture::second;
use crate::plan::backoff::{MOMENT, Retry};
use crate::plan::children::{ChildState, RememberedValue};
use crate::plan::desired::When;
use crate::plan::facts::{Answer, Query};
use crate::plan::in_sync::in_sync;
use crate::plan::observed::ListedExport;
use crate::plan::policy::Renewal;
use crate::plan::record::{Record, Writes};
use crate::plan::steps::{Plan, Step};
use crate::resources::{ExportStatus, Reason};
use jiff::SignedDuration;

const DAY: i64 = 24 * 3600;

fn exports(plan: &Plan) -> Option<usize> {
    plan.steps.iter().find_map(|step| match step {
        Step::Export { lost, .. } => Some(*lost),
        _ => None,
    })
}

fn writes(plan: &Plan) -> bool {
    plan.has(|step| matches!(step, Step::ApplyChild(_)))
}

/// An export of second 10 whose Secret Kubernetes refused: it is recorded, and this process knows its value.
fn refused(when: When) -> Story {
    let mut story = Story::exported(when);
    story.record.export.secret_fingerprint = None;
    story.record.known_value = RememberedValue::Value;
    story.secret = ChildState::Missing;
    story
}

/// The same, after a restart.
fn restarted(when: When) -> Story {
    let mut story = refused(when);
    story.record.known_value = RememberedValue::Nothing;
    story.record.writes = Writes::Unknown;
    story
}

#[test]
fn a_value_that_was_refused_is_written_without_another_export() {
    for when in [When::Once, When::OnChange] {
        let plan = refused(when).plan();
        assert!(writes(&plan), "{when:?}");
        assert_eq!(exports(&plan), None, "{when:?}");
    }
}

#[test]
fn a_value_that_was_refused_is_not_exported_again_because_time_passes() {
    let hour = When::Every(SignedDuration::from_hours(1));
    let periodic = refused(hour).at(10 + 2 * DAY);
    let mut renewed = refused(When::OnChange).at(10 + 2 * DAY);
    renewed.record.export.expires_at = Some(second(10 + 3600).to_string());
    renewed.record.export.created_at = Some(second(10).to_string());
    renewed.renewal = Some(Renewal {
        before: None,
        max_per_day: 24,
    });
    for mut story in [periodic, renewed] {
        let plan = story.plan();
        assert!(writes(&plan));
        assert_eq!(exports(&plan), None);
        let soon = matches!(plan.retry, Retry::Interval(Some(at)) if at <= MOMENT);
        assert!(soon, "{:?}", plan.retry);
        story.secret = ChildState::Owned {
            fingerprint: "held".to_owned(),
            in_shape: true,
            export: None,
        };
        story.record.export.secret_fingerprint = Some("held".to_owned());
        assert_eq!(exports(&story.plan()), Some(0), "once it is written");
    }
}

#[test]
fn a_period_goes_on_where_something_else_changes_the_secret_each_time() {
    let hour = When::Every(SignedDuration::from_hours(1));
    let mut story = Story::exported(hour).at(10 + DAY);
    story.record.known_value = RememberedValue::Value;
    story.secret = in_another_form();
    assert_eq!(exports(&story.plan()), None, "the value is written first");
    for _ in 0..4 {
        story.rewrites.count(1, "held", second(10 + DAY));
    }
    assert_eq!(exports(&story.plan()), Some(0));
}

#[test]
fn another_value_is_exported_even_where_the_last_one_was_refused() {
    let other = refused(When::OnChange).moved(20).imports(&[10, 20]);
    assert!(other.must_export(), "the budget of this day is spent");
    assert!(
        writes(&other.plan()),
        "until then, the known one is written"
    );
    let written = Story::exported(When::OnChange).moved(20).imports(&[10, 20]);
    assert!(written.must_export() && !writes(&written.plan()));
    assert_eq!(exports(&other.at(10 + DAY).plan()), Some(0));
}

#[test]
fn a_resource_whose_value_is_not_in_the_secret_is_not_in_sync() {
    let settled = |story: &Story| story.with(|fixture| fixture.ask(in_sync));
    assert!(!settled(&refused(When::OnChange)));
    let mut suspended = refused(When::OnChange);
    suspended.suspend = true;
    assert!(!suspended.plan().verdict.ready);
    let mut other_form = Story::exported(When::OnChange);
    other_form.secret = in_another_form();
    assert!(!settled(&other_form));
}

fn listed(id: &str, at: i64) -> ListedExport {
    ListedExport {
        id: id.to_owned(),
        created_at: second(at),
    }
}

fn plan_listing(story: &Story, listed: &[ListedExport]) -> Plan {
    let (query, answer) = (Query::Exports("pac_1".to_owned()), listed.to_vec());
    story.with(|fixture| fixture.fact(query, Answer::Exports(answer)).plan())
}

#[test]
fn after_a_restart_a_refused_export_counts_once_and_the_next_one_is_made_within_the_budget() {
    let journal = [listed("one", 9)];
    let spent = plan_listing(&restarted(When::OnChange), &journal);
    assert_eq!(spent.verdict.reason, Reason::ExportBudgetSpent);
    let story = restarted(When::OnChange).at(10 + DAY);
    assert_eq!(exports(&plan_listing(&story, &journal)), Some(0));
    let journal = [listed("one", 9), listed("two", 9), listed("zero", 8)];
    let spent = plan_listing(&story, &journal);
    assert_eq!(spent.verdict.reason, Reason::ExportBudgetSpent, "{spent:?}");
}

#[test]
fn a_value_that_was_written_right_before_a_crash_is_recorded_and_not_exported_again() {
    let mut story = restarted(When::OnChange);
    let written = ExportStatus {
        secret_fingerprint: Some("held".to_owned()),
        ..story.record.export.clone()
    };
    story.secret = ChildState::Owned {
        fingerprint: "held".to_owned(),
        in_shape: true,
        export: Some(Box::new(written.clone())),
    };
    let plan = story.plan();
    assert!(plan.steps.contains(&Step::RecordExport(written)));
    assert_eq!(exports(&plan), None);
    assert!(!writes(&plan));
}

#[test]
fn every_export_of_a_day_counts_where_nothing_is_recorded() {
    let mut story = restarted(When::OnChange).at(DAY);
    story.record = Record {
        export: ExportStatus::default(),
        ..story.record.clone()
    };
    story.renewal = Some(Renewal {
        before: None,
        max_per_day: 3,
    });
    let older = listed("older", 0);
    let day = [listed("one", 1), listed("two", 2), listed("three", 3)];
    let plan = plan_listing(&story, &[older.clone(), day[0].clone(), day[1].clone()]);
    assert_eq!(exports(&plan), Some(2));
    let plan = plan_listing(&story, &day);
    assert_eq!(plan.verdict.reason, Reason::ExportBudgetSpent);
    assert_eq!(exports(&plan_listing(&story, &[older])), Some(0));
    // By a clock that is a year ahead.
    let ahead = [1, 2, 3].map(|at| listed("ahead", 365 * DAY + at));
    assert_eq!(exports(&plan_listing(&story, &ahead)), Some(0));
}

#[test]
fn exports_of_another_auth_config_that_were_recorded_are_not_counted_again() {
    let mut story = restarted(When::OnChange).at(20);
    story.renewal = Some(Renewal {
        before: None,
        max_per_day: 3,
    });
    story.record.id = Some("pac_0".to_owned());
    story.record.export.created_at = Some(second(10).to_string());
    let plan = plan_listing(&story, &[listed("earlier", 5)]);
    assert_eq!(exports(&plan), Some(0));
    let plan = plan_listing(&story, &[listed("earlier", 5), listed("lost", 15)]);
    assert_eq!(exports(&plan), Some(1));
}

/// The Secret with the value of the export of second 10, but another type, label or annotation than is wanted.
fn in_another_form() -> ChildState {
    ChildState::Owned {
        fingerprint: "held".to_owned(),
        in_shape: false,
        export: None,
    }
}

#[test]
fn a_secret_that_has_the_value_in_another_form_is_written_without_another_export() {
    let mut story = Story::exported(When::OnChange);
    story.secret = in_another_form();
    let plan = story.plan();
    assert!(writes(&plan));
    assert_eq!(exports(&plan), None);
    story.secret = ChildState::Owned {
        fingerprint: "edited".to_owned(),
        in_shape: false,
        export: None,
    };
    assert!(story.must_export(), "the value is lost");
}

#[test]
fn a_secret_that_alone_has_the_value_is_not_written_while_no_other_export_can_be_made() {
    let mut story = Story::exported(When::OnChange).moved(20).imports(&[10, 20]);
    story.secret = in_another_form();
    let plan = story.plan();
    assert_eq!(plan.verdict.reason, Reason::ExportBudgetSpent);
    assert!(!writes(&plan));
    story.record.known_value = RememberedValue::Value;
    let plan = story.plan();
    assert_eq!(plan.verdict.reason, Reason::ExportBudgetSpent);
    assert!(writes(&plan), "this process has it as well");
}
