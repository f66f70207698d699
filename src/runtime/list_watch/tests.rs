//! The failures of watches: what is reported of them, and how often the API server is asked.

use super::*;
use futures::future::join_all;
use k8s_openapi::api::core::v1::ConfigMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
