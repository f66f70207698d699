//! One interval in which nothing changes.

use crate::audit::Audit;
use crate::bench::{Bench, progress, reads, writes};
use crate::report::{Row, each};
use crate::scenario::Scenario;
use installation::Failure;
use std::time::Duration;

/// See the module.
pub const SCENARIO: Scenario = Scenario {
    name: "idle",
    title: "Idle for one interval",
    run: |bench| Box::pin(measure(bench)),
};

/// The shortest interval of a resource.
const SHORTEST: Duration = Duration::from_secs(60);
/// Interval for each resource where there are many: the reconciliations of one interval fill a small part of it.
const EACH: Duration = Duration::from_millis(20);

async fn measure(bench: &mut Bench) -> Result<Vec<Row>, Failure> {
    let count = bench.count;
    bench.serve_resources().await?;
    bench.stop_operator().await?;
    let interval = SHORTEST.max(EACH * u32::try_from(count)?);
    bench.resources()?.set_interval(interval).await?;
    bench.start_operator().await?;
    bench.until_idle(count).await?;
    progress(&format!("waiting for {} s", interval.as_secs()));
    let mut audit = Audit::from_now(&bench.plane)?;
    bench.simulator.clear_journal();
    let cpu = bench.cpu().unwrap_or_default();
    tokio::time::sleep(interval).await;
    let (kubernetes, journal) = (audit.read()?, bench.simulator.journal());
    let figure = format!("API reads in an interval of {} s", interval.as_secs());
    let mut rows = vec![
        Row::at_most(&figure, reads(&journal), count.div_ceil(100) + 1),
        Row::at_most("API writes", writes(&journal), 0),
        Row::at_most("Kubernetes writes", kubernetes.writes(), 0),
        Row::new("Kubernetes GETs", each(kubernetes.gets(), count)),
    ];
    rows.extend(bench.cpu_row(cpu));
    rows.extend(bench.memory_row(0));
    Ok(rows)
}
