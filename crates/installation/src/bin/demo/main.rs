//! `make demo`: creates, rotates, exports and deletes resources on a real control plane, with the simulator in place of
//! Metorial.
//!
//! Exits with status 0 only if every step was verified; no process that it started outlives it. With `--keep` everything
//! keeps running until Ctrl-C.

mod checks;
mod deployment;
mod environment;
mod examples;
mod readiness;
mod steps;
mod terminal;

use clap::Parser;
use environment::Environment;
use installation::Failure;
use std::process::ExitCode;
use terminal::Terminal;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Demonstrates the operator on a real control plane
#[derive(Parser)]
struct Args {
    /// Keep everything running at the end, until Ctrl-C
    #[arg(long)]
    keep: bool,
}

/// Outcome of the demo.
enum Outcome {
    Completed,
    Interrupted,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let terminal = Terminal::new();
    let result = Runtime::new().map_err(Failure::from).and_then(|runtime| {
        let result = runtime.block_on(run(&args, &terminal));
        // Does not wait for a build of the control plane that is still running.
        runtime.shutdown_background();
        result
    });
    match result {
        Ok(Outcome::Completed) => {
            terminal.line(&format!("Every step was verified. {}", terminal.clock()));
            ExitCode::SUCCESS
        }
        Ok(Outcome::Interrupted) => {
            terminal.line("Interrupted: everything is stopped.");
            ExitCode::from(130)
        }
        Err(failure) => {
            eprintln!("\nThe demo failed: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args, terminal: &Terminal) -> Result<Outcome, Failure> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let interrupt = async {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    };
    let mut interrupt = std::pin::pin!(interrupt);
    let environment = tokio::select! {
        environment = Environment::start(terminal) => environment?,
        () = &mut interrupt => return Ok(Outcome::Interrupted),
    };
    let done = tokio::select! {
        done = steps::run(&environment, terminal) => done,
        () = &mut interrupt => return Ok(Outcome::Interrupted),
    };
    if let Err(failure) = done {
        return Err(Failure::new(format!(
            "{failure}\n\n{}",
            environment.describe().await
        )));
    }
    if args.keep {
        environment.keep(terminal).await?;
        interrupt.await;
    }
    environment.stop(terminal).await?;
    Ok(Outcome::Completed)
}
