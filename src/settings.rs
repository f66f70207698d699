//! Flags and environment, checked into settings.

use crate::cluster::lease::LeaseTiming;
use crate::reconcile::PassHook;
use clap::{Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::time::Duration;
use url::Url;

/// Keeps Metorial's provider auth resources as they are declared in a Kubernetes cluster.
#[derive(Parser, Debug)]
#[command(name = "metorial-operator", version, about)]
pub struct Args {
    /// What to do; `run` where nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the operator (default).
    Run(RunArgs),
    /// Print the custom resource definitions as YAML.
    Crds,
}

/// The flags of `run`. Each has an environment variable.
#[derive(clap::Args, Debug, Clone)]
pub struct RunArgs {
    /// Namespaces served, comma separated. Default: all. With it only Roles are needed there, and ClusterConnections
    /// are not served.
    #[arg(
        long,
        env = "METORIAL_OPERATOR_WATCH_NAMESPACES",
        value_delimiter = ','
    )]
    pub watch_namespaces: Vec<String>,
    /// Namespace of the lease, the fingerprint key and the ledger of orphans. Default: the pod's, else metorial-system.
    #[arg(long, env = "METORIAL_OPERATOR_OPERATOR_NAMESPACE")]
    pub operator_namespace: Option<String>,
    /// Prefixes that a connection's baseUrl may have, comma separated; plain http only if listed so.
    #[arg(
        long,
        env = "METORIAL_OPERATOR_ALLOWED_BASE_URLS",
        value_delimiter = ',',
        default_value = "https://api.metorial.com"
    )]
    pub allowed_base_urls: Vec<Url>,
    /// Address of /metrics, /livez and /readyz.
    #[arg(long, env = "METORIAL_OPERATOR_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// Whether replicas elect a leader by the Lease metorial-operator.
    #[arg(long, env = "METORIAL_OPERATOR_LEADER_ELECT", default_value_t = true, action = clap::ArgAction::Set)]
    pub leader_elect: bool,
    /// Passes at once.
    #[arg(long, env = "METORIAL_OPERATOR_CONCURRENCY", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,
    /// `false`: no list and watch right on Secrets is needed; changes are found at the next interval.
    #[arg(long, env = "METORIAL_OPERATOR_SECRET_WATCH", default_value_t = true, action = clap::ArgAction::Set)]
    pub secret_watch: bool,
    /// Longest API call, such as 30s.
    #[arg(long, env = "METORIAL_OPERATOR_REQUEST_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub request_timeout: Duration,
    /// Longest pass, such as 2m.
    #[arg(long, env = "METORIAL_OPERATOR_PASS_TIMEOUT", default_value = "2m", value_parser = duration)]
    pub pass_timeout: Duration,
    /// Form of the log.
    #[arg(long, env = "METORIAL_OPERATOR_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
    /// Filter of the log, in the syntax of tracing's EnvFilter.
    #[arg(long, env = "METORIAL_OPERATOR_LOG", default_value = "info")]
    pub log: String,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Deadlines and pauses that are not flags.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Leadership.
    pub lease: LeaseTiming,
    /// How long reads may lag behind writes: nothing is concluded from an absence that is younger.
    pub settle: Duration,
    /// The first pause after a failure, and the longest.
    pub back_off: (Duration, Duration),
    /// The interval of a connection's own check.
    pub connection_check: Duration,
    /// How long a stopping process waits for its passes.
    pub drain: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: LeaseTiming::default(),
            settle: Duration::from_secs(45),
            back_off: crate::plan::pace::TRANSIENT,
            connection_check: Duration::from_secs(600),
            drain: Duration::from_secs(30),
        }
    }
}

/// Checked settings.
#[derive(Clone)]
pub struct Settings {
    /// Namespaces served; empty: all.
    pub namespaces: Vec<String>,
    /// Namespace of the operator's own objects.
    pub operator_namespace: String,
    /// Prefixes of base URLs.
    pub allowed_base_urls: Vec<Url>,
    /// Address of the admin server.
    pub listen: SocketAddr,
    /// Whether there may be other replicas.
    pub leader_elect: bool,
    /// Passes at once.
    pub concurrency: usize,
    /// Whether Secrets are watched.
    pub secret_watch: bool,
    /// Longest API call.
    pub request_timeout: Duration,
    /// Longest pass.
    pub pass_timeout: Duration,
    /// Deadlines and pauses.
    pub timing: Timing,
    /// For tests.
    pub hook: Option<PassHook>,
}

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSetting {
    /// A base URL that is none.
    #[error("--allowed-base-urls: {0} is not an http or https URL without user info")]
    BaseUrl(String),
    /// A namespace without a name.
    #[error("--watch-namespaces: an empty name; leave the flag out to serve all namespaces")]
    EmptyNamespace,
    /// A pass must have time for a request.
    #[error("--pass-timeout must be longer than --request-timeout")]
    PassTimeout,
}

impl RunArgs {
    /// Checks the flags.
    ///
    /// # Errors
    /// The first one that can't be used.
    pub fn settings(&self) -> Result<Settings, InvalidSetting> {
        let web = |url: &&Url| {
            let scheme = matches!(url.scheme(), "http" | "https");
            !(scheme && url.has_host() && url.username().is_empty() && url.password().is_none())
        };
        if let Some(url) = self.allowed_base_urls.iter().find(web) {
            // Without user info, which may be a password.
            let host = url.host_str().unwrap_or_default();
            let shown = format!("{}://{host}", url.scheme());
            return Err(InvalidSetting::BaseUrl(shown));
        }
        // An environment variable that is set but empty says nothing.
        let said = self.watch_namespaces != [""];
        let names = self.watch_namespaces.iter().filter(|_| said);
        let namespaces: Vec<String> = names.map(|name| name.trim().to_owned()).collect();
        if namespaces.iter().any(String::is_empty) {
            return Err(InvalidSetting::EmptyNamespace);
        }
        if self.pass_timeout <= self.request_timeout {
            return Err(InvalidSetting::PassTimeout);
        }
        Ok(Settings {
            namespaces,
            operator_namespace: self
                .operator_namespace
                .clone()
                .unwrap_or_else(own_namespace),
            allowed_base_urls: self.allowed_base_urls.clone(),
            listen: self.listen,
            leader_elect: self.leader_elect,
            concurrency: usize::from(self.concurrency),
            secret_watch: self.secret_watch,
            request_timeout: self.request_timeout,
            pass_timeout: self.pass_timeout,
            timing: Timing::default(),
            hook: None,
        })
    }
}

fn own_namespace() -> String {
    let pods = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
    match std::fs::read_to_string(pods) {
        Ok(name) => name.trim().to_owned(),
        Err(_) => "metorial-system".to_owned(),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    let positive = parsed.and_then(|parsed| Duration::try_from(parsed).ok());
    positive
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "not a duration such as 30s or 2m".to_owned())
}
