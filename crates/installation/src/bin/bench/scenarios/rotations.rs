//! Secrets are rotated one after the other.

use crate::bench::{Bench, writes};
use crate::objects;
use crate::report::{Row, milliseconds, percentile};
use crate::scenario::Scenario;
use installation::Failure;
use metorial_simulator::Entry;
use std::time::{Duration, Instant};

/// See the module.
pub const SCENARIO: Scenario = Scenario {
    name: "rotations",
    title: "Rotations one by one",
    run: |bench| Box::pin(measure(bench)),
};

/// The number of Secrets that are rotated.
const ROTATIONS: usize = 100;

async fn measure(bench: &mut Bench) -> Result<Vec<Row>, Failure> {
    bench.serve_resources().await?;
    let mut times = Vec::new();
    let mut requests = 0;
    let count = ROTATIONS.min(bench.count);
    for number in 0..count {
        bench.simulator.clear_journal();
        times.push(rotate(bench, number).await?);
        requests += writes(&bench.simulator.journal());
    }
    let figure = format!("{count} Secrets: value at the API after, p50 / p99");
    let [half, most] = [50, 99].map(|percent| milliseconds(percentile(&times, percent)));
    Ok(vec![
        Row::new(figure, format!("{half} / {most}")),
        Row::per_object("API writes", requests, count, 1.0, 0),
    ])
}

/// Returns the time from the change of a Secret until the API has the new value.
async fn rotate(bench: &Bench, number: usize) -> Result<Duration, Failure> {
    let wanted = format!("rotated-{number}");
    let began = Instant::now();
    let secret = objects::name(number);
    bench.resources()?.rotate(&secret, &wanted).await?;
    let pushed = |entries: &[Entry]| {
        let mut applied = entries.iter().filter(|entry| entry.applied);
        applied.any(|entry| entry.body["client_secret"] == wanted.as_str())
    };
    bench.simulator.wait_for(pushed, bench.timeout()).await?;
    Ok(began.elapsed())
}
