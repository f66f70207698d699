//! The scenarios: one file each.

mod deletion;
mod development_key;
mod hanging;
mod idle;
mod refused;
mod restart;
mod rotations;
mod shared_secret;
mod start;

use crate::scenario::Scenario;

/// The scenarios in the order in which they run: those with the same resources one after the other, and last the one that
/// leaves creates of unknown outcome.
pub const ALL: [&Scenario; 9] = [
    &start::SCENARIO,
    &restart::SCENARIO,
    &rotations::SCENARIO,
    &idle::SCENARIO,
    &deletion::SCENARIO,
    &shared_secret::SCENARIO,
    &development_key::SCENARIO,
    &refused::SCENARIO,
    &hanging::SCENARIO,
];
