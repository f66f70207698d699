//! Lives that end in mid-call: the operator runs until one certain call of its is held, and is killed there.

use super::PATIENCE;
use super::calls::{ApiCall, KubeCall};
use super::gate::{KubeGate, Moment};
use super::scenario::Scenario;
use futures::{FutureExt, StreamExt, stream};
use metorial_simulator::{Action, Fault, Gate};
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use tokio::sync::Semaphore;

/// The call in which the operator is killed: the nth of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crash {
    /// A write to Kubernetes. Before it is what comes after the answer of the call that led to it.
    Kube(KubeCall, usize, Moment),
    /// A request to Metorial.
    Api(ApiCall, usize, Moment),
}

impl Crash {
    /// Returns whether it is in a call about the connection. Such a call may come before or after those about the
    /// resource, so what the next life has left to do is not the same each time.
    pub fn is_of_connection(&self) -> bool {
        match self {
            Self::Kube(call, ..) => call.0.contains(" connections/"),
            Self::Api(call, ..) => call.path == "/instance",
        }
    }
}

/// The calls of one life, in order.
#[derive(Clone, Debug)]
pub struct Calls {
    pub kube: Vec<KubeCall>,
    pub api: Vec<ApiCall>,
}

impl Calls {
    /// Every way to be killed in one of these calls: in each write that records or changes something, and in the first
    /// of each read.
    pub fn crashes(&self) -> Vec<Crash> {
        let kube = numbered(&self.kube).filter(|(call, _)| !call.is_report());
        let api = numbered(&self.api).filter(|(call, nth)| !call.is_read() || *nth == 1);
        let kube = kube.flat_map(|(call, nth)| {
            [Moment::Before, Moment::After].map(|moment| Crash::Kube(call.clone(), nth, moment))
        });
        let api = api.flat_map(|(call, nth)| {
            [Moment::Before, Moment::After].map(|moment| Crash::Api(call.clone(), nth, moment))
        });
        kube.chain(api).collect()
    }
}

/// Each call with its number among those of the same name.
fn numbered<C: Clone + PartialEq>(calls: &[C]) -> impl Iterator<Item = (C, usize)> {
    let number = |place: usize| {
        let same = calls[..=place].iter().filter(|call| **call == calls[place]);
        (calls[place].clone(), same.count())
    };
    (0..calls.len()).map(number)
}

impl Scenario {
    /// Lets the operator live until all is `done`, stops it, and returns the calls that it took until then.
    pub async fn calls_until(&mut self, done: impl AsyncFn(&Scenario) -> bool) -> Calls {
        let (gate, before) = (KubeGate::open(), self.sim.journal().len());
        self.start_operator_behind(&gate);
        self.wait_for_end("the story without a crash", &done).await;
        let kube = gate.calls();
        let api = self.sim.journal()[before..]
            .iter()
            .map(ApiCall::of)
            .collect();
        self.stop_operator().await;
        Calls { kube, api }
    }

    /// Lets the operator live until it is held in that call, and kills it there. The call must come.
    pub async fn crash(&mut self, crash: &Crash) {
        match crash {
            Crash::Kube(call, nth, moment) => {
                let gate = KubeGate::at(call.clone(), *nth, *moment);
                self.start_operator_behind(&gate);
                let held = tokio::time::timeout(PATIENCE, gate.reached()).await;
                let calls = gate.calls();
                assert!(held.is_ok(), "{crash:?} never came: {calls:#?}");
                self.kill_operator();
            }
            Crash::Api(call, nth, moment) => {
                let gate = Gate::new();
                let action = match moment {
                    Moment::Before => Action::HoldBefore(gate.clone()),
                    Moment::After => Action::HoldAfterApply(gate.clone()),
                };
                // Reads of an object that come together share a list, so either form may come.
                let fault = match call.path.strip_suffix("/:id") {
                    Some(collection) if call.is_read() => Fault::on(&call.method, collection),
                    _ => Fault::on(&call.method, &call.path).exactly(),
                };
                let fault = self
                    .sim
                    .faults()
                    .add(fault.nth(*nth as u64).times(1), action);
                self.start_operator();
                let held = gate.wait_for_arrivals(1, PATIENCE).await;
                let calls = self.requests();
                assert!(held, "{crash:?} never came: {calls:#?}");
                self.kill_operator();
                self.sim.faults().remove(fault);
            }
        }
    }

    /// Waits until all is done.
    pub async fn wait_for_end(&self, what: &str, done: &impl AsyncFn(&Scenario) -> bool) {
        self.until(what, async || done(self).await.then_some(()))
            .await;
    }
}

/// The stories that run at a time, of all tests of this process: more would only wait for the API server.
static STORIES: Semaphore = Semaphore::const_new(36);

/// Runs the story of every case, a few at a time, and names those that ended badly.
pub async fn each<C: Clone + Debug>(
    cases: impl IntoIterator<Item = C>,
    story: impl AsyncFn(C) -> (),
) {
    let run = |case: C| {
        let story = AssertUnwindSafe(story(case.clone())).catch_unwind();
        async move {
            let _permit = STORIES.acquire().await.expect("it is never closed");
            story.await.is_err().then_some(case)
        }
    };
    let bad: Vec<C> = stream::iter(cases)
        .map(run)
        .buffer_unordered(8)
        .filter_map(async |bad| bad)
        .collect()
        .await;
    assert!(bad.is_empty(), "ended badly: {bad:?}");
}
