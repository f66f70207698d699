//! Lists: pages, filters, and parameters that are ignored.

use std::time::Duration;

use metorial_simulator::{Options, Profile, Quirk};
use serde_json::json;

use crate::support::Setup;

const PATH: &str = "/provider-auth-credentials";

async fn with_credentials(names: &[&str]) -> (Setup, Vec<String>) {
    let setup = Setup::new().await;
    let mut ids = Vec::new();
    for name in names {
        ids.push(setup.create_credentials(name).await);
    }
    (setup, ids)
}

#[tokio::test]
async fn pages_follow_the_last_id() {
    let (setup, ids) = with_credentials(&["a", "b", "c", "d", "e"]).await;
    let page = setup.get(&format!("{PATH}?origin=custom&limit=2")).await;
    assert_eq!(page.ids(), ids[..2]);
    assert_eq!(page.body["object"], "list");
    let more = json!({"has_more_before": false, "has_more_after": true});
    assert_eq!(page.body["pagination"], more);
    let page = setup.get(&format!("{PATH}?limit=2&after={}", ids[3])).await;
    assert_eq!(page.ids(), ids[4..]);
    let more = json!({"has_more_before": true, "has_more_after": false});
    assert_eq!(page.body["pagination"], more);
    let page = setup
        .get(&format!("{PATH}?limit=2&order=desc&after={}", ids[4]))
        .await;
    assert_eq!(page.ids(), [&*ids[3], &*ids[2]]);
    let page = setup
        .get(&format!("{PATH}?limit=2&before={}", ids[3]))
        .await;
    assert_eq!(page.ids(), ids[1..3]);
    let both = format!("{PATH}?limit=2&after={}&before={}", ids[1], ids[2]);
    assert_eq!(setup.get(&both).await.ids(), ids[2..4]);
    setup.sim.set_quirk(Quirk::BeforeIgnoredWithAfter, false);
    assert_eq!(setup.get(&both).await.error(), (400, "invalid_data"));
}

#[tokio::test]
async fn after_an_unknown_id_the_last_page_is_empty() {
    let (setup, ids) = with_credentials(&["a", "b", "c"]).await;
    let page = setup.get(&format!("{PATH}?after=par_0000")).await;
    assert!(page.ids().is_empty());
    assert_eq!(page.body["pagination"]["has_more_after"], false);
    setup.sim.archive(&ids[0]);
    setup.sim.purge(&ids[0]);
    assert_eq!(
        setup.get(&format!("{PATH}?after={}", ids[0])).await.ids(),
        ids[1..]
    );
}

#[tokio::test]
async fn archived_objects_are_listed_only_if_requested() {
    let (setup, ids) = with_credentials(&["a", "b", "c"]).await;
    setup.sim.archive(&ids[0]);
    setup.sim.purge(&ids[1]);
    let asked = ids
        .iter()
        .map(|id| format!("id[]={id}"))
        .collect::<Vec<_>>()
        .join("&");
    let list = async |status: &str| setup.get(&format!("{PATH}?{asked}{status}")).await;
    assert_eq!(list("").await.ids(), ids[2..]);
    assert_eq!(list("&status=archived").await.ids(), ids[..1]);
    let both = list("&status[]=active&status[]=archived").await;
    assert_eq!(both.ids(), [&*ids[0], &*ids[2]]);
    assert_eq!(list("&status=deleted").await.error(), (400, "invalid_data"));
}

#[tokio::test]
async fn unknown_filters_are_ignored() {
    let (setup, ids) = with_credentials(&["a", "b"]).await;
    for query in ["id=", "id[]=", "metadata[uid]=x", "color=red", "cursor=x"] {
        let found = setup.get(&format!("{PATH}?origin=custom&{query}")).await;
        assert_eq!(found.ids(), ids, "{query}");
    }
    assert!(
        setup
            .get(&format!("{PATH}?id={},{}", ids[0], ids[1]))
            .await
            .ids()
            .is_empty()
    );
    let slug = setup.get(&format!("{PATH}?provider_id=github")).await;
    assert!(slug.ids().is_empty(), "filters want the canonical id");
    let github = &setup.sim.catalog().provider("github").unwrap().id;
    assert_eq!(
        setup
            .get(&format!("{PATH}?provider_id={github}"))
            .await
            .ids(),
        ids
    );
    let reference = Setup::with(Options::of(Profile::Reference)).await;
    assert_eq!(
        reference.get(&format!("{PATH}?color=red")).await.status,
        400
    );
}

#[tokio::test]
async fn a_hundred_ids_are_accepted_except_by_older_builds() {
    let (setup, ids) = with_credentials(&["a"]).await;
    let mut asked: Vec<String> = (0..99).map(|n| format!("id[{n}]=par_{n}")).collect();
    asked.push(format!("id[99]={}", ids[0]));
    let path = format!("{PATH}?{}", asked.join("&"));
    assert_eq!(setup.get(&path).await.ids(), ids);
    setup.sim.set_quirk(Quirk::ShortArrayFilters, true);
    assert_eq!(setup.get(&path).await.status, 400);
}

#[tokio::test]
async fn ranges_exclude_their_bounds() {
    let (setup, ids) = with_credentials(&["a", "b"]).await;
    let time = setup.get(&format!("{PATH}/{}", ids[0])).await.body["created_at"].clone();
    let time = time.as_str().unwrap();
    setup.sim.edit(&ids[1], json!({}));
    let list = async |range: &str| {
        setup
            .get(&format!("{PATH}?origin=custom&created_at[{range}]={time}"))
            .await
            .ids()
    };
    assert!(!list("gt").await.contains(&ids[0]));
    assert!(!list("lt").await.contains(&ids[0]));
    assert_eq!(list("gte").await, ids, "ignored");
    assert_eq!(
        setup
            .get(&format!("{PATH}?created_at[gt]=soon"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn search_covers_names_but_not_metadata_and_lags() {
    let (setup, ids) = with_credentials(&["needle", "hay"]).await;
    setup
        .sim
        .edit(&ids[1], json!({"metadata": {"k": "needle"}}));
    setup.sim.set_quirk(Quirk::SearchLags, false);
    assert_eq!(
        setup.get(&format!("{PATH}?search=NEEDLE")).await.ids(),
        ids[..1]
    );
    assert_eq!(
        setup
            .get(&format!("{PATH}?search=git&origin=custom"))
            .await
            .ids(),
        ids
    );
    setup.sim.set_read_lag(Duration::from_secs(3600));
    assert!(
        setup
            .get(&format!("{PATH}?search=needle"))
            .await
            .ids()
            .is_empty()
    );
}

#[tokio::test]
async fn reads_lag_behind_writes_by_the_configured_time() {
    let (setup, ids) = with_credentials(&["a"]).await;
    setup.sim.set_read_lag(Duration::from_secs(3600));
    assert!(setup.get(PATH).await.ids().is_empty());
    assert_eq!(setup.get(&format!("{PATH}/{}", ids[0])).await.status, 404);
    let patched = setup
        .patch(&format!("{PATH}/{}", ids[0]), json!({"name": "b"}))
        .await;
    assert_eq!(patched.body["name"], "b", "writes know better");
    setup.sim.set_read_lag(Duration::ZERO);
    assert_eq!(
        setup.get(&format!("{PATH}/{}", ids[0])).await.body["name"],
        "b"
    );
}

#[tokio::test]
async fn filters_restrict_auth_configs_and_configs() {
    let setup = Setup::new().await;
    let linear = setup.create_auth_config("t").await;
    let credentials = setup.create_credentials("a").await;
    let deployment = setup.sim.deployment(&setup.instance, "github").unwrap();
    let fields = json!({"provider_deployment_id": deployment});
    let github = setup
        .sim
        .add_auth_config(&setup.instance, &credentials, fields);
    let method = setup.method("linear", "token");
    let list = async |filter: &str| {
        setup
            .get(&format!("/provider-auth-configs?{filter}"))
            .await
            .ids()
    };
    assert_eq!(
        list(&format!("provider_auth_method_id={method}")).await,
        [&*linear]
    );
    assert_eq!(
        list(&format!("provider_auth_credentials_id={credentials}")).await,
        [&*github]
    );
    assert_eq!(
        list(&format!("provider_deployment_id={deployment}")).await,
        [&*github]
    );
    assert!(list("actor_id=act_1").await.is_empty());

    let vault = json!({"provider_id": "postgres", "name": "v", "value": {"schema": "public"}});
    let vault = setup.post("/provider-config-vaults", vault).await.id();
    let config = json!({"provider_id": "postgres", "provider_config_vault_id": vault});
    let config = setup.post("/provider-configs", config).await.id();
    let by_vault = format!("/provider-configs?provider_config_vault_id={vault}");
    assert!(setup.get(&by_vault).await.ids().is_empty());
    setup.sim.set_quirk(Quirk::VaultFilterMatchesNothing, false);
    assert_eq!(setup.get(&by_vault).await.ids(), [config]);
}
