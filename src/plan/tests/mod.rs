//! Decisions as tables and properties, and a model of the API in which the operator crashes between any two steps.

mod attempts;
mod cases;
mod checks;
mod crashes;
mod deployments;
mod destinations;
mod expiry;
mod export_story;
mod exports;
mod external;
mod failures;
mod fingerprints;
pub mod fixture;
mod losses;
mod memory;
mod model;
mod ownership;
mod pauses;
mod plans;
mod publishing;
mod purposes;
mod renewals;
mod requests;
mod rotation;
mod statuses;
mod unwritten_exports;
mod values;
