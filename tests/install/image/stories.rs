//! What people get from the images.

use super::container::{Container, Pod};
use super::layout::Image;
use super::pod::{Scheduled, url};
use super::scratch::Scratch;
use super::system_calls::{are_logged, opened, writes};
use crate::support::{Environment, PATIENCE, POLL, Setup, connection, credentials, free_address};
use serde_json::{Value, json};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitStatus;

/// The root certificates in the operator's image.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The page of the simulator with all of its objects.
const STATE: &str = "/_simulator/state";

/// A pod with the security settings that the chart has, and these arguments.
fn pod(arguments: &[&str]) -> Pod {
    Pod {
        security: json!({
            "allowPrivilegeEscalation": false,
            "privileged": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        }),
        arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
        ..Pod::default()
    }
}

/// Runs a container to its end, and answers how it ended and with what in its log.
async fn run(image: &Image, pod: &Pod) -> (ExitStatus, String) {
    let mut container = Container::start(image, pod, free_address());
    let ended = async {
        loop {
            if let Some(status) = container.process.ended() {
                return status;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let status = tokio::time::timeout(PATIENCE, ended).await;
    (status.unwrap(), container.process.log())
}

/// Checks the settings with which the containers of an image run.
fn check_settings(image: &Image, name: &str, command: Value, port: &str) {
    let settings = &image.settings;
    assert_eq!(settings["User"], "65532:65532");
    assert_eq!(settings["Entrypoint"], json!([format!("/{name}")]));
    assert_eq!(settings["Cmd"], command);
    assert_eq!(settings["ExposedPorts"], json!({port: {}}));
    let label = |key: &str| settings["Labels"][format!("org.opencontainers.image.{key}")].clone();
    assert_eq!(label("title"), name);
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("licenses"), "Apache-2.0");
}

#[test]
#[ignore = "needs the images that make image builds"]
fn an_image_has_its_program_licenses_and_the_operator_root_certificates_and_nothing_else() {
    let image = Image::named("metorial-operator");
    let files = [
        "drwxr-xr-x 0/0 etc/",
        "drwxr-xr-x 0/0 etc/ssl/",
        "drwxr-xr-x 0/0 etc/ssl/certs/",
        "-rw-r--r-- 0/0 etc/ssl/certs/ca-certificates.crt",
        "drwxr-xr-x 0/0 licenses/",
        "-rw-r--r-- 0/0 licenses/LICENSE",
        "-rw-r--r-- 0/0 licenses/LICENSE-THIRD-PARTY",
        "-rwxr-xr-x 0/0 metorial-operator",
    ];
    assert_eq!(image.files(), files);
    check_settings(&image, "metorial-operator", json!(["run"]), "8080/tcp");
    let image = Image::named("metorial-simulator");
    let simulator = [&files[4..7], &["-rwxr-xr-x 0/0 metorial-simulator"]].concat();
    assert_eq!(image.files(), simulator);
    let command = json!(["--listen", "0.0.0.0"]);
    check_settings(&image, "metorial-simulator", command, "8787/tcp");
}

#[tokio::test]
#[ignore = "needs the images that make image builds"]
async fn a_program_says_its_version() {
    let version = env!("CARGO_PKG_VERSION");
    for name in ["metorial-operator", "metorial-simulator"] {
        let (status, log) = run(&Image::named(name), &pod(&["--version"])).await;
        assert!(status.success(), "{log}");
        assert_eq!(log.trim(), format!("{name} {version}"));
    }
}

/// The users of the processes of a container while it runs.
async fn users(image: &Image, pod: &Pod) -> Vec<u64> {
    let mut container = Container::start(image, pod, free_address());
    let started = async {
        loop {
            let users = container.users();
            if !users.is_empty() {
                return users;
            }
            let ended = container.process.ended();
            assert_eq!(ended, None, "{}", container.process.log());
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(PATIENCE, started).await.unwrap()
}

#[tokio::test]
#[ignore = "needs the images that make image builds"]
async fn a_program_runs_as_the_user_of_its_image_and_as_any_that_openshift_assigns() {
    // An API server that never answers: the operator waits for it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", silent.local_addr().unwrap());
    let scratch = Scratch::new(&["config"]);
    let file = scratch.path().join("config/kubeconfig");
    let kubeconfig = json!({
        "clusters": [{"name": "silent", "cluster": {"server": server}}],
        "contexts": [{"name": "silent", "context": {"cluster": "silent", "user": "nobody"}}],
        "users": [{"name": "nobody"}],
        "current-context": "silent",
    });
    fs::write(&file, kubeconfig.to_string()).unwrap();
    let listen = format!("--listen={}", free_address());
    let port = free_address().port().to_string();
    for (name, arguments) in [
        ("metorial-operator", vec!["run", &listen]),
        (
            "metorial-simulator",
            vec!["--listen=127.0.0.1", "--port", &port],
        ),
    ] {
        for (user, expected) in [(None, 65_532), (Some(1_000_660_000), 1_000_660_000)] {
            let pod = Pod {
                user,
                environment: vec![("KUBECONFIG".to_owned(), "/kubeconfig".to_owned())],
                mounts: vec![(file.clone(), "/kubeconfig")],
                ..pod(&arguments)
            };
            assert_eq!(users(&Image::named(name), &pod).await, [expected], "{name}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the images that make image builds"]
async fn a_container_without_a_cluster_says_so() {
    let (status, log) = run(&Image::named("metorial-operator"), &pod(&["run"])).await;
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(
        log.contains("no cluster found: not running in a pod"),
        "{log}"
    );
}

/// Starts a simulator that knows the API key of the environment, and waits until it serves.
async fn start_simulator(env: &Environment, api: SocketAddr) -> Container {
    let port = api.port().to_string();
    let arguments = ["--listen=127.0.0.1", "--port", &port, "--key", &env.key];
    let image = Image::named("metorial-simulator");
    let simulator = Container::start(&image, &pod(&arguments), api);
    env.until("the simulator serves", async || {
        let state = simulator.process.get(STATE).await;
        state.filter(|(status, _)| *status == 200)
    })
    .await;
    simulator
}

/// Stops a container as Kubernetes does, checks that it tried to write no file, and answers its system calls.
async fn stop(env: &Environment, mut container: Container) -> String {
    container.terminate();
    let (status, log) = env.wait_ended(&mut container.process).await;
    assert!(status.success(), "{status}: {log}");
    let calls = container.system_calls();
    assert!(are_logged(&calls));
    assert_eq!(writes(&calls), Vec::<&str>::new());
    calls
}

#[tokio::test]
#[ignore = "needs the images that make image builds"]
async fn the_operator_works_as_the_chart_s_pod_with_a_simulator_and_neither_writes_a_file() {
    let env = Environment::bare(Setup::default()).await;
    let (api, admin) = (free_address(), free_address());
    let simulator = start_simulator(&env, api).await;
    let scheduled = Scheduled::of_the_chart(&env, api, admin).await;
    assert_eq!(scheduled.pod.security, pod(&[]).security);
    let operator = Container::start(&Image::named("metorial-operator"), &scheduled.pod, admin);
    env.wait_leads(&operator.process).await;
    env.wait_serves(&operator.process).await;
    assert_eq!(operator.users(), [65_532]);

    env.apply(env.key_secret()).await;
    env.apply(env.app_secret()).await;
    env.apply(connection("default", &url(api))).await;
    env.apply(credentials("github")).await;
    let ready = env.credentials("github").wait_ready().await;
    let (_, state) = simulator.process.get(STATE).await.unwrap();
    assert!(state.contains(&ready.id()), "{state}");

    let calls = stop(&env, operator).await;
    assert!(opened(&calls, CERTIFICATES));
    stop(&env, simulator).await;
}
