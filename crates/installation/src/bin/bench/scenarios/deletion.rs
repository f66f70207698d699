//! All resources are deleted at once.

use crate::audit::Audit;
use crate::bench::Bench;
use crate::report::{Row, each, seconds};
use crate::scenario::Scenario;
use installation::Failure;
use std::time::Instant;

/// See the module.
pub const SCENARIO: Scenario = Scenario {
    name: "deletion",
    title: "Deletion of all resources",
    run: |bench| Box::pin(measure(bench)),
};

async fn measure(bench: &mut Bench) -> Result<Vec<Row>, Failure> {
    let count = bench.count;
    bench.serve_resources().await?;
    let mut audit = Audit::from_now(&bench.plane)?;
    bench.simulator.clear_journal();
    let cpu = bench.cpu().unwrap_or_default();
    let began = Instant::now();
    let timeout = bench.timeout();
    bench.take_resources()?.delete_all(timeout).await?;
    let took = began.elapsed();
    bench.until_idle(0).await?;
    let (kubernetes, journal) = (audit.read()?, bench.simulator.journal());
    let deleted = journal.iter().filter(|entry| entry.method == "DELETE");
    let deleted = deleted.count();
    let mut rows = vec![
        Row::new("until all are gone", seconds(took)),
        Row::per_object("API requests", journal.len(), count, 1.1, 5),
        Row::per_object("Kubernetes writes", kubernetes.writes(), count, 1.0, 2),
        Row::new("Kubernetes events", each(kubernetes.events(), count)),
    ];
    rows.extend(bench.cpu_row(cpu));
    match deleted {
        all if all == count => Ok(rows),
        all => {
            let text = format!("{all} DELETEs for {count} resources");
            Err(Failure::new(text))
        }
    }
}
