//! The process: command line, log, signals and exit status.

use clap::Parser;
use kube::config::{InferConfigError, KubeconfigError};
use metorial_operator::cluster::config;
use metorial_operator::resources::definitions;
use metorial_operator::runtime::{Finding, check, run};
use metorial_operator::settings::{Args, Command, RunArgs};
use metorial_operator::telemetry;
use std::error::Error;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// The threads that run the process. A reconciliation takes a millisecond of processor time and waits for APIs the rest of it:
/// with a thread for each processor, the node alone would decide how much memory the same work takes.
const WORKER_THREADS: usize = 2;

fn main() -> ExitCode {
    let result = match Args::try_parse() {
        Ok(args) => match args.command {
            Some(Command::Crds) => print_definitions(),
            Some(Command::Run(args)) => run_operator(&args),
            Some(Command::Check(args)) => check_installation(&args),
            None => run_operator(&args.run),
        },
        // clap returns --help and --version as errors, too.
        Err(help) if !help.use_stderr() => help.print().map_err(|error| error.to_string()),
        Err(error) => Err(one_line(&error.to_string())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("metorial-operator: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Returns clap's error as one line, without the usage that follows the first blank line.
fn one_line(error: &str) -> String {
    let lines = error.lines().map(str::trim);
    let first: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    first.join(" ").replacen("error: ", "", 1)
}

/// Returns why no cluster was found. The text of a YAML parser is left out: it may quote the kubeconfig, which holds
/// credentials.
fn no_cluster(error: &InferConfigError) -> String {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    let reason = match cause {
        Some(KubeconfigError::Parse(_)) | None => "not a kubeconfig".to_owned(),
        Some(cause) => cause.to_string(),
    };
    format!("no cluster found: not running in a pod, and KUBECONFIG can't be used: {reason}")
}

/// Returns why the cluster's settings can't be used. A URL of a proxy is left out: it may hold a password.
fn no_client(error: &kube::Error) -> String {
    match error {
        kube::Error::ProxyProtocolUnsupported { .. }
        | kube::Error::ProxyProtocolDisabled { .. } => {
            "proxy-url in the kubeconfig: must be an http, https or socks5 URL".to_owned()
        }
        error => error.to_string(),
    }
}

fn print_definitions() -> Result<(), String> {
    for definition in definitions() {
        let yaml = serde_yaml_ng::to_string(&definition).map_err(|error| error.to_string())?;
        match writeln!(std::io::stdout(), "---\n{}", yaml.trim_end()) {
            // The reader has closed the pipe, such as `head`.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(|error| error.to_string())?,
        }
    }
    Ok(())
}

fn run_operator(args: &RunArgs) -> Result<(), String> {
    let settings = args.settings().map_err(|error| error.to_string())?;
    let traces = telemetry::start(args.log_format, &args.log)?;
    let result = block_on(async {
        let client = cluster_client(settings.request_timeout).await?;
        let stop = stop_signal().map_err(|error| error.to_string())?;
        run(settings, client, stop)
            .await
            .map_err(|error| error.to_string())
    });
    traces.end();
    result
}

/// Prints each check on a line. Warnings don't count as failures.
fn check_installation(args: &RunArgs) -> Result<(), String> {
    let settings = args.settings().map_err(|error| error.to_string())?;
    let checked = block_on(async {
        let client = cluster_client(settings.request_timeout).await?;
        Ok(check(&settings, client).await)
    })?;
    for done in &checked {
        match &done.finding {
            Finding::Fine => println!("ok      {}", done.subject),
            Finding::Warning(warning) => println!("warning {}: {warning}", done.subject),
            Finding::Failure(failure) => println!("failed  {}: {failure}", done.subject),
        }
    }
    let failures = checked.iter().map(|done| &done.finding);
    let failures = failures.filter(|finding| matches!(finding, Finding::Failure(_)));
    match failures.count() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} checks failed", checked.len())),
    }
}

async fn cluster_client(timeout: Duration) -> Result<kube::Client, String> {
    let mut config = config::infer().await.map_err(|error| no_cluster(&error))?;
    config.connect_timeout = Some(Duration::from_secs(10));
    config.write_timeout = Some(timeout);
    kube::Client::try_from(config).map_err(|error| no_client(&error))
}

fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let result = runtime.block_on(work);
    // A blocking call, such as a DNS lookup, must not keep a process alive that has drained.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// Returns a future that ends at SIGTERM or SIGINT.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
