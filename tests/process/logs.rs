//! The log: what every line says of the resource that it is about, and which lines there are.

use crate::support::{Environment, Process, credentials};
use k8s_openapi::api::coordination::v1::Lease;
use metorial_simulator::{Action, Fault};
use serde_json::Value;

/// The lines of a log in JSON.
fn lines(process: &Process) -> Vec<Value> {
    let log = process.log();
    let lines = log.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// The lines with this message.
fn with(lines: &[Value], message: &str) -> Vec<Value> {
    let with = lines.iter().filter(|line| line["message"] == message);
    with.cloned().collect()
}

#[tokio::test]
async fn every_write_at_metorial_is_one_line_that_names_resource_object_request_and_duration() {
    let env = Environment::new().await;
    let process = env.start_process(&[]).await;
    env.apply(credentials("github")).await;
    let made = env.credentials("github").wait_ready().await;
    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    env.wait_client_secret(1, "rotated-0123456789").await;
    env.credentials("github").remove().await;

    let id = made.status().id.unwrap();
    let written = with(&lines(&process), "wrote to Metorial");
    let operations: Vec<_> = written
        .iter()
        .map(|line| {
            (
                line["action"].as_str().unwrap(),
                line["operation"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        operations,
        [
            ("create", "POST /provider-auth-credentials"),
            ("update", "PATCH /provider-auth-credentials/:id"),
            ("delete", "DELETE /provider-auth-credentials/:id"),
        ]
    );
    for line in &written {
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["kind"], "ProviderAuthCredentials");
        assert_eq!(line["namespace"], env.namespace.as_str());
        assert_eq!(line["name"], "github");
        assert_eq!(line["id"], id.as_str());
        assert!(
            line["request_id"].as_str().is_some_and(|id| !id.is_empty()),
            "{line}"
        );
        assert!(line["elapsed_ms"].is_u64(), "{line}");
    }
}

#[tokio::test]
async fn every_line_of_a_reconciliation_names_its_resource_whatever_the_filter_selects() {
    let env = Environment::new().await;
    let refuse = Fault::on("POST", "/provider-auth-credentials").times(1);
    env.sim
        .faults()
        .add(refuse, Action::error(400, "invalid_data"));
    let quiet = env
        .start_process(&["--log=metorial_operator::remote=warn"])
        .await;
    env.apply(credentials("github")).await;
    env.credentials("github")
        .wait_reason("RemoteRejected")
        .await;
    let logged = lines(&quiet);
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(logged[0]["message"], "API request failed");
    assert_eq!(logged[0]["kind"], "ProviderAuthCredentials");
    assert_eq!(logged[0]["name"], "github");
}

#[tokio::test]
async fn the_first_line_says_which_build_starts_and_what_it_serves() {
    let env = Environment::new().await;
    let process = env.start_process(&[]).await;
    env.wait_leads(&process).await;
    let first = &lines(&process)[0];
    assert_eq!(first["message"], "starting");
    assert_eq!(first["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(first["namespaces"], env.namespace.as_str());
    assert_eq!(first["base_urls"], format!("{}/", env.sim.url()));
}

#[tokio::test]
async fn a_replica_that_stands_by_says_once_who_leads() {
    let env = Environment::new().await;
    let leader = env.start_process(&[]).await;
    env.wait_leads(&leader).await;
    let standby = env.start_process(&[]).await;
    let said = || with(&lines(&standby), "standing by: another replica leads");
    env.until("it says who leads", async || {
        (!said().is_empty()).then_some(())
    })
    .await;
    // It has read the lease several times by the time that the leader has renewed it twice.
    let leases = env.api::<Lease>();
    let read = async || leases.get("metorial-operator").await.unwrap();
    for _ in 0..2 {
        let before = read().await.metadata.resource_version;
        env.until("the lease is renewed", async || {
            (read().await.metadata.resource_version != before).then_some(())
        })
        .await;
    }
    let holder = read().await.spec.unwrap().holder_identity.unwrap();
    let said = said();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0]["holder"], holder);
    assert_eq!(said[0]["lease"], "metorial-operator");
}

#[tokio::test]
async fn a_text_log_in_a_file_has_no_colors_and_names_the_resource() {
    let env = Environment::new().await;
    let process = env.start_process(&["--log-format=text"]).await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    let log = process.log();
    assert!(!log.contains('\u{1b}'), "{log}");
    let named = format!(
        "reconcile{{kind=\"ProviderAuthCredentials\" namespace=\"{}\" name=\"github\"}}",
        env.namespace
    );
    let wrote = log.lines().find(|line| line.contains("wrote to Metorial"));
    assert!(wrote.is_some_and(|line| line.contains(&named)), "{log}");
}

#[test]
fn errors_of_the_command_line_have_no_colors() {
    for flags in [&["--no-such-flag"][..], &["--listen", "nowhere"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_metorial-operator"));
        let output = command.args(flags).env_clear().output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        assert!(!text.contains(&0x1b), "{flags:?}");
    }
}
