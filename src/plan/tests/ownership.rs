//! Whose object it is: the marker decides, whatever a spec or a status says.

use super::fixture::{
    Fixture, bound, config, created, credentials, deleted, denying, lost, mac, marked, marker,
    owner, policy, recorded, sibling, updates, wanted,
};
use crate::plan::facts::{Answer, Query};
use crate::plan::not_ready::NotReady;
use crate::plan::observed::RemoteView;
use crate::plan::ownership::{Claim, Marker, Owner};
use crate::plan::policy::{Lifecycle, Policy};
use crate::plan::record::Record;
use crate::plan::steps::Step;
use crate::resources::{ProviderAuthConfig, Reason};
use serde_json::json;

#[test]
fn a_marker_claims_an_object_for_one_resource_of_one_namespace_of_one_installation() {
    let of = |change: fn(&mut Owner)| {
        let mut other = owner("other");
        change(&mut other);
        Marker::claim(marker(other).as_ref(), &owner("uid"))
    };
    assert_eq!(Marker::claim(None, &owner("uid")), Claim::Nobody);
    assert_eq!(of(|it| it.uid = "uid".to_owned()), Claim::Ours);
    assert_eq!(of(|_| {}), Claim::Namesake);
    assert_eq!(of(|it| it.name = "slack".to_owned()), Claim::Sibling);
    assert_eq!(of(|it| it.namespace_uid = "new".to_owned()), Claim::Sibling);
    assert_eq!(of(|it| it.cluster = "b".to_owned()), Claim::OtherCluster);
    let clone = of(|it| {
        it.installation = "clone".to_owned();
        it.uid = "uid".to_owned();
    });
    assert_eq!(clone, Claim::OtherCluster);
}

#[test]
fn nothing_is_deleted_that_does_not_carry_the_marker_in_a_fresh_read() {
    let desired = config("a");
    let mine = created(&desired, "pcf_1", 9);
    let cases = [
        (mine.clone(), vec!["pcf_1"]),
        (marked(mine.clone(), sibling()), vec![]),
        (marked(mine.clone(), None), vec![]),
        (
            RemoteView {
                live: false,
                ..mine
            },
            vec![],
        ),
    ];
    for (remote, expected) in cases {
        let what = format!("{:?} live {}", remote.marker, remote.live);
        let fixture = Fixture::of(&desired, recorded(&desired, "pcf_1")).terminating();
        let plan = fixture
            .observes(remote)
            .finds(Vec::new())
            .fact(
                Query::Dependents(vec!["pcf_1".to_owned()]),
                Answer::Dependents(Vec::new()),
            )
            .plan();
        assert_eq!(deleted(&plan), expected, "{what}");
        assert!(plan.has(|step| *step == Step::RemoveFinalizer), "{what}");
    }
}

#[test]
fn a_replaced_object_that_a_status_names_is_not_deleted_without_the_marker() {
    let desired = config("a");
    let mut record = recorded(&desired, "pcf_2");
    let since = super::fixture::second(1);
    record.pending_deletion = vec![("pcf_victim".to_owned(), since)];
    let victim = marked(created(&desired, "pcf_victim", 1), sibling());
    let fixture = Fixture::of(&desired, record)
        .observes(created(&desired, "pcf_2", 9))
        .fact(
            Query::Dependents(vec!["pcf_victim".to_owned()]),
            Answer::Dependents(Vec::new()),
        );
    assert!(matches!(fixture.decide(), Err(Query::Remote { id, .. }) if id == "pcf_victim"));
    let plan = fixture.observes(victim).plan();
    assert!(deleted(&plan).is_empty());
    assert!(plan.steps.contains(&Step::Forget("pcf_victim".to_owned())));
}

#[test]
fn an_unmarked_object_that_a_status_names_is_left_and_its_id_recorded() {
    let desired = config("a");
    let remote = marked(created(&desired, "pcf_1", 9), None);
    let plan = Fixture::of(&desired, recorded(&desired, "pcf_1"))
        .terminating()
        .observes(remote)
        .finds(Vec::new())
        .plan();
    let orphan = Step::RecordOrphan("pcf_1".to_owned());
    assert_eq!(plan.steps, [orphan, Step::RemoveFinalizer]);
}

#[test]
fn an_unmarked_object_that_a_status_names_is_not_changed_over_a_shared_connection() {
    let desired = credentials("a", "x", &json!({}), &owner("uid"));
    let remote = marked(created(&desired, "par_1", 20), None);
    let mut fixture = Fixture::of(&desired, recorded(&desired, "par_1")).observes(remote);
    assert!(!fixture.plan().steps.is_empty(), "its marker is restored");
    fixture.connection = denying();
    let plan = fixture.plan();
    assert_eq!(plan.verdict.reason, Reason::OwnershipConflict);
    assert!(plan.steps.is_empty());
}

#[test]
fn a_recorded_object_that_is_gone_blocks_no_deletion_in_a_namespace_that_is_not_admitted() {
    let desired = config("a");
    let mut record = recorded(&desired, "pcf_1");
    record.writes = crate::plan::record::Writes::Unknown;
    let mut fixture = Fixture::of(&desired, record).terminating().misses("pcf_1");
    fixture.connection = denying();
    fixture.connection.refusal = Some(NotReady {
        reason: Reason::NamespaceNotAllowed,
        message: "not allowed".to_owned(),
        transient: false,
        wait: None,
    });
    assert_eq!(fixture.plan().steps, [Step::RemoveFinalizer]);
    // Where it is not known whether the namespace is admitted, nothing is concluded.
    if let Some(refusal) = &mut fixture.connection.refusal {
        refusal.transient = true;
    }
    assert_eq!(fixture.plan().verdict.reason, Reason::DeletionBlocked);
}

#[test]
fn the_object_in_use_is_never_pending_deletion() {
    let desired = config("a");
    let mut record = recorded(&desired, "pcf_1");
    record.pending_deletion = vec![("pcf_1".to_owned(), super::fixture::second(1))];
    let plan = Fixture::of(&desired, record)
        .observes(created(&desired, "pcf_1", 9))
        .plan();
    assert!(deleted(&plan).is_empty());
}

#[test]
fn an_approval_covers_one_connection_only() {
    let desired = config("a");
    let mut never = recorded(&desired, "unused");
    never.id = None;
    never.writes = crate::plan::record::Writes::NothingCreated;
    let planned = Policy {
        mode: crate::resources::Mode::Plan,
        ..policy()
    };
    let hash = |connection: &str| {
        let mut fixture = Fixture::of(&desired, never.clone()).with_policy(planned.clone());
        fixture.connection.name = connection.to_owned();
        let schema = desired.schema.clone().expect("a schema");
        let fixture = fixture.fact(Query::Violations(schema), Answer::Violations(None));
        fixture.plan().proposal.expect("a plan").hash
    };
    assert_eq!(hash("Connection/sandbox"), hash("Connection/sandbox"));
    assert_ne!(hash("Connection/sandbox"), hash("Connection/production"));
}

#[test]
fn a_refusal_names_a_resource_of_the_same_namespace_only() {
    let desired = config("a");
    let message = |other: Owner| {
        let remote = marked(created(&desired, "pcf_1", 9), marker(other));
        let fixture = Fixture::of(&desired, recorded(&desired, "pcf_1"));
        let verdict = fixture.observes(remote).plan().verdict;
        assert_eq!(verdict.reason, Reason::OwnershipConflict);
        verdict.message
    };
    let here = Owner {
        name: "slack".to_owned(),
        ..owner("other")
    };
    assert!(message(here.clone()).contains("ProviderAuthCredentials slack"));
    let there = Owner {
        namespace: "rivals".to_owned(),
        ..here
    };
    let message = message(there);
    assert!(
        !message.contains("rivals") && !message.contains("slack"),
        "{message}"
    );
}

#[test]
fn a_namespace_that_is_not_admitted_any_more_costs_no_search_when_it_deletes() {
    let desired = config("a");
    let refused = || {
        let mut connection = denying();
        connection.refusal = Some(NotReady {
            reason: Reason::NamespaceNotAllowed,
            message: "ClusterConnection/shared does not allow namespace team".to_owned(),
            transient: false,
            wait: None,
        });
        connection
    };
    let replaces = Policy {
        lifecycle: Lifecycle::default(),
        ..policy()
    };
    let mut recorded = Fixture::of(&desired, recorded(&desired, "pcf_1"))
        .terminating()
        .with_policy(replaces)
        .observes(created(&desired, "pcf_1", 9))
        .fact(
            Query::Dependents(vec!["pcf_1".to_owned()]),
            Answer::Dependents(Vec::new()),
        );
    recorded.connection = refused();
    assert_eq!(deleted(&recorded.plan()), ["pcf_1"]);
    let mut unknown = Fixture::of(&desired, lost()).terminating();
    unknown.connection = refused();
    let plan = unknown.plan();
    assert_eq!(plan.verdict.reason, Reason::DeletionBlocked);
    assert!(plan.steps.is_empty());
}

#[test]
fn an_object_that_was_created_with_other_ids_before_an_edit_is_not_bound() {
    let desired = credentials("github", "secret", &json!({}), &owner("uid"));
    let seen = |record: Record, seen: bool| Record {
        observed_generation: seen.then_some(2),
        ..record
    };
    let decide = |provider: &str, edited: bool, reported: bool| {
        let mut found = created(&desired, "current", 1);
        found.details.provider_id = Some("pro_github".to_owned());
        let query = Query::Provider("github".to_owned());
        let answer = Answer::Provider(Some(provider.to_owned()));
        let mut fixture = Fixture::of(&desired, seen(lost(), reported)).finds(vec![found]);
        fixture.generation = if edited { 2 } else { 1 };
        fixture.fact(query, answer).plan()
    };
    let same = decide("pro_github", true, false);
    assert!(bound(&same).is_some() || updates(&same));
    for reported in [false, true] {
        let plan = decide("pro_other", true, reported);
        assert_eq!(plan.verdict.reason, Reason::ImmutableFieldChanged);
        assert!(plan.steps.is_empty());
    }
    let plan = decide("pro_other", false, false);
    assert_ne!(
        plan.verdict.reason,
        Reason::ImmutableFieldChanged,
        "nothing is read"
    );
}

#[test]
fn an_object_that_was_created_with_another_auth_method_before_an_edit_is_not_bound() {
    let conflicts = |wanted_method: &str, theirs: Option<&str>, generation: i64| {
        let spec = json!({"authMethodId": wanted_method, "value": {"literal": {"token": "a"}}});
        let desired = wanted::<ProviderAuthConfig>("ProviderAuthConfig", &spec, &mac());
        let mut found = created(&desired, "pac_1", 1);
        found.auth_method = theirs.map(str::to_owned);
        let mut fixture = Fixture::of(&desired, lost()).finds(vec![found]);
        fixture.generation = generation;
        fixture.plan().verdict.reason == Reason::ImmutableFieldChanged
    };
    assert!(conflicts("pam_2", Some("pam_1"), 2));
    assert!(!conflicts("pam_1", Some("pam_1"), 2));
    assert!(!conflicts("pam_2", Some("pam_1"), 1), "it was never edited");
    assert!(!conflicts("token", Some("pam_1"), 2), "not comparable");
    assert!(!conflicts("pam_2", None, 2), "not shown");
}
