//! `make demo`: resources of every kind, brought to life, rotated, exported and deleted on a real control plane with the simulator in Metorial's place.
//!
//! Ends with status 0 only if every step was seen to happen; nothing that it started outlives it. `--keep` leaves
//! everything up until Ctrl-C.

mod scene;
mod stage;
mod story;
mod table;
mod terminal;

use clap::Parser;
use installation::Failure;
use scene::Scene;
use std::process::ExitCode;
use terminal::Terminal;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Shows the operator at work on a real control plane.
#[derive(Parser)]
struct Args {
    /// Stay up at the end, until Ctrl-C
    #[arg(long)]
    keep: bool,
}

/// How the demo ended.
enum End {
    Told,
    Interrupted,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let terminal = Terminal::new();
    let ended = Runtime::new().map_err(Failure::from).and_then(|runtime| {
        let ended = runtime.block_on(run(&args, &terminal));
        // A build of the control plane that is still under way isn't waited for.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(End::Told) => {
            terminal.line(&format!(
                "Every step was seen to happen. {}",
                terminal.clock()
            ));
            ExitCode::SUCCESS
        }
        Ok(End::Interrupted) => {
            terminal.line("Interrupted: everything is stopped.");
            ExitCode::from(130)
        }
        Err(failure) => {
            eprintln!("\nThe demo failed: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args, terminal: &Terminal) -> Result<End, Failure> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let interrupt = async {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    };
    let mut interrupt = std::pin::pin!(interrupt);
    let scene = tokio::select! {
        scene = Scene::set(terminal) => scene?,
        () = &mut interrupt => return Ok(End::Interrupted),
    };
    let told = tokio::select! {
        told = story::tell(&scene, terminal) => told,
        () = &mut interrupt => return Ok(End::Interrupted),
    };
    if let Err(failure) = told {
        return Err(Failure::new(format!(
            "{failure}\n\n{}",
            scene.describe().await
        )));
    }
    if args.keep {
        scene.invite(terminal).await?;
        interrupt.await;
    }
    scene.end(terminal).await?;
    Ok(End::Told)
}
