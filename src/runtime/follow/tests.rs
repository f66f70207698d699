//! The failures of watches: what is reported of them, and how often the API server is asked.

use super::*;
use k8s_openapi::api::core::v1::ConfigMap;

/// The longest first pause, with its random part.
const FIRST: Duration = Duration::from_millis(1600);

#[test]
fn a_version_that_is_too_old_waits_for_no_failures_before_and_a_definition_not_for_long() {
    let health = Health::default();
    let of = Watched::of::<ConfigMap>("ConfigMap", None);
    let mut failures = Failures::new(&health, &of);
    let pauses: Vec<Duration> = (0..10)
        .map(|_| failures.pause_after(&Cause::NotFound))
        .collect();
    assert!(pauses.iter().all(|pause| *pause <= MISSING), "{pauses:?}");
    assert!(failures.pause_after(&Cause::Unreachable) > MISSING);
    failures.answered();
    let listed = failures.pause_after(&Cause::Refused(GONE));
    assert!(!listed.is_zero() && listed <= FIRST, "{listed:?}");
}

#[test]
fn each_watch_of_a_shard_has_an_entry_of_its_own() {
    let health = Health::default();
    health.set_ready(true);
    let of_all = Watched::of::<ConfigMap>("ConfigMap", None);
    let of_shard = Watched::of::<ConfigMap>("ConfigMap", None).selected(Some("shard=one"));
    let failed = Failures::new(&health, &of_all);
    failed.set_watched(Err("why".to_owned()));
    Failures::new(&health, &of_shard).set_watched(Ok(()));
    assert_eq!(
        health.unready().as_deref(),
        Some("can't watch ConfigMap: why")
    );
}
