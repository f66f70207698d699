//! Creating: one object for one resource, whatever is read and answered on the way.

mod lagging_reads;
mod long_names;
mod reference_server;
mod refusals_of_kubernetes;
mod touched_objects;
mod undiscovered_providers;
mod unreadable_answers;
mod wrong_ids;
