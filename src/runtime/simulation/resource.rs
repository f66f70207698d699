//! The resources of the simulation.

use crate::plan::purpose::{Priority, Purpose};
use crate::resources::ResourceKey;
use tokio::time::Instant;

/// Number of a resource in the world.
pub type Number = usize;

/// The action of the next reconciliation of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Creates the object: one request.
    Create,
    /// Sends a changed spec or Secret: a read and a PATCH.
    Update,
    /// Compares the object with an observation that is no older than the interval.
    Verify,
}

/// A resource with its object.
pub struct Resource {
    /// Its key in the work queue.
    pub key: ResourceKey,
    /// The organization of its connection.
    pub organization: usize,
    /// The id of its object.
    pub id: String,
    /// The next action.
    pub task: Task,
    /// Since when it could be reconciled.
    pub due: Option<Instant>,
    /// The start of the reconciliation that runs.
    pub began: Instant,
    /// The end of the last one that found or brought about the desired state.
    pub done: Option<Instant>,
}

impl Resource {
    /// Returns a resource that was never reconciled.
    pub fn new(namespace: &str, name: &str, organization: usize, task: Task, now: Instant) -> Self {
        Self {
            key: ResourceKey::new("ProviderAuthCredentials", namespace, name),
            organization,
            id: format!("par_{namespace}_{name}"),
            task,
            due: None,
            began: now,
            done: None,
        }
    }

    /// Returns what its requests are for.
    pub fn purpose(&self) -> Purpose {
        let (priority, requests) = match self.task {
            Task::Create => (Priority::Create, 1),
            Task::Update => (Priority::Rotation, 2),
            Task::Verify => (Priority::Observation, 1),
        };
        Purpose {
            key: self.key.clone(),
            priority,
            requests,
        }
    }

    /// Records that it could be reconciled at `at`.
    pub fn due_at(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}
