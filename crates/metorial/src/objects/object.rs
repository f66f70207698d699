//! Trait of the objects of a collection.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::status::Status;
use crate::collection::Collection;

/// Object of a collection, which can be read by its id and listed.
pub trait Object: DeserializeOwned + Send + Sync + 'static {
    /// Collection of objects of this type.
    const COLLECTION: Collection;

    /// Returns the id, which is never empty.
    fn id(&self) -> &str;
    /// Returns the status. Imports and exports, which can't be deleted, are always active.
    fn status(&self) -> Status;
    /// Returns the custom metadata.
    fn metadata(&self) -> Option<&Map<String, Value>>;
    /// Returns the time of creation, by the server's clock.
    fn created_at(&self) -> Timestamp;
    /// Returns the time of the last write by anyone, by the server's clock; of imports and exports, of their creation.
    fn updated_at(&self) -> Timestamp;
}

/// Implements [`Object`] for a type whose members have the API's names; `record` for a type without `status` and
/// `updated_at`.
macro_rules! object {
    ($type:ty, $collection:ident) => {
        $crate::objects::object::object!($type, $collection, |object| object.status, |object| {
            object.updated_at
        });
    };
    ($type:ty, $collection:ident, record) => {
        $crate::objects::object::object!(
            $type,
            $collection,
            |_object| $crate::objects::status::Status::Active,
            |object| object.created_at
        );
    };
    ($type:ty, $collection:ident, |$is:ident| $status:expr, |$has:ident| $updated_at:expr) => {
        impl $crate::objects::object::Object for $type {
            const COLLECTION: $crate::collection::Collection =
                $crate::collection::Collection::$collection;

            fn id(&self) -> &str {
                &self.id
            }

            fn status(&self) -> $crate::objects::status::Status {
                let $is = self;
                $status
            }

            fn metadata(&self) -> Option<&serde_json::Map<String, serde_json::Value>> {
                self.metadata.as_ref()
            }

            fn created_at(&self) -> jiff::Timestamp {
                self.created_at
            }

            fn updated_at(&self) -> jiff::Timestamp {
                let $has = self;
                $updated_at
            }
        }
    };
}
pub(super) use object;
