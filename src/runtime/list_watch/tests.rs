//! The failures of watches: what is reported of them, and how often the API server is asked.

use super::*;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use futures::future::join_all;
use futures::stream;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Client, Config};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::net::TcpListener;

/// The longest first pause, with its random part.
const LONGEST_FIRST_PAUSE: Duration = Duration::from_millis(1600);

#[test]
fn a_version_that_is_too_old_waits_for_no_failures_before_and_a_definition_not_for_long() {
    let health = Health::default();
    let of = Watched::new::<ConfigMap>("ConfigMap", None);
    let mut failures = Failures::new(&health, &of);
    let pauses: Vec<Duration> = (0..10)
        .map(|_| failures.pause_after(&Cause::NotFound))
        .collect();
    assert!(
        pauses.iter().all(|pause| *pause <= LONGEST_PAUSE),
        "{pauses:?}"
    );
    assert!(failures.pause_after(&Cause::Unreachable) > LONGEST_PAUSE);
    failures.answered();
    let listed = failures.pause_after(&Cause::Refused(GONE_STATUS));
    assert!(
        !listed.is_zero() && listed <= LONGEST_FIRST_PAUSE,
        "{listed:?}"
    );
}

#[test]
fn each_watch_of_a_shard_has_an_entry_of_its_own() {
    let health = Health::default();
    health.mark_ready();
    let of_all = Watched::new::<ConfigMap>("ConfigMap", None);
    let of_shard = Watched::new::<ConfigMap>("ConfigMap", None).selected(Some("shard=one"));
    let failed = Failures::new(&health, &of_all);
    failed.set_watched(Err("why".to_owned()));
    Failures::new(&health, &of_shard).set_watched(Ok(()));
    assert_eq!(
        health.unready().as_deref(),
        Some("can't watch ConfigMap: why")
    );
}

/// The watches of one kind in very many namespaces, at an API server that lacks its definition at first.
struct Watches {
    all: Vec<Watched>,
    installed: AtomicBool,
    requests: AtomicUsize,
}

impl Watches {
    fn new() -> Self {
        let names: Vec<String> = (0..100).map(|number| format!("team-{number}")).collect();
        let of = |name: &String| Watched::new::<ConfigMap>("ConfigMap", Some(name));
        let mut all: Vec<Watched> = names.iter().map(of).collect();
        Watched::share_definitions(all.iter_mut());
        Self {
            all,
            installed: AtomicBool::default(),
            requests: AtomicUsize::default(),
        }
    }

    /// Lists the objects of one until that works.
    async fn list(&self, health: &Health, of: &Watched) {
        let mut failures = Failures::new(health, of);
        loop {
            self.requests.fetch_add(1, Ordering::Relaxed);
            if self.installed.load(Ordering::Relaxed) {
                return failures.end();
            }
            failures.pause(Cause::NotFound).await;
        }
    }

    fn take_requests(&self) -> usize {
        self.requests.swap(0, Ordering::Relaxed)
    }
}

#[tokio::test]
async fn one_watch_of_a_kind_asks_for_its_definition_and_all_list_it_once_it_is_there() {
    let (health, watches) = (Health::default(), Watches::new());
    let all = watches.all.len();
    let listed = join_all(watches.all.iter().map(|of| watches.list(&health, of)));
    let installed = async {
        tokio::time::sleep(2 * LONGEST_FIRST_PAUSE).await;
        let again = watches.take_requests() - all;
        assert!((1..=3).contains(&again), "{again} requests");
        watches.installed.store(true, Ordering::Relaxed);
    };
    futures::join!(listed, installed);
    assert_eq!(watches.take_requests(), all);
}

/// An API server whose lists are empty, and whose watches bring nothing, and end immediately or never; counts both.
#[derive(Default)]
struct Silent {
    ends: bool,
    lists: AtomicUsize,
    watches: AtomicUsize,
}

impl Silent {
    async fn serve(self: Arc<Self>) -> Cluster {
        let answer = move |request: Request| async move {
            match request.uri().query().unwrap_or_default() {
                query if query.contains("watch=") => {
                    self.watches.fetch_add(1, Ordering::Relaxed);
                    let silence = stream::pending::<Result<Vec<u8>, Infallible>>();
                    match self.ends {
                        true => Body::empty(),
                        false => Body::from_stream(silence),
                    }
                }
                _ => {
                    self.lists.fetch_add(1, Ordering::Relaxed);
                    let list = r#"{"metadata": {"resourceVersion": "1"}, "items": []}"#;
                    Body::from(list)
                }
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let routes = Router::new().fallback(answer);
        tokio::spawn(axum::serve(listener, routes).into_future());
        let config = Config::new(format!("http://{address}").parse().expect("a URL"));
        let client = Client::try_from(config).expect("a client");
        Cluster::new(client, Arc::default(), Duration::from_secs(60))
    }

    /// Waits until three watches were opened.
    async fn opened(&self) {
        let opened = async {
            while self.watches.load(Ordering::Relaxed) < 3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let opened = tokio::time::timeout(Duration::from_secs(60), opened).await;
        opened.expect("it is opened again");
    }
}

#[tokio::test]
async fn a_watch_that_is_silent_for_too_long_is_opened_again_at_its_version() {
    let server = Arc::new(Silent::default());
    let cluster = server.clone().serve().await;
    let health = Health::default();
    let of = Watched {
        max_silence: Duration::from_millis(10),
        ..Watched::new::<ConfigMap>("ConfigMap", None)
    };
    let mut ignore = |_| {};
    let watching = list_and_watch(&cluster, &health, &of, &mut ignore);
    tokio::select! {
        () = watching => {}
        () = server.opened() => {}
    }
    assert_eq!(server.lists.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_watch_that_is_closed_immediately_is_opened_again_after_a_growing_pause() {
    let server = Arc::new(Silent {
        ends: true,
        ..Silent::default()
    });
    let cluster = server.clone().serve().await;
    let health = Health::default();
    let of = Watched::new::<ConfigMap>("ConfigMap", None);
    let mut ignore = |_| {};
    let watching = list_and_watch(&cluster, &health, &of, &mut ignore);
    let began = Instant::now();
    tokio::select! {
        () = watching => {}
        () = server.opened() => {}
    }
    // A pause of 0.8 s, and one of twice that.
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(server.lists.load(Ordering::Relaxed), 1);
}
