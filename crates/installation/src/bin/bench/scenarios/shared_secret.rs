//! All resources get their values from one Secret, which is rotated.

use crate::bench::{Bench, progress};
use crate::neighbor::Neighbor;
use crate::report::{Row, each, seconds};
use crate::scenario::Scenario;
use crate::tenant::{SHARED_SECRET, Secrets};
use installation::Failure;
use metorial_simulator::Entry;
use std::time::Instant;

/// See the module.
pub const SCENARIO: Scenario = Scenario {
    name: "shared-secret",
    title: "One Secret for all resources, rotated",
    run: |bench| Box::pin(measure(bench)),
};

const NEW_VALUE: &str = "rotated-for-all";

async fn measure(bench: &mut Bench) -> Result<Vec<Row>, Failure> {
    let (count, timeout) = (bench.count, bench.timeout());
    bench.run_operator().await?;
    progress(&format!("creating {count} resources with one Secret"));
    let tenant = bench.tenant("shared").await?;
    tenant.add(count, Secrets::Shared).await?;
    tenant.all_ready(timeout).await?;
    let mut neighbor = Neighbor::create(bench, "beside-shared").await?;
    neighbor.add().await?;
    bench.until_idle(0).await?;
    progress("rotating the Secret");
    bench.simulator.clear_journal();
    let began = Instant::now();
    tenant.rotate(SHARED_SECRET, NEW_VALUE).await?;
    let simulator = &bench.simulator;
    let lasts = || pushed(&simulator.journal()) < count;
    neighbor.add_while(lasts).await?;
    let all = |entries: &[Entry]| entries.len() >= count && pushed(entries) >= count;
    simulator.wait_for(all, timeout).await?;
    bench.until_idle(0).await?;
    let journal = bench.simulator.journal();
    let last = journal.iter().rev().find(|entry| is_push(entry));
    let took = last.map(|entry| entry.at.duration_since(began));
    let requests: Vec<&Entry> = journal
        .iter()
        .filter(|entry| entry.instance.as_ref() == Some(&tenant.instance))
        .collect();
    let patches = requests.iter().filter(|entry| entry.method == "PATCH");
    let mut rows = vec![
        Row::new(
            "until all have the new value",
            took.map(seconds).unwrap_or_default(),
        ),
        Row::per_object("PATCHes", patches.count(), count, 1.0, 0),
        Row::new("API requests", each(requests.len(), count)),
    ];
    rows.extend(neighbor.rows());
    rows.extend(bench.memory_row(count));
    progress("deleting the resources");
    tenant.delete_all(timeout).await?;
    Ok(rows)
}

/// Counts the objects that have the new value.
fn pushed(journal: &[Entry]) -> usize {
    journal.iter().filter(|entry| is_push(entry)).count()
}

fn is_push(entry: &Entry) -> bool {
    entry.applied && entry.method == "PATCH" && entry.body["client_secret"] == NEW_VALUE
}
