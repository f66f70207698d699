//! The alerts of the chart, tested by promtool: each fires when it should and not before, and names what it is about.

use crate::prometheus::{NAMESPACE, directory, program, rules, write};
use crate::support::succeed;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;

/// When an alert fires.
struct Case {
    alert: &'static str,
    /// The series that it fires for, with their values in promtool's notation, a minute apart.
    series: &'static [(&'static str, &'static str)],
    /// The minutes after which it doesn't fire yet, and fires.
    minutes: (u32, u32),
    /// The labels of the alert but for its severity.
    labels: &'static [(&'static str, &'static str)],
    severity: &'static str,
    summary: &'static str,
}

const CASES: &[Case] = &[
    Case {
        alert: "MetorialOperatorHasNoLeader",
        series: &[
            ("leader{HERE,pod=\"a\"}", "1x4 0x30"),
            ("leader{HERE,pod=\"b\"}", "0x40"),
        ],
        minutes: (8, 11),
        labels: &[],
        severity: "critical",
        summary: "No replica of the Metorial operator holds the lease.",
    },
    Case {
        alert: "MetorialOperatorHasTwoLeaders",
        series: &[
            ("leader{HERE,pod=\"a\"}", "1x40"),
            ("leader{HERE,pod=\"b\"}", "0x4 1x30"),
        ],
        minutes: (6, 8),
        labels: &[],
        severity: "critical",
        summary: "More than one replica of the Metorial operator considers itself the leader.",
    },
    Case {
        alert: "MetorialConnectionNotReady",
        series: &[
            (
                "resources{HERE,kind=\"Connection\",reason=\"Unauthorized\"}",
                "0x4 2x30",
            ),
            // There is no alert for a connection that is being deleted.
            (
                "resources{HERE,kind=\"Connection\",reason=\"Deleting\"}",
                "1x40",
            ),
        ],
        minutes: (14, 16),
        labels: &[("kind", "Connection"), ("reason", "Unauthorized")],
        severity: "critical",
        summary: "2 Connection resources are not ready: Unauthorized.",
    },
    Case {
        alert: "MetorialResourcesStalled",
        series: &[(
            "resources{HERE,kind=\"AuthImport\",reason=\"RemoteRejected\"}",
            "0x4 1x30",
        )],
        minutes: (19, 21),
        labels: &[("kind", "AuthImport"), ("reason", "RemoteRejected")],
        severity: "warning",
        summary: "1 AuthImport resources are stalled: RemoteRejected.",
    },
    Case {
        alert: "MetorialResourcesWaiting",
        series: &[(
            "resources{HERE,kind=\"AuthImport\",reason=\"SecretNotFound\"}",
            "0x4 3x90",
        )],
        minutes: (64, 66),
        labels: &[("kind", "AuthImport"), ("reason", "SecretNotFound")],
        severity: "warning",
        summary: "3 AuthImport resources have been waiting for an hour: SecretNotFound.",
    },
    Case {
        alert: "MetorialValueExpired",
        series: &[(
            "expiration_timestamp_seconds{HERE,kind=\"AuthExport\",exported_namespace=\"apps\",name=\"github\"}",
            "600x40",
        )],
        minutes: (14, 17),
        labels: &[
            ("kind", "AuthExport"),
            ("exported_namespace", "apps"),
            ("name", "github"),
        ],
        severity: "critical",
        summary: "The value of AuthExport apps/github has expired.",
    },
    Case {
        alert: "MetorialApiErrors",
        series: &[
            ("api_requests_total{HERE,outcome=\"ok\"}", "0+60x60"),
            ("api_requests_total{HERE,outcome=\"transient\"}", "0+5x60"),
            (
                "api_requests_total{HERE,outcome=\"inconclusive\"}",
                "0+5x60",
            ),
            ("api_requests_total{HERE,outcome=\"malformed\"}", "0+5x60"),
            (
                "api_requests_total{HERE,outcome=\"version_unsupported\"}",
                "0+5x60",
            ),
        ],
        minutes: (14, 20),
        labels: &[],
        severity: "warning",
        summary: "25% of the requests to the Metorial API fail.",
    },
    Case {
        alert: "MetorialApiThrottled",
        series: &[("api_requests_total{HERE,outcome=\"throttled\"}", "0+1x60")],
        minutes: (29, 35),
        labels: &[],
        severity: "warning",
        summary: "The Metorial API has been rejecting requests because of its rate limit for 30 minutes.",
    },
    Case {
        alert: "MetorialApiBudgetSpent",
        series: &[(
            "resources{HERE,kind=\"ProviderConfig\",reason=\"RateLimited\"}",
            "0x4 7x60",
        )],
        minutes: (34, 36),
        labels: &[("kind", "ProviderConfig")],
        severity: "warning",
        summary: "7 ProviderConfig resources wait for the request budget, which has been exhausted for 30 minutes.",
    },
    Case {
        alert: "MetorialResourceStalled",
        series: &[(
            "metorial_resource_condition{customresource_kind=\"AuthImport\",namespace=\"apps\",name=\"github\",type=\"Stalled\",status=\"True\",reason=\"RemoteRejected\"}",
            "_x4 1x30",
        )],
        minutes: (18, 21),
        labels: &[
            ("customresource_kind", "AuthImport"),
            ("namespace", "apps"),
            ("name", "github"),
            ("reason", "RemoteRejected"),
        ],
        severity: "warning",
        summary: "AuthImport apps/github is stalled: RemoteRejected.",
    },
];

/// The same alert about a resource that is in no namespace.
const WITHOUT_NAMESPACE: Case = Case {
    alert: "MetorialResourceStalled",
    series: &[(
        "metorial_resource_condition{customresource_kind=\"ClusterConnection\",name=\"shared\",type=\"Stalled\",status=\"True\",reason=\"Unauthorized\"}",
        "_x4 1x30",
    )],
    minutes: (18, 21),
    labels: &[
        ("customresource_kind", "ClusterConnection"),
        ("name", "shared"),
        ("reason", "Unauthorized"),
    ],
    severity: "warning",
    summary: "ClusterConnection shared is stalled: Unauthorized.",
};

impl Case {
    /// The test of this case, as promtool reads it.
    fn test(&self, rule: &Value) -> Value {
        let series = self.series.iter().map(|(series, values)| {
            let here = format!("namespace=\"{NAMESPACE}\"");
            let series = match series.starts_with("metorial_") {
                true => (*series).to_owned(),
                false => format!("metorial_operator_{}", series.replace("HERE", &here)),
            };
            json!({"series": series, "values": values})
        });
        let mut annotations = rule["annotations"].clone();
        annotations["summary"] = self.summary.into();
        let mut labels = json!({"severity": self.severity});
        for (name, value) in self.labels {
            labels[name] = (*value).into();
        }
        let expected = json!([{"exp_labels": labels, "exp_annotations": annotations}]);
        let at = |minutes: u32, expected: Value| {
            json!({
                "eval_time": format!("{minutes}m"),
                "alertname": self.alert,
                "exp_alerts": expected,
            })
        };
        let (before, after) = self.minutes;
        json!({
            "name": self.alert,
            "interval": "1m",
            "input_series": series.collect::<Vec<_>>(),
            "alert_rule_test": [at(before, json!([])), at(after, expected)],
        })
    }
}

/// Runs the tests of some alerts by promtool.
async fn check(rules: &Value, cases: &[Case]) {
    let directory = directory();
    let file = write(&directory, "rules.yaml", rules);
    let installed = rules["groups"][0]["rules"].as_array().unwrap();
    let tests = cases.iter().map(|case| {
        let rule = installed.iter().find(|rule| rule["alert"] == case.alert);
        case.test(rule.unwrap())
    });
    let tests = json!({
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": tests.collect::<Vec<_>>(),
    });
    let tests = write(&directory, "tests.yaml", &tests);
    let promtool = program("prometheus", "promtool").await;
    let mut check = Command::new(&promtool);
    check.args(["check", "rules", "--lint-fatal"]).arg(file);
    succeed(check).await;
    let mut test = Command::new(&promtool);
    test.args(["test", "rules"]).arg(tests);
    succeed(test).await;
    std::fs::remove_dir_all(directory).ok();
}

#[tokio::test]
async fn each_alert_fires_after_its_time_and_names_what_it_is_about() {
    let rules = rules(&[]).await;
    let installed = rules["groups"][0]["rules"].as_array().unwrap();
    let names = installed.iter().map(|rule| rule["alert"].as_str().unwrap());
    let tested = CASES.iter().map(|case| case.alert);
    assert_eq!(
        tested.collect::<BTreeSet<_>>(),
        names.collect::<BTreeSet<_>>()
    );
    check(&rules, CASES).await;
    check(&rules, &[WITHOUT_NAMESPACE]).await;
}

#[tokio::test]
async fn an_expired_value_is_named_where_the_scrape_honors_the_labels_of_metrics() {
    let rules = rules(&["metrics.serviceMonitor.honorLabels=true"]).await;
    let honored = Case {
        alert: "MetorialValueExpired",
        series: &[(
            "metorial_operator_expiration_timestamp_seconds{kind=\"AuthExport\",namespace=\"apps\",name=\"github\"}",
            "600x40",
        )],
        minutes: (14, 17),
        labels: &[
            ("kind", "AuthExport"),
            ("namespace", "apps"),
            ("name", "github"),
        ],
        severity: "critical",
        summary: "The value of AuthExport apps/github has expired.",
    };
    check(&rules, &[honored]).await;
}
