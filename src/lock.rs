//! Locks of the standard library.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, even one whose holder panicked: nothing here is changed in several steps that a panic could leave half done.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
