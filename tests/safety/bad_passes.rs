//! A pass that panics, and one that never ends: only its own resource suffers.

use crate::support::{Samples, World, credentials, free_address, is_ready, ready, with};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::ResourceExt;
use metorial_operator::resources::ResourceKey;
use metorial_operator::resources::{Connection, ProviderAuthCredentials, RECONCILE_REQUESTED};
use metorial_operator::settings::{ReconcileHook, Settings};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// What happens at the start of a pass over one resource, while it is switched on.
#[derive(Clone)]
struct Trouble {
    on: Arc<AtomicBool>,
    times: Arc<AtomicUsize>,
}

impl Trouble {
    fn new(on: bool) -> Self {
        Self {
            on: Arc::new(AtomicBool::new(on)),
            times: Arc::default(),
        }
    }

    fn set(&self, on: bool) {
        self.on.store(on, Ordering::SeqCst);
    }

    fn times(&self) -> usize {
        self.times.load(Ordering::SeqCst)
    }

    /// Lets `what` happen to the resource of this kind and name.
    fn hook(
        &self,
        kind: &'static str,
        name: &'static str,
        what: fn() -> BoxFuture<'static, ()>,
    ) -> ReconcileHook {
        let trouble = self.clone();
        Arc::new(move |key: &ResourceKey| {
            let concerned = key.kind == kind && key.name == name;
            if !concerned || !trouble.on.load(Ordering::SeqCst) {
                return std::future::ready(()).boxed();
            }
            trouble.times.fetch_add(1, Ordering::SeqCst);
            what()
        })
    }
}

fn panics() -> BoxFuture<'static, ()> {
    async { panic!("a test's panic") }.boxed()
}

fn spins() -> BoxFuture<'static, ()> {
    async {
        loop {
            tokio::task::yield_now().await;
        }
    }
    .boxed()
}

fn start(world: &mut World, hook: ReconcileHook, reconcile_timeout: Duration) -> SocketAddr {
    let admin = free_address();
    world.start_operator_with(Settings {
        hook: Some(hook),
        listen: admin,
        reconcile_timeout,
        ..world.settings()
    });
    admin
}

async fn ask(world: &World, name: &str, text: &str) {
    let annotation = json!({"metadata": {"annotations": {RECONCILE_REQUESTED: text}}});
    world
        .patch::<ProviderAuthCredentials>(name, annotation)
        .await;
}

async fn stalled(world: &World, name: &str, says: &str) -> ProviderAuthCredentials {
    let object = world.wait_reason(name, "InternalError").await;
    let (status, _, message) = ready(&object).unwrap();
    assert_eq!(status, "False");
    assert!(
        message.contains(says) && message.contains("fault of the operator"),
        "{message}"
    );
    assert!(!message.contains("a test's panic"), "{message}");
    object
}

#[tokio::test]
async fn a_resource_that_panics_the_pass_harms_no_other_and_recovers() {
    let mut world = World::new().await;
    let trouble = Trouble::new(true);
    let hook = trouble.hook("ProviderAuthCredentials", "bad", panics);
    let admin = start(&mut world, hook, Duration::from_secs(60));
    for name in ["bad", "good", "fine"] {
        world.apply(credentials(name)).await;
    }
    world.wait_ready("good").await;
    world.wait_ready("fine").await;
    stalled(&world, "bad", "failed unexpectedly").await;
    world
        .rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    world
        .until("the others get the new secret", async || {
            let has = |object: &metorial_simulator::Stored| {
                object.write_only["client_secret"] == "rotated-0123456789"
            };
            let all = world.remote();
            (all.len() == 2 && all.iter().all(has)).then_some(())
        })
        .await;
    assert!(Samples::of(admin).await.get("panics_total") >= 1.0);

    trouble.set(false);
    world.wait_ready("bad").await;
    assert_eq!(world.remote().len(), 3);
    let writes = world.writes();
    let creates = writes
        .iter()
        .filter(|write| write.starts_with("POST"))
        .count();
    assert_eq!(creates, 3, "{writes:?}");
}

#[tokio::test]
async fn a_panic_again_and_again_writes_its_status_and_tells_its_event_once() {
    let mut world = World::new().await;
    let trouble = Trouble::new(false);
    let hook = trouble.hook("ProviderAuthCredentials", "bad", panics);
    let admin = start(&mut world, hook, Duration::from_secs(60));
    world.apply(credentials("bad")).await;
    world.wait_ready("bad").await;
    let calls = world.writes();

    trouble.set(true);
    ask(&world, "bad", "one").await;
    let first = stalled(&world, "bad", "failed unexpectedly").await;
    let told = async || {
        let samples = Samples::of(admin).await;
        samples.sum("kube_writes_total") as usize
    };
    let (times, before) = (trouble.times(), told().await);
    world
        .until("it panics some more", async || {
            (trouble.times() >= times + 3).then_some(())
        })
        .await;
    // The event of the first time may be counted a moment after its status is seen.
    assert!(
        told().await <= before + 1,
        "{} writes after {before}",
        told().await
    );
    let later = world.credentials("bad").await;
    assert_eq!(later.resource_version(), first.resource_version());
    assert_eq!(
        later.status.unwrap().common.id,
        first.status.unwrap().common.id
    );

    trouble.set(false);
    world.wait_ready("bad").await;
    assert_eq!(world.writes(), calls, "nothing had to be brought in");
}

#[tokio::test]
async fn a_resource_that_spins_past_its_deadline_is_stalled_alone_and_recovers() {
    let mut world = World::new().await;
    let trouble = Trouble::new(true);
    let hook = trouble.hook("ProviderAuthCredentials", "bad", spins);
    start(&mut world, hook, Duration::from_secs(4));
    world.apply(credentials("bad")).await;
    world.apply(credentials("good")).await;
    world.wait_ready("good").await;
    stalled(&world, "bad", "did not end in time").await;
    world
        .apply(with(credentials("good"), json!({"spec": {"name": "Good"}})))
        .await;
    world
        .wait_for(
            "good",
            "the edit is in",
            |object: &ProviderAuthCredentials| {
                is_ready(object) && object.spec.naming.name.as_deref() == Some("Good")
            },
        )
        .await;

    trouble.set(false);
    world.wait_ready("bad").await;
    assert_eq!(world.remote().len(), 2);
}

#[tokio::test]
async fn a_connection_that_panics_the_pass_is_stalled_and_its_resources_go_on() {
    let mut world = World::new().await;
    let trouble = Trouble::new(true);
    let hook = trouble.hook("Connection", "default", panics);
    start(&mut world, hook, Duration::from_secs(60));
    world.wait_connection("InternalError").await;
    world.apply(credentials("github")).await;
    world.wait_ready("github").await;
    trouble.set(false);
    let connection: Connection = world.wait_connection("Synced").await;
    assert_eq!(connection.name_any(), "default");
    world.check_oracles().await;
}
