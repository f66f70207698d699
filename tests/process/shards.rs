//! Two processes that share the resources of a namespace by label selectors: each resource is served by exactly one of them, and
//! a label hands it over.

use crate::support::{
    Environment, Kind, Process, Samples, Snapshot, canary, credentials, in_shard,
};
use k8s_openapi::api::coordination::v1::Lease;
use std::collections::BTreeSet;

/// The one shard of these stories.
const ONE: &str = "one";
/// The ServiceAccounts of both processes.
const USERS: [&str; 2] = ["metorial-operator", "metorial-operator-one"];

/// An environment with a process for what belongs to no shard, and the process of a shard.
async fn two_shards() -> (Environment, Process, Process) {
    let env = Environment::new().await;
    let rest = env.start_rest().await;
    let shard = env.start_shard(ONE).await;
    for process in [&rest, &shard] {
        env.wait_leads(process).await;
    }
    (env, rest, shard)
}

/// Creates credentials `rest-0`, `rest-1`, … that belong to no shard, and as many `one-0`, … of the shard.
async fn create_in_both(env: &Environment, count: usize) -> [Vec<Snapshot>; 2] {
    let mut made = [Vec::new(), Vec::new()];
    for number in 0..count {
        env.apply(credentials(&format!("rest-{number}"))).await;
        let manifest = credentials(&format!("one-{number}"));
        env.apply(in_shard(manifest, ONE)).await;
    }
    for (made, prefix) in made.iter_mut().zip(["rest", ONE]) {
        for number in 0..count {
            let name = format!("{prefix}-{number}");
            made.push(env.credentials(&name).wait_ready().await);
        }
    }
    made
}

/// Waits until a process counts so many ready resources of a kind as its own, and no others of it.
async fn wait_serves(env: &Environment, process: &Process, kind: Kind, count: usize) {
    let synced = format!("resources{{kind=\"{}\",reason=\"Synced\"}}", kind.name());
    let any = format!("resources{{kind=\"{}\"", kind.name());
    env.until(&format!("the process serves {count}"), async || {
        let samples = Samples::find(process.admin).await?;
        let (synced, all) = (samples.get(&synced), samples.sum(&any));
        (synced == count as f64 && all == synced).then_some(())
    })
    .await;
}

/// Waits until the audit log shows exactly this ServiceAccount as the writer of a resource: it is written a moment later.
async fn wait_only_writer(env: &Environment, name: &str, user: &str) {
    let wanted = BTreeSet::from([user.to_owned()]);
    env.until(&format!("{name} was written by {user} only"), async || {
        (env.writers(name) == wanted).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_resource_is_served_by_exactly_one_shard_and_a_label_hands_it_over_without_a_write() {
    let (env, rest, shard) = two_shards().await;
    let made = create_in_both(&env, 3).await;
    assert_eq!(env.attempts().len(), 6);
    for (process, made, user) in [(&rest, &made[0], USERS[0]), (&shard, &made[1], USERS[1])] {
        wait_serves(&env, process, Kind::Credentials, 3).await;
        assert_eq!(process.api_requests("POST").await, 3.0);
        for resource in made {
            let name = resource.metadata.name.as_deref().unwrap();
            wait_only_writer(&env, name, user).await;
        }
    }
    wait_only_writer(&env, "default", USERS[0]).await;
    wait_serves(&env, &rest, Kind::Connection, 1).await;
    wait_serves(&env, &shard, Kind::Connection, 0).await;

    let there = env.credentials("rest-0").move_to(Some(ONE)).await;
    let back = env.credentials("one-0").move_to(None).await;
    let also = env.credentials("one-1").move_to(None).await;
    wait_serves(&env, &rest, Kind::Credentials, 4).await;
    wait_serves(&env, &shard, Kind::Credentials, 2).await;
    env.check_oracles().await;
    assert_eq!(env.attempts().len(), 6, "{}", env.describe().await);
    for moved in [there, back, also] {
        env.check_unwritten(&moved).await;
    }

    let secret = canary("rotated");
    env.rotate("oauth-app", "client-secret", &secret).await;
    env.wait_client_secret(6, &secret).await;
    env.check_oracles().await;
    assert_eq!(rest.api_requests("PATCH").await, 4.0);
    assert_eq!(shard.api_requests("PATCH").await, 2.0);
    assert_eq!(env.attempts().len(), 12);

    for name in ["rest-0", "one-0"] {
        env.credentials(name).remove().await;
    }
    assert_eq!(rest.api_requests("DELETE").await, 1.0);
    assert_eq!(shard.api_requests("DELETE").await, 1.0);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_shard_that_is_down_stops_nothing_but_its_own_resources() {
    let (env, rest, mut shard) = two_shards().await;
    create_in_both(&env, 1).await;
    for lease in USERS {
        env.api::<Lease>().get(lease).await.unwrap();
    }
    shard.terminate();
    env.wait_ended(&mut shard).await;
    let secret = canary("rotated");
    env.rotate("oauth-app", "client-secret", &secret).await;
    env.credentials("rest-0").wait_recorded().await;
    env.until("the resource of the other shard is updated", async || {
        (rest.api_requests("PATCH").await == 1.0).then_some(())
    })
    .await;
    env.check_quiet_process().await;
    assert_eq!(rest.api_requests("PATCH").await, 1.0);

    let shard = env.start_shard(ONE).await;
    env.wait_client_secret(2, &secret).await;
    env.check_oracles().await;
    assert_eq!(shard.api_requests("PATCH").await, 1.0);
    assert_eq!(rest.api_requests("PATCH").await, 1.0);
}

#[tokio::test]
async fn what_several_shards_use_works_for_each_of_them_and_is_written_by_one() {
    let (env, _rest, _shard) = two_shards().await;
    create_in_both(&env, 1).await;
    let former = env.key.clone();
    env.use_key(&env.sim.add_key(&env.instance)).await;
    env.sim.revoke_key(&former);
    let secret = canary("rotated");
    env.rotate("oauth-app", "client-secret", &secret).await;
    env.wait_client_secret(2, &secret).await;
    env.check_oracles().await;

    env.connection("default").delete().await;
    for name in ["rest-0", "one-0"] {
        let user = format!("ProviderAuthCredentials {}/{name}", env.namespace);
        env.connection("default")
            .wait_message("Deleting", &user)
            .await;
        env.credentials(name).remove().await;
    }
    env.connection("default").wait_gone().await;
    wait_only_writer(&env, "default", USERS[0]).await;
}
