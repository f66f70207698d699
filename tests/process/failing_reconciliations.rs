//! A reconciliation that panics, and one that never ends: only its own resource suffers.

use crate::support::{
    Environment, Kind, Samples, Snapshot, VALUES, config_on, credentials, free_address, vault,
    with_hook, with_timeouts,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::settings::Settings;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// What happens at the start of the reconciliations of one resource, while it is switched on.
#[derive(Clone)]
struct Failure {
    on: Arc<AtomicBool>,
    times: Arc<AtomicUsize>,
}

impl Failure {
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

    /// Starts an operator in which it happens to the resource of this kind and name; returns where it serves metrics.
    fn start(
        &self,
        env: &mut Environment,
        (kind, name): (&'static str, &'static str),
        happens: fn() -> BoxFuture<'static, ()>,
        limit: Duration,
    ) -> SocketAddr {
        let (failure, listen) = (self.clone(), free_address());
        let when = move |of: &str, called: &str| {
            let concerned = of == kind && called == name && failure.on.load(Ordering::SeqCst);
            if concerned {
                failure.times.fetch_add(1, Ordering::SeqCst);
            }
            concerned
        };
        let settings = Settings {
            listen,
            ..env.settings()
        };
        let settings = with_timeouts(settings, limit / 2, limit);
        env.start_operator_with(with_hook(settings, when, happens));
        listen
    }
}

const BAD: (&str, &str) = ("ProviderAuthCredentials", "bad");

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

async fn stalled(env: &Environment, name: &str, says: &str) -> Snapshot {
    let object = env.credentials(name).wait_reason("InternalError").await;
    let (status, message) = (object.ready().status, object.message());
    assert_eq!(status, "False");
    assert!(message.contains(says), "{message}");
    assert!(!message.contains("a test's panic"), "{message}");
    object
}

#[tokio::test]
async fn a_resource_that_panics_its_reconciliation_harms_no_other_and_recovers() {
    let mut env = Environment::new().await;
    let failure = Failure::new(true);
    let admin = failure.start(&mut env, BAD, panics, Duration::from_secs(60));
    for name in ["bad", "good", "fine"] {
        env.apply(credentials(name)).await;
    }
    env.credentials("good").wait_ready().await;
    env.credentials("fine").wait_ready().await;
    stalled(&env, "bad", "internal error in the operator").await;
    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    env.wait_client_secret(2, "rotated-0123456789").await;
    assert!(Samples::of(admin).await.get("panics_total") >= 1.0);

    failure.set(false);
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
async fn repeated_panics_write_one_status_and_one_event() {
    let mut env = Environment::new().await;
    let failure = Failure::new(false);
    let admin = failure.start(&mut env, BAD, panics, Duration::from_secs(60));
    env.apply(credentials("bad")).await;
    env.credentials("bad").wait_ready().await;
    let calls = env.writes();

    failure.set(true);
    env.credentials("bad").request_reconcile().await;
    let first = stalled(&env, "bad", "internal error in the operator").await;
    let writes = async || {
        let samples = Samples::of(admin).await;
        samples.sum("kube_writes_total") as usize
    };
    let (times, before) = (failure.times(), writes().await);
    env.until("it panics some more", async || {
        (failure.times() >= times + 3).then_some(())
    })
    .await;
    // The event of the first time may be counted a moment after its status is seen.
    assert!(
        writes().await <= before + 1,
        "{} writes after {before}",
        writes().await
    );
    let later = env.credentials("bad").get().await;
    assert_eq!(later.resource_version(), first.resource_version());
    assert_eq!(later.status().id, first.status().id);

    failure.set(false);
    env.credentials("bad").wait_ready().await;
    assert_eq!(env.writes(), calls, "nothing had to be pushed");
}

#[tokio::test]
async fn a_reconciliation_that_spins_past_its_deadline_stalls_only_its_resource_which_recovers() {
    let mut env = Environment::new().await;
    let failure = Failure::new(true);
    failure.start(&mut env, BAD, spins, Duration::from_secs(4));
    env.apply(credentials("bad")).await;
    env.apply(credentials("good")).await;
    env.credentials("good").wait_ready().await;
    stalled(&env, "bad", "did not end within 4s; retrying").await;
    env.apply(credentials("good").named("Good")).await;
    env.credentials("good")
        .wait("the edit is in", |object: &Snapshot| {
            object.is_ready() && object.data["spec"]["name"] == "Good"
        })
        .await;

    failure.set(false);
    env.credentials("bad").wait_ready().await;
    assert_eq!(env.live(Kind::Credentials).len(), 2);
}

#[tokio::test]
async fn a_connection_that_panics_its_reconciliation_is_stalled_and_its_resources_work() {
    let mut env = Environment::new().await;
    let failure = Failure::new(true);
    failure.start(
        &mut env,
        ("Connection", "default"),
        panics,
        Duration::from_secs(60),
    );
    env.connection("default").wait_reason("InternalError").await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    failure.set(false);
    env.connection("default").wait_reason("Synced").await;
    env.check_oracles().await;
}

#[tokio::test]
async fn what_refers_to_a_resource_follows_it_when_it_fails_and_when_its_object_can_be_used_again()
{
    let mut env = Environment::new().await;
    let failure = Failure::new(false);
    let of = ("ProviderConfigVault", "shared");
    failure.start(&mut env, of, panics, Duration::from_secs(60));
    env.value("path", VALUES[0]).await;
    env.create(vault("shared", "path")).await;
    env.create(config_on("settings", "shared")).await;
    failure.set(true);
    env.delete::<Secret>("values").await;
    env.vault("shared").wait_reason("InternalError").await;
    env.config("settings")
        .wait_reason("ReferenceNotReady")
        .await;
    failure.set(false);
    env.vault("shared").wait_reason("SecretNotFound").await;
    env.config("settings").wait_ready().await;
    assert_eq!(env.live(Kind::Config).len(), 1);
}
