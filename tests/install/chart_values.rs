//! Which values the chart admits: those that nobody knows, or that could only fail in the cluster, are refused by name.

use crate::support::{fail, helm_chart, succeed};
use control_plane::ControlPlane;
use std::process::Command;

/// Renders the chart with one value.
async fn template(value: &str) -> Command {
    let plane = tokio::task::spawn_blocking(ControlPlane::shared);
    let mut template = helm_chart(plane.await.unwrap(), &["template", "metorial-operator"]);
    template.args(["--set", value]);
    template
}

/// Values that are refused, and what the refusal names.
const REFUSED: [(&str, &str); 71] = [
    ("nonsense=1", "nonsense"),
    ("image.tagg=1", "tagg"),
    ("image.digest=latest", "/image/digest"),
    ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
    ("replicaCount=-1", "/replicaCount"),
    ("replicaCount=one", "/replicaCount"),
    ("watchNamespaces={Team}", "/watchNamespaces/0"),
    ("watchNamespaces=team", "/watchNamespaces"),
    ("shard.name=one", "/shard/watchLabelSelector"),
    ("shard.name=One", "/shard/name"),
    ("allowedBaseUrls={ftp://a.example}", "/allowedBaseUrls/0"),
    ("allowedBaseUrls=null", "allowedBaseUrls"),
    ("secretWatch=sometimes", "/secretWatch"),
    ("log.format=xml", "/log/format"),
    ("log.level=null", "'level'"),
    ("log.level=loud", "/log/level"),
    ("log.level=metorail=debug", "/log/level"),
    ("concurrency=0", "/concurrency"),
    ("concurrency=5000", "/concurrency"),
    ("requestTimeout=0s", "/requestTimeout"),
    ("requestTimeout=30s1m", "/requestTimeout"),
    ("requestTimeout=null", "'requestTimeout'"),
    ("reconcileTimeout=0h0m0s", "/reconcileTimeout"),
    ("reconcileTimeout=30s", "must be longer than requestTimeout"),
    ("requestTimeout=2m", "must be longer than requestTimeout"),
    ("requestTimeout=1h", "must be longer than requestTimeout"),
    ("shard.watchLabelSelector=!!", "/shard/watchLabelSelector"),
    (
        "shard.watchLabelSelector=a=b c",
        "/shard/watchLabelSelector",
    ),
    (
        "shard.watchLabelSelector=a in b",
        "/shard/watchLabelSelector",
    ),
    ("resources.limits.memory=abc", "/resources/limits/memory"),
    ("resources.limits.memory=128MB", "/resources/limits/memory"),
    ("resources.requests.cpu=-1", "/resources/requests/cpu"),
    (
        "podDisruptionBudget.minAvailable=200%",
        "/podDisruptionBudget/minAvailable",
    ),
    (
        "podDisruptionBudget.maxUnavailable=101%",
        "/podDisruptionBudget/maxUnavailable",
    ),
    (
        "strategy.rollingUpdate.maxUnavailable=200%",
        "/strategy/rollingUpdate/maxUnavailable",
    ),
    (
        "terminationGracePeriodSeconds=0",
        "/terminationGracePeriodSeconds",
    ),
    ("priorityClassName=A_B", "/priorityClassName"),
    ("commonLabels.team=a b", "/commonLabels/team"),
    ("podLabels.a_=b", "'a_'"),
    ("nodeSelector.disk=a/b", "/nodeSelector/disk"),
    ("podAnnotations.a b=c", "'a b'"),
    (
        "imagePullSecrets[0].name=My_Secret",
        "/imagePullSecrets/0/name",
    ),
    ("extraEnv[0].name=A B", "/extraEnv/0/name"),
    ("crds.delete=true", "/crds"),
    (
        "metrics.serviceMonitor.interval=often",
        "/metrics/serviceMonitor/interval",
    ),
    ("authExport.enabled=maybe", "/authExport/enabled"),
    ("rolloutRestart.enabled=maybe", "/rolloutRestart/enabled"),
    (
        "admissionPolicy.authorRights=Audit",
        "/admissionPolicy/authorRights",
    ),
    ("admissionPolicy.authorRights=null", "'authorRights'"),
    (
        "admissionPolicy.operatorWrites=Warn",
        "/admissionPolicy/operatorWrites",
    ),
    ("networkPolicy.egressPorts={443}", "egressPorts"),
    ("networkPolicy.dns.ports={}", "/networkPolicy/dns/ports"),
    (
        "networkPolicy.egress.ports={70000}",
        "/networkPolicy/egress/ports/0",
    ),
    (
        "networkPolicy.apiServer.cidrs={10.0.0.1}",
        "/networkPolicy/apiServer/cidrs/0",
    ),
    (
        "networkPolicy.metrics.from[0].cidr=10.0.0.0/8",
        "/networkPolicy/metrics/from/0",
    ),
    (
        "networkPolicy.apiServer.cidrs={999.1.1.1/8}",
        "/networkPolicy/apiServer/cidrs/0",
    ),
    (
        "networkPolicy.egress.cidrs={10.0.0.0/33}",
        "/networkPolicy/egress/cidrs/0",
    ),
    (
        "networkPolicy.egress.cidrs={fd00::/129}",
        "/networkPolicy/egress/cidrs/0",
    ),
    (
        "allowedBaseUrls={https://user:password@example.com}",
        "/allowedBaseUrls/0",
    ),
    ("allowedBaseUrls={https://:443}", "/allowedBaseUrls/0"),
    ("allowedBaseUrls={https://[}", "/allowedBaseUrls/0"),
    (
        "strategy.rollingUpdate.maxSurge=0",
        "/strategy/rollingUpdate",
    ),
    (
        "livenessProbe.successThreshold=2",
        "/livenessProbe/successThreshold",
    ),
    ("fullnameOverride=1a", "set fullnameOverride"),
    ("extraArgs={--watch-namespaces=a}", "/extraArgs/0"),
    ("extraArgs={--operator-namespace}", "/extraArgs/0"),
    ("extraArgs={--listen=0.0.0.0:9090}", "/extraArgs/0"),
    (
        "extraEnv[0].name=METORIAL_OPERATOR_LISTEN",
        "/extraEnv/0/name",
    ),
    (
        "podDisruptionBudget.maxUnavailable=null",
        "'maxUnavailable'",
    ),
    ("resources.request.cpu=1", "/resources"),
    ("extraEnv[0].name=METORIAL_OPERATOR_LOG", "/extraEnv/0/name"),
];

#[tokio::test]
async fn values_that_nobody_knows_or_that_make_no_sense_are_refused_by_name() {
    for (value, named) in REFUSED {
        let printed = fail(template(value).await).await;
        assert!(printed.contains(named), "{value}: {printed}");
    }
}

/// Values that look unusual and make sense.
const ADMITTED: [&str; 21] = [
    "requestTimeout=1m30s",
    "requestTimeout=119s",
    "requestTimeout=1h,reconcileTimeout=1h1s",
    "shard.watchLabelSelector=a\\,!example.com/b\\,c!=d",
    "shard.watchLabelSelector=a in (b\\, c)\\, d notin (e)",
    "shard.watchLabelSelector=",
    "resources.limits.memory=1.5Gi",
    "resources.limits.memory=128974848",
    "resources.limits.cpu=0.5",
    "podDisruptionBudget.minAvailable=100%",
    "strategy.rollingUpdate.maxSurge=200%",
    "terminationGracePeriodSeconds=1",
    "strategy.rollingUpdate.maxSurge=0,strategy.rollingUpdate.maxUnavailable=1",
    "podDisruptionBudget.maxUnavailable=null,podDisruptionBudget.minAvailable=1",
    "allowedBaseUrls={http://10.0.0.1:8080/metorial/,https://[fd00::1]:443}",
    "networkPolicy.egress.cidrs={10.0.0.0/8,fd00::/64,::/0,255.255.255.255/32}",
    "livenessProbe.successThreshold=1",
    "extraArgs={--otel-endpoint=http://collector:4318}",
    "resources.limits=null",
    "commonLabels.example\\.com/team=a_b",
    "podAnnotations.Example\\.com/a=b c",
];

#[tokio::test]
async fn unusual_values_that_make_sense_are_rendered() {
    for value in ADMITTED {
        succeed(template(value).await).await;
    }
}
