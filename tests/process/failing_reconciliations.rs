//! A pass that panics, and one that never ends: only its own resource suffers.

use crate::support::{Environment, Kind, ObjectKey, Samples, Snapshot, credentials, free_address};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::ResourceExt;
use metorial_operator::reconcile::{ObjectKey, PassHook};
use metorial_operator::resources::RECONCILE_REQUESTED;
use metorial_operator::settings::Settings;
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
    ) -> PassHook {
        let trouble = self.clone();
        Arc::new(move |key: &ObjectKey| {
            let concerned = key.kind == kind && key.name == name;
            if !concerned || !trouble.on.load(Ordering::SeqCst) {
                return std::future().ready().boxed();
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

fn start(env: &mut Environment, hook: PassHook, pass_timeout: Duration) -> SocketAddr {
    let admin = free_address();
    env.start_operator_with(Settings {
        hook: Some(hook),
        listen: admin,
        pass_timeout,
        ..env.settings()
    });
    admin
}

async fn ask(env: &Environment, name: &str, text: &str) {
    let annotation = json!({"metadata": {"annotations": {RECONCILE_REQUESTED: text}}});
    env.credentials(name).patch(annotation).await;
}

async fn stalled(env: &Environment, name: &str, says: &str) -> Snapshot {
    let object = env.credentials(name).wait_reason("InternalError").await;
    let (status, message) = (object.ready().status, object.message());
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
    let mut env = Environment::new().await;
    let trouble = Trouble::new(true);
    let hook = trouble.hook("ProviderAuthCredentials", "bad", panics);
    let admin = start(&mut env, hook, Duration::from_secs(60));
    for name in ["bad", "good", "fine"] {
        env.apply(credentials(name)).await;
    }
    env.credentials("good").wait_ready().await;
    env.credentials("fine").wait_ready().await;
    stalled(&env, "bad", "failed unexpectedly").await;
    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    env.until("the others get the new secret", async || {
        let has = |object: &metorial_simulator::Stored| {
            object.write_only["client_secret"] == "rotated-0123456789"
        };
        let all = env.live(Kind::Credentials);
        (all.len() == 2 && all.iter().all(has)).then_some(())
    })
    .await;
    assert!(Samples::of(admin).await.get("panics_total") >= 1.0);

    trouble.set(false);
    env.credentials("bad").wait_ready().await;
    assert_eq!(env.live(Kind::Credentials).len(), 3);
    let writes = env.writes();
    let creates = writes
        .iter()
        .filter(|write| write.starts_with("POST"))
        .count();
    assert_eq!(creates, 3, "{writes:?}");
}

#[tokio::test]
async fn a_panic_again_and_again_writes_its_status_and_tells_its_event_once() {
    let mut env = Environment::new().await;
    let trouble = Trouble::new(false);
    let hook = trouble.hook("ProviderAuthCredentials", "bad", panics);
    let admin = start(&mut env, hook, Duration::from_secs(60));
    env.apply(credentials("bad")).await;
    env.credentials("bad").wait_ready().await;
    let calls = env.writes();

    trouble.set(true);
    ask(&env, "bad", "one").await;
    let first = stalled(&env, "bad", "failed unexpectedly").await;
    let told = async || {
        let samples = Samples::of(admin).await;
        samples.sum("kube_writes_total") as usize
    };
    let (times, before) = (trouble.times(), told().await);
    env.until("it panics some more", async || {
        (trouble.times() >= times + 3).then_some(())
    })
    .await;
    // The event of the first time may be counted a moment after its status is seen.
    assert!(
        told().await <= before + 1,
        "{} writes after {before}",
        told().await
    );
    let later = env.credentials("bad").get().await;
    assert_eq!(later.resource_version(), first.resource_version());
    assert_eq!(later.status().id, first.status().id);

    trouble.set(false);
    env.credentials("bad").wait_ready().await;
    assert_eq!(env.writes(), calls, "nothing had to be brought in");
}

#[tokio::test]
async fn a_resource_that_spins_past_its_deadline_is_stalled_alone_and_recovers() {
    let mut env = Environment::new().await;
    let trouble = Trouble::new(true);
    let hook = trouble.hook("ProviderAuthCredentials", "bad", spins);
    start(&mut env, hook, Duration::from_secs(4));
    env.apply(credentials("bad")).await;
    env.apply(credentials("good")).await;
    env.credentials("good").wait_ready().await;
    stalled(&env, "bad", "did not end in time").await;
    env.apply(credentials("good").named("Good")).await;
    env.credentials("good")
        .wait("the edit is in", |object: &Snapshot| {
            object.is_ready() && object.spec.naming.name.as_deref() == Some("Good")
        })
        .await;

    trouble.set(false);
    env.credentials("bad").wait_ready().await;
    assert_eq!(env.live(Kind::Credentials).len(), 2);
}

#[tokio::test]
async fn a_connection_that_panics_the_pass_is_stalled_and_its_resources_go_on() {
    let mut env = Environment::new().await;
    let trouble = Trouble::new(true);
    let hook = trouble.hook("Connection", "default", panics);
    start(&mut env, hook, Duration::from_secs(60));
    env.connection("default").wait_reason("InternalError").await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    trouble.set(false);
    let connection = env.connection("default").wait_reason("Synced").await;
    assert_eq!(connection.name_any(), "default");
    env.check_oracles().await;
}
