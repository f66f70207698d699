//! The definitions in the repository are those of the program, wherever they are kept, and the API server takes them.

use crate::support::{AllNamespaces, Environment, Setup, auth_config, export, succeed};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, CustomResourceExt};
use metorial_operator::resources::{AuthExport, definitions};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a directory, by name.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| read(entry.unwrap()))
        .collect()
}

/// What the files should be.
fn generated() -> BTreeMap<String, String> {
    let file = |definition: &CustomResourceDefinition| {
        let plural = &definition.spec.names.plural;
        let text = serde_yaml_ng::to_string(definition).unwrap();
        (format!("metorial.com_{plural}.yaml"), text)
    };
    definitions().iter().map(file).collect()
}

#[test]
fn the_definitions_in_the_repository_and_in_the_chart_are_those_of_the_program() {
    let generated = generated();
    for directory in ["crds", "deploy/chart/files/crds"] {
        let found = files(&root().join(directory));
        let names: Vec<&String> = found.keys().collect();
        assert_eq!(names, generated.keys().collect::<Vec<_>>(), "{directory}");
        for (name, text) in &generated {
            assert!(
                found[name] == *text,
                "{directory}/{name} is out of date: run `make crds`"
            );
        }
    }
}

#[tokio::test]
async fn the_program_prints_its_definitions_for_kubectl() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_metorial-operator"));
    program.arg("crds");
    let printed = succeed(program).await;
    let documents = definitions()
        .iter()
        .map(|definition| format!("---\n{}", serde_yaml_ng::to_string(definition).unwrap()))
        .collect::<String>();
    assert_eq!(printed, documents);
}

#[tokio::test]
async fn what_is_rendered_from_the_chart_is_current() {
    let assets = tokio::task::spawn_blocking(control_plane::assets)
        .await
        .unwrap()
        .unwrap();
    let mut check = Command::new(root().join("tools/render-manifests"));
    check.arg("--check").env("HELM", assets.join("helm"));
    succeed(check).await;
}

#[tokio::test]
async fn the_api_server_takes_every_definition_without_a_warning() {
    let env = Environment::bare(Setup::default()).await;
    let crds = root().join("crds");
    let args = [
        "apply",
        "--server-side",
        "--dry-run=server",
        "--warnings-as-errors",
    ];
    let more = ["--force-conflicts", "-f", crds.to_str().unwrap()];
    env.kubectl_prints(&[&args[..], &more].concat(), "").await;

    let api: Api<CustomResourceDefinition> = Api::all(env.client.clone());
    for definition in definitions() {
        let served = api
            .get(definition.metadata.name.as_deref().unwrap())
            .await
            .unwrap();
        let conditions = served.status.unwrap().conditions.unwrap_or_default();
        let found = conditions
            .iter()
            .map(|it| format!("{}={}", it.type_, it.status));
        let found: Vec<String> = found.collect();
        assert!(found.contains(&"Established=True".to_owned()), "{found:?}");
        assert!(
            !found.contains(&"NonStructuralSchema=True".to_owned()),
            "{found:?}"
        );
    }
}

/// Takes the rules out of a definition, as in a version that did not have them.
fn without_rules(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("x-kubernetes-validations");
            members.values_mut().for_each(without_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(without_rules),
        _ => {}
    }
}

#[tokio::test]
async fn where_the_definition_is_older_the_operator_itself_refuses_secrets_that_obtain_rights() {
    let mut everywhere = AllNamespaces::new().await;
    everywhere.start_operator();
    let env = &everywhere.home;
    let mut definition = serde_json::to_value(AuthExport::crd()).unwrap();
    without_rules(&mut definition);
    let args = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    env.kubectl_prints(&args, &definition.to_string()).await;
    env.apply_basics().await;
    env.value("token", "first").await;
    env.create(auth_config("linear")).await;
    let account = json!({"kubernetes.io/service-account.name": "default"});
    let minting = "kubernetes.io/service-account-token";
    for (name, field, wanted) in [
        ("minting", "type", json!(minting)),
        ("annotated", "annotations", account),
        (
            "labeled",
            "labels",
            json!({"argocd.argoproj.io/secret-type": "cluster"}),
        ),
    ] {
        let manifest = export(name, "linear", name).spec(json!({"secret": {field: wanted}}));
        env.until("the API server takes it", async || {
            env.try_apply(manifest.clone()).await.ok()
        })
        .await;
        let field = format!("spec.secret.{field}");
        env.export(name).wait_message("InvalidSpec", &field).await;
        assert_eq!(env.api::<Secret>().get_opt(name).await.unwrap(), None);
    }
    assert!(env.exports().is_empty());
}

#[tokio::test]
async fn kubectl_explains_every_field() {
    let env = Environment::bare(Setup::default()).await;
    for (field, text) in [
        ("pacred", "An OAuth app registration at Metorial"),
        (
            "pacred.spec.oauth.clientSecret",
            "from a Secret of this namespace",
        ),
        (
            "pacred.spec.deletionPolicy",
            "May be changed while the resource is terminating",
        ),
        (
            "pacred.spec.publish.configMap",
            "ConfigMap of this namespace",
        ),
        ("pacred.status.lastAppliedRevision", "Fingerprint"),
        ("mconn.spec.baseUrl", "--allowed-base-urls"),
        ("mcconn.spec.allowedNamespaces", "absent: none"),
        ("mconn.status.instance", "Pinned once known"),
    ] {
        // The API server publishes what it serves a moment after it serves it.
        let explained = env
            .until(&format!("{field} is explained"), async || {
                let output = env.kubectl(&["explain", field], "").await;
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                output.status.success().then_some(text)
            })
            .await;
        let explained = explained.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(explained.contains(text), "{field}: {explained}");
        assert!(
            !explained.contains("<no description>"),
            "{field}: {explained}"
        );
    }
}
