//! Tokens that expire: when they are exported again, within the budget of a day, and what is reported.

use super::export_story::Story;
use super::fixture::{pause, second};
use crate::plan::backoff::Growth;
use crate::plan::backoff::{MOMENT, Retry};
use crate::plan::case::{Failure, RemoteFailure};
use crate::plan::decide;
use crate::plan::desired::When;
use crate::plan::events::events;
use crate::plan::expiry::{changes_in, expires_at, with_expiry};
use crate::plan::policy::Renewal;
use crate::plan::purpose::{Priority, priority};
use crate::plan::status::next;
use crate::plan::steps::{Plan, Step};
use crate::plan::unknown_outcome::MaybeApplied;
use crate::resources::{
    AuthExportStatus, AuthImportStatus, CommonStatus, ExportStatus, ImportRecord, Reason,
    ResourceStatus, condition,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use std::time::Duration;

pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// An export of tokens that were valid for so many seconds when they were exported at second 10.
pub fn tokens(when: When, lifetime: i64, max_per_day: usize) -> Story {
    let mut story = Story::exported(when);
    story.renewal = (when != When::Once).then_some(Renewal {
        before: None,
        max_per_day,
    });
    story.record.observed_generation = Some(1);
    story.record.export.secret_name = Some("tokens".to_owned());
    story.record.export.created_at = Some(second(10).to_string());
    story.record.export.expires_at = Some(second(10 + lifetime).to_string());
    story
}

/// A resource as it was reported last.
fn ready() -> AuthExportStatus {
    let condition = Condition {
        type_: "Ready".to_owned(),
        status: "True".to_owned(),
        reason: "Synced".to_owned(),
        message: String::new(),
        observed_generation: Some(1),
        last_transition_time: Time(second(10)),
    };
    AuthExportStatus {
        common: CommonStatus {
            conditions: Some(vec![condition]),
            ..CommonStatus::default()
        },
        ..AuthExportStatus::default()
    }
}

/// What one reconciliation reports, and when the report changes.
pub struct Reported {
    pub plan: Plan,
    status: AuthExportStatus,
    pub changes_in: Option<Duration>,
}

impl Reported {
    fn of(story: &Story, failure: Option<Failure>, before: &AuthExportStatus) -> Self {
        let before = AuthExportStatus {
            export: story.record.export.clone(),
            ..before.clone()
        };
        story.with(|mut fixture| {
            fixture.failure = failure;
            let ready = condition(before.common.conditions.as_deref(), "Ready");
            fixture.record.reason = ready.map(|ready| ready.reason.clone());
            fixture.ask(|case, facts| {
                let plan = decide(case, facts).unwrap();
                let plan = with_expiry(&next(&before, case, &plan, &[]), case, &plan);
                let status = next(&before, case, &plan, &[]);
                let changes_in = changes_in(&status, case);
                Self {
                    plan,
                    status,
                    changes_in,
                }
            })
        })
    }

    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        condition(self.status.common().conditions.as_deref(), type_)
    }

    fn message(&self, type_: &str) -> &str {
        self.condition(type_).map_or("", |it| it.message.as_str())
    }

    fn is_ready(&self) -> bool {
        self.condition("Ready")
            .is_some_and(|it| it.status == "True")
    }
}

pub fn report(story: &Story) -> Reported {
    Reported::of(story, None, &ready())
}

/// A failure of the API that passes.
fn outage() -> Failure {
    Failure::Remote(RemoteFailure {
        reason: Reason::RemoteUnavailable,
        message: "POST /provider-auth-config-exports failed (500)".to_owned(),
        applied: MaybeApplied::No,
        concerns_connection: false,
        growth: Growth::Transient,
        wait: None,
        rejection: None,
    })
}

pub fn exports(plan: &Plan) -> bool {
    plan.has(|step| matches!(step, Step::Export { .. }))
}

#[test]
fn tokens_are_exported_again_when_a_third_of_their_time_is_left_and_a_little_earlier_for_each() {
    let story = |at| tokens(When::OnChange, 3 * HOUR, 24).at(10 + at);
    assert!(!exports(&report(&story(114 * MINUTE - 1)).plan));
    assert!(exports(&report(&story(2 * HOUR)).plan));
    let due = |uid: &str| {
        let story = tokens(When::OnChange, 3 * HOUR, 24);
        let renewal = story.renewal.as_ref().unwrap();
        renewal.due_at(&story.record.export, uid).unwrap()
    };
    let all: Vec<_> = (0..100).map(|i| due(&format!("uid-{i}"))).collect();
    let earliest = second(10 + 114 * MINUTE);
    assert!(
        all.iter()
            .all(|at| (earliest..=second(10 + 2 * HOUR)).contains(at))
    );
    assert!(all.iter().max() != all.iter().min());
    assert_eq!(due("uid-1"), due("uid-1"), "the same after a restart");
}

#[test]
fn the_spec_says_how_long_before_but_never_so_long_that_exports_follow_each_other_at_once() {
    let mut story = tokens(When::OnChange, 8 * HOUR, 24);
    let mut due = |before| {
        let renewal = story.renewal.as_mut().unwrap();
        renewal.before = Some(jiff::SignedDuration::from_mins(before));
        let due = story.renewal.as_ref().unwrap();
        due.due_at(&story.record.export, "uid").unwrap()
    };
    assert!(due(60) > second(10 + 6 * HOUR + 53 * MINUTE) && due(60) <= second(10 + 7 * HOUR));
    assert!(
        due(600) >= second(10 + 2 * HOUR),
        "the tokens live for 8h only"
    );
    let short = tokens(When::OnChange, MINUTE, 1000);
    let renewal = short.renewal.as_ref().unwrap();
    let due = renewal.due_at(&short.record.export, "uid").unwrap();
    assert_eq!(due, second(10 + 5 * MINUTE));
}

#[test]
fn tokens_without_an_expiry_and_exports_that_are_made_once_are_not_renewed() {
    let mut endless = tokens(When::OnChange, HOUR, 24);
    endless.record.export.expires_at = None;
    let endless = report(&endless.at(DAY * 365));
    assert!(!exports(&endless.plan) && endless.is_ready());
    assert_eq!(endless.changes_in, None);
    let once = tokens(When::Once, HOUR, 24);
    let soon = report(&once.at(10 + 50 * MINUTE));
    assert!(!exports(&soon.plan) && soon.is_ready());
    let message = soon.message("Expiring");
    assert!(message.contains("spec.when is Once"), "{message}");
    let over = report(&tokens(When::Once, HOUR, 24).at(10 + HOUR));
    assert!(!exports(&over.plan) && !over.is_ready());
    assert_eq!(over.plan.verdict.reason, Reason::Expired);
    let message = over.message("Ready");
    assert!(
        message.contains("the Secret tokens expired at 1970-01-01T01:00:10Z"),
        "{message}"
    );
    assert!(message.contains("set spec.when to OnChange"), "{message}");
}

#[test]
fn a_renewal_that_fails_leaves_the_resource_ready_until_the_tokens_expire() {
    let story = |at| tokens(When::OnChange, HOUR, 48).at(10 + at);
    let failing = Reported::of(&story(41 * MINUTE), Some(outage()), &ready());
    assert!(failing.is_ready());
    let message = failing.message("Expiring");
    assert!(message.contains("not renewed yet"), "{message}");
    let left = Duration::from_secs(19 * 60);
    let changes_in = failing.changes_in.unwrap();
    assert!(changes_in >= left && changes_in < left + Duration::from_secs(1));

    let over = Reported::of(&story(HOUR), Some(outage()), &failing.status);
    assert_eq!(over.plan.verdict.reason, Reason::Expired);
    assert!(!over.is_ready() && over.condition("Stalled").is_some());
    assert!(over.condition("Expiring").is_none());
    let message = over.message("Ready");
    assert!(message.ends_with("failed (500)"), "{message}");
}

#[test]
fn expiry_is_reported_during_a_pause_and_while_the_connection_is_down_and_once() {
    let mut story = tokens(When::OnChange, HOUR, 48).at(10 + HOUR);
    story.paused = Some(pause(Duration::from_secs(60), None));
    let paused = report(&story);
    assert_eq!(paused.plan.verdict.reason, Reason::Expired);
    assert!(!exports(&paused.plan));
    let conditions = paused.status.common().conditions.clone();
    let again = Reported::of(&story, None, &paused.status);
    assert_eq!(again.status.common().conditions, conditions);
}

#[test]
fn a_resource_that_is_held_by_choice_is_not_ready_with_expired_tokens() {
    let mut story = tokens(When::OnChange, HOUR, 48).at(10 + HOUR);
    story.suspend = true;
    let suspended = report(&story);
    assert_eq!(suspended.plan.verdict.reason, Reason::Suspended);
    assert!(!suspended.is_ready() && suspended.condition("Stalled").is_none());
    let message = suspended.message("Ready");
    assert!(
        message.starts_with("spec.suspend is true; the tokens"),
        "{message}"
    );
    assert!(message.contains("expired at"), "{message}");
}

#[test]
fn a_lifetime_that_the_budget_does_not_last_for_is_reported_at_once_with_the_figures() {
    let fresh = report(&tokens(When::OnChange, HOUR, 24));
    assert!(fresh.is_ready());
    let message = fresh.message("Expiring");
    for figure in [
        "1h left",
        "20m before",
        "36 exports",
        "admits 24",
        "to 36 or more",
    ] {
        assert!(message.contains(figure), "{figure}: {message}");
    }
    let short = report(&tokens(When::OnChange, 240, 500));
    let short = short.message("Expiring");
    assert!(
        short.contains("4m left") && short.contains("after 5m"),
        "{short}"
    );
    for (lifetime, max_per_day) in [(HOUR, 36), (8 * HOUR, 24), (90 * DAY, 1)] {
        let fresh = report(&tokens(When::OnChange, lifetime, max_per_day));
        assert!(fresh.condition("Expiring").is_none(), "{lifetime}");
    }
}

#[test]
fn a_renewal_waits_for_the_budget_while_the_tokens_are_valid() {
    let mut story = tokens(When::OnChange, 8 * HOUR, 24).at(10 + 7 * HOUR);
    let earlier = std::iter::repeat_n(10 - 3 * HOUR, 23);
    let recent = std::iter::once(10)
        .chain(earlier)
        .map(|at| Time(second(at)));
    story.record.export.recent_exports = Some(recent.collect());
    let spent = report(&story);
    assert!(!exports(&spent.plan) && spent.is_ready());
    let free_in = Duration::from_secs(14 * 3600) + MOMENT;
    assert_eq!(spent.plan.retry, Retry::Interval(Some(free_in)));
    let message = spent.message("Expiring");
    assert!(
        message.contains("spec.maxPerDay exports were made"),
        "{message}"
    );

    let over = report(&story.at(10 + 8 * HOUR));
    assert_eq!(over.plan.verdict.reason, Reason::Expired);
    let message = over.message("Ready");
    assert!(message.contains("24 exports within 24 hours"), "{message}");
}

#[test]
fn the_event_of_a_value_that_expires_is_recorded_once_for_each_value() {
    let story = |lifetime, at| tokens(When::Once, lifetime, 24).at(10 + at);
    let noted = |reported: &Reported, before: &AuthExportStatus| {
        let (before, after) = (before.common(), reported.status.common());
        let events = events(before, after, &reported.plan.verdict, &[], true).into_iter();
        events.filter(|it| it.reason == "Expiring").count()
    };
    let first = report(&story(HOUR, 50 * MINUTE));
    assert_eq!(noted(&first, &ready()), 1);
    let again = Reported::of(&story(HOUR, 55 * MINUTE), None, &first.status);
    assert_eq!(noted(&again, &first.status), 0);
    let another = Reported::of(&story(HOUR + 5 * MINUTE, 55 * MINUTE), None, &again.status);
    assert_eq!(noted(&another, &again.status), 1);
}

#[test]
fn a_renewal_comes_before_checks_when_requests_are_short() {
    let story = |at| tokens(When::OnChange, 3 * HOUR, 24).at(10 + at);
    let priority = |story: Story| {
        let mut acknowledged = story;
        acknowledged.record.revision = Some(acknowledged.desired().revision);
        acknowledged.with(|fixture| fixture.ask(|case, _| priority(case)))
    };
    assert_eq!(priority(story(HOUR)), Priority::Observation);
    assert_eq!(priority(story(2 * HOUR)), Priority::Rotation);
}

#[test]
fn the_metric_shows_the_expiry_of_tokens_in_the_secret_of_a_resource_that_is_to_exist() {
    let expiry = |export: &ExportStatus, terminating: bool| {
        let status = AuthExportStatus {
            export: export.clone(),
            ..ready()
        };
        let story = tokens(When::OnChange, HOUR, 24).at(20);
        story.with(|fixture| {
            let fixture = if terminating {
                fixture.terminating()
            } else {
                fixture
            };
            fixture.ask(|case, _| expires_at(&status, case))
        })
    };
    let written = tokens(When::OnChange, HOUR, 24).record.export;
    assert_eq!(expiry(&written, false), Some(second(10 + HOUR)));
    assert_eq!(expiry(&written, true), None);
    let refused = ExportStatus {
        secret_fingerprint: None,
        ..written
    };
    assert_eq!(expiry(&refused, false), None);
}

#[test]
fn an_imported_value_expires_in_its_last_third_and_at_most_a_week_before() {
    let imported = |lifetime: i64, at: i64| {
        let import = ImportRecord {
            id: "paci_1".to_owned(),
            created_at: second(10).to_string(),
            expires_at: Some(second(10 + lifetime).to_string()),
            fingerprint: String::new(),
        };
        let status = AuthImportStatus {
            common: CommonStatus {
                imports: Some(vec![import]),
                ..ready().common
            },
            ..AuthImportStatus::default()
        };
        let story = tokens(When::OnChange, HOUR, 24).at(10 + at);
        story.with(|fixture| {
            fixture.ask(|case, facts| {
                let plan = decide(case, facts).unwrap();
                let plan = with_expiry(&status, case, &plan);
                let expiring = plan.verdict.expiring.as_ref();
                (plan.verdict.reason, expiring.map(|it| it.message.clone()))
            })
        })
    };
    assert_eq!(imported(3 * HOUR, HOUR).1, None);
    let (reason, message) = imported(3 * HOUR, 2 * HOUR);
    let message = message.unwrap();
    assert_eq!(reason, Reason::Synced);
    assert!(message.starts_with("the imported value expires at 1970-01-01T03:00:10Z"));
    assert_eq!(imported(90 * DAY, 82 * DAY).1, None);
    assert!(imported(90 * DAY, 83 * DAY).1.is_some());
    let (reason, message) = imported(HOUR, 2 * HOUR);
    assert_eq!(
        reason,
        Reason::Synced,
        "the object has the value all the same"
    );
    assert!(message.unwrap().contains("expired at"));
}
