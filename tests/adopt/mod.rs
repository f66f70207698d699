//! Adoption: objects that others made, and objects that are only observed.

mod adopting;
mod conflicts;
mod observing;
