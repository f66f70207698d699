//! Objects that a spec names and that are not the resource's own: the marker of each decides whether it may be used.

use super::fixture::{
    Fixture, config, created, credentials, denying, lost, mac, marked, marker, owner, policy,
    recorded, sibling, wanted,
};
use crate::plan::children::ChildState;
use crate::plan::desired::{Desired, External};
use crate::plan::external::foreign_object;
use crate::plan::facts::{Answer, MaxAge, Query};
use crate::plan::ownership::{Marker, Owner};
use crate::plan::policy::{Lifecycle, Policy};
use crate::plan::record::{Record, Writes};
use crate::plan::schema::ValueSchema;
use crate::plan::steps::Step;
use crate::resources::{
    Adopt, AuthExport, AuthImport, DeletionPolicy, Mode, ProviderConfig, Reason,
};
use metorial::Collection;
use serde_json::json;
use std::sync::Arc;

#[test]
fn a_config_is_not_created_from_a_vault_of_another_resource_by_its_id() {
    let spec = json!({"providerId": "postgres", "vaultId": "pcvt_1"});
    let desired = wanted::<ProviderConfig>("ProviderConfig", &spec, &mac());
    let mut never = recorded(&desired, "unused");
    never.id = None;
    never.writes = crate::plan::record::Writes::NothingCreated;
    let vault = |marker| Some(Arc::new(marked(created(&desired, "pcvt_1", 1), marker)));
    for (vault, reason) in [
        (vault(None), Reason::Synced),
        (vault(sibling()), Reason::OwnershipConflict),
        (None, Reason::Synced),
    ] {
        let fixture = Fixture::of(&desired, never.clone());
        let query = Query::Used(Collection::ConfigVaults, "pcvt_1".to_owned());
        assert_eq!(fixture.decide(), Err(query.clone()));
        let plan = fixture.fact(query, Answer::Used(vault)).plan();
        assert_eq!(plan.verdict.reason, reason);
        assert_eq!(plan.creates(), reason == Reason::Synced);
    }
}

#[test]
fn over_a_shared_connection_ids_in_a_spec_work_only_where_its_owner_allows_them() {
    let spec = json!({"providerId": "postgres", "vaultId": "pcvt_1"});
    let on_vault = wanted::<ProviderConfig>("ProviderConfig", &spec, &mac());
    let plain = credentials("a", "x", &json!({}), &owner("uid"));
    let adopting = Policy {
        adopt: Some(Adopt {
            id: "par_1".to_owned(),
            policy: None,
        }),
        ..policy()
    };
    for (desired, policy, field) in [
        (&on_vault, policy(), "spec.vaultId"),
        (&plain, adopting, "spec.adopt.id"),
    ] {
        let never = Record {
            writes: Writes::Never,
            ..lost()
        };
        let mut fixture = Fixture::of(desired, never).with_policy(policy);
        fixture.connection = denying();
        let verdict = fixture.plan().verdict;
        assert_eq!(verdict.reason, Reason::OwnershipConflict);
        assert!(verdict.message.contains(field), "{}", verdict.message);
        fixture.connection.external_ids = true;
        fixture.record = lost();
        assert!(fixture.decide().is_err(), "the object is read");
    }
}

#[test]
fn what_a_reference_leads_to_must_carry_the_marker_of_that_resource() {
    let desired = config("a");
    let external = |owner: &str| External {
        id: "pac_1".to_owned(),
        owner: Some(owner.to_owned()),
    };
    let conflicts = |marker, owner: &str, allowed| {
        let remote = marked(created(&desired, "pac_1", 1), marker);
        let mut fixture = Fixture::of(&desired, lost());
        fixture.connection.external_ids = allowed;
        fixture.ask(|case, _| foreign_object(case, &external(owner), &remote).is_some())
    };
    assert!(!conflicts(sibling(), "other", false), "the resource's own");
    assert!(conflicts(sibling(), "observer", true), "a third one's");
    assert!(conflicts(None, "observer", false), "nobody's, not allowed");
    assert!(!conflicts(None, "observer", true), "nobody's, allowed");
}

/// An import into, and an export from, an auth config that the spec names by its id; and the facts that each needs besides.
fn uses_of_an_external_object() -> [(Desired, Vec<(Query, Answer)>); 2] {
    let import =
        json!({"note": "n", "authConfigId": "pac_1", "value": {"literal": {"token": "x"}}});
    let import = wanted::<AuthImport>("AuthImport", &import, &mac());
    let method = ValueSchema::AuthConfig {
        id: "pac_1".to_owned(),
        method: None,
    };
    let no_imports = (
        Query::Imports("pac_1".to_owned()),
        Answer::Imports(Vec::new()),
    );
    let imports = vec![
        no_imports.clone(),
        (Query::Violations(method), Answer::Violations(None)),
    ];
    let export = json!({"note": "n", "authConfigId": "pac_1", "secret": {"name": "tokens"}});
    let export = wanted::<AuthExport>("AuthExport", &export, &mac());
    let secret = export.source.exports().expect("it exports").secret.clone();
    let exports = vec![
        no_imports,
        (
            Query::Child(secret.clone()),
            Answer::Child(ChildState::Missing),
        ),
        (Query::ChildAdmission(secret), Answer::ChildAdmission(None)),
        (
            Query::Exports("pac_1".to_owned()),
            Answer::Exports(Vec::new()),
        ),
    ];
    [(import, imports), (export, exports)]
}

#[test]
fn nothing_is_imported_or_exported_by_an_older_read_which_may_not_show_a_new_marker() {
    let lifecycle = Lifecycle {
        external: true,
        ..Lifecycle::default()
    };
    for (desired, facts) in uses_of_an_external_object() {
        let fixture = |marker: Option<Marker>, fresh: bool| {
            let unmarked = marked(created(&config("a"), "pac_1", 9), None);
            let policy = Policy {
                lifecycle: lifecycle.clone(),
                ..policy()
            };
            let mut fixture = Fixture::of(&desired, lost()).with_policy(policy);
            for (query, answer) in &facts {
                fixture = fixture.fact(query.clone(), answer.clone());
            }
            let fresh = fresh.then(|| marked(unmarked.clone(), marker));
            let fixture = fixture.recalls(unmarked);
            match fresh {
                Some(fresh) => fixture.observes(fresh),
                None => fixture,
            }
        };
        let read = Query::Remote {
            id: "pac_1".to_owned(),
            max_age: MaxAge::ThisReconciliation,
        };
        assert_eq!(fixture(None, false).decide(), Err(read));
        let uses = |step: &Step| matches!(step, Step::Import { .. } | Step::Export { .. });
        assert!(fixture(None, true).plan().has(uses));
        let plan = fixture(sibling(), true).plan();
        assert_eq!(plan.verdict.reason, Reason::OwnershipConflict);
        assert!(plan.steps.is_empty());
    }
}

#[test]
fn where_nothing_has_to_be_imported_or_exported_an_older_read_will_do() {
    let once = json!({
        "note": "n", "authConfigId": "pac_1", "when": "Once", "value": {"literal": {"token": "x"}}
    });
    let desired = wanted::<AuthImport>("AuthImport", &once, &mac());
    let unmarked = marked(created(&config("a"), "pac_1", 9), None);
    let plan = Fixture::of(&desired, recorded(&desired, "pac_1"))
        .recalls(unmarked)
        .plan();
    assert_eq!(plan.verdict.reason, Reason::Synced);
}

#[test]
fn an_object_that_is_only_used_is_not_reported_as_left_behind() {
    let desired = config("a");
    let deleted = |external| {
        let policy = Policy {
            deletion: DeletionPolicy::Orphan,
            lifecycle: Lifecycle {
                external,
                ..Lifecycle::default()
            },
            ..policy()
        };
        let of = Fixture::of(&desired, recorded(&desired, "pac_1"));
        of.with_policy(policy).terminating().plan()
    };
    let records = |step: &Step| matches!(step, Step::RecordOrphan(_));
    let own = deleted(false);
    assert!(own.has(records) && own.verdict.event.is_some());
    let used = deleted(true);
    assert!(used.has(|step| matches!(step, Step::RemoveFinalizer)));
    assert!(!used.has(records) && used.verdict.event.is_none());
}

#[test]
fn over_a_shared_connection_nothing_that_somebody_else_owns_is_observed() {
    let desired = credentials("a", "x", &json!({}), &owner("uid"));
    let observed = |change: fn(&mut Owner), alive: bool, shared: bool, from: &[&str]| {
        let mut other = owner("other");
        other.name = "slack".to_owned();
        change(&mut other);
        let remote = marked(created(&desired, "par_1", 9), marker(other.clone()));
        let policy = Policy {
            mode: Mode::Observe,
            ..policy()
        };
        let fixture = Fixture::of(&desired, recorded(&desired, "par_1")).with_policy(policy);
        let mut fixture = fixture.observes(remote.clone()).recalls(remote).fact(
            Query::OwnerAlive(Box::new(other)),
            Answer::OwnerAlive(alive),
        );
        fixture.connection.shared = shared;
        fixture.connection.adopt_from = from.iter().map(|from| (*from).to_owned()).collect();
        fixture.plan().verdict.reason == Reason::Observed
    };
    let here: fn(&mut Owner) = |_| {};
    let elsewhere: fn(&mut Owner) = |it| it.namespace_uid = "another".to_owned();
    let abroad: fn(&mut Owner) = |it| it.cluster = "b".to_owned();
    assert!(observed(here, true, true, &[]));
    assert!(!observed(elsewhere, true, true, &[]));
    assert!(observed(elsewhere, false, true, &[]), "nobody's any more");
    assert!(
        observed(elsewhere, true, false, &[]),
        "with a key of one's own"
    );
    assert!(!observed(abroad, true, true, &[]));
    assert!(observed(abroad, true, true, &["b"]));
}
