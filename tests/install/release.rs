//! What a release consists of: the chart with its default image, as `tools/release` packages it, and the crates of the programs.

use crate::rendered::{at, objects};
use crate::support::{chart, succeed};
use control_plane::ControlPlane;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

async fn plane() -> &'static ControlPlane {
    tokio::task::spawn_blocking(ControlPlane::shared)
        .await
        .unwrap()
}

/// A directory for the files of a test.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::remove_dir_all(&directory).ok();
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn release(arguments: &[&str]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/release");
    let mut release = Command::new(script);
    release.args(arguments);
    release
}

/// Packages the chart as the workflow does, whose Helm is the one in the path, and answers the package.
async fn released_chart(plane: &ControlPlane, image: &str, name: &str) -> PathBuf {
    let directory = directory(name);
    let helm = PathBuf::from(plane.helm().get_program());
    let tools = helm.parent().unwrap().to_str().unwrap();
    let mut package = release(&["chart", directory.to_str().unwrap(), image]);
    package.env("HELM", "helm");
    package.env("PATH", format!("{tools}:{}", env!("PATH")));
    // A function of the script that calls itself would otherwise fail only when the stack is used up.
    package.env("FUNCNEST", "20");
    succeed(package).await;
    let package = format!("metorial-operator-{}.tgz", env!("CARGO_PKG_VERSION"));
    directory.join(package)
}

#[tokio::test]
async fn a_released_chart_needs_no_value_and_has_the_released_image() {
    let plane = plane().await;
    let image = "registry.example.com/team/operator";
    let package = released_chart(plane, image, "released-chart").await;
    let mut tar = Command::new("tar");
    tar.arg("--list").arg("--file").arg(&package);
    let files = succeed(tar).await;
    assert!(files.contains("metorial-operator/LICENSE\n"), "{files}");
    let mut helm = plane.helm();
    helm.args(["template", "metorial-operator"]).arg(package);
    let rendered = objects(&succeed(helm).await);
    let image = format!("{image}:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(at(&rendered, "Deployment container/image"), image);
    // The chart of the repository stays as it is.
    let values = fs::read_to_string(chart().join("values.yaml")).unwrap();
    assert!(values.contains("\n  repository: \"\"\n"));
}

#[tokio::test]
async fn a_registry_replaces_that_of_the_released_image() {
    let plane = plane().await;
    let package = released_chart(plane, "ghcr.io/team/operator", "released-registry").await;
    let version = env!("CARGO_PKG_VERSION");
    for (values, image) in [
        ("global.imageRegistry=r.io:5000", "r.io:5000/team/operator"),
        ("image.registry=r.io/mirror/", "r.io/mirror/team/operator"),
        (
            "image.registry=r.io,image.repository=localhost/operator",
            "r.io/operator",
        ),
        (
            "image.registry=r.io,image.repository=operator",
            "r.io/operator",
        ),
        (
            "image.registry=r.io,image.repository=team/operator.next",
            "r.io/team/operator.next",
        ),
    ] {
        let mut helm = plane.helm();
        helm.args(["template", "metorial-operator"]).arg(&package);
        helm.args(["--set", values]);
        let rendered = objects(&succeed(helm).await);
        let image = format!("{image}:{version}");
        assert_eq!(
            at(&rendered, "Deployment container/image"),
            image,
            "{values}"
        );
    }
}

/// The bills of materials are made from the same graph.
#[test]
fn neither_program_has_a_second_library_for_tls() {
    for program in ["metorial-operator", "metorial-simulator"] {
        for target in ["x86_64", "aarch64"] {
            let target = format!("{target}-unknown-linux-musl");
            let mut tree = Command::new(env!("CARGO"));
            tree.current_dir(env!("CARGO_MANIFEST_DIR"));
            tree.args(["tree", "--locked", "--prefix=none", "--format={p}"]);
            tree.args(["--edges=normal,build", "--package", program]);
            let listed = tree.args(["--target", &target]).output().unwrap();
            let listed = String::from_utf8(listed.stdout).unwrap();
            let names: Vec<_> = listed
                .lines()
                .filter_map(|it| it.split(' ').next())
                .collect();
            assert!(names.contains(&program), "{names:?}");
            for refused in ["ring", "openssl-sys"] {
                assert!(
                    !names.contains(&refused),
                    "{program} for {target}: {refused}"
                );
            }
        }
    }
}

#[test]
fn a_published_crate_contains_its_license() {
    for name in ["metorial", "metorial-simulator"] {
        let mut package = Command::new(env!("CARGO"));
        package.current_dir(env!("CARGO_MANIFEST_DIR"));
        package.args(["package", "--list", "--locked", "--allow-dirty"]);
        let listed = package.args(["--package", name]).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.lines().any(|file| file == "LICENSE"), "{listed}");
    }
}
