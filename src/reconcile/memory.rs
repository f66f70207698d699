//! What this process remembers of each resource between passes. All of it may be lost: it only saves requests, and
//! where it is missing the pass looks.

use crate::plan::{Fingerprint, Intent};
use crate::resources::ExportStatus;
use crate::resources::ResourceKey;
use jiff::Timestamp;
use metorial::SecretValue;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// One resource's memory. It belongs to a uid: a namesake starts anew.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    /// The resource's uid.
    pub uid: String,
    /// What is known about creates under way.
    pub intent: Intent,
    /// Whether this process saw the resource settled, and nothing of unknown outcome was sent since.
    pub certain: bool,
    /// The last export, for as long as its value can be put into the Secret again.
    pub exported: Option<Arc<Exported>>,
    /// The time of the auth config that is exported, and since when it is known: lists may be behind it for a while.
    pub moved: Option<(Timestamp, Instant)>,
    /// The id that a create answered, for as long as the status may not have it.
    pub created: Option<String>,
    /// When a write of ours was last sent.
    pub last_write: Option<Instant>,
    /// Passes that failed in a row.
    pub failures: u32,
    /// Until when the same thing is not tried again.
    pub hold: Option<Hold>,
    /// Since when a deletion can't go on.
    pub blocked_since: Option<Instant>,
}

/// An export that this process made.
pub struct Exported {
    /// What it brought out.
    pub value: SecretValue,
    /// What the status says of it once the Secret holds it.
    pub status: ExportStatus,
}

impl std::fmt::Debug for Exported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exported")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A failure that is not to be repeated for a while, unless something about it changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// The generation that failed.
    pub generation: Option<i64>,
    /// The wanted state that failed.
    pub revision: Option<Fingerprint>,
    /// The session that it failed through.
    pub session: usize,
    /// The request to act now that was known then.
    pub requested: Option<String>,
    /// When it may be tried again.
    pub until: Instant,
}

impl Hold {
    /// Whether `now` is still about the same failure, and it is too early.
    #[must_use]
    pub fn holds(&self, other: &Hold) -> bool {
        Instant::now() < self.until
            && (
                self.generation,
                &self.revision,
                self.session,
                &self.requested,
            ) == (
                other.generation,
                &other.revision,
                other.session,
                &other.requested,
            )
    }
}

/// The memory of all resources.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<ResourceKey, Remembered>>);

impl Memory {
    /// What is remembered of the resource with this uid.
    #[must_use]
    pub fn of(&self, key: &ResourceKey, uid: &str) -> Remembered {
        let known = self
            .lock()
            .get(key)
            .filter(|known| known.uid == uid)
            .cloned();
        known.unwrap_or_else(|| Remembered {
            uid: uid.to_owned(),
            ..Remembered::default()
        })
    }

    /// Changes what is remembered.
    pub fn update(&self, key: &ResourceKey, uid: &str, change: impl FnOnce(&mut Remembered)) {
        let mut all = self.lock();
        let known = all.entry(key.clone()).or_default();
        if known.uid != uid {
            *known = Remembered {
                uid: uid.to_owned(),
                ..Remembered::default()
            };
        }
        change(known);
    }

    /// Notes one more failure, whoever the resource is; answers how many there were in a row.
    pub fn failed(&self, key: &ResourceKey) -> u32 {
        let mut all = self.lock();
        let known = all.entry(key.clone()).or_default();
        known.failures = known.failures.saturating_add(1);
        known.failures
    }

    /// Forgets a resource.
    pub fn forget(&self, key: &ResourceKey) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ResourceKey, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
