//! The properties that must hold with many organizations. The number of resources is `SIMULATE_RESOURCES`, or a small one.

use super::figures::{line, percentile};
use super::organization::Organization;
use super::resource::{Number, Resource, Task};
use super::world::{INTERVAL, World};
use std::time::Duration;
use tokio::time::Instant;

/// Requests of a production key in ten minutes.
const PRODUCTION: u64 = 5000;
/// Requests of a development key in ten minutes.
const DEVELOPMENT: u64 = 100;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Returns the number of resources; a hundredth of it is the number of organizations.
fn resources() -> usize {
    let asked = std::env::var("SIMULATE_RESOURCES").ok();
    let asked = asked.map(|text| text.parse().expect("SIMULATE_RESOURCES is a number"));
    asked.unwrap_or(5000).max(1000)
}

/// Returns organizations with one namespace each. The first has a tenth of all resources, the others share the rest.
fn many(task: Task) -> World {
    let (count, start) = (resources(), Instant::now());
    let organizations = count / 100;
    let large = count / 10;
    let of = |number: Number| {
        if number < large {
            0
        } else {
            1 + number % (organizations - 1)
        }
    };
    let mut ids = vec![Vec::new(); organizations];
    let resource = |number: Number| {
        let organization = of(number);
        let (namespace, name) = (format!("team-{organization}"), format!("r{number}"));
        let resource = Resource::new(&namespace, &name, organization, task, start);
        ids[organization].push(resource.id.clone());
        resource
    };
    let resources: Vec<Resource> = (0..count).map(resource).collect();
    let organizations = ids
        .into_iter()
        .map(|ids| Organization::new(PRODUCTION, ids));
    World::new(organizations.collect(), resources, start)
}

/// Returns the fewest requests that read all objects once.
fn fewest(world: &World) -> usize {
    let mut counts = vec![0_usize; world.organizations.len()];
    for resource in &world.resources {
        counts[resource.organization] += 1;
    }
    counts.iter().map(|count| count.div_ceil(100)).sum()
}

/// Prints and returns the waits for a worker since the last call, of all resources that `of` keeps.
fn waits(world: &mut World, what: &str, of: impl Fn(&Resource) -> bool) -> Vec<Duration> {
    let waits = world.waits.iter();
    let waits = waits.filter(|(number, _)| of(&world.resources[*number]));
    let waits: Vec<Duration> = waits.map(|(_, wait)| *wait).collect();
    println!("  {}", line(what, &waits));
    waits
}

#[test]
fn a_restart_and_an_interval_cost_one_request_for_a_hundred_objects_of_each_organization() {
    let mut world = many(Task::Verify);
    let (count, fewest) = (world.resources.len(), fewest(&world));
    println!(
        "{count} resources of {} organizations",
        world.organizations.len()
    );
    (0..count).for_each(|number| world.change(number, Task::Verify, Duration::ZERO));
    world.run(seconds(300));
    let (restart, _) = world.requests();
    let last = world.resources.iter().map(|resource| resource.done);
    let last = last.max().flatten().unwrap() - world.start;
    assert!(
        world
            .resources
            .iter()
            .all(|resource| resource.done.is_some())
    );
    println!("restart: {restart} requests, all verified after {last:.1?}");
    waits(&mut world, "waits for a worker", |_| true);
    let organizations = world.organizations.len();
    assert!(restart <= fewest + organizations, "{restart} of {fewest}");
    let mut before = restart;
    for interval in 1..=3 {
        world.waits.clear();
        world.run(seconds(300) + INTERVAL * interval);
        let (sent, refused) = world.requests();
        println!(
            "interval {interval}: {} requests, at least {fewest}",
            sent - before
        );
        waits(&mut world, "waits for a worker", |_| true);
        assert!(sent - before <= fewest + organizations, "{}", sent - before);
        assert_eq!(refused, 0);
        before = sent;
    }
    let oldest = world.resources.iter().map(|resource| resource.done);
    let oldest = world.now - oldest.min().flatten().unwrap();
    assert!(
        oldest <= INTERVAL + seconds(30),
        "verified {oldest:.1?} ago"
    );
}

#[test]
fn a_rotation_of_all_resources_of_a_large_tenant_delays_nobody_else() {
    let mut world = many(Task::Verify);
    let count = world.resources.len();
    (0..count).for_each(|number| world.change(number, Task::Verify, Duration::ZERO));
    world.run(seconds(300));
    world.waits.clear();
    // One Secret of the large tenant changes, and then every second a resource of somebody else.
    let (large, edits) = (count / 10, 60);
    (0..large).for_each(|number| world.change(number, Task::Update, seconds(301)));
    for edit in 0..edits {
        let number = large + edit * (count - large) / edits;
        world.change(number, Task::Update, seconds(301 + edit as u64));
    }
    let pending = |world: &World| world.resources.iter().any(|one| one.task == Task::Update);
    let mut until = seconds(301 + edits as u64);
    world.run(until);
    while pending(&world) && until < INTERVAL * 10 {
        until += seconds(60);
        world.run(until);
    }
    println!(
        "a Secret of {large} resources changes, and {edits} others are edited: all sent after {until:.0?}"
    );
    let waiting = waits(&mut world, "waits of the others", |one| {
        one.organization != 0
    });
    waits(&mut world, "waits of the large tenant", |one| {
        one.organization == 0
    });
    assert!(!pending(&world), "all were updated");
    assert!(percentile(&waiting, 99) < seconds(1));
    assert_eq!(world.requests().1, 0, "over the limit");
}

#[test]
fn a_development_key_with_more_resources_than_requests_uses_few_windows_and_never_too_much() {
    let start = Instant::now();
    let resource = |number: Number| {
        let name = format!("r{number}");
        Resource::new("apps", &name, 0, Task::Create, start)
    };
    let resources = (0..300).map(resource).collect();
    let organization = Organization::new(DEVELOPMENT, Vec::new());
    let mut world = World::new(vec![organization], resources, start);
    (0..300).for_each(|number| world.change(number, Task::Create, Duration::ZERO));
    world.run(INTERVAL * 20);
    let done = world.resources.iter();
    let done = done.filter(|one| one.task == Task::Verify).count();
    let server = &world.organizations[0].account.server;
    let windows = windows(&server.accepted, start, 300);
    println!("a development key: 300 creates in {windows} windows, with the checks of what exists");
    assert_eq!((done, server.refused), (300, 0));
    assert!(windows <= 6, "{windows} windows");
}

/// Returns the number of windows until this many requests were sent.
fn windows(sent: &[Instant], start: Instant, requests: usize) -> u64 {
    let last = sent.get(requests - 1).or(sent.last());
    let took = last.map_or(Duration::ZERO, |last| *last - start);
    took.as_secs() / INTERVAL.as_secs() + 1
}
