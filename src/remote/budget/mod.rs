//! The budgets of requests: who may send the next one, within the limits of the server and of users.

mod capacity;
mod limit;
mod organization;
mod own;
mod pool;
mod quota;
mod report;
mod requester;
mod scheduler;
mod spent;
#[cfg(test)]
mod tests;
mod unanswered;
mod view;
mod waiting;
mod window;

pub use limit::{Limit, WINDOW};
pub use organization::{Budget, Refused, Unreachable};
pub use own::OwnLimit;
pub use pool::SharedPool;
pub use requester::{Requester, Ticket};
pub use spent::{Spent, minute_after};
pub use view::View;
