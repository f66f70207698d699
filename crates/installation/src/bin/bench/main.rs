//! `make bench N=1000`: measures the operator on a real control plane that is built from source, and the API server alone
//! with the same writes for comparison. Everything runs on this machine and is stopped at the end. A bound that is missed is
//! marked in the table; only a fault ends the run.

mod audit;
mod baseline;
mod bench;
mod machine;
mod neighbor;
mod objects;
mod process;
mod report;
mod scenario;
mod scenarios;
mod tenant;

use bench::{Bench, progress};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use installation::Failure;
use machine::Machine;
use report::Report;
use scenario::Scenario;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Time that every scenario has, in addition to that for the number of resources.
const LONGEST: Duration = Duration::from_secs(1200);

/// Measures the operator on a real control plane, with the simulator in place of Metorial
#[derive(Parser)]
struct Args {
    /// Number of resources
    #[arg(default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    resources: u32,
    /// Run only these scenarios, comma-separated
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(scenarios::ALL.map(|one| one.name)))]
    only: Vec<String>,
    /// Print the figures as a Markdown table
    #[arg(long)]
    markdown: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = Runtime::new().map_err(Failure::from).and_then(|runtime| {
        let done = runtime.block_on(until_signal(&args));
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

async fn until_signal(args: &Args) -> Result<(), Failure> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        done = measure(args) => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::new("interrupted; everything is stopped")),
        _ = terminated.recv() => Err(Failure::new("terminated; everything is stopped")),
    }
}

/// Runs the scenarios and prints the figures, those before a failure included.
async fn measure(args: &Args) -> Result<(), Failure> {
    progress("starting the control plane, installing the chart");
    let mut bench = Bench::start(args.resources as usize).await?;
    let mut report = Report {
        count: bench.count,
        machine: Machine::read(&bench.plane).await?,
        sections: Vec::new(),
    };
    let chosen = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let mut done = Ok(());
    for scenario in scenarios::ALL.into_iter().filter(|one| chosen(one.name)) {
        done = add(&mut report, &mut bench, scenario).await;
        if done.is_err() {
            break;
        }
    }
    match args.markdown {
        true => print!("{}", report.markdown()),
        false => print!("{report}"),
    }
    done
}

async fn add(report: &mut Report, bench: &mut Bench, scenario: &Scenario) -> Result<(), Failure> {
    let Scenario { name, title, run } = scenario;
    progress(&format!("{name}: {title}"));
    let limit = LONGEST + bench.timeout();
    let measured = tokio::time::timeout(limit, run(bench)).await;
    let rows = measured
        .map_err(|_| Failure::new(format!("{name} took longer than {} s", limit.as_secs())))?
        .map_err(|failure| Failure::new(format!("{name}: {failure}")))?;
    report.sections.push((title, rows));
    Ok(())
}
