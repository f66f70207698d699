//! Creates of which no status records where they were sent.

use super::fixture::{Fixture, auth_config, lost, policy, recorded};
use crate::plan::backoff::Retry;
use crate::plan::desired::Desired;
use crate::plan::facts::{Answer, Query};
use crate::plan::policy::Policy;
use crate::plan::record::{Destination, Elsewhere, Record};
use crate::plan::status;
use crate::plan::steps::{Effect, Plan, Step};
use crate::resources::{DeletionPolicy, Mode, ProviderAuthConfigStatus, Reason, ResourceStatus};

fn elsewhere() -> Destination {
    Destination {
        connection: "Connection/former".to_owned(),
        instance: "ins_former".to_owned(),
    }
}

/// A resource whose object is not found in the instance of its connection.
fn not_found(desired: &Desired, record: Record) -> Fixture<'_> {
    Fixture::of(desired, record).finds(Vec::new())
}

#[test]
fn nothing_is_created_before_the_other_instances_were_searched() {
    let desired = auth_config("a");
    let unknown = not_found(&desired, lost());
    assert_eq!(unknown.decide(), Err(Query::OtherInstances));
    let schema = Query::Violations(desired.schema.clone().unwrap());
    let answer = Answer::OtherInstances(Elsewhere::Nothing);
    let nowhere = unknown.fact(Query::OtherInstances, answer);
    assert_eq!(nowhere.decide(), Err(schema.clone()), "a create is checked");

    let here = Record {
        instance: Some("ins_1".to_owned()),
        ..lost()
    };
    assert_eq!(not_found(&desired, here).decide(), Err(schema.clone()));
    let mut named = not_found(&desired, lost());
    named.connection.named = true;
    assert_eq!(named.decide(), Err(schema), "no other was ever named");
    named.generation = 2;
    assert_eq!(named.decide(), Err(Query::OtherInstances));
}

/// The plans, by the answer, of a resource that is to exist and of one that is being deleted.
fn plans(desired: &Desired, answer: &Elsewhere) -> [(Plan, ProviderAuthConfigStatus); 2] {
    let there = not_found(desired, lost());
    let gone = not_found(desired, lost()).terminating();
    [there, gone].map(|fixture| {
        let answer = Answer::OtherInstances(answer.clone());
        let fixture = fixture.fact(Query::OtherInstances, answer);
        let plan = fixture.plan();
        let effects = plan.steps.iter().map(|step| match step {
            Step::RecordDestination(there) => Effect::SentTo(there.clone()),
            other => panic!("{other:?}"),
        });
        let effects: Vec<Effect> = effects.collect();
        let before = ProviderAuthConfigStatus::default();
        let next = fixture.ask(|case, _| status::next(&before, case, &plan, &effects));
        (plan, next)
    })
}

const REASONS: [Reason; 2] = [Reason::AmbiguousCreate, Reason::Deleting];

#[test]
fn where_a_create_was_sent_is_recorded_once_it_is_found() {
    let desired = auth_config("a");
    let plans = plans(&desired, &Elsewhere::Found(elsewhere()));
    for ((plan, next), reason) in plans.into_iter().zip(REASONS) {
        assert_eq!((plan.verdict.reason, &plan.retry), (reason, &Retry::Now));
        let next = next.common();
        assert_eq!(next.connection.as_deref(), Some("Connection/former"));
        assert_eq!(next.instance_id.as_deref(), Some("ins_former"));
    }
}

#[test]
fn an_instance_that_can_not_be_searched_is_waited_for_and_named() {
    let desired = auth_config("a");
    let plans = plans(&desired, &Elsewhere::Unknown(elsewhere()));
    for ((plan, next), reason) in plans.into_iter().zip(REASONS) {
        assert_eq!(plan.verdict.reason, reason);
        assert!(plan.steps.is_empty() && matches!(plan.retry, Retry::Backoff(_)));
        let message = &plan.verdict.message;
        assert!(message.contains("ins_former") && message.contains("Connection/former"));
        assert_eq!(next.common().instance_id, None, "nothing is certain");
    }
}

#[test]
fn the_advice_for_an_object_of_another_instance_leads_to_no_deletion_that_is_blocked() {
    let desired = auth_config("a");
    let orphaning = Policy {
        deletion: DeletionPolicy::Orphan,
        ..policy()
    };
    let observing = Policy {
        mode: Mode::Observe,
        ..policy()
    };
    for (record, policy, needs_orphan) in [
        (recorded(&desired, "pac_1"), policy(), true),
        (lost(), policy(), true),
        (recorded(&desired, "pac_1"), orphaning.clone(), false),
        (recorded(&desired, "pac_1"), observing, false),
    ] {
        let record = Record {
            instance: Some("ins_former".to_owned()),
            ..record
        };
        let under = |policy| Fixture::of(&desired, record.clone()).with_policy(policy);
        let reported = under(policy.clone()).plan().verdict;
        assert_eq!(reported.reason, Reason::InstanceMismatch);
        let advice = if needs_orphan {
            ", or set spec.deletionPolicy: Orphan and delete this resource"
        } else {
            "refer to a connection of ins_former, or delete this resource"
        };
        assert!(reported.message.ends_with(advice), "{}", reported.message);

        let deleted = under(policy).terminating().plan().verdict;
        let is_blocked = deleted.reason == Reason::DeletionBlocked;
        assert_eq!(is_blocked, needs_orphan, "{}", deleted.message);
        let advice = "the object is; create another connection with a key of that instance; or set";
        let advised = deleted.message.contains(advice);
        assert_eq!(advised, is_blocked, "{}", deleted.message);
        let followed = under(orphaning.clone()).terminating().plan();
        assert!(followed.has(|step| matches!(step, Step::RemoveFinalizer)));
    }
}
