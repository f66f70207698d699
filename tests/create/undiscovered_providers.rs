//! Configs of a provider whose settings Metorial has yet to discover.

use crate::support::{Environment, Kind, config};

const PROVIDER: &str = "postgres";

#[tokio::test]
async fn a_config_waits_until_its_provider_is_discovered() {
    let env = Environment::running().await;
    env.sim.set_discovered(PROVIDER, false);
    let history = env.history_of(Kind::Config).await;
    env.apply(config("db")).await;
    let tested = env.config("db");
    let waiting = tested
        .wait_message("RemoteUnavailable", "may still be discovering")
        .await;
    assert!(waiting.message().ends_with("; retrying"));
    assert!(waiting.condition("Stalled").is_none());
    env.sim.set_discovered(PROVIDER, true);
    tested.wait_synced().await;
    assert!(!history.had("db", "RemoteRejected"));
    assert_eq!(env.ever(Kind::Config).len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_config_whose_provider_takes_long_to_be_discovered_is_reported() {
    let env = Environment::running().await;
    env.sim.set_discovered(PROVIDER, false);
    env.apply(config("db")).await;
    let tested = env.config("db");
    let message = "which can take a while; retrying every few minutes";
    let stalled = tested.wait_message("RemoteRejected", message).await;
    assert!(stalled.condition("Stalled").is_some());
    let asked = env.attempts().len();
    env.check_quiet().await;
    assert_eq!(env.attempts().len(), asked);
    env.sim.set_discovered(PROVIDER, true);
    tested.reconcile_now().await;
    tested.wait_synced().await;
    env.check_oracles().await;
}
