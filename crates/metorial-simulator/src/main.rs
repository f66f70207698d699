//! The simulator as a program: serves until it is interrupted, by default on 127.0.0.1.

use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use metorial_simulator::{InstanceType, Options, Profile, Quirk, Simulator};

/// Stateful simulator of the Metorial API, which keeps its objects in memory
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Address to listen on. The simulator's own pages need no key, so use another than the default for trials only
    #[arg(long, default_value_t = IpAddr::from(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// Port; 0 for a free one
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Side to take where the server and its reference differ
    #[arg(long, value_enum, default_value_t = Side::Server)]
    profile: Side,
    /// Key to register in a development instance; may be repeated. By default a key is generated
    #[arg(long)]
    key: Vec<String>,
    /// Quirk to turn on; may be repeated
    #[arg(long, value_parser = quirk)]
    with: Vec<Quirk>,
    /// Quirk to turn off; may be repeated
    #[arg(long, value_parser = quirk)]
    without: Vec<Quirk>,
    /// Lift the rate limit, 100 requests in 10 minutes
    #[arg(long)]
    no_rate_limit: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Side {
    Server,
    Reference,
}

fn quirk(name: &str) -> Result<Quirk, String> {
    Quirk::named(name).ok_or_else(|| {
        let all: Vec<String> = Quirk::ALL
            .iter()
            .map(|quirk| format!("{quirk:?}"))
            .collect();
        format!("the quirks are {}", all.join(", "))
    })
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let args = Args::parse();
    let (address, port) = (args.listen, args.port);
    match Simulator::try_start(options(&args)).await {
        Ok(simulator) => {
            register_keys(&simulator, &args);
            interrupted().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("listening on port {port} of {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(args: &Args) -> Options {
    let mut options = Options::of(match args.profile {
        Side::Server => Profile::Server,
        Side::Reference => Profile::Reference,
    });
    options.listen = args.listen;
    options.port = args.port;
    for &quirk in &args.with {
        options = options.with(quirk);
    }
    for &quirk in &args.without {
        options = options.without(quirk);
    }
    options
}

/// Registers the keys and prints them with the URLs.
fn register_keys(simulator: &Simulator, args: &Args) {
    let organization = simulator.add_organization("Simulated");
    if args.no_rate_limit {
        simulator.set_rate_limit(&organization, None);
    }
    let instance = simulator.add_instance(&organization, InstanceType::Development);
    let keys = if args.key.is_empty() {
        vec![simulator.add_key(&instance)]
    } else {
        for key in &args.key {
            simulator.register_key(key, &instance);
        }
        args.key.clone()
    };
    println!("url       {}", simulator.url());
    println!("instance  {instance}");
    for key in keys {
        println!("key       {key}");
    }
    println!("state     {}/_simulator/state", simulator.url());
    println!("journal   {}/_simulator/journal", simulator.url());
}

/// Waits for SIGINT or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
