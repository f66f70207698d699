//! A proxy in the environment: who is reached through it, and that its password stays there.

use crate::support::{Environment, ForwardProxy, Process, credentials, free_address};

/// `operator:canary-0123456789` in base64.
const AUTHORIZATION: &str = "Basic b3BlcmF0b3I6Y2FuYXJ5LTAxMjM0NTY3ODk=";
const PASSWORD: &str = "canary-0123456789";

/// Starts a process with a proxy for all of its requests, but for the hosts in `none`.
async fn start(env: &Environment, proxy: &ForwardProxy, none: &str) -> Process {
    let admin = free_address();
    let mut flags = env.flags(admin);
    flags.push("--log=trace".to_owned());
    let url = proxy.url();
    let variables = [
        ("HTTPS_PROXY", url.as_str()),
        ("HTTP_PROXY", &url),
        ("NO_PROXY", none),
    ];
    Process::start_with(&env.kubeconfig().await, &flags, &variables, admin)
}

fn check_log(process: &Process) {
    let log = process.log();
    assert!(log.contains("leading"), "{log}");
    for secret in ["canary", "b3BlcmF0b3I6"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn both_apis_are_reached_through_the_proxy_of_the_environment_and_its_password_is_not_logged()
{
    let env = Environment::new().await;
    let proxy = ForwardProxy::start(PASSWORD, AUTHORIZATION).await;
    let process = start(&env, &proxy, "").await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    let sim = env.sim.url();
    let api = sim.strip_prefix("http://").unwrap();
    let passed = proxy.passed();
    for method in ["GET", "POST"] {
        assert!(
            passed.contains(&(method.to_owned(), api.to_owned())),
            "{passed:?}"
        );
    }
    let tunnels: Vec<_> = passed
        .iter()
        .filter(|(method, _)| method == "CONNECT")
        .collect();
    assert_eq!(tunnels.len(), 1, "to the API server: {passed:?}");
    check_log(&process);
}

#[tokio::test]
async fn what_no_proxy_excludes_is_reached_directly() {
    let env = Environment::new().await;
    let proxy = ForwardProxy::start(PASSWORD, AUTHORIZATION).await;
    let process = start(&env, &proxy, "kubernetes.default.svc,127.0.0.0/8").await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    assert!(proxy.passed().is_empty(), "{:?}", proxy.passed());
    check_log(&process);
}
