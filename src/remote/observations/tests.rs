//! Observations of objects, and which of two is believed.

use super::*;
use crate::kinds::RemoteObject;
use crate::remote::testing::auth_config;

const COLLECTION: Collection = Collection::AuthConfigs;

fn now() -> Timestamp {
    "2025-09-15T10:00:05Z".parse().unwrap()
}

fn view(id: &str, status: &str, updated_at: &str) -> Arc<RemoteView> {
    let mut object = auth_config(id, status);
    object["updated_at"] = updated_at.into();
    let object: metorial::AuthConfig = serde_json::from_value(object).unwrap();
    Arc::new(object.view())
}

fn object(status: &str, updated_at: &str) -> Option<Arc<RemoteView>> {
    Some(view("pac_1", status, updated_at))
}

fn get(observations: &Observations, since: Instant) -> Option<Arc<RemoteView>> {
    let known = observations.get("pac_1", since, Instant::now());
    known.map(|(_, observed)| observed)
}

fn store(
    observations: &Observations,
    read: Option<Arc<RemoteView>>,
    began: Instant,
) -> Option<Arc<RemoteView>> {
    observations.store_read(COLLECTION, "pac_1", read, began, now())
}

#[test]
fn a_read_that_lags_behind_is_not_believed_unless_it_says_that_the_object_is_gone() {
    let newer = object("active", "2025-09-15T10:00:02.000Z");
    let older = object("active", "2025-09-15T10:00:01.000Z");
    let archived = object("archived", "2025-09-15T10:00:01.000Z");
    for (read, believed) in [
        (older, newer.clone()),
        (newer.clone(), newer.clone()),
        (archived.clone(), archived),
        (None, None),
    ] {
        let observations = Observations::default();
        store(&observations, newer.clone(), Instant::now());
        assert_eq!(store(&observations, read, Instant::now()), believed);
    }
}

#[test]
fn an_earlier_state_is_believed_once_no_read_can_lag_behind_the_later_one() {
    let newer = object("active", "2025-09-15T10:00:02.000Z");
    let older = object("active", "2025-09-15T10:00:01.000Z");
    let (observations, began) = (Observations::default(), Instant::now());
    store(&observations, newer.clone(), began);
    let almost = began + LONGEST_LAG - Duration::from_millis(1);
    assert_eq!(store(&observations, older.clone(), almost), newer);
    assert_eq!(
        store(&observations, older.clone(), began + LONGEST_LAG),
        older
    );
}

#[test]
fn a_time_in_the_future_does_not_outlast_the_next_read() {
    let future = object("active", "2999-01-01T00:00:00.000Z");
    let next = object("active", "2025-09-15T10:00:03.000Z");
    let observations = Observations::default();
    store(&observations, future, Instant::now());
    let believed = store(&observations, next.clone(), Instant::now());
    assert_eq!(believed, next);
}

#[test]
fn a_read_that_began_before_a_write_does_not_replace_its_response() {
    let (observations, began) = (Observations::default(), Instant::now());
    let later = began + Duration::from_millis(1);
    let read = object("active", "2025-09-15T10:00:09.000Z");
    let written = view("pac_1", "active", "2025-09-15T10:00:02.000Z");
    observations.store_write(COLLECTION, &written, later);
    let believed = store(&observations, read.clone(), began);
    assert_eq!(believed, Some(written));
    observations.forget("pac_1", later);
    store(&observations, read, began);
    assert_eq!(get(&observations, began), None, "its write failed");
    assert_eq!(observations.observed_at("pac_1"), Some(later));
}

#[test]
fn an_object_that_nobody_manages_any_more_is_dropped() {
    let (observations, began) = (Observations::default(), Instant::now());
    store(
        &observations,
        object("active", "2025-09-15T10:00:02.000Z"),
        began,
    );
    observations.release("pac_1");
    assert_eq!(get(&observations, began), None);
    assert!(lock(&observations.known).entries.is_empty());
    let written = view("pac_1", "active", "2025-09-15T10:00:02.000Z");
    observations.store_write(COLLECTION, &written, began);
    observations.forget("pac_1", began);
    observations.release("pac_1");
    let is_known = lock(&observations.known).entries.contains_key("pac_1");
    assert!(is_known, "an unknown state is read again whoever asks");
}

#[test]
fn a_view_that_is_too_large_is_returned_and_not_kept() {
    let (observations, began) = (Observations::default(), Instant::now());
    let mut large = auth_config("pac_1", "active");
    large["metadata"] = serde_json::json!({"a": vec![0; 10_000]});
    let large: metorial::AuthConfig = serde_json::from_value(large).unwrap();
    let read = Some(Arc::new(large.view()));
    assert_eq!(store(&observations, read.clone(), began), read);
    assert_eq!(get(&observations, began), None);
}

#[test]
fn a_large_object_that_is_read_again_needs_its_room_only_once() {
    let (observations, began) = (Observations::default(), Instant::now());
    let read = |number: usize| {
        let mut large = auth_config(&format!("pac_{number}"), "active");
        large["metadata"] = serde_json::json!({"text": "x".repeat(16 << 10)});
        let large: metorial::AuthConfig = serde_json::from_value(large).unwrap();
        let (id, view) = (large.id.clone(), Arc::new(large.view()));
        let observed = Some(view.clone());
        observations.store_read(COLLECTION, &id, observed, began, now());
        let is_kept = observations.get(&id, began, began).is_some();
        (is_kept, view)
    };
    let kept = (0..).take_while(|number| read(*number).0).count();
    assert!(kept > 100, "{kept}");
    let (is_kept, view) = read(0);
    assert!(is_kept, "read again");
    observations.store_write(COLLECTION, &view, began);
    assert!(observations.get(&view.id, began, began).is_some());
}

#[test]
fn an_absence_is_read_again() {
    let (observations, began) = (Observations::default(), Instant::now());
    store(&observations, None, began);
    assert_eq!(get(&observations, began), None);
}

#[test]
fn an_observation_is_as_old_as_the_start_of_its_read() {
    let (observations, began) = (Observations::default(), Instant::now());
    let found = object("active", "2025-09-15T10:00:00.000Z");
    store(&observations, found.clone(), began);
    assert_eq!(get(&observations, began), found);
    let later = began + Duration::from_millis(1);
    assert_eq!(get(&observations, later), None);
    observations.forget("pac_1", later);
    assert_eq!(get(&observations, began), None);
}

#[test]
fn a_batch_is_filled_with_what_was_observed_longest_ago_and_is_still_asked_for() {
    let (observations, began) = (Observations::default(), Instant::now());
    let at = |seconds| began + Duration::from_secs(seconds);
    for (second, id) in ["pac_3", "pac_2", "pac_1"].into_iter().enumerate() {
        let view = view(id, "active", "2025-09-15T10:00:00.000Z");
        observations.store_write(COLLECTION, &view, at(second as u64));
    }
    let fill = |collection, limit, before, now| {
        let mut ids = vec!["pac_2".to_owned()];
        observations.fill(collection, &mut ids, limit, at(before), at(now));
        // Which are read along matters, their order doesn't.
        ids[1..].sort();
        ids
    };
    assert_eq!(fill(COLLECTION, 2, 3, 3), ["pac_2", "pac_3"]);
    assert_eq!(fill(COLLECTION, 9, 3, 3), ["pac_2", "pac_1", "pac_3"]);
    assert_eq!(fill(COLLECTION, 9, 1, 3), ["pac_2", "pac_3"]);
    assert_eq!(fill(Collection::Configs, 9, 3, 3), ["pac_2"]);
    assert!(observations.get("pac_1", at(3), at(63)).is_none());
    assert_eq!(fill(COLLECTION, 9, 64, 64), ["pac_2", "pac_1"]);
    let expected = ["pac_9", "pac_1", "pac_2", "pac_8"].map(str::to_owned);
    observations.expect(COLLECTION, expected.into_iter());
    assert_eq!(fill(COLLECTION, 2, 64, 64), ["pac_2", "pac_8"]);
    assert_eq!(fill(COLLECTION, 9, 64, 64), ["pac_2", "pac_1", "pac_9"]);
}

#[test]
fn what_nobody_asks_for_is_dropped_where_no_batch_is_read() {
    let (observations, began) = (Observations::default(), Instant::now());
    for number in 0..10_000 {
        let now = began + Duration::from_secs(number);
        let id = format!("pac_{number}");
        let view = view(&id, "active", "2025-09-15T10:00:00.000Z");
        observations.store_write(COLLECTION, &view, now);
        observations.forget(&id, now);
        observations.release(&id);
    }
    assert!(lock(&observations.known).entries.len() <= 2 * FEW);
}
