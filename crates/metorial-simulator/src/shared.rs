//! State shared by the server's connections and the test's handle.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::actions::Gate;
use crate::faults::Faults;
use crate::http::Response;
use crate::journal::Journal;
use crate::options::{Options, Quirk};
use crate::state::State;

pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    /// True while connections are reset.
    pub(crate) down: watch::Sender<bool>,
    /// Runtime of background work, which may be started from any thread.
    pub(crate) runtime: Handle,
    /// Number of background tasks: cascades, and requests that are applied later.
    pub(crate) pending: watch::Sender<usize>,
    /// Gate that cascades wait for.
    cascades: Mutex<Option<Gate>>,
}

impl Shared {
    pub(crate) fn new(options: Options) -> Self {
        Shared {
            journal: Journal::new(),
            faults: Faults::new(options.seed),
            down: watch::Sender::new(false),
            runtime: Handle::current(),
            pending: watch::Sender::new(0),
            cascades: Mutex::default(),
            state: Mutex::new(State::new(options)),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates an answer that isn't the API's; see [`Response::new`].
    pub(crate) fn response(
        &self,
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> Response {
        Response::new(status, headers, body, self.state().clock.now())
    }

    /// Runs work in the background.
    pub(crate) fn in_background(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let shared = Arc::clone(self);
        self.pending.send_modify(|count| *count += 1);
        self.runtime.spawn(async move {
            work.await;
            shared.pending.send_modify(|count| *count -= 1);
            shared.journal.changed();
        });
    }

    /// Archives the objects that depend on this one: at once, or after the answer ▲.
    pub(crate) fn start_cascade(self: &Arc<Self>, id: &str) {
        if !self.state().has(Quirk::CascadesInBackground) {
            return self.state().cascade(id);
        }
        let shared = Arc::clone(self);
        let id = id.to_owned();
        let gate = self.cascades().clone();
        self.in_background(async move {
            match gate {
                Some(gate) => gate.wait().await,
                None => tokio::task::yield_now().await,
            }
            shared.state().cascade(&id);
        });
    }

    /// Holds the cascades that start from now on at a new gate.
    pub(crate) fn hold_cascades(&self) -> Gate {
        let gate = Gate::new();
        *self.cascades() = Some(gate.clone());
        gate
    }

    fn cascades(&self) -> MutexGuard<'_, Option<Gate>> {
        self.cascades.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
