//! Exports where something is in the way: reads that lag, an API that fails or loses values, a Secret that Kubernetes
//! refuses.

use super::exports::export;
use super::scene::{auth_config, status};
use super::support::World;
use metorial_operator::resources::{AuthExport, ProviderAuthConfig};
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};
use std::time::Duration;

const LAG: Duration = Duration::from_secs(2);
const EXPORTS: &str = "/provider-auth-config-exports";

impl World {
    /// An export of `first` that reached its Secret.
    async fn exported_first(&self, extra: &Value) {
        self.value("token", "first").await;
        self.apply(auth_config("linear")).await;
        self.apply(export(extra)).await;
        self.ready::<AuthExport>("worker").await;
        self.wait_text("first").await;
    }

    /// Makes the operator look at the export, and waits until it has looked.
    async fn look_at_export(&self, asked: &str) {
        let ask =
            json!({"metadata": {"annotations": {"metorial.com/reconcile-requested-at": asked}}});
        self.patch::<AuthExport>("worker", ask).await;
        self.wait_for("worker", "handled", |object: &AuthExport| {
            status(object).last_handled_reconcile_at.as_deref() == Some(asked)
        })
        .await;
    }
}

#[tokio::test]
async fn a_value_comes_out_even_where_the_list_of_imports_is_behind() {
    let mut world = World::new().await;
    world.start_operator_settling(LAG * 2);
    world.exported_first(&json!({})).await;
    world.sim.set_read_lag(LAG);
    world.value("token", "second").await;
    world.wait_text("second").await;
    assert_eq!(world.exports().len(), 2);

    world
        .patch::<ProviderAuthConfig>("linear", json!({"spec": {"name": "another name"}}))
        .await;
    world.ready::<ProviderAuthConfig>("linear").await;
    world.look_at_export("1").await;
    let renamed = world
        .wait_for("linear", "renamed", |config: &ProviderAuthConfig| {
            status(config).remote_updated_at.is_some()
        })
        .await;
    let until = status(&renamed).remote_updated_at;
    world
        .wait_for("worker", "compared", |export: &AuthExport| {
            let export = export.status.as_ref().map(|status| &status.export);
            export.and_then(|export| export.auth_config_updated_at.clone()) == until
        })
        .await;
    assert_eq!(world.exports().len(), 2, "a changed name is no reason");
    world.check_quiet().await;
}

#[tokio::test]
async fn an_export_that_is_due_and_fails_is_not_ready() {
    let world = World::running().await;
    world.exported_first(&json!({})).await;
    let down = Action::error(500, "internal_server_error");
    let fault = Fault::on("POST", EXPORTS);
    let fault = world.sim.faults().add(fault, down);
    world.value("token", "second").await;
    world
        .reason::<AuthExport>("worker", "RemoteUnavailable")
        .await;
    world.sim.faults().remove(fault);
    world.ready::<AuthExport>("worker").await;
    world.wait_text("second").await;
}
