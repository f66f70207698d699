//! The wait of all watches of a kind for its definition: as long as it is missing, one of them tries again, and the others wait
//! for what the API server answers. There may be a watch for each of very many namespaces.

use tokio::sync::watch::Sender;
use tokio::sync::{Mutex, MutexGuard};

/// The definition of a kind, which may be missing. All watches of the kind share it.
#[derive(Default)]
pub struct MissingDefinition {
    turn: Mutex<()>,
    /// Sends where the API server answered anything but that the definition is missing.
    answered: Sender<()>,
}

/// The turn of one watch to try again. The next one's starts if it is dropped.
pub struct Turn<'a> {
    of: &'a MissingDefinition,
    _guard: MutexGuard<'a, ()>,
}

impl MissingDefinition {
    /// Waits until it is the turn of this watch to try again; `None` if another one was answered meanwhile, so that there is
    /// nothing left to wait for.
    pub async fn turn(&self) -> Option<Turn<'_>> {
        let mut answered = self.answered.subscribe();
        tokio::select! {
            biased;
            _ = answered.changed() => None,
            guard = self.turn.lock() => Some(Turn { of: self, _guard: guard }),
        }
    }
}

impl Turn<'_> {
    /// Has all others try again, too: the API server answered anything but that the definition is missing.
    pub fn end(self) {
        self.of.answered.send_replace(());
    }
}
