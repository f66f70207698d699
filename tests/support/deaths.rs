//! Lives that end in mid-call: the operator runs until one certain call of its is held, and is killed there.

use super::{KubeGate, Moment, PATIENCE, World};
use futures::{FutureExt, StreamExt, stream};
use metorial::{ApiKey, Client};
use metorial_simulator::{Action, Fault, Gate};
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;

/// The call in which the operator dies, counted from 1 over one life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// A write to Kubernetes. Before it is what comes after the answer of the call that led to it.
    Kube(usize, Moment),
    /// Any request to Metorial.
    Api(usize, Moment),
}

/// How many calls one life made.
#[derive(Clone, Copy, Debug)]
pub struct Calls {
    /// Writes to Kubernetes.
    pub kube: usize,
    /// Requests to Metorial.
    pub api: usize,
}

impl Calls {
    /// Every way to die in one of the writes to Kubernetes.
    pub fn kube_deaths(self) -> Vec<Death> {
        both_sides(self.kube, Death::Kube)
    }

    /// Every way to die in one of the requests to Metorial.
    pub fn api_deaths(self) -> Vec<Death> {
        both_sides(self.api, Death::Api)
    }
}

fn both_sides(count: usize, death: fn(usize, Moment) -> Death) -> Vec<Death> {
    let sides = |call| [Moment::Before, Moment::After].map(|moment| death(call, moment));
    (1..=count).flat_map(sides).collect()
}

impl World {
    /// Lets the operator live until all is `done`, stops it, and tells how many calls that took.
    pub async fn calls_until(&mut self, done: impl AsyncFn(&World) -> bool) -> Calls {
        let (gate, before) = (KubeGate::counting(), self.sim.journal().len());
        self.start_operator_behind(&gate);
        self.wait_until("the story without a death", done).await;
        self.stop_operator().await;
        Calls {
            kube: gate.count(),
            api: self.sim.journal().len() - before,
        }
    }

    /// Lets the operator live until it dies in that call, or until all is `done` if it never makes it. Answers whether
    /// the call was made.
    pub async fn die(&mut self, death: Death, done: impl AsyncFn(&World) -> bool) -> bool {
        match death {
            Death::Kube(call, moment) => {
                let gate = KubeGate::at(call, moment);
                self.start_operator_behind(&gate);
                self.live(gate.reached(), done).await;
                // What it led to may be seen before its answer is held.
                gate.count() >= call
            }
            Death::Api(call, moment) => {
                let gate = Gate::new();
                let action = match moment {
                    Moment::Before => Action::HoldBefore(gate.clone()),
                    Moment::After => Action::HoldAfterApply(gate.clone()),
                };
                let fault = Fault::any().nth(call as u64).times(1);
                let fault = self.sim.faults().add(fault, action);
                self.start_operator();
                let held = async {
                    gate.wait_for_arrivals(1, PATIENCE).await;
                };
                self.live(held, done).await;
                let died = self.sim.faults().happened(fault) > 0;
                self.sim.faults().remove(fault);
                died
            }
        }
    }

    async fn live(&mut self, held: impl Future<Output = ()>, done: impl AsyncFn(&World) -> bool) {
        tokio::select! {
            () = held => {}
            () = self.wait_until("a call to die in, or the end of the story", done) => {}
        }
        self.kill_operator();
    }

    /// Waits until what a dead operator had sent to Metorial has arrived: a request that comes later was read later.
    pub async fn wait_for_the_dead(&self) {
        let key = ApiKey::parse(&self.key).unwrap();
        let client = Client::builder(self.sim.url().parse().unwrap(), key);
        let client = client.no_proxy().build().unwrap();
        client.instance().await.unwrap();
        self.sim.settled().await;
    }

    /// Waits until something is so.
    pub async fn wait_until(&self, what: &str, so: impl AsyncFn(&World) -> bool) {
        self.until(what, async || so(self).await.then_some(()))
            .await;
    }
}

/// Tells the story of every case, a few at a time, and names those that ended badly.
pub async fn each<C: Copy + Debug>(
    cases: impl IntoIterator<Item = C>,
    story: impl AsyncFn(C) -> (),
) {
    let told = |case| {
        let told = AssertUnwindSafe(story(case)).catch_unwind();
        async move { told.await.is_err().then_some(case) }
    };
    let bad: Vec<C> = stream::iter(cases)
        .map(told)
        .buffer_unordered(6)
        .filter_map(async |bad| bad)
        .collect()
        .await;
    assert!(bad.is_empty(), "ended badly: {bad:?}");
}
