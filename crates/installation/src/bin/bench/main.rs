//! `make bench N=1000`: measures the operator, and the API server alone with the same writes for comparison. One run on one
//! control plane; it prints figures and has no thresholds.

mod audit;
mod baseline;
mod objects;
mod process;
mod run;
mod table;

use clap::Parser;
use installation::Failure;
use std::process::ExitCode;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Measures the operator on a real control plane, with the simulator in place of Metorial
#[derive(Parser)]
struct Args {
    /// Number of resources
    #[arg(default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    resources: u32,
}

fn main() -> ExitCode {
    let resources = Args::parse().resources as usize;
    let done = Runtime::new().map_err(Failure::from).and_then(|runtime| {
        let done = runtime.block_on(measure(resources));
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nThe benchmark failed: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(resources: usize) -> Result<(), Failure> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        figures = run::run(resources) => println!("{}", figures?),
        _ = tokio::signal::ctrl_c() => return Err(Failure::new("interrupted; everything is stopped")),
        _ = terminated.recv() => return Err(Failure::new("terminated; everything is stopped")),
    }
    Ok(())
}
