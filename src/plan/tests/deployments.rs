//! Deployments: what belongs to one, and what Metorial can't change or ignores.

use super::fixture::{
    Fixture, created, denying, lost, mac, marked, policy, recorded, second, sibling, updates,
    wanted,
};
use crate::plan::case::Rejection;
use crate::plan::desired::Desired;
use crate::plan::facts::{Answer, MaxAge, Query};
use crate::plan::observed::RemoteView;
use crate::plan::record::{Record, Writes};
use crate::plan::request;
use crate::plan::steps::{Effect, Step};
use crate::plan::{backoff::Retry, status};
use crate::resources::{
    Adopt, AdoptPolicy, ProviderAuthConfig, ProviderConfig, ProviderDeployment,
    ProviderDeploymentStatus, Reason, ResourceStatus,
};
use metorial::Collection;
use serde_json::{Value, json};
use std::sync::Arc;

fn deployment(spec: &Value) -> Desired {
    let mut whole = json!({"providerId": "postgres"});
    for (key, value) in spec.as_object().into_iter().flatten() {
        whole[key] = value.clone();
    }
    wanted::<ProviderDeployment>("ProviderDeployment", &whole, &mac())
}

fn locked(version: Option<&str>) -> Desired {
    let spec = version.map_or(json!({}), |id| json!({"lockedVersionId": id}));
    deployment(&spec)
}

/// An auth config in this deployment.
fn auth_config(deployment: Option<&str>) -> Desired {
    let mut spec = json!({"authMethodId": "token", "value": {"literal": {"token": "a"}}});
    if let Some(id) = deployment {
        spec["deploymentId"] = json!(id);
    }
    wanted::<ProviderAuthConfig>("ProviderAuthConfig", &spec, &mac())
}

/// The body of the PATCH that a plan sends.
fn patch(desired: &Desired, steps: &[Step]) -> Option<Value> {
    steps.iter().find_map(|step| match step {
        Step::Update {
            remote,
            differences,
        } => Some(request::update(desired, differences, remote, &[])),
        _ => None,
    })
}

#[test]
fn only_what_is_said_is_sent_and_only_a_list_clears_the_filters() {
    let bare = request::create(&deployment(&json!({})));
    let keys: Vec<&String> = bare.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["metadata", "name", "provider_id"]);
    let filter = json!([{"type": "tool_keys", "keys": ["a"]}]);
    let whole = json!({
        "lockedVersionId": "pve_1", "defaultConfigId": "pcf_1", "toolFilters": filter
    });
    let whole = deployment(&whole);
    let body = request::create(&whole);
    assert_eq!(body["locked_provider_version_id"], "pve_1");
    assert_eq!(body["provider_config_id"], "pcf_1");
    assert_eq!(body["tool_filters"], filter);
    assert!(body.get("provider_config").is_none(), "the inline form");
    let cleared = deployment(&json!({"defaultConfigId": "pcf_1"}));
    let plan = Fixture::of(&cleared, recorded(&whole, "pde_1"))
        .observes(created(&whole, "pde_1", 9))
        .plan();
    let body = patch(&cleared, &plan.steps).unwrap();
    assert_eq!(
        body,
        json!({"tool_filters": [], "locked_provider_version_id": null})
    );
}

#[test]
fn a_default_config_is_compared_only_where_the_spec_names_one() {
    let unsaid = deployment(&json!({}));
    let said = deployment(&json!({"defaultConfigId": "pcf_1"}));
    let with_default = |desired: &Desired, id: &str| {
        let mut remote = created(desired, "pde_1", 9);
        remote.fields.insert("defaultConfigId", json!(id));
        remote
    };
    for (desired, observed, reason) in [
        (&unsaid, "pcf_unasked", Reason::Synced),
        (&said, "pcf_1", Reason::Synced),
        (&said, "pcf_2", Reason::ImmutableFieldChanged),
    ] {
        let plan = Fixture::of(desired, recorded(desired, "pde_1"))
            .observes(with_default(desired, observed))
            .plan();
        assert_eq!(plan.verdict.reason, reason, "{observed}");
        assert!(!updates(&plan) && !plan.creates());
    }
}

/// A lock that was sent, and the answer to that with this lock.
fn answered(version: &str) -> (Desired, Record, RemoteView) {
    let desired = locked(Some("pve_2"));
    let mut record = recorded(&desired, "pde_1");
    record.remote_updated_at = Some(second(20));
    let mut remote = created(&desired, "pde_1", 20);
    remote.fields.insert("lockedVersionId", json!(version));
    (desired, record, remote)
}

#[test]
fn a_changed_lock_is_sent_once_and_then_compared_with_the_response() {
    let (before, desired) = (locked(Some("pve_1")), locked(Some("pve_2")));
    let fixture =
        Fixture::of(&desired, recorded(&before, "pde_1")).observes(created(&before, "pde_1", 9));
    let plan = fixture.plan();
    let body = patch(&desired, &plan.steps).unwrap();
    assert_eq!(body, json!({"locked_provider_version_id": "pve_2"}));
    assert_eq!(plan.verdict.reason, Reason::Updating, "not ready yet");
    assert_eq!(plan.retry, Retry::Now);
    let (.., answer) = answered("pve_1");
    let effects = [Effect::Written(Arc::new(answer), None)];
    let next = fixture
        .ask(|case, _| status::next(&ProviderDeploymentStatus::default(), case, &plan, &effects));
    let revision = next.common().last_applied_revision.as_deref();
    assert_eq!(revision, Some(desired.revision.as_str()), "it was sent");
}

#[test]
fn a_lock_that_the_build_ignored_is_reported_and_neither_sent_again_nor_replaced() {
    for (observed, reason) in [
        ("pve_2", Reason::Synced),
        ("pve_1", Reason::ImmutableFieldChanged),
    ] {
        let (desired, record, remote) = answered(observed);
        let plan = Fixture::of(&desired, record).observes(remote).plan();
        assert_eq!(plan.verdict.reason, reason);
        assert!(plan.steps.is_empty());
        let reported = plan
            .verdict
            .message
            .contains("lockedVersionId, which is \"pve_1\"");
        assert_eq!(
            reported,
            reason != Reason::Synced,
            "{}",
            plan.verdict.message
        );
    }
}

#[test]
fn a_lock_that_somebody_else_changed_is_corrected() {
    let (desired, record, mut remote) = answered("pve_1");
    remote.updated_at = second(30);
    let plan = Fixture::of(&desired, record).observes(remote).plan();
    let body = patch(&desired, &plan.steps).unwrap();
    assert_eq!(body, json!({"locked_provider_version_id": "pve_2"}));
}

#[test]
fn an_auth_config_of_another_deployment_is_reported_and_not_adopted() {
    let (desired, remote) = (auth_config(Some("pde_2")), auth_config(Some("pde_1")));
    let existing = created(&remote, "pac_1", 9);
    let plan = Fixture::of(&desired, recorded(&remote, "pac_1"))
        .observes(existing.clone())
        .plan();
    assert_eq!(plan.verdict.reason, Reason::ImmutableFieldChanged);
    assert!(plan.steps.is_empty());
    let mut adopting = policy();
    adopting.adopt = Some(Adopt {
        id: "pac_1".to_owned(),
        policy: Some(AdoptPolicy::Override),
    });
    let record = Record {
        finalizer: false,
        writes: Writes::Never,
        ..lost()
    };
    let fixture = Fixture::of(&desired, record)
        .with_policy(adopting)
        .observes(marked(existing, None));
    let verdict = fixture.plan().verdict;
    assert_eq!(verdict.reason, Reason::AdoptionMismatch);
    assert!(
        verdict.message.contains("deploymentId"),
        "{}",
        verdict.message
    );
}

#[test]
fn a_deployment_that_the_spec_or_the_server_leaves_out_is_no_difference() {
    let mut silent = created(&auth_config(Some("pde_1")), "pac_1", 9);
    silent.fields.0.retain(|(name, _)| *name != "deploymentId");
    for (desired, remote) in [
        (
            auth_config(None),
            created(&auth_config(Some("pde_1")), "pac_1", 9),
        ),
        (auth_config(Some("pde_1")), silent),
    ] {
        let plan = Fixture::of(&desired, recorded(&desired, "pac_1"))
            .observes(remote)
            .plan();
        assert_eq!(plan.verdict.reason, Reason::Synced);
    }
}

#[test]
fn an_id_may_name_a_deployment_of_nobody_but_over_a_shared_connection_none_of_another_resource() {
    let desired = auth_config(Some("pde_1"));
    let mut never = lost();
    never.writes = Writes::NothingCreated;
    let query = Query::Used(Collection::Deployments, "pde_1".to_owned());
    let of = |marker| {
        let remote = marked(created(&desired, "pde_1", 1), marker);
        Answer::Used(Some(Arc::new(remote)))
    };
    let schema = || {
        let schema = desired.schema.clone().unwrap();
        (Query::Violations(schema), Answer::Violations(None))
    };
    let own = Fixture::of(&desired, never.clone()).fact(schema().0, schema().1);
    assert!(own.plan().creates(), "the deployment is not even read");
    for (marker, reason) in [
        (None, Reason::Synced),
        (sibling(), Reason::OwnershipConflict),
    ] {
        let mut fixture = Fixture::of(&desired, never.clone()).fact(schema().0, schema().1);
        fixture.connection = denying();
        assert_eq!(fixture.decide(), Err(query.clone()));
        let plan = fixture.fact(query.clone(), of(marker)).plan();
        assert_eq!(plan.verdict.reason, reason);
        assert_eq!(plan.creates(), reason == Reason::Synced);
    }
}

#[test]
fn another_deployment_is_reported_by_a_read_of_now_and_read_again_where_it_was_created_again() {
    let (before, mut now) = (auth_config(Some("pde_1")), auth_config(Some("pde_2")));
    for (owner, again) in [(None, false), (Some("owner".to_owned()), true)] {
        now.uses[0].object.owner = owner;
        let remote = created(&before, "pac_1", 9);
        let fixture = Fixture::of(&now, recorded(&before, "pac_1")).with_policy(policy());
        let fixture = fixture.recalls(remote.clone());
        let fresh = fixture.decide().unwrap_err();
        assert_eq!(
            fresh,
            Query::Remote {
                id: "pac_1".to_owned(),
                max_age: MaxAge::ThisReconciliation
            }
        );
        let plan = fixture.observes(remote).plan();
        assert_eq!(plan.verdict.reason, Reason::ImmutableFieldChanged);
        assert_eq!(matches!(plan.retry, Retry::Backoff(_)), again);
    }
}

#[test]
fn a_refusal_for_another_deployment_names_the_deployments_and_what_to_set() {
    let of_vault = |deployment: &str| {
        let spec =
            json!({"providerId": "postgres", "vaultId": "pcvt_1", "deploymentId": deployment});
        wanted::<ProviderConfig>("ProviderConfig", &spec, &mac())
    };
    let query = Query::Used(Collection::ConfigVaults, "pcvt_1".to_owned());
    for (named, own, message) in [
        (
            "pde_2",
            "pde_1",
            "spec.deploymentId is pde_2, but the vault pcvt_1 belongs to pde_1; name the same deployment, or none to take over that one",
        ),
        (
            "",
            "pde_1",
            "the vault pcvt_1 belongs to pde_1; set spec.deploymentId to that deployment, or name another object",
        ),
        (
            "",
            "",
            "the vault pcvt_1 belongs to another deployment; set spec.deploymentId to that deployment, or name another object",
        ),
    ] {
        let desired = of_vault(named);
        let vault = Arc::new(created(&of_vault(own), "pcvt_1", 1));
        let fixture = Fixture::of(&desired, lost());
        let fixture = fixture.fact(query.clone(), Answer::Used(Some(vault)));
        let verdict = fixture.ask(|case, facts| Rejection::OtherDeployment.verdict(case, facts));
        assert_eq!(verdict.reason, Reason::InvalidSpec);
        assert_eq!(verdict.message, message);
    }
}
