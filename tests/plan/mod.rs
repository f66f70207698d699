//! Resources that wait for a person: for the approval of a plan, or because they are suspended.

mod approval;
mod suspend;
