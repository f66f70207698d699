//! How urgent the requests of a reconciliation are, by what is recorded.

use super::fixture::{case, credentials, lost, mac, owner, policy, recorded};
use crate::plan::case::Case;
use crate::plan::desired::Desired;
use crate::plan::policy::Policy;
use crate::plan::purpose::{Priority, Purpose};
use crate::plan::record::{Record, Writes};
use crate::resources::{Mode, ResourceKey};
use serde_json::json;

fn desired(name: &str, secret: &str) -> Desired {
    credentials(name, secret, &json!({}), &owner("uid"))
}

/// A record of a resource that is as desired.
fn synced() -> Record {
    Record {
        observed_generation: Some(1),
        ..recorded(&desired("github", "first"), "pac_1")
    }
}

fn purpose(
    desired: Option<&Desired>,
    record: &Record,
    change: impl FnOnce(&mut Case<'_>),
) -> Purpose {
    let (owner, key) = (owner("uid"), mac());
    let mut case = case(&owner, &key, desired, record);
    change(&mut case);
    Purpose::new(
        &case,
        &ResourceKey::new("ProviderAuthCredentials", "team", "github"),
    )
}

#[test]
fn the_priority_follows_from_what_is_recorded() {
    use Priority::{Change, Create, Deletion, Observation, Recovery, Rotation};
    let (same, renamed, rotated) = (
        desired("github", "first"),
        desired("renamed", "first"),
        desired("github", "second"),
    );
    let new = Record {
        writes: Writes::Never,
        ..Record::default()
    };
    let refused = Record {
        finalizer: true,
        writes: Writes::NothingCreated,
        ..Record::default()
    };
    let edited = Record {
        observed_generation: Some(0),
        ..synced()
    };
    let unknown = |wrote| Record {
        writes: Writes::Unknown,
        wrote,
        ..synced()
    };
    for (desired, record, expected) in [
        (None, synced(), Deletion),
        (Some(&same), new, Create),
        (Some(&same), refused, Create),
        (Some(&same), lost(), Recovery),
        (Some(&same), edited, Change),
        (Some(&renamed), synced(), Change),
        (Some(&rotated), synced(), Rotation),
        (Some(&same), unknown(true), Recovery),
        // A new process knows nothing about its predecessor's writes.
        (Some(&same), unknown(false), Observation),
        (Some(&same), synced(), Observation),
    ] {
        let found = purpose(desired, &record, |_| {});
        assert_eq!(found.priority, expected, "{record:?}");
    }
}

#[test]
fn what_is_only_observed_is_no_change() {
    let record = Record {
        revision: None,
        ..synced()
    };
    let found = purpose(Some(&desired("github", "first")), &record, |case| {
        case.policy = Policy {
            mode: Mode::Observe,
            ..policy()
        };
    });
    assert_eq!(found.priority, Priority::Observation);
    assert_eq!(found.requests, 1);
}
