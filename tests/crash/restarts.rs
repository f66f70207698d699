//! An operator that starts over resources that are as they should be.

use crate::support::{Environment, Form, Given, Kind, credentials, each};
use k8s_openapi::api::core::v1::Event;
use kube::ResourceExt;
use kube::api::ListParams;
use std::collections::BTreeSet;

/// The versions of the events in the namespace.
async fn event_versions(env: &Environment) -> Vec<Option<String>> {
    let all = env.api::<Event>().list(&ListParams::default()).await;
    all.unwrap()
        .iter()
        .map(ResourceExt::resource_version)
        .collect()
}

#[tokio::test]
async fn a_restart_over_fifty_ready_resources_writes_nothing_on_either_side() {
    let mut env = Environment::running().await;
    let names: Vec<String> = (0..50).map(|number| format!("app-{number}")).collect();
    for name in &names {
        env.apply(credentials(name)).await;
    }
    for name in &names {
        env.credentials(name).wait_ready().await;
    }
    let ids = env
        .live(Kind::Credentials)
        .into_iter()
        .map(|object| object.id);
    let ids: BTreeSet<String> = ids.collect();
    assert_eq!(ids.len(), 50);
    env.stop_operator().await;
    let before = (env.versions().await, event_versions(&env).await);
    env.sim.clear_journal();
    env.start_operator();
    env.until("every object was read", async || {
        let journal = env.sim.journal();
        let read = |id: &&String| {
            let mut entries = journal.iter();
            entries.any(|e| e.path.contains(*id) || e.query.contains(*id))
        };
        (ids.iter().filter(read).count() == 50).then_some(())
    })
    .await;
    env.check_oracles().await;
    assert!(env.attempts().is_empty());
    assert_eq!(before, (env.versions().await, event_versions(&env).await));
}

#[tokio::test]
async fn a_restart_writes_nothing_on_either_side_for_any_kind() {
    each(Form::ALL, async |form| {
        let mut scenario = Given::form(form).settled().await;
        scenario.check_oracles().await;
        scenario.stop_operator().await;
        let before = scenario.versions().await;
        scenario.sim.clear_journal();
        scenario.start();
        let path = form.remote().path();
        let read = |entry: &metorial_simulator::Entry| entry.path.starts_with(path);
        scenario
            .sim
            .wait_for(|journal| journal.iter().any(read), crate::support::PATIENCE)
            .await
            .unwrap();
        scenario.check_oracles().await;
        assert!(scenario.attempts().is_empty(), "{form:?}");
        assert_eq!(before, scenario.versions().await, "{form:?}");
    })
    .await;
}
