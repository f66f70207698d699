//! Traces: what an OpenTelemetry collector receives of reconciliations and requests, and that no value is in them.

use crate::support::{
    Canary, Collector, Environment, Process, attribute, check_no_canary, credentials, free_address,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

/// Starts a process that knows the collector.
async fn start(env: &Environment, variables: &[(&str, &str)]) -> Process {
    let admin = free_address();
    let mut flags = env.flags(admin);
    flags.push("--log=trace".to_owned());
    Process::start_with(&env.kubeconfig().await, &flags, variables, admin)
}

fn of(span: &Span, key: &str) -> String {
    attribute(&span.attributes, key)
}

#[tokio::test]
async fn a_reconciliation_and_its_requests_are_one_trace_that_holds_no_value() {
    let env = Environment::new().await;
    let collector = Collector::start().await;
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())];
    let mut process = start(&env, &variables).await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    let rotated = Canary::new("the rotated client secret");
    env.rotate("oauth-app", "client-secret", &rotated.value)
        .await;
    env.wait_client_secret(1, &rotated.value).await;
    process.terminate();
    let (status, log) = env.wait_ended(&mut process).await;
    assert!(status.success(), "{log}");

    let spans = collector.spans();
    let named = |name: &str| -> Vec<&Span> { spans.iter().filter(|it| it.name == name).collect() };
    let create = named("POST /provider-auth-credentials");
    assert_eq!(create.len(), 1);
    let create = create[0];
    assert_eq!(create.kind, i32::from(SpanKind::Client));
    assert_eq!(of(create, "outcome"), "ok");
    assert!(!of(create, "request_id").is_empty());
    let parent = spans.iter().find(|it| it.span_id == create.parent_span_id);
    let reconcile = parent.expect("the reconciliation that sent it");
    assert_eq!(reconcile.name, "reconcile");
    assert_eq!(reconcile.trace_id, create.trace_id);
    assert!(reconcile.parent_span_id.is_empty(), "the root of the trace");
    assert_eq!(of(reconcile, "kind"), "ProviderAuthCredentials");
    assert_eq!(of(reconcile, "namespace"), env.namespace);
    assert_eq!(of(reconcile, "name"), "github");
    assert_eq!(of(reconcile, "verdict"), "Synced");
    let get = named("get ProviderAuthCredentials");
    assert!(get.iter().any(|it| it.parent_span_id == reconcile.span_id));
    assert_eq!(named("PATCH /provider-auth-credentials/:id").len(), 1);
    assert!(
        spans.iter().all(|it| it.events.is_empty()),
        "nothing that is logged"
    );
    assert_eq!(collector.resource("service.name"), "metorial-operator");
    assert_eq!(
        collector.resource("service.version"),
        env!("CARGO_PKG_VERSION")
    );

    let secret = Canary::of("the client secret", &env.client_secret, "");
    check_no_canary("the traces", &collector.text(), &[&secret, &rotated]);
    check_no_canary("the log", &log, &[&secret, &rotated]);
}

#[tokio::test]
async fn a_collector_that_is_away_holds_up_nothing_and_is_logged_once() {
    let env = Environment::new().await;
    let address = free_address();
    let url = format!("http://user:canary-0123456789@{address}");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=canary-token"),
    ];
    let mut process = start(&env, &variables).await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    let failed = "traces can't be sent";
    env.until("the failure is logged", async || {
        process.log().contains(failed).then_some(())
    })
    .await;
    env.credentials("github").reconcile_now().await;
    process.terminate();
    let (status, log) = env.wait_ended(&mut process).await;
    assert!(status.success(), "{log}");
    assert_eq!(log.matches(failed).count(), 1, "{log}");
    assert!(!log.contains("canary"), "{log}");
}

#[test]
fn an_endpoint_that_is_no_url_ends_the_process_with_one_line_that_does_not_repeat_it() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_metorial-operator"));
    command.env_clear();
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:canary@no host");
    let output = command.output().unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    assert!(line.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{line}");
    assert!(!line.contains("canary"), "{line}");
}
