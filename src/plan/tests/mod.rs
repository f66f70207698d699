//! Decisions as tables and properties, and a model of the API in which the operator crashes between any two steps.

mod cases;
mod crashes;
mod exports;
mod failures;
mod fixture;
mod model;
mod statuses;
mod values;
