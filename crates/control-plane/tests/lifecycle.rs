//! End of a control plane; stopping, freezing and restarting its parts.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails where it unwraps; so do the functions it calls"
)]

mod support;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use control_plane::{ControlPlane, Error, Part};

use support::{
    config_map_names, default_service_account, eventually, new_namespace, write_config_map,
};

#[tokio::test]
async fn a_restarted_part_keeps_its_address_and_its_data() {
    let control_plane = ControlPlane::start().await.unwrap();
    let client = control_plane.client();
    let namespace = new_namespace(&client).await;
    default_service_account(&client, &namespace).await;

    for part in Part::ALL {
        write_config_map(&client, &namespace, part.program())
            .await
            .unwrap();
        control_plane.stop(part);
        assert!(
            matches!(control_plane.freeze(part), Err(Error::NotRunning(stopped)) if stopped == part)
        );
        control_plane.start_again(part).await.unwrap();

        let names = config_map_names(&client, &namespace).await.unwrap();
        assert!(
            names.iter().any(|name| name == part.program()),
            "{part}: {names:?}"
        );
        let namespace = new_namespace(&client).await;
        default_service_account(&client, &namespace).await;
    }
}

#[tokio::test]
async fn a_frozen_api_server_answers_only_after_it_is_thawed() {
    let control_plane = ControlPlane::start().await.unwrap();
    let client = control_plane.client();
    client.apiserver_version().await.unwrap();

    control_plane.freeze(Part::ApiServer).unwrap();
    let mut request = Box::pin(client.apiserver_version());
    // A longer timeout would give the same result.
    let early = tokio::time::timeout(Duration::from_millis(300), &mut request).await;
    assert!(early.is_err(), "a frozen API server answered {early:?}");

    control_plane.thaw(Part::ApiServer).unwrap();
    request.await.unwrap();
}

#[tokio::test]
async fn dropping_a_control_plane_removes_its_processes_and_files() {
    let control_plane = ControlPlane::start().await.unwrap();
    let directory = control_plane
        .admin_kubeconfig()
        .parent()
        .unwrap()
        .to_owned();
    assert_eq!(
        processes_of(&directory).len(),
        3 + 1 + 3 * 2,
        "three parts and their shells"
    );
    control_plane.freeze(Part::Etcd).unwrap();

    drop(control_plane);

    assert_eq!(processes_of(&directory), [""; 0]);
    assert!(!directory.exists());
}

#[tokio::test]
async fn killing_the_process_leaves_neither_processes_nor_files() {
    let (mut process, directory) = start_process();
    assert!(!processes_of(&directory).is_empty());

    process.kill().unwrap();
    process.wait().unwrap();

    eventually("no process and no file is left", async || {
        let left = processes_of(&directory);
        if left.is_empty() && !directory.exists() {
            Ok(())
        } else {
            Err(left)
        }
    })
    .await;
}

#[test]
fn the_program_exits_with_success_when_its_stdin_closes() {
    let (mut process, directory) = start_process();

    drop(process.stdin.take());

    assert!(process.wait().unwrap().success());
    assert!(!directory.exists());
}

#[test]
fn the_program_exits_with_success_when_it_is_terminated() {
    let (mut process, directory) = start_process();

    let killed = Command::new("kill")
        .arg(process.id().to_string())
        .status()
        .unwrap();

    assert!(killed.success());
    assert!(process.wait().unwrap().success());
    assert!(!directory.exists());
}

#[test]
fn a_part_that_exits_is_reported_with_the_end_of_its_log() {
    let home = tempfile::tempdir().unwrap();
    for tool in [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kubectl",
        "helm",
    ] {
        let path = home.path().join(tool);
        fs::write(&path, "#!/bin/sh\necho what is wrong >&2\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    let temporary = home.path().join("tmp");
    fs::create_dir(&temporary).unwrap();

    let output = Command::new(env!("CARGO_BIN_EXE_control-plane"))
        .env("KUBEBUILDER_ASSETS", home.path())
        .env("TMPDIR", &temporary)
        .output()
        .unwrap();

    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        stderr.contains("etcd exited before it was ready"),
        "{stderr}"
    );
    assert!(stderr.contains("what is wrong"), "{stderr}");
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}

/// Starts the program `control-plane`, waits until it is ready, and returns it with its directory.
fn start_process() -> (Child, PathBuf) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_control-plane"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> = BufReader::new(process.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .take_while(|line| line != "ready")
        .collect();
    let kubeconfig = lines
        .iter()
        .find_map(|line| line.strip_prefix("KUBECONFIG="))
        .unwrap_or_else(|| panic!("no KUBECONFIG in {lines:?}"));
    let directory = Path::new(kubeconfig).parent().unwrap().to_owned();
    (process, directory)
}

/// Returns the command lines of the processes that name the directory.
fn processes_of(directory: &Path) -> Vec<String> {
    let output = Command::new("ps")
        .args(["-axww", "-o", "args="])
        .output()
        .unwrap();
    let directory = directory.to_str().unwrap();
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.contains(directory))
        .map(str::to_owned)
        .collect()
}
