//! Configs that deployments use as their default: they are not deleted meanwhile, and no deployment gets another one.

use super::fixture::{
    Fixture, bound, config, connected, created, deleted, denying, lost, mac, recorded, second,
    updates, wanted,
};
use crate::plan::backoff::{Backoff, Retry};
use crate::plan::desired::Desired;
use crate::plan::facts::{Answer, Query};
use crate::plan::observed::{Dependent, Relation, RemoteView};
use crate::plan::record::Record;
use crate::plan::steps::Plan;
use crate::resources::{DeletionPolicy, ProviderDeployment, Reason};
use serde_json::json;

fn dependent(of: &str, relation: Relation) -> Dependent {
    Dependent {
        of: of.to_owned(),
        id: "pde_1".to_owned(),
        name: Some("database".to_owned()),
        namespace: Some("team".to_owned()),
        relation,
    }
}

/// A deployment with this default config.
fn using(config: &str) -> Desired {
    let spec = json!({"providerId": "postgres", "defaultConfigId": config});
    wanted::<ProviderDeployment>("ProviderDeployment", &spec, &mac())
}

fn used(terminating: bool) -> Relation {
    Relation::DefaultConfig { terminating }
}

/// A config that is being deleted, in this deployment, and what depends on it.
fn deletion<'a>(
    desired: &'a Desired,
    deployment: Option<&str>,
    dependents: Vec<Dependent>,
) -> Fixture<'a> {
    let mut remote = created(desired, "current", 9);
    remote.details.deployment_id = deployment.map(str::to_owned);
    let query = Query::Dependents(vec!["current".to_owned()]);
    Fixture::of(desired, recorded(desired, "current"))
        .terminating()
        .observes(remote)
        .fact(query, Answer::Dependents(dependents))
}

#[test]
fn a_config_that_a_deployment_uses_is_not_deleted_and_the_message_names_the_deployment() {
    let desired = config("a");
    let fixture = deletion(&desired, None, vec![dependent("current", used(false))]);
    let plan = fixture.plan();
    assert_eq!(plan.verdict.reason, Reason::DeletionBlocked);
    assert!(plan.steps.is_empty());
    let expected = "deleting current would leave 1 deployment(s) without their default config: pde_1 (database); delete those first, or set spec.deletionPolicy: Cascade (deletes current all the same) or Orphan (leaves current at Metorial)";
    assert_eq!(plan.verdict.message, expected);
    let mut cascade = fixture;
    cascade.policy.deletion = DeletionPolicy::Cascade;
    assert_eq!(deleted(&cascade.plan()), ["current"]);
}

#[test]
fn an_object_that_depends_on_several_is_counted_once() {
    let desired = config("a");
    let both = ["current", "former"].map(|of| dependent(of, used(false)));
    let message = deletion(&desired, None, both.to_vec())
        .plan()
        .verdict
        .message;
    assert!(message.contains("leave 1 deployment(s)"), "{message}");
}

#[test]
fn a_deployment_of_another_namespace_is_counted_and_not_named() {
    for connection in [denying(), connected()] {
        let theirs = Dependent {
            namespace: Some("other".to_owned()),
            ..dependent("current", used(false))
        };
        let desired = config("a");
        let mut fixture = deletion(&desired, None, vec![theirs]);
        fixture.connection = connection;
        let message = fixture.plan().verdict.message;
        assert!(message.contains("1 deployment(s)"), "{message}");
        assert!(!message.contains("pde_1"), "{message}");
    }
}

#[test]
fn of_a_config_and_a_deployment_that_would_wait_for_each_other_the_config_goes_first() {
    let desired = config("a");
    for (belongs_to, relation, goes) in [
        (Some("pde_1"), used(true), true),
        (Some("pde_1"), used(false), false),
        (Some("pde_2"), used(true), false),
        (None, used(true), false),
        (Some("pde_1"), Relation::Parent, false),
    ] {
        let dependents = vec![dependent("current", relation)];
        let plan = deletion(&desired, belongs_to, dependents).plan();
        let deletes = deleted(&plan) == ["current"];
        assert_eq!(deletes, goes, "{belongs_to:?} {relation:?}");
    }
}

/// The plan for a config that was replaced, where this depends on the former one, and another one does where that is free.
fn after_replacement(relation: Relation, now: i64) -> Plan {
    let desired = config("a");
    let ids = ["former", "free"].map(str::to_owned);
    let record = Record {
        pending_deletion: ids.iter().map(|id| (id.clone(), second(1))).collect(),
        ..recorded(&desired, "current")
    };
    let fixture = ids
        .iter()
        .fold(Fixture::of(&desired, record), |fixture, id| {
            fixture.observes(created(&desired, id, 1))
        });
    let dependents = Answer::Dependents(vec![dependent("former", relation)]);
    let mut fixture = fixture.observes(created(&desired, "current", 9));
    fixture.now = now;
    fixture
        .fact(Query::Dependents(ids.to_vec()), dependents)
        .plan()
}

#[test]
fn a_replaced_config_stays_while_a_deployment_uses_it_without_being_asked_about_again_and_again() {
    let soon = Retry::Backoff(Backoff::transient());
    for (relation, now, retry) in [
        (used(false), 1000, Retry::Interval(None)),
        (used(true), 1000, Retry::Interval(None)),
        (Relation::Parent, 1000, soon),
        (Relation::Parent, 20_000, Retry::Interval(None)),
    ] {
        let plan = after_replacement(relation, now);
        assert_eq!(deleted(&plan), ["free"], "{relation:?}");
        assert_eq!(plan.verdict.reason, Reason::Synced, "{relation:?}");
        assert_eq!(plan.retry, retry, "{relation:?}");
    }
}

#[test]
fn a_deployment_that_is_found_with_another_default_config_is_not_reported_as_synced() {
    let (before, now) = (using("pcf_1"), using("pcf_2"));
    for (desired, reason) in [(&before, Reason::Synced), (&now, Reason::Updating)] {
        let found = vec![created(&before, "pde_1", 9)];
        let plan = Fixture::of(desired, lost()).finds(found).plan();
        assert_eq!(bound(&plan), Some("pde_1"));
        assert_eq!(plan.verdict.reason, reason);
    }
}

#[test]
fn a_deployment_whose_default_config_was_replaced_reports_what_becomes_of_it_and_what_to_do() {
    let (before, now) = (using("pcf_1"), using("pcf_2"));
    let remote: RemoteView = created(&before, "pde_1", 9);
    let plan = Fixture::of(&now, recorded(&before, "pde_1"))
        .observes(remote)
        .plan();
    assert_eq!(plan.verdict.reason, Reason::ImmutableFieldChanged);
    assert!(!updates(&plan) && !plan.creates());
    let message = &plan.verdict.message;
    for part in [
        "the default config of pde_1, which is pcf_1; to use the new config, create another ProviderDeployment",
        "; to keep pcf_1, remove spec.defaultConfigRef and spec.defaultConfigId",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains("undo"), "{message}");
}
