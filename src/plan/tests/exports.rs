//! When an export has to be made, and exports that only the Secret records.

use super::export_story::{Story, export, record};
use super::fixture::{Fixture, second};
use crate::plan::backoff::Retry;
use crate::plan::children::{ChildState, RememberedValue};
use crate::plan::desired::When;
use crate::plan::export_record::{unrecorded, with_current_key};
use crate::plan::in_sync::in_sync;
use crate::plan::steps::{Plan, Step};
use crate::resources::{DeletionPolicy, ExportStatus, Reason};
use jiff::SignedDuration;
use std::time::Duration;

fn held(export: ExportStatus) -> ChildState {
    ChildState::Owned {
        fingerprint: String::new(),
        in_shape: true,
        export: Some(Box::new(export)),
    }
}

#[test]
fn an_export_that_only_the_secret_records_counts_even_within_one_second() {
    for (known, at) in [
        (export("old", 7), 7),
        (export("old", 6), 7),
        (ExportStatus::default(), 7),
    ] {
        let (record, secret) = (record(known, false), held(export("new", at)));
        let found = unrecorded(&record, &secret).unwrap();
        assert_eq!(found.export_id.as_deref(), Some("new"));
    }
}

#[test]
fn a_secret_that_lags_behind_the_recorded_state_changes_nothing() {
    let same = held(export("one", 7));
    assert_eq!(unrecorded(&record(export("one", 7), false), &same), None);
    let older = held(export("old", 6));
    assert_eq!(unrecorded(&record(export("new", 7), false), &older), None);
    let mut without_value = export("new", 7);
    without_value.secret_fingerprint = None;
    let former = held(export("old", 7));
    assert_eq!(unrecorded(&record(without_value, false), &former), None);
    // The export that this process just made has not reached the Secret.
    let undelivered = record(export("new", 7), true);
    assert_eq!(unrecorded(&undelivered, &former), None);
    assert_eq!(unrecorded(&undelivered, &ChildState::Missing), None);
}

#[test]
fn a_secret_that_was_changed_after_each_of_several_writes_is_left_alone_for_a_while() {
    let mut story = Story::exported(When::Once);
    story.record.known_value = RememberedValue::Value;
    story.record.export.secret_fingerprint = Some("v1:key:ours".to_owned());
    story.secret = ChildState::Owned {
        fingerprint: "v1:key:theirs".to_owned(),
        in_shape: true,
        export: None,
    };
    let writes = |plan: &Plan| plan.has(|step| matches!(step, Step::ApplyChild(_)));
    for _ in 0..4 {
        assert!(writes(&story.plan()));
        story.rewrites.count(1, "v1:key:ours", second(10));
    }
    let plan = story.plan();
    assert!(!writes(&plan));
    assert_eq!(plan.verdict.reason, Reason::SecretNotOwned);
    story.now = 10 + 600;
    assert!(writes(&story.plan()), "some time later");
}

#[test]
fn a_list_of_imports_that_lags_leaves_the_comparison_open_until_it_must_have_caught_up() {
    let behind = Story::exported(When::OnChange).moved(20).imports(&[10]);
    assert!(!behind.must_export() && behind.is_open());
    let shown = Story::exported(When::OnChange).moved(20).imports(&[10, 20]);
    assert!(shown.must_export());
    let mut renamed = behind;
    renamed.observed_for = Duration::from_secs(45);
    assert!(!renamed.must_export(), "a changed name is no reason");
    assert!(!renamed.is_open());
    assert!(!Story::exported(When::OnChange).is_open());
}

#[test]
fn an_import_that_the_list_did_not_show_at_the_export_is_no_reason_for_another() {
    let mut unseen = Story::exported(When::OnChange).moved(20);
    unseen.record.export.newest_import_id = None;
    assert!(!unseen.imports(&[5, 10]).must_export());
    let behind = Story::exported(When::OnChange).moved(20).imports(&[5]);
    assert!(
        !behind.must_export(),
        "the list lost what it had shown before"
    );
    let mut unseen = Story::exported(When::OnChange).moved(20);
    unseen.record.export.newest_import_id = None;
    assert!(unseen.imports(&[10, 20]).must_export());
}

#[test]
fn an_export_that_only_the_secret_recorded_is_recorded_with_its_auth_config() {
    let mut story = Story::exported(When::OnChange).moved(20);
    story.record.export.auth_config_updated_at = Some(second(20).to_string());
    story.record.remote_updated_at = Some(second(10));
    story.record.revision = Some(story.desired().revision);
    assert!(story.plan().has(|step| matches!(step, Step::Bind { .. })));
    story.record.remote_updated_at = Some(second(20));
    assert!(story.plan().steps.is_empty());
}

#[test]
fn once_is_once_whatever_is_imported_later() {
    let later = Story::exported(When::Once).moved(20).imports(&[10, 20]);
    assert!(!later.must_export());
}

#[test]
fn a_period_counts_from_the_last_export_and_not_from_imports() {
    let hour = When::Every(SignedDuration::from_hours(1));
    let before = Story::exported(hour).moved(20).imports(&[10, 20]);
    let before = before.at(10 + 3599);
    assert!(!before.must_export());
    assert_eq!(
        before.plan().retry,
        Retry::Interval(Some(Duration::from_secs(1)))
    );
    assert!(Story::exported(hour).at(10 + 3600).must_export());
}

#[test]
fn the_budget_is_free_again_a_day_after_the_export_that_spent_it() {
    let due = |at| {
        let story = Story::exported(When::OnChange).moved(20);
        story.imports(&[10, 20]).at(at)
    };
    let day = 24 * 3600;
    assert!(due(10 + day - 1).must_export());
    let free = due(10 + day).plan();
    assert_eq!(free.verdict.reason, Reason::Synced);
    assert!(free.has(|step| matches!(step, Step::Export { .. })));
}

#[test]
fn a_failure_matters_where_an_export_has_to_be_made_and_nowhere_else() {
    let settled = |story: &Story| story.with(|fixture| fixture.ask(in_sync));
    let due = Story::exported(When::OnChange).moved(20).imports(&[10, 20]);
    assert!(!settled(&due));
    assert!(settled(&Story::exported(When::OnChange)));
    let mut lost = Story::exported(When::OnChange);
    lost.secret = ChildState::Missing;
    assert!(!settled(&lost));
}

#[test]
fn a_disabled_kind_reports_what_enables_it_and_can_be_deleted() {
    let due = Story::exported(When::OnChange).moved(20).imports(&[10, 20]);
    let due = due.at(10 + 24 * 3600);
    let disabled = |change: fn(Fixture<'_>) -> Fixture<'_>| {
        due.with(|mut fixture| {
            fixture.disabled = Some("authExport.enabled: true");
            fixture.policy.deletion = DeletionPolicy::Orphan;
            fixture.policy.lifecycle.external = true;
            change(fixture).plan()
        })
    };
    let plan = disabled(|fixture| fixture);
    assert!(plan.steps.is_empty());
    assert_eq!(plan.verdict.reason, Reason::Forbidden);
    let message = &plan.verdict.message;
    assert!(message.contains("authExport.enabled: true"), "{message}");
    let plan = disabled(|fixture| fixture.terminating());
    assert_eq!(plan.steps, [Step::RemoveFinalizer]);
}

#[test]
fn a_fingerprint_under_a_lost_mac_key_is_renewed() {
    let signed = |fingerprint: &str| ExportStatus {
        secret_fingerprint: Some(fingerprint.to_owned()),
        ..export("one", 7)
    };
    let found = |fingerprint: &str| ChildState::Owned {
        fingerprint: fingerprint.to_owned(),
        in_shape: true,
        export: None,
    };
    let renewed = |known: &str, present: &str| {
        let record = record(signed(known), false);
        with_current_key(&record, &found(present)).map(|export| export.secret_fingerprint)
    };
    let new = Some("v1:new:bb".to_owned());
    assert_eq!(renewed("v1:old:aa", "v1:new:bb"), Some(new));
    assert_eq!(
        renewed("v1:new:aa", "v1:new:bb"),
        None,
        "somebody edited it"
    );
    assert_eq!(renewed("v1:new:aa", "v1:new:aa"), None);
}
