//! The ConfigMap of published ids: one of a former name goes once the ids are in the new one.

use super::fixture::{Fixture, created, credentials, owner, recorded};
use crate::plan::children::{ChildKind, ChildSpec, ChildState, Refusal};
use crate::plan::facts::{Answer, Query};
use crate::plan::status::next;
use crate::plan::steps::{Effect, Plan, Step, removes_child};
use crate::resources::{CommonStatus, ProviderAuthCredentialsStatus, Reason, ResourceStatus};
use serde_json::json;

fn remove(name: &str) -> Step {
    Step::RemoveChild(ChildKind::ConfigMap, name.to_owned())
}

/// A resource whose ids are in the ConfigMap `former`.
fn published(publish: Option<&'static str>, state: ChildState) -> Plan {
    let app = credentials("github", "secret", &json!({}), &owner("uid"));
    let mut fixture = Fixture::of(&app, recorded(&app, "id_1")).observes(created(&app, "id_1", 9));
    fixture.record.instance = Some("ins_1".to_owned());
    fixture.record.published = Some("former".to_owned());
    fixture.publish = publish;
    let read = publish.map(|name| (Query::Child(ChildSpec::config_map(name)), state));
    let fixture = match read {
        Some((query, state)) => fixture.fact(query, Answer::Child(state)),
        None => fixture,
    };
    fixture.plan()
}

#[test]
fn ids_are_in_the_config_map_of_the_new_name_before_the_former_one_goes() {
    let plan = published(Some("new"), ChildState::Missing);
    let apply = Step::ApplyChild(ChildSpec::config_map("new"));
    assert!(plan.steps.ends_with(&[apply, remove("former")]));
    assert!(
        published(None, ChildState::Missing)
            .steps
            .contains(&remove("former"))
    );
}

#[test]
fn the_former_config_map_stays_where_the_new_name_is_not_free() {
    for state in [ChildState::Foreign, ChildState::OfPredecessor] {
        let plan = published(Some("new"), state.clone());
        assert!(!plan.steps.contains(&remove("former")), "{state:?}");
        assert_ne!(plan.verdict.reason, Reason::Synced);
    }
}

#[test]
fn the_former_config_map_stays_where_kubernetes_refuses_the_new_one() {
    let refused = Effect::ChildRefused(Refusal {
        kind: ChildKind::ConfigMap,
        name: "new".to_owned(),
        forbidden: true,
        terminating: false,
        kept: false,
        message: "exceeded quota".to_owned(),
    });
    let effects = [refused];
    assert!(!removes_child(&effects, ChildKind::ConfigMap));
    assert!(removes_child(&effects, ChildKind::Secret));
    assert!(removes_child(&[], ChildKind::ConfigMap));
}

#[test]
fn the_name_that_is_recorded_is_the_one_that_holds_the_ids() {
    let applied = Effect::ChildApplied(ChildKind::ConfigMap, "new".to_owned());
    let removed = Effect::ChildRemoved(ChildKind::ConfigMap, "former".to_owned());
    let recorded_after = |effects: &[Effect]| {
        let app = credentials("github", "secret", &json!({}), &owner("uid"));
        let mut before = ProviderAuthCredentialsStatus::default();
        before.common_mut().published_config_map = Some("former".to_owned());
        let fixture = Fixture::of(&app, recorded(&app, "id_1"));
        let plan = Plan::synced(&app, Vec::new());
        let status = fixture.ask(|case, _| next(&before, case, &plan, effects));
        let CommonStatus {
            published_config_map,
            ..
        } = status.common().clone();
        published_config_map
    };
    let both = [applied, removed.clone()];
    assert_eq!(recorded_after(&both).as_deref(), Some("new"));
    assert_eq!(recorded_after(&[removed]), None);
}
