//! A Prometheus that scrapes an operator by the rules of the chart.

use crate::prometheus::{NAMESPACE, Prometheus, directory, impatient, rules, write};
use crate::support::{Environment, credentials, free_address};
use metorial_operator::settings::Settings;
use serde_json::json;

#[tokio::test]
async fn prometheus_scrapes_the_operator_and_fires_an_alert_about_a_connection_whose_key_is_refused()
 {
    let mut env = Environment::new().await;
    let listen = free_address();
    env.start_operator_with(Settings {
        listen,
        ..env.settings()
    });
    let directory = directory();
    write(&directory, "rules.yaml", &impatient(rules(&[]).await));
    let target = json!({"targets": [listen.to_string()], "labels": {"namespace": NAMESPACE}});
    let configuration = json!({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{"job_name": "metorial-operator", "static_configs": [target]}],
    });
    let prometheus = Prometheus::start(directory, &configuration).await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;

    let posts = "sum(metorial_operator_api_requests_total{operation=\"POST /provider-auth-credentials\",outcome=\"ok\"})";
    let synced =
        "sum(metorial_operator_resources{kind=\"ProviderAuthCredentials\",reason=\"Synced\"})";
    let timed = "sum(metorial_operator_api_request_duration_seconds_count{operation=\"POST /provider-auth-credentials\"})";
    for (query, expected) in [
        ("up", 1.0),
        ("metorial_operator_leader", 1.0),
        ("sum(metorial_operator_build_info)", 1.0),
        (posts, 1.0),
        (synced, 1.0),
        (timed, 1.0),
    ] {
        env.until(query, async || {
            let value = prometheus.value(query).await;
            (value == Some(expected)).then_some(())
        })
        .await;
    }
    let alert = "MetorialConnectionNotReady";
    assert!(prometheus.firing(alert).await.unwrap().is_empty());

    env.use_key("metorial_sk_0123456789abcdefghij").await;
    env.connection("default").wait_reason("Unauthorized").await;
    let fired = env
        .until("the alert fires", async || {
            prometheus.firing(alert).await?.pop()
        })
        .await;
    assert_eq!(fired["labels"]["kind"], "Connection");
    assert_eq!(fired["labels"]["reason"], "Unauthorized");
    let runbook = fired["annotations"]["runbook_url"].as_str().unwrap();
    assert!(
        runbook.ends_with("#metorialconnectionnotready"),
        "{runbook}"
    );
    prometheus.check_log();
}
