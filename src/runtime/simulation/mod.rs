//! The operator with many organizations, on a simulated clock.
//!
//! The work queue's order, what is read along with a request, and the request budget are the operator's own code, which takes
//! the time as an argument. Everything around it is simulated: the workers, the time that a reconciliation takes, and a server
//! that counts requests in a sliding window. `make simulate` runs it with 100,000 resources.

mod account;
mod figures;
mod organization;
mod resource;
mod server;
#[cfg(test)]
mod tests;
mod world;
