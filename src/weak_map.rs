//! A map whose values live as long as somebody uses them.

use crate::lock::lock;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, Weak};

/// A map of values that others own.
pub struct WeakMap<K, T>(Mutex<HashMap<K, Weak<T>>>);

impl<K, T> Default for WeakMap<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, T> WeakMap<K, T> {
    /// Returns the value of a key that somebody uses, or else a new one. Forgets the keys that nobody uses then.
    pub fn get_or_insert(&self, key: K, new: impl FnOnce() -> T) -> Arc<T> {
        let mut values = lock(&self.0);
        if let Some(value) = values.get(&key).and_then(Weak::upgrade) {
            return value;
        }
        values.retain(|_, value| value.strong_count() > 0);
        let value = Arc::new(new());
        values.insert(key, Arc::downgrade(&value));
        value
    }

    /// Returns the values that somebody uses.
    pub fn values(&self) -> Vec<Arc<T>> {
        let values = lock(&self.0);
        values.values().filter_map(Weak::upgrade).collect()
    }

    /// Returns the number of keys, including those that nobody uses.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        lock(&self.0).len()
    }
}
