//! More resources than a development key may create in one window.

use crate::bench::{Bench, progress};
use crate::report::{Row, seconds};
use crate::scenario::Scenario;
use crate::tenant::{Secrets, Tenant};
use installation::{Failure, wait_until};
use metorial_simulator::{Entry, InstanceId, InstanceType, Limit, Simulator};
use std::time::{Duration, Instant};

/// See the module.
pub const SCENARIO: Scenario = Scenario {
    name: "development-key",
    title: "300 resources, a limit of 100 requests in 60 s",
    run: |bench| Box::pin(measure(bench)),
};

const RESOURCES: usize = 300;
const LIMIT: Limit = Limit {
    requests: 100,
    per: Duration::from_secs(60),
};
/// All creates, the check of the connection, the provider with its callback URL, and the edit: a read and a PATCH.
const REQUESTS: usize = RESOURCES + 4;
/// The time within which requests are sent once they are available.
const TOLERANCE: Duration = Duration::from_secs(5);
/// The time after which the scenario ends, done or not, in windows.
const LONGEST: u32 = 8;

async fn measure(bench: &mut Bench) -> Result<Vec<Row>, Failure> {
    bench.run_operator().await?;
    let (plane, simulator) = (&bench.plane, &bench.simulator);
    let organization = simulator.add_organization("Development");
    simulator.set_rate_limit(&organization, Some(LIMIT));
    let (kind, name) = (InstanceType::Development, "development");
    simulator.clear_journal();
    let tenant = Tenant::create(plane, simulator, &organization, kind, name).await?;
    let began = Instant::now();
    tenant.add(RESOURCES, Secrets::Shared).await?;
    let of = &tenant.instance;
    // Not all at once: from here on, the edit has to compete with the creates that wait.
    let busy = |entries: &[Entry]| created(entries, of) >= LIMIT.requests / 2;
    simulator.wait_for(busy, LIMIT.per).await?;
    progress("editing a resource that is ready");
    let edited = edit(&tenant, simulator).await?;
    let window = LIMIT.per.as_secs();
    progress(&format!(
        "waiting for at most {LONGEST} windows of {window} s"
    ));
    let all = |entries: &[Entry]| created(entries, of) >= RESOURCES;
    let rest = (LIMIT.per * LONGEST).saturating_sub(began.elapsed());
    // Not all in time: that is a figure, too.
    let _ = simulator.wait_for(all, rest).await;
    let mut rows = rows(&simulator.journal(), of, began);
    let text = edited.map_or("not in time".to_owned(), seconds);
    let in_next_window = edited.is_some_and(|after| after <= LIMIT.per + TOLERANCE);
    rows.push(
        Row::new("edit of a ready resource at the API after", text)
            .wanted("≤ 1 window", in_next_window),
    );
    simulator.set_rate_limit(&organization, None);
    Ok(rows)
}

/// Changes a resource that is ready, and returns the time until the API has the change; `None` if that takes too long.
async fn edit(tenant: &Tenant, simulator: &Simulator) -> Result<Option<Duration>, Failure> {
    let name = wait_until("a resource is ready", LIMIT.per, async || {
        tenant.one_ready().await
    })
    .await?;
    let began = Instant::now();
    tenant.edit(&name, &["repo"]).await?;
    let patched = |entries: &[Entry]| {
        let mut patches = entries.iter().filter(|entry| entry.method == "PATCH");
        patches.any(|entry| entry.applied && entry.instance.as_ref() == Some(&tenant.instance))
    };
    let done = simulator.wait_for(patched, LIMIT.per * LONGEST / 2).await;
    Ok(done.is_ok().then(|| began.elapsed()))
}

fn rows(journal: &[Entry], of: &InstanceId, began: Instant) -> Vec<Row> {
    let count = created(journal, of);
    // The API's description of itself is outside the limit.
    let limited = |entry: &Entry| !entry.path.starts_with("/metorial/introspect/");
    let sent = |entry: &&Entry| entry.instance.as_ref() == Some(of) && limited(entry);
    let requests = journal.iter().filter(sent);
    let refused = requests.clone().filter(|entry| entry.status == 429).count();
    let last = requests.clone().rfind(|entry| entry.applied);
    let took = last.map_or(Duration::ZERO, |entry| entry.at.duration_since(began));
    let windows = took.as_secs_f64() / LIMIT.per.as_secs_f64();
    let windows = windows.ceil() as usize;
    let fewest = REQUESTS.div_ceil(LIMIT.requests);
    let figure = format!("{count} of {RESOURCES} created, windows used");
    let text = format!("{windows} ({})", seconds(took));
    let kept = count == RESOURCES && windows <= fewest;
    vec![
        Row::new(figure, text).wanted(format!("≤ {fewest}"), kept),
        Row::at_most("requests over the limit", refused, 0),
        Row::at_most("requests", requests.count(), REQUESTS),
    ]
}

/// Counts the objects that were created in an instance.
fn created(journal: &[Entry], of: &InstanceId) -> usize {
    let created = journal.iter().filter(|entry| {
        entry.applied && entry.method == "POST" && entry.instance.as_ref() == Some(of)
    });
    created.count()
}
