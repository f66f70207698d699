//! The admin pages, the clock and the seed.

use std::time::Duration;

use jiff::SignedDuration;
use metorial_simulator::{Options, Simulator, Status};
use serde_json::json;

use crate::support::Setup;

#[tokio::test]
async fn admin_pages_mask_secrets_by_default() {
    let setup = Setup::new().await;
    let id = setup.create_credentials("a").await;
    setup.create_auth_config("canary-token").await;
    let state = setup.get("/_simulator/state").await.body.to_string();
    assert!(state.contains(&id) && state.contains("hu…4"), "{state}");
    assert!(!state.contains("hush") && !state.contains("canary-token"));
    let journal = setup.get("/_simulator/journal").await.body;
    assert_eq!(
        journal.as_array().unwrap().len(),
        2,
        "admin requests don't count"
    );
    assert_eq!(journal[0]["body"]["config"]["client_secret"], "hu…4");
    assert_eq!(journal[1]["body"]["value"]["token"], "ca…12");
    let revealed = setup.get("/_simulator/journal?reveal=1").await.body;
    assert_eq!(revealed[0]["body"]["config"]["client_secret"], "hush");
}

#[tokio::test]
async fn admin_pages_offer_the_actions_of_the_handle() {
    let setup = Setup::new().await;
    let id = setup.create_credentials("a").await;
    let act = async |what: &str, body: serde_json::Value| {
        setup.post(&format!("/_simulator/{what}"), body).await
    };
    let edit = json!({"id": id, "fields": {"name": "theirs"}});
    assert_eq!(act("edit", edit).await.status, 200);
    assert_eq!(setup.sim.object(&id).unwrap().readable["name"], "theirs");
    let consented = act("consent", json!({"credentials": id})).await.id();
    act("archive", json!({"id": id})).await;
    setup.sim.settled().await;
    assert_eq!(
        setup.sim.object(&consented).unwrap().status,
        Status::Archived
    );
    act("purge", json!({"id": id})).await;
    assert_eq!(setup.sim.object(&id).unwrap().status, Status::Deleted);
    act(
        "rate-limit",
        json!({"instance": setup.instance.as_str(), "requests": 7}),
    )
    .await;
    assert_eq!(
        setup.get("/instance").await.header("ratelimit-limit"),
        Some("7")
    );
    let off = json!({"instance": setup.instance.as_str(), "is": "switched-off"});
    assert_eq!(act("import-export", off).await.status, 200);
    let oauth = json!({"instance": setup.instance.as_str(), "on": true});
    assert_eq!(act("only-oauth", oauth).await.status, 200);
    let deployment = setup.sim.deployment(&setup.instance, "github").unwrap();
    let used = act("use", json!({"id": deployment, "by": "identity"})).await;
    assert_eq!(used.body["blockers"].as_array().unwrap().len(), 2);
    let by_nobody = json!({"id": deployment, "by": "nobody"});
    assert_eq!(act("use", by_nobody).await.status, 400);
    let quirk = json!({"name": "CaseSensitiveBearer", "on": false});
    assert_eq!(act("quirk", quirk).await.status, 200);
    assert_eq!(act("quirk", json!({"name": "Nonsense"})).await.status, 400);
    act("revoke-key", json!({"key": setup.key})).await;
    assert_eq!(setup.get("/instance").await.status, 401);
    act("restore-key", json!({"key": setup.key})).await;
    assert_eq!(setup.get("/instance").await.status, 200);
    assert_eq!(act("nonsense", json!({})).await.status, 400);
}

#[tokio::test]
async fn the_clock_can_be_offset_by_a_year() {
    let setup = Setup::new().await;
    let year = SignedDuration::from_hours(24 * 365);
    setup.sim.set_time_offset(-year);
    let id = setup.create_credentials("a").await;
    let created = setup.sim.object(&id).unwrap();
    let ago = jiff::Timestamp::now().duration_since(created.created_at);
    assert!(ago > SignedDuration::from_hours(24 * 364), "{ago:?}");
    setup.sim.set_time_offset(Duration::ZERO);
    setup.sim.edit(&id, json!({}));
    assert!(setup.sim.object(&id).unwrap().updated_at > created.updated_at + year / 2);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids() {
    let ids = async |seed: u64| {
        let sim = Simulator::start(Options {
            seed,
            ..Options::default()
        })
        .await;
        sim.add_organization("Acme")
    };
    assert_eq!(ids(3).await, ids(3).await);
    assert_ne!(ids(3).await, ids(4).await);
}

#[tokio::test]
async fn a_simulator_that_listens_on_every_address_gives_the_url_of_the_loopback_one() {
    let sim = Simulator::start(Options {
        listen: std::net::Ipv4Addr::UNSPECIFIED.into(),
        ..Options::default()
    })
    .await;
    assert!(sim.url().starts_with("http://127.0.0.1:"), "{}", sim.url());
    let state = format!("{}/_simulator/state", sim.url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(
        client
            .get(state)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
}

#[tokio::test]
async fn a_dropped_simulator_stops_listening() {
    let setup = Setup::new().await;
    let url = setup.sim.url();
    drop(setup);
    let mut refused = false;
    for _ in 0..1000 {
        refused = reqwest::get(&url).await.is_err();
        if refused {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(refused);
}
