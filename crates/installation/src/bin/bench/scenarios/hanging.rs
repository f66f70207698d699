//! The requests of all resources of one namespace hang until they time out.

use crate::bench::{Bench, progress};
use crate::neighbor::Neighbor;
use crate::report::Row;
use crate::scenario::Scenario;
use crate::tenant::Secrets;
use installation::Failure;
use metorial_simulator::{Action, Entry, Fault};
use std::time::{Duration, Instant};

/// See the module.
pub const SCENARIO: Scenario = Scenario {
    name: "hanging",
    title: "All requests of one namespace hang",
    run: |bench| Box::pin(measure(bench)),
};

/// The time for which resources are created in another namespace: that of a request, and the begin of the next ones.
const LONG: Duration = Duration::from_secs(35);

async fn measure(bench: &mut Bench) -> Result<Vec<Row>, Failure> {
    let (count, timeout) = (bench.count, bench.timeout());
    bench.stop_operator().await?;
    progress(&format!(
        "creating {count} resources whose requests will hang"
    ));
    let tenant = bench.tenant("hanging").await?;
    tenant.add(count, Secrets::Shared).await?;
    let mut neighbor = Neighbor::create(bench, "beside-hanging").await?;
    let create = Fault::on("POST", "/provider-auth-credentials").instance(&tenant.instance);
    let fault = bench.simulator.faults().add(create, Action::Hang);
    bench.simulator.clear_journal();
    bench.start_operator().await?;
    let hang = |entries: &[Entry]| {
        let of_tenant = |entry: &&Entry| entry.instance.as_ref() == Some(&tenant.instance);
        entries.iter().filter(of_tenant).any(Entry::is_write)
    };
    bench.simulator.wait_for(hang, timeout).await?;
    progress("creating resources in another namespace meanwhile");
    let began = Instant::now();
    let lasts = || began.elapsed() < LONG;
    neighbor.add_while(lasts).await?;
    let hung = bench.simulator.faults().happened(fault);
    let mut rows = neighbor.rows();
    rows.push(Row::new("requests that hung meanwhile", hung.to_string()));
    Ok(rows)
}
