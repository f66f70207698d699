//! Starts a control plane, prints how to reach it, and stops it when stdin closes or SIGTERM or SIGINT arrives.
//!
//! stdout: `KUBECONFIG`, `KUBECTL` and `HELM` as lines of `NAME=path`, then `ready`.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use control_plane::ControlPlane;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

fn main() -> ExitCode {
    let result = Runtime::new().map_err(Into::into).and_then(|runtime| {
        let result = runtime.block_on(run());
        // Does not wait for a build of the binaries that is still running.
        runtime.shutdown_background();
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("control-plane: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let serve = async {
        let control_plane = ControlPlane::start().await?;
        print_paths(&control_plane)?;
        // An error means that the reading thread is gone, which has the same meaning as a closed stdin.
        let _ = stdin_closed().await;
        Ok(())
    };
    tokio::select! {
        served = serve => served,
        _ = terminated.recv() => Ok(()),
        _ = interrupted.recv() => Ok(()),
    }
}

fn print_paths(control_plane: &ControlPlane) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let kubeconfig = control_plane.admin_kubeconfig();
    writeln!(stdout, "KUBECONFIG={}", kubeconfig.display())?;
    for (name, command) in [
        ("KUBECTL", control_plane.kubectl()),
        ("HELM", control_plane.helm()),
    ] {
        writeln!(stdout, "{name}={}", command.get_program().display())?;
    }
    writeln!(stdout, "ready")?;
    stdout.flush()
}

/// Returns a receiver that completes when stdin closes. The read runs on a plain thread because a runtime would wait for
/// it at shutdown.
fn stdin_closed() -> oneshot::Receiver<()> {
    let (closed, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        // A stdin that can't be read counts as closed.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = closed.send(());
    });
    receiver
}
