//! Decoding of null members.

use serde::{Deserialize, Deserializer};

/// Decodes null as the default. The API sends unset fields as null, not absent.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
