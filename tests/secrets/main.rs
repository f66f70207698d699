//! Values come from Secrets and ConfigMaps: taken up when they change, byte for byte, and refused with a word on why.
#![expect(
    clippy::unwrap_used,
    reason = "a story that can't go on fails where it stands"
)]

#[path = "../support/mod.rs"]
mod support;

mod rotation;
mod values;
