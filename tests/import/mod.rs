//! Imports: exactly one for each change of a value.

mod once_per_change;
mod one_writer;
mod targets;
