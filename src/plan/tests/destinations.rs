//! Creates of which no status records where they were sent.

use super::fixture::{Fixture, auth_config, lost};
use crate::plan::backoff::Retry;
use crate::plan::desired::Desired;
use crate::plan::facts::{Answer, Query};
use crate::plan::record::{Destination, Record};
use crate::plan::status;
use crate::plan::steps::{Effect, Step};
use crate::resources::{ProviderAuthConfigStatus, Reason, ResourceStatus};

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
    let nowhere = unknown.fact(Query::OtherInstances, Answer::OtherInstances(None));
    assert_ne!(nowhere.decide(), Err(Query::OtherInstances));
    let here = Record {
        instance: Some("ins_1".to_owned()),
        ..lost()
    };
    let known = not_found(&desired, here).decide();
    assert_ne!(known, Err(Query::OtherInstances), "it costs nothing");
}

#[test]
fn where_a_create_was_sent_is_recorded_once_it_is_found() {
    let desired = auth_config("a");
    let found = || Answer::OtherInstances(Some(elsewhere()));
    let there = not_found(&desired, lost()).fact(Query::OtherInstances, found());
    let gone = not_found(&desired, lost()).terminating();
    let gone = gone.fact(Query::OtherInstances, found());
    for (fixture, reason) in [(there, Reason::AmbiguousCreate), (gone, Reason::Deleting)] {
        let plan = fixture.plan();
        assert_eq!(plan.steps, [Step::RecordDestination(elsewhere())]);
        assert_eq!((plan.verdict.reason, &plan.retry), (reason, &Retry::Now));
        let before = ProviderAuthConfigStatus::default();
        let effects = [Effect::SentTo(elsewhere())];
        let next = fixture.ask(|case, _| status::next(&before, case, &plan, &effects));
        let next = next.common();
        assert_eq!(next.connection.as_deref(), Some("Connection/former"));
        assert_eq!(next.instance_id.as_deref(), Some("ins_former"));
    }
}
