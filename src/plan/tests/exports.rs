//! Exports that only the Secret tells of.

use crate::plan::export::unrecorded;
use crate::plan::{Ledger, SecretSeen};
use crate::resources::ExportStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

fn export(id: &str, second: i64) -> ExportStatus {
    ExportStatus {
        export_id: Some(id.to_owned()),
        exported_at: Some(Time(jiff::Timestamp::from_second(second).unwrap())),
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
    // The export that this process just made has not reached the Secret.
    let undelivered = books(export("new", 7), true);
    let former = held(export("old", 7));
    assert_eq!(unrecorded(&undelivered, Some(&former)), None);
    assert_eq!(unrecorded(&undelivered, Some(&SecretSeen::Missing)), None);
    assert_eq!(unrecorded(&undelivered, None), None);
}
