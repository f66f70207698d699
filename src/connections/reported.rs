//! Which resources know of the current state of a connection: those that don't are enqueued.

use super::slot::Slot;

impl Slot {
    /// Records that a resource asked for the state.
    pub fn report_once(&mut self) {
        if self.reported.to_users.is_none() {
            self.reported.to_users = Some(self.version());
        }
    }

    /// Returns true if the state differs from the one that all resources know. From now on they know this one: one that
    /// asked earlier than the others must not keep them from it.
    pub fn report_change(&mut self) -> bool {
        let version = self.version();
        match &mut self.reported.to_users {
            Some(known) => std::mem::replace(known, version.clone()) != version,
            None => false,
        }
    }

    /// Returns true if the connection can be used in a way that deletions which wait for any connection don't know of. From now
    /// on they do.
    pub fn report_to_waiting(&mut self) -> bool {
        let usable = self.not_ready.is_none().then(|| self.version());
        let is_new = usable.is_some() && usable != self.reported.to_waiting;
        self.reported.to_waiting = usable;
        is_new
    }
}
