//! The event loop: workers take resources in the order of the work queue, wait for reads, send requests and put the resource
//! back. The clock moves from event to event.

use super::organization::{COLLECTION, Organization, Sent};
use super::resource::{Number, Resource, Task};
use crate::kinds::RemoteObject;
use crate::plan::backoff::{Backoff, Delays, Retry};
use crate::plan::observed::RemoteView;
use crate::remote::testing::auth_config;
use crate::resources::ResourceKey;
use crate::runtime::schedule::Schedule;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Concurrent reconciliations: the default of `--concurrency`.
const WORKERS: usize = 32;
/// Time of a reconciliation besides its requests to Metorial: with 32 workers, 2,000 reconciliations a second.
const OWN_WORK: Duration = Duration::from_millis(16);
/// Time of a request to Metorial.
const LATENCY: Duration = Duration::from_millis(40);
/// The default interval of a resource.
pub const INTERVAL: Duration = Duration::from_secs(600);

/// The next event.
enum Event {
    /// A reconciliation has read what it needs from the cluster.
    Decide(Number),
    /// A batch of this organization may be complete.
    Check(usize),
    /// A batch that was sent at this time was answered: the request of that number.
    Read(usize, Sent, Instant, u64),
    /// A create or PATCH was answered: the request of that number.
    Written(Number, u64),
    /// Something changed in the cluster.
    Change(Number, Task),
}

/// See the module.
pub struct World {
    /// The organizations.
    pub organizations: Vec<Organization>,
    /// The resources.
    pub resources: Vec<Resource>,
    /// The start of the simulation.
    pub start: Instant,
    /// The time.
    pub now: Instant,
    /// The times that resources waited for a worker, with their numbers.
    pub waits: Vec<(Number, Duration)>,
    numbers: HashMap<ResourceKey, Number>,
    schedule: Schedule,
    free: usize,
    events: BTreeMap<(Instant, u64), Event>,
    scheduled: u64,
    random: StdRng,
    template: RemoteView,
}

impl World {
    /// Returns a world in which nothing happens yet.
    pub fn new(organizations: Vec<Organization>, resources: Vec<Resource>, start: Instant) -> Self {
        let keys = resources.iter().map(|resource| resource.key.clone());
        let object: metorial::AuthConfig =
            serde_json::from_value(auth_config("par_template", "active")).unwrap();
        Self {
            numbers: keys
                .enumerate()
                .map(|(number, key)| (key, number))
                .collect(),
            organizations,
            resources,
            start,
            now: start,
            waits: Vec::new(),
            schedule: Schedule::new(WORKERS - WORKERS / 4),
            free: WORKERS,
            events: BTreeMap::new(),
            scheduled: 0,
            random: StdRng::seed_from_u64(1),
            template: object.view(),
        }
    }

    /// Changes a resource after this time from the start.
    pub fn change(&mut self, number: Number, task: Task, after: Duration) {
        self.at(self.start + after, Event::Change(number, task));
    }

    /// Works until this time from the start.
    pub fn run(&mut self, until: Duration) {
        let until = self.start + until;
        loop {
            self.start_due();
            let event = self.events.first_key_value().map(|((at, _), _)| *at);
            let due = self.schedule.next_at().filter(|_| self.free > 0);
            let Some(next) = event.into_iter().chain(due).min() else {
                break;
            };
            if next > until {
                break;
            }
            self.now = self.now.max(next);
            while let Some(entry) = self.events.first_entry()
                && entry.key().0 <= self.now
            {
                let event = entry.remove();
                self.handle(event);
            }
            self.call();
        }
        self.now = self.now.max(until);
    }

    /// Returns the number of requests that were sent, and of those that the servers refused.
    pub fn requests(&self) -> (usize, usize) {
        let servers = self.organizations.iter().map(|one| &one.account.server);
        servers.fold((0, 0), |(sent, refused), server| {
            let all = server.accepted.len() + server.refused;
            (sent + all, refused + server.refused)
        })
    }

    fn at(&mut self, at: Instant, event: Event) {
        self.scheduled += 1;
        self.events.insert((at, self.scheduled), event);
    }

    fn start_due(&mut self) {
        while self.free > 0
            && let Some(key) = self.schedule.take(self.now)
        {
            let number = self.numbers[&key];
            let resource = &mut self.resources[number];
            let due = resource.due.take().unwrap_or(self.now);
            resource.began = self.now;
            self.waits.push((number, self.now - due));
            self.free -= 1;
            self.at(self.now + OWN_WORK, Event::Decide(number));
        }
    }

    /// Enqueues those whose turn it is to send a request.
    fn call(&mut self) {
        for index in 0..self.organizations.len() {
            for key in self.organizations[index].account.called() {
                let number = self.numbers[&key];
                self.enqueue(number, self.now);
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Decide(number) => self.decide(number),
            Event::Check(organization) => self.check(organization),
            Event::Read(organization, sent, began, request) => {
                self.organizations[organization]
                    .account
                    .receive(request, self.now);
                self.read(organization, sent, began);
            }
            Event::Written(number, request) => self.written(number, request),
            Event::Change(number, task) => {
                self.resources[number].task = task;
                self.enqueue(number, self.now);
            }
        }
    }

    /// Writes, or reads what has to be known before.
    fn decide(&mut self, number: Number) {
        if self.resources[number].task == Task::Create {
            return self.write(number);
        }
        if self.is_known(number) {
            return self.known(number);
        }
        let since = self.since(number);
        let resource = &self.resources[number];
        let index = resource.organization;
        let check = self.organizations[index].join(number, &resource.id, since, self.now);
        if let Some(check) = check {
            self.at(check, Event::Check(index));
        }
    }

    /// Returns whether there is an observation that is new enough.
    fn is_known(&self, number: Number) -> bool {
        let resource = &self.resources[number];
        let observations = &self.organizations[resource.organization].cache.observations;
        let known = observations.get(&resource.id, self.since(number), self.now);
        known.is_some()
    }

    /// Returns the time at which an observation must have been made, as in `reconcile/read.rs`.
    fn since(&self, number: Number) -> Instant {
        let resource = &self.resources[number];
        match resource.task {
            Task::Create | Task::Update => resource.began,
            Task::Verify => self.before(resource.began, INTERVAL.mul_f64(0.85)),
        }
    }

    /// The object was observed.
    fn known(&mut self, number: Number) {
        match self.resources[number].task {
            Task::Create | Task::Update => self.write(number),
            Task::Verify => self.end(number, &Retry::Interval(None)),
        }
    }

    fn check(&mut self, index: usize) {
        let organization = &mut self.organizations[index];
        let sent = match organization.close(self.now) {
            Ok(sent) => sent,
            Err(again) => {
                if let Some(again) = again {
                    self.at(again, Event::Check(index));
                }
                return;
            }
        };
        // The resource that opened the batch sends it.
        let purpose = self.resources[sent.joined[0]].purpose();
        match organization.account.send(&purpose, 0, self.now) {
            Ok(request) => {
                let answered = self.now + LATENCY;
                self.at(answered, Event::Read(index, sent, self.now, request));
            }
            Err(wait) => sent.joined.iter().for_each(|who| self.refused(*who, wait)),
        }
    }

    fn read(&mut self, index: usize, sent: Sent, began: Instant) {
        for id in sent.ids {
            let read = Some(self.view(&id));
            let observations = &self.organizations[index].cache.observations;
            let server_time = Timestamp::UNIX_EPOCH;
            observations.store_read(COLLECTION, &id, read, began, server_time);
        }
        for who in sent.joined {
            assert!(self.is_known(who), "what was read is known");
            self.known(who);
        }
    }

    fn write(&mut self, number: Number) {
        let resource = &self.resources[number];
        let (purpose, index) = (resource.purpose(), resource.organization);
        let sent = purpose.requests - 1;
        let account = &mut self.organizations[index].account;
        match account.send(&purpose, sent, self.now) {
            Ok(request) => self.at(self.now + LATENCY, Event::Written(number, request)),
            Err(wait) => self.refused(number, wait),
        }
    }

    fn written(&mut self, number: Number, request: u64) {
        let Resource {
            id, organization, ..
        } = &self.resources[number];
        let (view, index) = (self.view(id), *organization);
        let organization = &mut self.organizations[index];
        organization.account.receive(request, self.now);
        let observations = &organization.cache.observations;
        observations.store_write(COLLECTION, &view, self.now);
        let resource = &mut self.resources[number];
        resource.task = Task::Verify;
        organization.account.withdraw(&resource.key, self.now);
        self.end(number, &Retry::Interval(None));
    }

    /// The budget is spent.
    fn refused(&mut self, number: Number, wait: Duration) {
        self.end(number, &Retry::Backoff(Backoff::transient().at_least(wait)));
    }

    fn end(&mut self, number: Number, retry: &Retry) {
        let delays = Delays {
            transient: (Duration::from_secs(1), Duration::from_secs(300)),
            interval: INTERVAL,
            rest: Duration::from_secs(10),
            jitter: self.random.random(),
        };
        self.free += 1;
        let resource = &mut self.resources[number];
        self.schedule.ended(&resource.key);
        if matches!(retry, Retry::Interval(_)) {
            resource.done = Some(self.now);
        }
        if let Some(pause) = delays.pause(retry, 1) {
            self.enqueue(number, self.now + pause);
        }
    }

    fn enqueue(&mut self, number: Number, at: Instant) {
        let resource = &mut self.resources[number];
        resource.due_at(at);
        self.schedule.add(resource.key.clone(), at);
    }

    fn before(&self, at: Instant, age: Duration) -> Instant {
        // A machine that was started a moment ago has no earlier time.
        at.checked_sub(age).unwrap_or(self.start)
    }

    fn view(&self, id: &str) -> Arc<RemoteView> {
        Arc::new(RemoteView {
            id: id.to_owned(),
            ..self.template.clone()
        })
    }
}
