//! The memory for observed objects that are larger than ordinary ones. Anybody who can write to an instance can make its objects
//! large, and the memory of the operator belongs to all: what has no room is read each time that it is needed.

use crate::plan::observed::RemoteView;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The estimated size up to which an object is an ordinary one, in bytes.
const ORDINARY: usize = 8 << 10;
/// The largest estimated size of an object that is kept.
const LARGEST: usize = 64 << 10;
/// The room for all objects that are larger than ordinary ones.
const ROOM: usize = 8 << 20;
/// The size of a value of JSON, and of a member of an object besides its key and value.
const VALUE: usize = size_of::<Value>();
const MEMBER: usize = size_of::<String>() + VALUE;

/// The room for large objects.
#[derive(Default)]
pub struct Room {
    used: AtomicUsize,
}

/// An observed object that is kept.
pub struct Kept {
    /// The object.
    pub view: Arc<RemoteView>,
    /// Its part of the room, if it is larger than an ordinary one.
    _part: Option<Part>,
}

/// A part of the room, which is free again when this is dropped.
struct Part {
    room: Arc<Room>,
    size: usize,
}

impl Drop for Part {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.size, Ordering::Relaxed);
    }
}

impl Room {
    /// Returns an object to keep, unless it is too large, or there is no room for it.
    #[must_use]
    pub fn keep(self: &Arc<Self>, view: &Arc<RemoteView>) -> Option<Kept> {
        let size = size(view);
        if size > LARGEST {
            return None;
        }
        let part = match size {
            ..=ORDINARY => None,
            _ => Some(self.take(size)?),
        };
        Some(Kept {
            view: view.clone(),
            _part: part,
        })
    }

    fn take(self: &Arc<Self>, size: usize) -> Option<Part> {
        let before = self.used.fetch_add(size, Ordering::Relaxed);
        let part = Part {
            room: self.clone(),
            size,
        };
        (before + size <= ROOM).then_some(part)
    }
}

/// Estimates the memory that an object takes.
fn size(view: &RemoteView) -> usize {
    let metadata = view.metadata.iter();
    let metadata: usize = metadata.map(|(key, value)| member(key, value)).sum();
    let fields = view.fields.values().map(size_of_value);
    let keys = view.marker.iter().flat_map(|marker| &marker.keys);
    let keys = keys.map(|key| size_of::<String>() + key.len());
    metadata + fields.sum::<usize>() + keys.sum::<usize>()
}

fn size_of_value(value: &Value) -> usize {
    let inner = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size_of_value).sum(),
        Value::Object(members) => members.iter().map(|(key, value)| member(key, value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    VALUE + inner
}

fn member(key: &str, value: &Value) -> usize {
    MEMBER + key.len() + size_of_value(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::RemoteObject;
    use crate::remote::testing::auth_config;
    use serde_json::json;

    fn view(metadata: Value) -> Arc<RemoteView> {
        let mut object = auth_config("pac_1", "active");
        object["metadata"] = metadata;
        let object: metorial::AuthConfig = serde_json::from_value(object).unwrap();
        Arc::new(object.view())
    }

    #[test]
    fn large_objects_share_a_room_and_the_largest_are_not_kept() {
        let room = Arc::new(Room::default());
        let used = || room.used.load(Ordering::Relaxed);
        let ordinary = view(json!({"team": "a", "text": "x".repeat(4000)}));
        let ordinary: Vec<_> = (0..1000).map(|_| room.keep(&ordinary)).collect();
        assert!(ordinary.iter().all(Option::is_some) && used() == 0);
        // As long as the longest metadata of a spec.
        let large = view(json!({"text": "x".repeat(16 << 10)}));
        let kept: Vec<_> = (0..1000).map_while(|_| room.keep(&large)).collect();
        assert!((400..520).contains(&kept.len()), "{}", kept.len());
        assert!(used() <= ROOM, "what has no room takes none");
        let dense = view(json!({"a": vec![0; 10_000]}));
        drop(kept);
        assert_eq!(used(), 0);
        assert!(room.keep(&dense).is_none());
        assert!(room.keep(&large).is_some());
    }
}
