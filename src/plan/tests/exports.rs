//! When an export is due, and exports that only the Secret tells of.

use super::model::{mac, owner, policy};
use crate::plan::export::{is_unexplained, signed_anew, unrecorded};
use crate::plan::look::nothing_to_bring_in;
use crate::plan::*;
use crate::resources::{ExportStatus, Reason};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

fn export(id: &str, second: i64) -> ExportStatus {
    ExportStatus {
        export_id: Some(id.to_owned()),
        exported_at: Some(Time(self::second(second))),
        secret_fingerprint: Some("held".to_owned()),
        ..ExportStatus::default()
    }
}

fn held(export: ExportStatus) -> SecretSeen {
    SecretSeen::Ours {
        fingerprint: String::new(),
        shaped: true,
        holds: Some(Box::new(export)),
    }
}

fn books(export: ExportStatus, exported_value: bool) -> Ledger {
    Ledger {
        export,
        exported_value,
        ..Ledger::default()
    }
}

#[test]
fn an_export_that_only_the_secret_tells_of_is_entered_even_within_one_second() {
    for (known, second) in [
        (export("old", 7), 7),
        (export("old", 6), 7),
        (ExportStatus::default(), 7),
    ] {
        let (ledger, secret) = (books(known, false), held(export("new", second)));
        let found = unrecorded(&ledger, Some(&secret)).unwrap();
        assert_eq!(found.export_id.as_deref(), Some("new"));
    }
}

#[test]
fn a_secret_that_lags_behind_the_books_changes_nothing() {
    let same = held(export("one", 7));
    assert_eq!(
        unrecorded(&books(export("one", 7), false), Some(&same)),
        None
    );
    let older = held(export("old", 6));
    assert_eq!(
        unrecorded(&books(export("new", 7), false), Some(&older)),
        None
    );
    let mut valueless = export("new", 7);
    valueless.secret_fingerprint = None;
    let former = held(export("old", 7));
    assert_eq!(unrecorded(&books(valueless, false), Some(&former)), None);
    // The export that this process just made has not reached the Secret.
    let undelivered = books(export("new", 7), true);
    let former = held(export("old", 7));
    assert_eq!(unrecorded(&undelivered, Some(&former)), None);
    assert_eq!(unrecorded(&undelivered, Some(&SecretSeen::Missing)), None);
    assert_eq!(unrecorded(&undelivered, None), None);
}

/// An auth config that is exported, the books of it, and what a pass saw.
struct Scene {
    when: When,
    ledger: Ledger,
    seen: Seen,
    now: i64,
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// An import that was made at this second.
fn import(second: i64) -> ImportSeen {
    ImportSeen {
        id: format!("paci_{second}"),
        tag: None,
        of_create: false,
        created_at: self::second(second),
        expires_at: None,
    }
}

impl Scene {
    /// Exported at second 10, with the import of second 10; the Secret holds it, and this process does not know the
    /// value.
    fn exported(when: When) -> Self {
        let mut ledger = books(export("one", 10), false);
        ledger.id = Some("pac_1".to_owned());
        ledger.export.secret_fingerprint = Some("held".to_owned());
        ledger.export.auth_config_updated_at = Some(second(10).to_string());
        ledger.export.newest_import_id = Some("paci_10".to_owned());
        ledger.export.recent_exports = Some(vec![Time(second(10))]);
        let secret = SecretSeen::Ours {
            fingerprint: "held".to_owned(),
            shaped: true,
            holds: None,
        };
        let seen = Seen {
            secret: Some(secret),
            ..Seen::default()
        };
        let scene = Self {
            when,
            ledger,
            seen,
            now: 10,
        };
        scene.moved(10)
    }

    /// The auth config was last written at this second.
    fn moved(mut self, at: i64) -> Self {
        let remote = RemoteView {
            id: "pac_1".to_owned(),
            live: true,
            fields: [].into(),
            metadata: serde_json::Map::new(),
            marker: None,
            created_at: second(1),
            updated_at: second(at),
            status: serde_json::Map::new(),
            consent: false,
            auth_method: None,
        };
        self.seen.object = Some(Sighting::Live(Box::new(remote)));
        self
    }

    fn imports(mut self, at: &[i64]) -> Self {
        self.seen.imports = Some(at.iter().map(|second| import(*second)).collect());
        self
    }

    fn at(mut self, second: i64) -> Self {
        self.now = second;
        self
    }

    fn ask<T>(&self, question: impl FnOnce(&Situation) -> T) -> T {
        let exporting = Exporting {
            when: self.when,
            max_per_day: 1,
            note: "note".to_owned(),
            deployment: None,
        };
        let manner = Manner {
            target: Target::Borrowed("pac_1".to_owned()),
            exporting: Some(exporting),
            ..Manner::default()
        };
        let metadata = serde_json::Map::new();
        let owner = owner("uid");
        let desired = Desired::new(Vec::new(), metadata, manner, &owner, &mac());
        question(&Situation {
            terminating: false,
            owner: &owner,
            ledger: &self.ledger,
            desired: Some(&desired),
            seen: &self.seen,
            policy: &Policy {
                borrows: true,
                ..policy()
            },
            now: second(self.now),
        })
    }

    fn reason(&self) -> Reason {
        self.ask(|situation| plan(situation).verdict.reason)
    }

    /// Whether another is wanted; the one of second 10 has spent the budget of its day.
    fn is_due(&self) -> bool {
        self.reason() == Reason::ExportBudgetSpent
    }
}

#[test]
fn a_list_of_imports_that_is_behind_leaves_the_comparison_open_until_it_must_have_caught_up() {
    let behind = Scene::exported(When::OnChange).moved(20).imports(&[10]);
    assert!(!behind.is_due());
    assert!(behind.ask(is_unexplained));
    let shown = Scene::exported(When::OnChange).moved(20).imports(&[10, 20]);
    assert!(shown.is_due());
    assert!(!shown.ask(is_unexplained));
    let mut renamed = behind;
    renamed.ledger.imports_settled = true;
    assert!(!renamed.is_due());
    assert!(!renamed.ask(is_unexplained), "a changed name is no reason");
    let still = Scene::exported(When::OnChange);
    assert!(!still.ask(is_unexplained));
}

#[test]
fn an_import_that_the_list_did_not_show_when_it_was_exported_is_no_reason_for_another() {
    let mut unseen = Scene::exported(When::OnChange).moved(20);
    unseen.ledger.export.newest_import_id = None;
    assert!(!unseen.imports(&[5, 10]).is_due());
    let behind = Scene::exported(When::OnChange).moved(20).imports(&[5]);
    assert!(!behind.is_due(), "the list lost what it had shown before");
    let mut unseen = Scene::exported(When::OnChange).moved(20);
    unseen.ledger.export.newest_import_id = None;
    assert!(unseen.imports(&[10, 20]).is_due());
}

#[test]
fn an_export_that_only_the_secret_told_of_is_recorded_with_the_object_that_it_is_of() {
    let mut recalled = Scene::exported(When::OnChange).moved(20);
    recalled.ledger.export.auth_config_updated_at = Some(second(20).to_string());
    recalled.ledger.remote_updated_at = Some(second(10));
    let binds = |plan: Plan| matches!(plan.steps[..], [.., Step::Bind { .. }]);
    recalled.ledger.finalizer = true;
    recalled.ledger.revision = recalled.ask(|it| it.desired.map(|it| it.revision.clone()));
    assert!(recalled.ask(|situation| binds(plan(situation))));
    recalled.ledger.remote_updated_at = Some(second(20));
    assert!(recalled.ask(|situation| plan(situation).steps.is_empty()));
}

#[test]
fn once_is_once_whatever_is_imported_later() {
    let later = Scene::exported(When::Once).moved(20).imports(&[10, 20]);
    assert!(!later.is_due());
}

#[test]
fn a_period_counts_from_the_last_export_and_not_from_imports() {
    let hour = When::Every(SignedDuration::from_hours(1));
    let before = Scene::exported(hour).moved(20).imports(&[10, 20]);
    assert!(!before.at(10 + 3599).is_due());
    assert!(Scene::exported(hour).at(10 + 3600).is_due());
}

#[test]
fn the_budget_is_free_again_a_day_after_the_export_that_spent_it() {
    let due = |at| {
        Scene::exported(When::OnChange)
            .moved(20)
            .imports(&[10, 20])
            .at(at)
    };
    let day = 24 * 3600;
    assert_eq!(due(10 + day - 1).reason(), Reason::ExportBudgetSpent);
    let free = due(10 + day);
    assert_eq!(free.reason(), Reason::Synced);
    let exports = |plan: Plan| {
        plan.steps
            .iter()
            .any(|step| matches!(step, Step::Export { .. }))
    };
    assert!(free.ask(|situation| exports(plan(situation))));
}

#[test]
fn trouble_with_an_export_that_is_due_is_told_and_other_trouble_is_not() {
    let due = Scene::exported(When::OnChange).moved(20).imports(&[10, 20]);
    assert!(!due.ask(nothing_to_bring_in));
    let idle = Scene::exported(When::OnChange);
    assert!(idle.ask(nothing_to_bring_in));
    let mut lost = Scene::exported(When::OnChange);
    lost.seen.secret = Some(SecretSeen::Missing);
    assert!(!lost.ask(nothing_to_bring_in));
}

#[test]
fn a_secret_that_was_signed_under_a_lost_key_is_signed_anew() {
    let signed = |digest: &str| ExportStatus {
        secret_fingerprint: Some(digest.to_owned()),
        ..export("one", 7)
    };
    let seen = |digest: &str| SecretSeen::Ours {
        fingerprint: digest.to_owned(),
        shaped: true,
        holds: None,
    };
    let anew = |known: &str, found: &str| {
        let books = books(signed(known), false);
        signed_anew(&books, Some(&seen(found))).map(|export| export.secret_fingerprint)
    };
    assert_eq!(
        anew("v1:old:aa", "v1:new:bb"),
        Some(Some("v1:new:bb".to_owned()))
    );
    assert_eq!(anew("v1:new:aa", "v1:new:bb"), None, "somebody edited it");
    assert_eq!(anew("v1:new:aa", "v1:new:aa"), None);
}
