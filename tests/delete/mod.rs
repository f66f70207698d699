//! Deletions: what is deleted, what waits and for whom, and what is left on purpose.

mod dependents;
mod namespaces;
mod ordinary;
mod orphans;
mod unfinished;
mod unreachable;
