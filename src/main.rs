//! The process: flags, log, signals and exit status.

use clap::Parser;
use metorial_operator::reconcile::run;
use metorial_operator::resources::definitions;
use metorial_operator::settings::{Args, Command, RunArgs};
use metorial_operator::telemetry;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.command {
        Some(Command::Crds) => print_definitions(),
        Some(Command::Run(run)) => operate(&run),
        None => operate(&args.run),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("metorial-operator: {message}");
            ExitCode::FAILURE
        }
    }
}

fn print_definitions() -> Result<(), String> {
    for definition in definitions() {
        let yaml = serde_yaml_ng::to_string(&definition).map_err(|error| error.to_string())?;
        println!("---\n{}", yaml.trim_end());
    }
    Ok(())
}

fn operate(args: &RunArgs) -> Result<(), String> {
    let settings = args.settings().map_err(|error| error.to_string())?;
    telemetry::start(args.log_format, &args.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let done = runtime.block_on(async {
        let mut config = kube::Config::infer()
            .await
            .map_err(|error| error.to_string())?;
        config.connect_timeout = Some(Duration::from_secs(10));
        config.write_timeout = Some(settings.request_timeout);
        let client = kube::Client::try_from(config).map_err(|error| error.to_string())?;
        let stop = stop_signal().map_err(|error| error.to_string())?;
        run(settings, client, stop)
            .await
            .map_err(|error| error.to_string())
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// Ends at SIGTERM or SIGINT.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}
