//! Tests of the schemas and of the rules in them.

mod case;
mod deployments;
mod records;
mod rules;
mod schemas;
mod statuses;
mod stored;
