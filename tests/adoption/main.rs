//! What a resource may touch: objects that others made, objects that are only looked at, resources that are held, and
//! what people do to the books.
#![expect(
    clippy::unwrap_used,
    reason = "a story that can't go on fails where it stands"
)]

#[path = "../support/mod.rs"]
mod support;

mod adopting;
mod books;
mod conflicts;
mod observing;
mod publishing;
mod suspending;
