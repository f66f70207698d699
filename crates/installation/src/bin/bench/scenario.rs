//! One measurement of the benchmark, as the list of scenarios has it.

use crate::bench::Bench;
use crate::report::Row;
use installation::Failure;
use std::pin::Pin;

/// Measurement in progress; it ends with its rows of the table.
pub type Measuring<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Failure>> + 'a>>;

/// Scenario. Each brings about what it needs, so that it can also run alone.
pub struct Scenario {
    /// Name on the command line.
    pub name: &'static str,
    /// Description, above its rows of the table.
    pub title: &'static str,
    /// Starts it.
    pub run: for<'a> fn(&'a mut Bench) -> Measuring<'a>,
}
