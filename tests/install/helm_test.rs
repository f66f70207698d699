//! `helm test`: a pod with the operator's image, permissions and settings checks the installation.

use crate::installed::{install, kubectl_as, operator, text};
use crate::support::{Container, Environment, SERVICE_ACCOUNT, fail, program, run, succeed};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

/// The pod of the chart's test.
const POD: &str = "metorial-operator-check";

fn helm_test(env: &Environment) -> Command {
    let mut helm = env.plane.helm();
    helm.args(["test", SERVICE_ACCOUNT, "--namespace", &env.namespace]);
    helm
}

/// Runs the pod once it is there, as a kubelet does, and answers what its container printed.
async fn run_pod(env: &Environment) -> Output {
    let pod = env
        .until("helm has created the pod", async || {
            let get = ["get", "pod", POD, "-o", "json"];
            let got = env.kubectl(&get, "").await;
            let pod = serde_json::from_slice::<Value>(&got.stdout).ok()?;
            // One that an earlier test left is on its way out.
            let new = pod["status"]["phase"] == "Pending";
            (new && pod["metadata"]["deletionTimestamp"].is_null()).then_some(pod)
        })
        .await;
    assert_eq!(pod["spec"]["serviceAccountName"], SERVICE_ACCOUNT);
    let container = Container::of(&pod["spec"], &env.namespace);
    let done = run(container.command(&env.kubeconfig().await), "").await;
    let phase = match done.status.success() {
        true => "Succeeded",
        false => "Failed",
    };
    let status = json!({"status": {"phase": phase}}).to_string();
    let patch = ["patch", "pod", POD, "--subresource=status", "-p", &status];
    env.kubectl_prints(&patch, "").await;
    done
}

#[tokio::test]
async fn helm_test_checks_the_definitions_the_rights_and_the_api() {
    let env = Environment::new().await;
    let allowed = format!("allowedBaseUrls={{{}}}", env.sim.url());
    install(&env, &[&allowed]).await;
    let (tested, checked) = tokio::join!(succeed(helm_test(&env)), run_pod(&env));
    assert!(tested.contains("Succeeded"), "{tested}");
    let printed = text(&checked);
    let api = format!("ok      reach the Metorial API at {}", env.sim.url());
    assert!(printed.contains(&api), "{printed}");
    for kind in ["Connection", "AuthExport", "Secret", "ConfigMap"] {
        let listed = format!("ok      list {kind} in {}\n", env.namespace);
        assert!(printed.contains(&listed), "{listed}: {printed}");
    }
    // The only request is the one that asks whose key it is.
    assert!(env.writes().is_empty());

    take_the_rights(&env).await;
    let (tested, checked) = tokio::join!(fail(helm_test(&env)), run_pod(&env));
    assert!(tested.contains(POD), "{tested}");
    let printed = text(&checked);
    assert!(printed.contains("failed  list Connection"), "{printed}");
    assert!(printed.contains(" checks failed"), "{printed}");
}

/// Takes the operator's rights in the namespace that it serves, and waits until that is in force.
async fn take_the_rights(env: &Environment) {
    let delete = ["delete", "rolebinding", SERVICE_ACCOUNT];
    env.kubectl_prints(&delete, "").await;
    let user = operator(env);
    env.until("the rights are gone", async || {
        let list = ["auth", "can-i", "list", "connections.metorial.com"];
        let answer = kubectl_as(env, &user, &list, "").await;
        (!answer.status.success()).then_some(())
    })
    .await;
}

/// An outage of the API must not make a GitOps tool undo an installation.
#[tokio::test]
async fn an_api_that_is_not_reached_is_a_warning_that_fails_no_test() {
    let env = Environment::new().await;
    // Nobody listens at the first, and the second is a gateway that has the API below a longer path.
    let urls = format!(
        "allowedBaseUrls={{http://127.0.0.1:9,{}/gateway}}",
        env.sim.url()
    );
    install(&env, &[&urls]).await;
    let (tested, checked) = tokio::join!(succeed(helm_test(&env)), run_pod(&env));
    assert!(tested.contains("Succeeded"), "{tested}");
    let printed = text(&checked);
    let line = |url: &str| {
        let start = format!("warning reach the Metorial API at {url}");
        let mut lines = printed.lines();
        let found = lines.find(|line| line.starts_with(&start));
        found.unwrap_or_else(|| panic!("{start}: {printed}"))
    };
    let unreached = line("http://127.0.0.1:9");
    assert!(
        unreached.contains("check DNS, proxy, egress"),
        "{unreached}"
    );
    assert!(unreached.contains("caBundle"), "{unreached}");
    let gateway = line(&format!("{}/gateway", env.sim.url()));
    assert!(gateway.contains("longer baseUrl"), "{gateway}");
}

#[tokio::test]
async fn a_check_names_each_permission_that_is_missing() {
    let env = Environment::new().await;
    let mut check = program(&env.kubeconfig().await);
    check.args(["check", "--watch-namespaces=kube-public"]);
    check.arg(format!("--allowed-base-urls={}", env.sim.url()));
    let done = run(check, "").await;
    assert_eq!(done.status.code(), Some(1));
    let printed = text(&done);
    for kind in ["Connection", "Secret", "ConfigMap"] {
        let refused = format!("failed  list {kind} in kube-public: not permitted");
        assert!(printed.contains(&refused), "{refused}: {printed}");
    }
}

/// The mounts of README.md, section "Certificates of your own authority": the API server stands for Metorial behind a proxy,
/// because its certificate is of an authority that nobody knows.
#[tokio::test]
async fn certificates_in_a_mounted_directory_are_trusted() {
    let env = Environment::new().await;
    let kubeconfig = env.kubeconfig().await;
    let cluster = std::fs::read_to_string(&kubeconfig).unwrap();
    let cluster: Value = serde_json::from_str(&cluster).unwrap();
    let authority = &cluster["clusters"][0]["cluster"]["certificate-authority"];
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&env.namespace);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::copy(authority.as_str().unwrap(), directory.join("ca.crt")).unwrap();

    let check = || {
        let mut check = program(&kubeconfig);
        check.args(["check", "--watch-namespaces", &env.namespace]);
        check.arg(format!("--allowed-base-urls={}", env.plane.url()));
        check
    };
    let done = run(check(), "").await;
    let printed = text(&done);
    assert!(done.status.success(), "{printed}");
    assert!(
        printed.contains("warning reach the Metorial API"),
        "{printed}"
    );
    let mut trusting = check();
    trusting.env("SSL_CERT_DIR", &directory);
    let done = run(trusting, "").await;
    let printed = text(&done);
    assert!(done.status.success(), "{printed}");
    assert!(
        printed.contains("ok      reach the Metorial API"),
        "{printed}"
    );
    std::fs::remove_dir_all(directory).ok();
}
