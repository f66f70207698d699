//! Who may send requests: examples, properties, and a simulation.

mod examples;
mod other_keys;
mod outages;
mod properties;
mod simulation;
mod world;

use metorial::{Meta, RateLimit};

/// Returns the metadata of a response with these headers.
fn headers(limit: u64, remaining: u64, reset: u64) -> Meta {
    Meta {
        rate_limit: Some(RateLimit {
            limit: Some(limit),
            remaining: Some(remaining),
            reset: Some(world::seconds(reset)),
        }),
        ..Meta::default()
    }
}
