//! The NetworkPolicy of the chart: whom it lets through with which values.

use crate::rendered::{at, render};
use crate::support::{Environment, Setup, helm_chart, run, succeed};
use serde_json::{Value, json};

/// The spec of the policy with these values, as the API server takes it.
async fn policy(env: &Environment, values: &[&str]) -> Value {
    let mut helm = helm_chart(env.plane, &["template", "metorial-operator"]);
    helm.args(["--namespace", &env.namespace]);
    helm.args(["--show-only", "templates/networkpolicy.yaml"]);
    helm.args(["--set", "networkPolicy.enabled=true"]);
    for value in values {
        helm.args(["--set-json", value]);
    }
    let rendered = succeed(helm).await;
    let mut kubectl = env.plane.kubectl();
    kubectl.args(["apply", "--dry-run=server", "-o", "json", "-f", "-"]);
    let taken = run(kubectl, &rendered).await;
    assert!(taken.status.success(), "{taken:?}");
    let mut taken: Value = serde_json::from_slice(&taken.stdout).unwrap();
    taken["spec"].take()
}

fn udp(number: u16) -> Value {
    json!({"port": number, "protocol": "UDP"})
}

fn port(number: u16) -> Value {
    json!({"port": number, "protocol": "TCP"})
}

#[tokio::test]
async fn by_default_it_restricts_ports_and_no_peers() {
    let env = Environment::bare(Setup::default()).await;
    let policy = policy(&env, &[]).await;
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(policy["ingress"], json!([{"ports": [port(8080)]}]));
    let dns = json!({"ports": [udp(53), port(53), udp(5353), port(5353)]});
    let api_server = json!({"ports": [port(443), port(6443)]});
    let metorial = json!({"ports": [port(443)]});
    assert_eq!(policy["egress"], json!([dns, api_server, metorial]));
}

#[tokio::test]
async fn it_restricts_metrics_the_api_server_and_metorial_to_the_peers_of_its_values() {
    let env = Environment::bare(Setup::default()).await;
    let monitoring = json!({"namespaceSelector": {"matchLabels": {"team": "monitoring"}}});
    let values = [
        "networkPolicy.dns.ports=[53]".to_owned(),
        format!("networkPolicy.metrics.from=[{monitoring}]"),
        r#"networkPolicy.apiServer={"cidrs": ["10.96.0.1/32"], "ports": [6443]}"#.to_owned(),
        r#"networkPolicy.egress={"cidrs": ["203.0.113.0/24", "2001:db8::/32"], "ports": [3128]}"#
            .to_owned(),
    ];
    let policy = policy(&env, &values.each_ref().map(String::as_str)).await;
    let metrics = json!({"ports": [port(8080)], "from": [monitoring]});
    assert_eq!(policy["ingress"], json!([metrics]));
    let to = |cidrs: &[&str]| {
        let block = |cidr: &&str| json!({"ipBlock": {"cidr": cidr}});
        cidrs.iter().map(block).collect::<Value>()
    };
    let dns = json!({"ports": [udp(53), port(53)]});
    assert_eq!(policy["egress"][0], dns);
    let api_server = json!({"ports": [port(6443)], "to": to(&["10.96.0.1/32"])});
    let metorial = to(&["203.0.113.0/24", "2001:db8::/32"]);
    let metorial = json!({"ports": [port(3128)], "to": metorial});
    assert_eq!(policy["egress"][1], api_server);
    assert_eq!(policy["egress"][2], metorial);
}

/// Whether a selector with labels and expressions of the operator In selects a pod with these labels.
fn selects(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let mut expressions = selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten();
    equal
        .into_iter()
        .all(|(name, value)| labels[name] == *value)
        && expressions.all(|expression| {
            assert_eq!(expression["operator"], "In");
            let key = expression["key"].as_str().unwrap();
            expression["values"]
                .as_array()
                .unwrap()
                .contains(&labels[key])
        })
}

#[tokio::test]
async fn it_restricts_the_pod_of_helm_test_too_which_the_service_does_not_select() {
    let env = Environment::bare(Setup::default()).await;
    // Labels have at most 63 characters.
    let long = format!("nameOverride={}", json!("m".repeat(63)));
    for name in [r#"nameOverride="""#, &long] {
        let rendered = render(env.plane, &["networkPolicy.enabled=true", name]).await;
        let check = at(&rendered, "Pod /metadata/labels");
        let operator = at(&rendered, "Deployment /spec/template/metadata/labels");
        let name = check["app.kubernetes.io/name"].as_str().unwrap();
        assert!(name.len() <= 63, "{name}");
        let policy = at(&rendered, "NetworkPolicy /spec/podSelector");
        assert!(selects(&policy, &check) && selects(&policy, &operator));
        let service = json!({"matchLabels": at(&rendered, "Service /spec/selector")});
        assert!(selects(&service, &operator) && !selects(&service, &check));
    }
}
