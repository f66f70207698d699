//! Many callers on a simulated clock.

use super::world::{Headers, World, limit, purpose, seconds, taking};
use crate::plan::purpose::{Priority, Purpose};
use crate::remote::budget::limit::WINDOW;
use std::time::Duration;

#[test]
fn an_edit_of_another_namespace_comes_before_a_thousand_resources_of_a_hostile_one() {
    let mut world = World::development();
    world.want_creates("hostile", 1000, Duration::ZERO);
    // The other namespaces edit while nothing is left, and then again and again.
    let edits: Vec<Purpose> = (0..9)
        .map(|number| purpose(&format!("team-{number}"), "edited", Priority::Change))
        .map(|edit| taking(2, edit))
        .collect();
    for (number, edit) in edits.iter().enumerate() {
        world.want(edit, 2, seconds(10 + 60 * number as u64));
    }
    world.run(seconds(599));
    assert_eq!(world.sent.len(), 100, "everything is used at once");
    world.run(seconds(610));
    for edit in &edits {
        let done = world.done_after(edit).unwrap();
        assert!(done < seconds(605), "{edit:?} after {done:?}");
    }
    world.run(WINDOW * 3);
    assert_eq!(world.sent.len(), 300, "no request is wasted");
    assert_eq!(world.server.refused, 0);
}

#[test]
fn three_hundred_resources_of_a_development_key_take_four_windows_and_edits_come_before_checks() {
    let mut world = World::development();
    for number in 0..300 {
        let check = purpose("apps", &format!("r{number}"), Priority::Observation);
        world.want(&check, 1, Duration::ZERO);
    }
    let edit = purpose("apps", "edited", Priority::Change);
    world.want(&edit, 2, seconds(5));
    world.run(seconds(30));
    assert!(world.done.contains_key(&edit.key), "checks leave room");
    assert_eq!(world.sent.len(), 27, "a quarter, and the edit");

    let mut world = World::development();
    world.want_creates("apps", 300, Duration::ZERO);
    world.run(WINDOW * 2 + seconds(10));
    assert_eq!(world.done.len(), 300, "the fewest windows possible");
    assert_eq!(world.server.refused, 0);
    assert!(world.refusals < 1000, "{} attempts in vain", world.refusals);
}

#[test]
fn an_edit_and_a_deletion_wait_for_one_window_whatever_their_namespace_creates() {
    let mut world = World::development();
    world.want_creates("apps", 500, Duration::ZERO);
    let edit = taking(2, purpose("apps", "edited", Priority::Change));
    let deletion = taking(3, purpose("apps", "deleted", Priority::Deletion));
    world.want(&edit, 2, seconds(10));
    world.want(&deletion, 3, seconds(10));
    world.run(seconds(610));
    for purpose in [edit, deletion] {
        let done = world.done_after(&purpose).unwrap();
        assert!(done < seconds(605), "{purpose:?} after {done:?}");
    }
    world.run(WINDOW * 5 + seconds(10));
    assert_eq!(world.done.len(), 502);
    assert_eq!(world.server.refused, 0);
}

#[test]
fn the_length_of_the_window_is_learned() {
    for headers in [Headers::Oldest, Headers::Empty] {
        for (others, ago) in [(0, 0), (40, 50), (100, 30)] {
            let (actual, documented) = (limit(100, seconds(60)), limit(100, WINDOW));
            let mut world = World::new(actual, documented, headers);
            world.others_sent(others, seconds(ago));
            let check = purpose("apps", "connection", Priority::Change);
            world.want(&check, 1, Duration::ZERO);
            world.want_creates("apps", 499, seconds(1));
            world.run(seconds(400));
            let done = world.done.len();
            assert_eq!(done, 500, "{headers:?}, {others} of others");
            // A key that others use up cannot be known to be spent before the first answer.
            let known = usize::from(others == 100);
            assert!(world.server.refused <= known, "{}", world.server.refused);
        }
    }
}

#[test]
fn the_share_of_checks_is_of_the_window_that_was_learned() {
    let (actual, documented) = (limit(100, seconds(60)), limit(100, WINDOW));
    let mut world = World::new(actual, documented, Headers::Oldest);
    for number in 0..100 {
        let check = purpose("apps", &format!("r{number}"), Priority::Observation);
        world.want(&check, 1, Duration::ZERO);
    }
    world.run(seconds(200));
    assert_eq!(world.done.len(), 100, "a quarter of each minute");
}

#[test]
fn a_server_without_headers_is_probed_upward_and_its_429_is_obeyed() {
    let documented = limit(100, WINDOW);
    let mut world = World::new(limit(5000, WINDOW), documented, Headers::None);
    world.want_creates("apps", 1000, Duration::ZERO);
    world.run(seconds(60));
    assert_eq!((world.done.len(), world.server.refused), (1000, 0));

    let mut world = World::new(limit(250, WINDOW), documented, Headers::None);
    world.want_creates("apps", 1000, Duration::ZERO);
    world.run(WINDOW * 3 + seconds(30));
    assert_eq!(world.done.len(), 1000, "250 in each window");
    // Those that were on their way at the first 429.
    assert!(world.server.refused <= 400, "{}", world.server.refused);
    let before = world.server.refused;
    for number in 0..600 {
        let edit = purpose("apps", &format!("e{number}"), Priority::Create);
        world.want(&edit, 1, WINDOW * 4);
    }
    world.run(WINDOW * 6 + seconds(30));
    assert_eq!(world.done.len(), 1600);
    assert_eq!(world.server.refused, before, "the count is remembered");
}

#[test]
fn requests_that_become_available_one_by_one_are_enough_for_work_that_needs_several() {
    let mut world = World::development();
    // A request every six seconds, so that later one becomes available every six seconds.
    for number in 0..100 {
        let create = purpose("hostile", &format!("r{number}"), Priority::Create);
        world.want(&create, 1, seconds(6 * number));
    }
    for number in 0..50 {
        let edit = purpose("hostile", &format!("e{number}"), Priority::Change);
        world.want(&edit, 1, seconds(599));
    }
    let deletion = taking(3, purpose("apps", "deleted", Priority::Deletion));
    world.want(&deletion, 3, seconds(598));
    world.run(seconds(640));
    let done = world.done_after(&deletion).unwrap();
    assert!(done < seconds(625), "{done:?}");
}

#[test]
fn a_turn_that_is_not_taken_goes_to_the_next() {
    let mut world = World::development();
    let first = purpose("apps", "first", Priority::Create);
    world.want_creates("apps", 100, Duration::ZERO);
    let gone: Vec<Purpose> = (0..100)
        .map(|number| purpose("gone", &format!("r{number}"), Priority::Create))
        .collect();
    for purpose in &gone {
        world.want(purpose, 1, seconds(10));
    }
    world.want(&first, 1, seconds(20));
    world.run(seconds(30));
    gone.iter().for_each(|purpose| world.forget(purpose));
    let late = purpose("late", "late", Priority::Observation);
    world.want(&late, 1, seconds(604));
    world.run(seconds(612));
    assert!(world.done.contains_key(&late.key), "nobody takes the turns");
    world.run(WINDOW * 2);
    assert!(world.done.contains_key(&first.key));
}

#[test]
fn what_is_less_urgent_waits_for_two_windows_at_most_whatever_others_change() {
    let mut world = World::development();
    for number in 0..400 {
        let edit = purpose("hostile", &format!("r{number}"), Priority::Change);
        world.want(&taking(2, edit), 2, Duration::ZERO);
    }
    let waiting = [
        Priority::Rotation,
        Priority::Recovery,
        Priority::Observation,
    ];
    let waiting = waiting.map(|priority| purpose("apps", &format!("{priority:?}"), priority));
    for purpose in &waiting {
        world.want(purpose, 1, seconds(10));
    }
    world.run(WINDOW * 2 + seconds(20));
    for purpose in &waiting {
        assert!(world.done.contains_key(&purpose.key), "{purpose:?}");
    }
    assert!(world.done.len() < 200, "the others are still at it");
}
