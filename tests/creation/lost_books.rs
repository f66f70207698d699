//! The books may be lost, late or doubled: what the API has with our marker is found again, once, and nothing else is
//! touched.

use crate::support::{KubeGate, PATIENCE, World, credentials, status, with};
use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use metorial_operator::resources::{Connection, FINALIZER, ProviderAuthCredentials};
use metorial_simulator::{Action, Entry, Fault, Profile, Stored};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

const CREDENTIALS: &str = "/provider-auth-credentials";
const POST: &str = "POST /provider-auth-credentials";

#[tokio::test]
async fn a_restart_over_fifty_converged_objects_writes_nothing_on_either_side() {
    let mut world = World::running().await;
    for number in 0..50 {
        world.apply(credentials(&format!("app-{number}"))).await;
    }
    for number in 0..50 {
        world.wait_ready(&format!("app-{number}")).await;
    }
    assert_eq!(world.remote().len(), 50);
    world.stop_operator().await;
    let before = versions(&world).await;
    world.sim.clear_journal();
    world.start_operator();
    let ids: BTreeSet<String> = world.remote().into_iter().map(|object| object.id).collect();
    world
        .until("every object was looked at", async || {
            let read = world.sim.journal();
            let seen = |id: &&String| {
                read.iter()
                    .any(|e| e.path.contains(*id) || e.query.contains(*id))
            };
            (ids.iter().filter(seen).count() == 50).then_some(())
        })
        .await;
    world.check_oracles().await;
    assert!(world.attempts().is_empty());
    assert_eq!(before, versions(&world).await);
}

/// The versions of all that the operator writes to, and of its events.
async fn versions(world: &World) -> [Vec<(String, Option<String>)>; 3] {
    [
        versions_of(world.api::<ProviderAuthCredentials>()).await,
        versions_of(world.api::<Connection>()).await,
        versions_of(world.api::<Event>()).await,
    ]
}

async fn versions_of<K>(api: Api<K>) -> Vec<(String, Option<String>)>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let all = api.list(&ListParams::default()).await.unwrap();
    let version = |object: &K| (object.name_any(), object.resource_version());
    all.iter().map(version).collect()
}

/// Waits until the operator behind the gate has tried so many writes.
async fn wait_tried(world: &World, gate: &KubeGate, writes: usize) {
    let what = format!("{writes} writes were tried");
    world
        .until(&what, async || (gate.count() >= writes).then_some(()))
        .await;
}

#[tokio::test]
async fn while_statuses_can_not_be_written_nothing_is_made_twice() {
    let mut world = World::new().await;
    world.permit_status(false).await;
    world.apply(world.github()).await;
    let gate = KubeGate::counting();
    world.start_operator_behind(&gate);
    world.wait_remote("it is made", |_| true).await;
    wait_tried(&world, &gate, gate.count() + 4).await;
    assert_eq!(status(&world.credentials("github").await).id, None);
    world.permit_status(true).await;
    world.wait_in_step("github").await;
    assert_eq!(world.attempts(), [POST]);
    world.check_oracles().await;
}

#[tokio::test]
async fn while_statuses_can_not_be_written_restarts_make_nothing_twice() {
    let mut world = World::new().await;
    world.permit_status(false).await;
    world.apply(world.github()).await;
    for life in 0..3 {
        let gate = KubeGate::counting();
        world.start_operator_behind(&gate);
        world.wait_remote("it is made", |_| true).await;
        let found = |journal: &[Entry]| {
            let lists = journal
                .iter()
                .filter(|e| e.method == "GET" && e.path == CREDENTIALS);
            lists.count() >= life
        };
        world.sim.wait_for(found, PATIENCE).await.unwrap();
        wait_tried(&world, &gate, gate.count() + 3).await;
        world.kill_operator();
    }
    world.permit_status(true).await;
    world.start_operator();
    world.wait_in_step("github").await;
    assert_eq!(world.attempts(), [POST]);
    world.check_oracles().await;
}

/// Puts a status in the place of the resource's.
async fn write_status(world: &World, status: Value) {
    let patch = Patch::Merge(json!({"status": status}));
    let api = world.api::<ProviderAuthCredentials>();
    api.patch_status("github", &PatchParams::default(), &patch)
        .await
        .unwrap();
}

/// A converged resource whose status is taken away while no operator runs.
async fn without_status() -> (World, Stored) {
    let mut world = World::running().await;
    world.apply(world.github()).await;
    let remote = world.wait_in_step("github").await;
    world.stop_operator().await;
    write_status(&world, Value::Null).await;
    world.sim.clear_journal();
    (world, remote)
}

#[tokio::test]
async fn a_status_that_is_taken_away_while_reads_lag_behind_leads_to_no_second_object() {
    let mut world = World::new().await;
    let lag = Duration::from_secs(3);
    world.sim.set_read_lag(lag);
    world.start_operator_settling(lag * 2);
    world.apply(world.github()).await;
    world.wait_in_step("github").await;
    write_status(&world, Value::Null).await;
    world.request::<ProviderAuthCredentials>("github").await;
    world.wait_in_step("github").await;
    assert_eq!(world.attempts(), [POST]);
    world.check_oracles().await;
}

#[tokio::test]
async fn a_lost_status_is_found_again_without_a_write_to_the_api() {
    let (mut world, remote) = without_status().await;
    world.start_operator();
    assert_eq!(world.wait_in_step("github").await.id, remote.id);
    assert!(world.attempts().is_empty());
    world.check_oracles().await;
}

/// The marker of the object with these entries in it instead.
fn marked(remote: &Stored, entries: &Value) -> Value {
    let metadata = json!({"metadata": remote.readable["metadata"]});
    with(metadata, json!({"metadata": {"kubernetes": entries}}))["metadata"].clone()
}

fn readable(world: &World, ids: &[String]) -> Vec<Value> {
    let object = |id: &String| world.sim.object(id).unwrap().readable;
    ids.iter().map(object).collect()
}

#[tokio::test]
async fn of_two_objects_with_our_marker_the_oldest_stays_and_no_other_marker_is_touched() {
    let (mut world, oldest) = without_status().await;
    let younger = [
        world.post(marked(&oldest, &json!({}))).await,
        world.post(marked(&oldest, &json!({}))).await,
    ];
    let another = json!({"uid": "another", "name": "another"});
    let strangers = [
        world.post(json!({})).await,
        world.post(json!({"kubernetes": "a text"})).await,
        world
            .post(marked(&oldest, &json!({"cluster": "another"})))
            .await,
        world.post(marked(&oldest, &another)).await,
    ];
    let before = readable(&world, &strangers);
    world.sim.clear_journal();
    world.start_operator();
    world.wait_reason("github", "Synced").await;
    let bound = status(&world.credentials("github").await).id;
    let deleted = younger.map(|id| format!("DELETE {CREDENTIALS}/{id}"));
    assert_eq!((bound, world.writes()), (Some(oldest.id), deleted.to_vec()));
    assert_eq!(before, readable(&world, &strangers));
    for stranger in &strangers {
        assert!(world.sim.archive(stranger));
    }
    world.check_oracles().await;
}

#[tokio::test]
async fn a_duplicate_that_could_not_be_deleted_at_once_is_not_forgotten() {
    let (mut world, oldest) = without_status().await;
    let younger = world.post(marked(&oldest, &json!({}))).await;
    world.sim.clear_journal();
    let deletion = Fault::on("DELETE", CREDENTIALS).times(1);
    world
        .sim
        .faults()
        .add(deletion, Action::error(500, "internal_server_error"));
    world.start_operator();
    world
        .wait_remote("the younger is gone", |remote| remote.id == oldest.id)
        .await;
    world.wait_in_step("github").await;
    assert_eq!(world.writes(), [format!("DELETE {CREDENTIALS}/{younger}")]);
    world.check_oracles().await;
}

/// The resource as a backup has it: with its finalizer, without status.
fn from_backup(world: &World) -> Value {
    with(
        world.github(),
        json!({"metadata": {"finalizers": [FINALIZER]}}),
    )
}

async fn a_restored_backup_is_bound(profile: Profile, with_status: bool) {
    let mut world = World::of(profile).await;
    world.apply(world.github()).await;
    world.start_operator();
    let before = world.wait_in_step("github").await;
    world.stop_operator().await;
    let unheld = json!({"metadata": {"finalizers": null}});
    let old: ProviderAuthCredentials = world.patch("github", unheld).await;
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    let new = world.apply(from_backup(&world)).await;
    assert_ne!(old.uid(), new.uid());
    if with_status {
        write_status(&world, json!(old.status)).await;
    }
    world.sim.clear_journal();
    world.start_operator();
    let marked =
        |object: &Stored| object.readable["metadata"]["kubernetes"]["uid"] == new.uid().unwrap();
    world
        .wait_remote("the marker of the restored resource", marked)
        .await;
    let after = world.wait_in_step("github").await;
    assert_eq!((&before.id, before.versions), (&after.id, after.versions));
    assert_eq!(
        world.attempts(),
        [format!("PATCH {CREDENTIALS}/{}", before.id)]
    );
    world.check_oracles().await;
}

#[tokio::test]
async fn a_restored_backup_is_bound_to_the_object_of_its_namesake() {
    a_restored_backup_is_bound(Profile::Server, false).await;
}

#[tokio::test]
async fn a_backup_that_was_restored_with_its_status_is_bound_too() {
    a_restored_backup_is_bound(Profile::Server, true).await;
}

#[tokio::test]
async fn a_restored_backup_is_bound_at_the_reference_too() {
    a_restored_backup_is_bound(Profile::Reference, false).await;
}

#[tokio::test]
async fn a_restored_backup_whose_object_is_gone_is_made_once() {
    let mut world = World::new().await;
    world.apply(from_backup(&world)).await;
    world.start_operator();
    world.wait_in_step("github").await;
    assert_eq!(world.attempts(), [POST]);
    world.check_oracles().await;
}
