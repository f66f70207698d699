//! Accounts that this cluster may not send anything to.

use crate::support::{Environment, Kind, credentials};
use metorial_operator::settings::{AllowedAccounts, Settings};

/// An operator that serves a key of the environment's account, with these accounts on its lists.
async fn with_allowed(allowed: AllowedAccounts) -> Environment {
    let mut env = Environment::new().await;
    env.apply(credentials("github")).await;
    let settings = Settings {
        allowed_accounts: allowed,
        ..env.settings()
    };
    env.start_operator_with(settings);
    env
}

/// The connection names the account and the flag, and nothing was sent but the question whose key it is.
async fn check_refused(env: &Environment, named: &str, flag: &str) {
    let refused = env
        .connection("default")
        .wait_reason("InstanceMismatch")
        .await;
    let says = refused.condition("Stalled").unwrap().message;
    assert!(says.contains(named) && says.contains(flag), "{says}");
    assert!(refused.field("instance").is_null(), "nothing is pinned");
    env.credentials("github")
        .wait_message("ConnectionNotReady", "InstanceMismatch")
        .await;
    env.check_quiet().await;
    let requests = env.requests();
    assert!(
        requests.iter().all(|request| request == "GET /instance"),
        "{requests:?}"
    );
}

#[tokio::test]
async fn a_key_of_an_organization_that_is_not_listed_sends_nothing_but_the_question_whose_it_is() {
    let env = with_allowed(AllowedAccounts {
        organizations: vec!["org_ours".to_owned()],
        instances: Vec::new(),
    })
    .await;
    let named = env.organization.as_str().to_owned();
    check_refused(&env, &named, "--allowed-organizations").await;
}

#[tokio::test]
async fn a_key_of_an_instance_that_is_not_listed_sends_nothing_but_the_question_whose_it_is() {
    let env = with_allowed(AllowedAccounts {
        organizations: Vec::new(),
        instances: vec!["ins_ours".to_owned()],
    })
    .await;
    let named = env.instance.as_str().to_owned();
    check_refused(&env, &named, "--allowed-instances").await;
}

#[tokio::test]
async fn a_key_of_a_listed_account_is_used_until_it_is_replaced_by_one_of_another() {
    let mut env = Environment::new().await;
    env.apply(credentials("github")).await;
    let settings = Settings {
        allowed_accounts: AllowedAccounts {
            organizations: vec![
                "org_another".to_owned(),
                env.organization.as_str().to_owned(),
            ],
            instances: vec![env.instance.as_str().to_owned()],
        },
        ..env.settings()
    };
    env.start_operator_with(settings);
    env.credentials("github").wait_ready().await;
    let writes = env.attempts();
    let (there, key) = env.another_instance();
    env.use_key(&key).await;
    env.connection("default")
        .wait_reason("InstanceMismatch")
        .await;
    env.check_quiet().await;
    assert_eq!(env.attempts(), writes);
    assert!(env.live_in(&there).is_empty());
    assert_eq!(env.live(Kind::Credentials).len(), 1);
}
