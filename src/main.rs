//! The process: flags, log, signals and exit status.

use clap::Parser;
use kube::config::{InferConfigError, KubeconfigError};
use metorial_operator::reconcile::run;
use metorial_operator::resources::definitions;
use metorial_operator::settings::{Args, Command, RunArgs};
use metorial_operator::telemetry;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let done = match Args::try_parse() {
        Ok(args) => match args.command {
            Some(Command::Crds) => print_definitions(),
            Some(Command::Run(run)) => operate(&run),
            None => operate(&args.run),
        },
        // Help and version come as errors, too.
        Err(told) if !told.use_stderr() => told.print().map_err(|error| error.to_string()),
        Err(error) => Err(in_short(&error.to_string())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("metorial-operator: {message}");
            ExitCode::FAILURE
        }
    }
}

/// What is wrong with the flags, without the advice after the first blank line.
fn in_short(error: &str) -> String {
    let lines = error.lines().map(str::trim);
    let first: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    first.join(" ").replacen("error: ", "", 1)
}

/// Why no cluster was found. A parser's own text may quote the file, which holds credentials.
fn no_cluster(error: &InferConfigError) -> String {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    let why = match cause {
        Some(KubeconfigError::Parse(_)) | None => "it is not a kubeconfig".to_owned(),
        Some(cause) => cause.to_string(),
    };
    format!("no cluster to serve: this is not a pod, and KUBECONFIG: {why}")
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
            .map_err(|error| no_cluster(&error))?;
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
