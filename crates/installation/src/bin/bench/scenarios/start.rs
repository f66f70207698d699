//! From the start of the operator until all resources are ready, and the API server alone with the same requests before and
//! after that: its speed varies with the load of the machine.

use crate::audit::{Audit, Requests};
use crate::baseline;
use crate::bench::{Bench, progress, reads, writes};
use crate::report::{Row, each, milliseconds, percentile, seconds};
use crate::scenario::Scenario;
use installation::Failure;
use jiff::Timestamp;
use metorial_simulator::Entry;
use std::time::Duration;

/// See the module.
pub const SCENARIO: Scenario = Scenario {
    name: "start",
    title: "All resources at once",
    run: |bench| Box::pin(measure(bench)),
};

/// The time until all are ready, as a multiple of the baseline's.
const MOST: f64 = 1.1;
/// The number of resources below which the start of the process takes most of the time.
const MANY: usize = 1000;
/// Requests to either API that do not depend on the number of resources: the check and the status of connections, the lease,
/// the fingerprint key.
const CONSTANT: usize = 20;

async fn measure(bench: &mut Bench) -> Result<Vec<Row>, Failure> {
    let count = bench.count;
    progress(&format!("the API server alone: {count} objects"));
    let before = baseline::measure(bench, "baseline-before").await?;
    bench.create_resources().await?;
    progress("the operator: from its start until all resources are ready");
    let mut audit = Audit::from_now(&bench.plane)?;
    bench.simulator.clear_journal();
    let (began, began_at) = (bench.start_operator().await?, Timestamp::now());
    // No request to the API server before the last create: it would slow the measured ones down.
    let created = |entries: &[Entry]| {
        let applied = |entry: &&Entry| entry.applied;
        entries.len() >= count && entries.iter().filter(applied).count() >= count
    };
    let timeout = bench.timeout();
    bench.simulator.wait_for(created, timeout).await?;
    bench.resources()?.all_ready(timeout).await?;
    bench.until_idle(count).await?;
    let (kubernetes, journal) = (audit.read()?, bench.simulator.journal());
    let last = kubernetes.last_status.unwrap_or_else(Timestamp::now);
    let took = Duration::try_from(last.duration_since(began_at)).unwrap_or_default();
    let first = journal.iter().find(|entry| entry.is_write());
    let first = first.map(|entry| seconds(entry.at.duration_since(began)));
    let usage = [bench.cpu_row(Duration::ZERO), bench.memory_row(0)];
    progress("the API server alone once more");
    bench.stop_operator().await?;
    let after = baseline::measure(bench, "baseline-after").await?;
    let alone = (before + after) / 2;
    let measured = [before, after].map(seconds).join(" and ");
    let mut rows = vec![
        Row::new("the API server alone, before and after", measured),
        ready_row(took, alone, count),
        Row::new("first object created after", first.unwrap_or_default()),
    ];
    rows.extend(request_rows(&kubernetes, &journal, count));
    rows.extend(usage.into_iter().flatten());
    match writes(&journal) {
        all if all == count => Ok(rows),
        all => {
            let text = format!("{all} writes to the API for {count} new resources");
            Err(Failure::new(text))
        }
    }
}

fn ready_row(took: Duration, alone: Duration, count: usize) -> Row {
    let ratio = took.as_secs_f64() / alone.as_secs_f64();
    let value = format!("{} ({ratio:.2} × the API server alone)", seconds(took));
    let row = Row::new("until all are ready", value);
    match count >= MANY {
        true => row.wanted(format!("≤ {MOST} × the API server alone"), ratio <= MOST),
        false => row,
    }
}

fn request_rows(kubernetes: &Requests, journal: &[Entry], count: usize) -> Vec<Row> {
    let (all, written) = (journal.len(), kubernetes.writes());
    let times = response_times(journal);
    vec![
        Row::per_object("API requests", all, count, 1.0, CONSTANT),
        Row::new("… of them reads", reads(journal).to_string()),
        Row::per_object("Kubernetes writes", written, count, 2.0, CONSTANT),
        Row::new("Kubernetes events", each(kubernetes.events(), count)),
        Row::new("Kubernetes GETs", each(kubernetes.gets(), count)),
        Row::new("response time of the simulated API, p50 / p99", times),
    ]
}

/// Returns how long the simulator took for its responses, which the operator has to wait for.
fn response_times(journal: &[Entry]) -> String {
    let times = journal.iter().filter_map(|entry| {
        let answered = entry.answered_at?;
        Some(answered.duration_since(entry.at))
    });
    let times: Vec<Duration> = times.collect();
    let [half, most] = [50, 99].map(|percent| milliseconds(percentile(&times, percent)));
    format!("{half} / {most}")
}
