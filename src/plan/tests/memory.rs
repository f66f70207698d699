//! What a process remembers of its writes, and for how long a read may miss them.

use super::records::settled;
use crate::plan::memory::{Lags, LastImport, Memory};
use crate::plan::record::{Destination, Finalizer, Record, Writes};
use crate::plan::unknown_outcome::MaybeApplied;
use crate::resources::{CommonStatus, ImportRecord, ProviderAuthConfigStatus};
use std::time::{Duration, Instant};

const SETTLE: Duration = Duration::from_secs(45);
const READ_LAG: Duration = Duration::from_secs(10);

fn lags(since: Instant) -> Lags {
    Lags {
        since,
        settle: SETTLE,
        read_lag: READ_LAG,
    }
}

fn recorded(memory: &Memory, now: Instant) -> Record {
    let status = ProviderAuthConfigStatus::default();
    Record::new(&status, Some(Finalizer::Added), memory, &lags(now), now)
}

fn destination() -> Destination {
    Destination {
        connection: "Connection/default".to_owned(),
        instance: "ins_1".to_owned(),
    }
}

/// Returns the time until absence is certain after a write that ended so, of a resource whose finalizer this process added.
fn settles_after(sent: Result<(), MaybeApplied>) -> (Duration, bool) {
    let now = Instant::now();
    let mut memory = Memory::default();
    memory.set_nothing_created(now);
    let before = memory.begin_write(&lags(now), now);
    let in_flight = recorded(&memory, now);
    assert_eq!((in_flight.settles_in, in_flight.wrote), (SETTLE, true));
    memory.end_write(before, sent, &lags(now), now);
    let after = recorded(&memory, now);
    (after.settles_in, after.inconclusive)
}

#[test]
fn a_read_may_miss_a_write_as_long_as_its_end_allows() {
    assert_eq!(settles_after(Ok(())), (SETTLE, false));
    let failed = |applied| settles_after(Err(applied));
    assert_eq!(failed(MaybeApplied::No), (Duration::ZERO, false));
    assert_eq!(failed(MaybeApplied::Answered), (READ_LAG, true));
    assert_eq!(failed(MaybeApplied::InFlight), (SETTLE, false));
}

#[test]
fn an_earlier_write_that_may_be_in_flight_keeps_its_time() {
    let now = Instant::now();
    let mut memory = Memory::default();
    // Nothing is remembered: an earlier leader may have sent a write.
    let before = memory.begin_write(&lags(now), now);
    let answered = Err(MaybeApplied::Answered);
    memory.end_write(before, answered, &lags(now), now + READ_LAG);
    let record = recorded(&memory, now);
    assert_eq!(record.settles_in, SETTLE);
    assert!(!record.inconclusive, "the earlier one is in flight");
}

#[test]
fn the_outcome_of_a_create_is_known_only_if_the_api_says_so() {
    let outcome = |before, sent| {
        let mut memory = Memory::default();
        memory.sent_to = Some(destination());
        memory.end_unrepeatable(before, sent, Writes::NothingCreated);
        (memory.writes, memory.sent_to.is_some())
    };
    let (unknown, nothing) = (Writes::Unknown, Writes::NothingCreated);
    assert_eq!(outcome(nothing, Ok(())), (Writes::Known, true));
    assert_eq!(outcome(unknown, Ok(())), (unknown, true));
    let failed = |applied| outcome(nothing, Err(applied));
    assert_eq!(failed(MaybeApplied::No), (nothing, false));
    assert_eq!(failed(MaybeApplied::Answered), (unknown, true));
    assert_eq!(failed(MaybeApplied::InFlight), (unknown, true));
}

#[test]
fn what_is_known_of_a_create_is_kept_until_the_status_records_its_object() {
    let (id, other) = ("par_1".to_owned(), "par_2".to_owned());
    let kept = |created: Option<&String>, recorded: Option<&String>, observed| {
        let mut memory = Memory::default();
        memory.created = created.cloned();
        memory.sent_to = Some(destination());
        memory.forget_recorded(&CommonStatus {
            id: recorded.cloned(),
            observed,
            ..CommonStatus::default()
        });
        memory.sent_to.is_some()
    };
    assert!(kept(None, None, None), "its response was lost");
    assert!(kept(Some(&id), None, None));
    assert!(kept(Some(&id), Some(&other), None));
    assert!(!kept(Some(&id), Some(&id), None));
    assert!(!kept(None, Some(&id), None), "it was found");
    assert!(kept(None, Some(&other), Some(true)), "only observed");
}

#[test]
fn an_import_is_uncertain_until_the_status_records_it() {
    let mut memory = Memory::default();
    memory.writes = Writes::Known;
    memory.last_import = LastImport::Unrecorded("pai_2".to_owned());
    let import = |id: &str| ImportRecord {
        id: id.to_owned(),
        created_at: "2026-01-05T09:30:00Z".to_owned(),
        expires_at: None,
        fingerprint: "v1:0:1".to_owned(),
    };
    for (known, writes) in [("pai_1", Writes::Unknown), ("pai_2", Writes::Known)] {
        let status = CommonStatus {
            imports: Some(vec![import(known)]),
            instance_id: Some("ins_1".to_owned()),
            ..CommonStatus::default()
        };
        memory.forget_recorded(&status);
        let status = ProviderAuthConfigStatus {
            common: status,
            ..ProviderAuthConfigStatus::default()
        };
        let record = settled(&status, Some(Finalizer::Added), &memory);
        assert_eq!(record.writes, writes, "{known}");
    }
}

#[test]
fn writes_that_are_new_to_this_process_are_those_of_another_shard() {
    let (now, minute) = (Instant::now(), Duration::from_secs(60));
    let settles_in = |memory: &Memory| recorded(memory, now).settles_in;
    let mut memory = Memory::default();
    memory.take_over(now + minute, Some(now + minute));
    memory.take_over(now + 2 * minute, Some(now + 2 * minute));
    assert_eq!(settles_in(&memory), minute, "from the first read on");
    let mut memory = Memory::default();
    memory.set_nothing_created(now);
    memory.take_over(now + minute, Some(now + minute));
    assert_eq!(settles_in(&memory), Duration::ZERO, "its own finalizer");
}

#[test]
fn the_time_of_an_exported_auth_config_is_known_since_its_first_read() {
    let (now, second) = (Instant::now(), Duration::from_secs(1));
    let [first, second_time] = [1, 2].map(|at| jiff::Timestamp::from_second(at).unwrap());
    let mut memory = Memory::default();
    assert_eq!(memory.unchanged_for(first, now), Duration::ZERO);
    assert_eq!(memory.unchanged_for(first, now + second), second);
    let moved = memory.unchanged_for(second_time, now + 2 * second);
    assert_eq!(moved, Duration::ZERO);
}

#[test]
fn an_object_that_no_status_recorded_is_forgotten_once_another_one_is_bound() {
    for (bound, remembered) in [("pcf_2", true), ("pcf_1", false)] {
        let mut memory = Memory::default();
        memory.created = Some("pcf_2".to_owned());
        memory.sent_to = Some(destination());
        memory.bind(bound);
        let known = (memory.created.is_some(), memory.sent_to.is_some());
        assert_eq!(known, (remembered, remembered), "{bound}");
    }
}
