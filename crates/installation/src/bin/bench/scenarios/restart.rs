//! The operator starts again with resources that are ready.

use crate::audit::Audit;
use crate::bench::{Bench, reads, writes};
use crate::report::{Row, each};
use crate::scenario::Scenario;
use installation::Failure;
use std::time::Duration;

/// See the module.
pub const SCENARIO: Scenario = Scenario {
    name: "restart",
    title: "Restart",
    run: |bench| Box::pin(measure(bench)),
};

async fn measure(bench: &mut Bench) -> Result<Vec<Row>, Failure> {
    let count = bench.count;
    bench.serve_resources().await?;
    bench.stop_operator().await?;
    let mut audit = Audit::from_now(&bench.plane)?;
    bench.simulator.clear_journal();
    let began = bench.start_operator().await?;
    let took = bench.until_idle(count).await? - began;
    let (kubernetes, journal) = (audit.read()?, bench.simulator.journal());
    // 3 s for 1,000 resources and less; more takes as long as the reads of the resources.
    let most = Duration::from_millis(3000.max(3 * count as u64));
    let mut rows = vec![
        Row::within("until all are verified", Some(took), most),
        Row::at_most("API reads", reads(&journal), count.div_ceil(100) + 2),
        Row::at_most("API writes", writes(&journal), 0),
        Row::at_most("Kubernetes writes", kubernetes.writes(), 0),
        Row::new("Kubernetes GETs", each(kubernetes.gets(), count)),
        Row::new(
            "reconciliations",
            each(bench.reconciliations().await?, count),
        ),
    ];
    rows.extend(bench.cpu_row(Duration::ZERO));
    rows.extend(bench.memory_row(0));
    Ok(rows)
}
