//! The API refuses all resources of one namespace.

use crate::bench::{Bench, progress};
use crate::neighbor::Neighbor;
use crate::report::{Row, each};
use crate::scenario::Scenario;
use crate::tenant::Secrets;
use installation::Failure;
use metorial_simulator::{Action, Entry, Fault};

/// See the module.
pub const SCENARIO: Scenario = Scenario {
    name: "refused",
    title: "All resources of one namespace refused with 400",
    run: |bench| Box::pin(measure(bench)),
};

async fn measure(bench: &mut Bench) -> Result<Vec<Row>, Failure> {
    let (count, timeout) = (bench.count, bench.timeout());
    bench.stop_operator().await?;
    progress(&format!("creating {count} resources that will be refused"));
    let tenant = bench.tenant("refused").await?;
    tenant.add(count, Secrets::Shared).await?;
    let mut neighbor = Neighbor::create(bench, "beside-refused").await?;
    let create = Fault::on("POST", "/provider-auth-credentials").instance(&tenant.instance);
    let refusal = Action::error(400, "validation_error");
    let fault = bench.simulator.faults().add(create, refusal);
    bench.simulator.clear_journal();
    bench.start_operator().await?;
    let tried = |entries: &[Entry]| {
        let of_tenant = |entry: &&Entry| entry.instance.as_ref() == Some(&tenant.instance);
        let posts = entries.iter().filter(|entry| entry.method == "POST");
        posts.filter(of_tenant).count()
    };
    let simulator = &bench.simulator;
    let working = |entries: &[Entry]| tried(entries) > 0;
    simulator.wait_for(working, timeout).await?;
    progress("creating resources in another namespace meanwhile");
    let lasts = || tried(&simulator.journal()) < count;
    neighbor.add_while(lasts).await?;
    let all = |entries: &[Entry]| entries.len() >= count && tried(entries) >= count;
    simulator.wait_for(all, timeout).await?;
    bench.until_idle(0).await?;
    let creates = tried(&bench.simulator.journal());
    let mut rows = neighbor.rows();
    rows.push(Row::new("creates that were refused", each(creates, count)));
    rows.extend(bench.cpu_row(Default::default()));
    bench.simulator.faults().remove(fault);
    progress("deleting the resources");
    tenant.delete_all(timeout).await?;
    Ok(rows)
}
