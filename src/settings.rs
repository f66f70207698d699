//! Command line, environment variables, and the settings that follow from them.

use crate::cluster::lease::LeaseTiming;
use crate::cluster::shard::Shard;
use crate::plan::backoff::Delays;
use crate::resources::ResourceKey;
use clap::{Parser, Subcommand, ValueEnum};
use futures::future::BoxFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Keeps Metorial's provider auth resources as they are declared in a Kubernetes cluster.
#[derive(Parser, Debug)]
#[command(
    name = "metorial-operator",
    version,
    about,
    args_conflicts_with_subcommands = true
)]
pub struct Args {
    /// The command. Default `run`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of `run`, which may also be given without a command.
    #[command(flatten)]
    pub run: RunArgs,
}

/// A command.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the operator (default).
    Run(Box<RunArgs>),
    /// Check with the flags of `run` that the kinds are installed, that the operator may list what it watches, and that the
    /// Metorial API answers. Changes nothing, and fails if one of the checks does; an API that does not answer is only a warning.
    Check(Box<RunArgs>),
    /// Print the custom resource definitions as YAML.
    Crds,
}

/// The flags of `run`. Each has an environment variable.
#[derive(clap::Args, Debug, Clone)]
pub struct RunArgs {
    /// Namespaces to serve, comma-separated. Default: all. If set, the operator needs only Roles in these namespaces, and
    /// ClusterConnections are not served.
    #[arg(
        long,
        env = "METORIAL_OPERATOR_WATCH_NAMESPACES",
        value_delimiter = ','
    )]
    pub watch_namespaces: Vec<String>,
    /// Label selector of the resources to serve, such as metorial.com/shard=one or !metorial.com/shard. Default: all. The
    /// selectors of all processes together must select each resource once.
    #[arg(long, env = "METORIAL_OPERATOR_WATCH_LABEL_SELECTOR")]
    pub watch_label_selector: Option<String>,
    /// Name of this shard: its replicas elect a leader through the Lease metorial-operator-NAME, and its metrics have the
    /// label shard. Needs --watch-label-selector. Default: none, and the Lease metorial-operator.
    #[arg(long, env = "METORIAL_OPERATOR_SHARD_NAME", value_parser = shard_name)]
    pub shard_name: Option<String>,
    /// Namespace of the lease, the fingerprint key and the orphan record. Default: the pod's, else metorial-system.
    #[arg(long, env = "METORIAL_OPERATOR_OPERATOR_NAMESPACE")]
    pub operator_namespace: Option<String>,
    /// Id of this installation in the markers of remote objects. Default: a random one, kept beside the fingerprint key. Set
    /// it to own the objects of a lost installation again, or to keep a cloned cluster from owning the original's.
    #[arg(long, env = "METORIAL_OPERATOR_INSTALLATION_ID", value_parser = installation_id)]
    pub installation_id: Option<String>,
    /// Prefixes that a connection's baseUrl may have, comma-separated. Plain http is allowed only if it is listed.
    #[arg(
        long,
        env = "METORIAL_OPERATOR_ALLOWED_BASE_URLS",
        value_delimiter = ',',
        default_value = "https://api.metorial.com"
    )]
    pub allowed_base_urls: Vec<Url>,
    /// Organizations whose keys may be used, by id, comma-separated. Default: any. With a key of any other, nothing is sent
    /// but the request that asks whose key it is.
    #[arg(
        long,
        env = "METORIAL_OPERATOR_ALLOWED_ORGANIZATIONS",
        value_delimiter = ','
    )]
    pub allowed_organizations: Vec<String>,
    /// Instances whose keys may be used, by id, comma-separated. Default: any.
    #[arg(
        long,
        env = "METORIAL_OPERATOR_ALLOWED_INSTANCES",
        value_delimiter = ','
    )]
    pub allowed_instances: Vec<String>,
    /// Address of /metrics, /livez and /readyz.
    #[arg(long, env = "METORIAL_OPERATOR_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// If true, the replicas elect a leader through a Lease.
    #[arg(long, env = "METORIAL_OPERATOR_LEADER_ELECT", default_value_t = true, action = clap::ArgAction::Set)]
    pub leader_elect: bool,
    /// Number of concurrent reconciliations.
    #[arg(long, env = "METORIAL_OPERATOR_CONCURRENCY", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,
    /// If false, Secrets are neither listed nor watched; changes are found at the next interval.
    #[arg(long, env = "METORIAL_OPERATOR_SECRET_WATCH", default_value_t = true, action = clap::ArgAction::Set)]
    pub secret_watch: bool,
    /// If false, AuthExports are disabled: each one reports this, and the only Secret the operator writes is the fingerprint
    /// key.
    #[arg(long, env = "METORIAL_OPERATOR_SERVE_AUTH_EXPORTS", default_value_t = true, action = clap::ArgAction::Set)]
    pub serve_auth_exports: bool,
    /// Timeout of one request to the Kubernetes or Metorial API, such as 30s.
    #[arg(long, env = "METORIAL_OPERATOR_REQUEST_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub request_timeout: Duration,
    /// Timeout of one reconciliation, such as 2m. Must be longer than the request timeout.
    #[arg(long, env = "METORIAL_OPERATOR_RECONCILE_TIMEOUT", default_value = "2m", value_parser = duration)]
    pub reconcile_timeout: Duration,
    /// Format of the log.
    #[arg(long, env = "METORIAL_OPERATOR_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
    /// Log filter, in the syntax of tracing's EnvFilter.
    #[arg(long, env = "METORIAL_OPERATOR_LOG", default_value = "info")]
    pub log: String,
}

/// Format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Plain text for people.
    Text,
}

/// Durations that are not flags. Tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Durations of leader election.
    pub lease: LeaseTiming,
    /// Time by which reads of the Metorial API may lag behind writes. An object that is missing from a read within this time
    /// after a write may exist.
    pub settle: Duration,
    /// The same after a write that the API answered: nothing but a lag of reads hides the object then.
    pub read_lag: Duration,
    /// The shortest time between two attempts on one resource between which nothing changed that matters.
    pub rest: Duration,
    /// The first and the longest pause after a transient failure; it doubles in between.
    pub backoff: (Duration, Duration),
    /// The interval at which a connection is verified.
    pub connection_check: Duration,
    /// Time for which an approval to create lost objects again stays after it was last needed.
    pub approval: Duration,
    /// Time for which a process that stops waits for the running reconciliations.
    pub drain: Duration,
}

/// The time by which reads may lag behind a write that the API applied only when its response was given up.
const LAG: Duration = Duration::from_secs(15);

impl Timing {
    /// Returns the durations for requests with this timeout: the longer one may be in flight, the later it may be applied.
    #[must_use]
    pub fn for_requests(timeout: Duration) -> Self {
        let timing = Self::default();
        Self {
            settle: timing.settle.max(timeout + LAG),
            ..timing
        }
    }

    /// Returns the delays of something that is reconciled at this interval.
    #[must_use]
    pub fn delays(&self, interval: Duration, jitter: f64) -> Delays {
        Delays {
            transient: self.backoff,
            interval,
            rest: self.rest,
            jitter,
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: LeaseTiming::default(),
            settle: Duration::from_secs(45),
            read_lag: Duration::from_secs(10),
            rest: Duration::from_secs(10),
            backoff: (Duration::from_secs(1), Duration::from_secs(300)),
            connection_check: Duration::from_secs(600),
            approval: Duration::from_secs(600),
            drain: Duration::from_secs(30),
        }
    }
}

/// A function that is called at the start of each reconciliation, for tests that make one panic or hang.
pub type ReconcileHook = Arc<dyn Fn(&ResourceKey) -> BoxFuture<'static, ()> + Send + Sync>;

/// The accounts at Metorial that this cluster may send anything to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedAccounts {
    /// Ids of organizations. If empty: any.
    pub organizations: Vec<String>,
    /// Ids of instances. If empty: any.
    pub instances: Vec<String>,
}

/// Checked settings.
#[derive(Clone)]
pub struct Settings {
    /// Namespaces to serve. If empty: all.
    pub namespaces: Vec<String>,
    /// The part of the resources to serve.
    pub shard: Shard,
    /// Namespace of the operator's own objects.
    pub operator_namespace: String,
    /// Id of this installation, where it is not the one that is kept with the fingerprint key.
    pub installation_id: Option<String>,
    /// Prefixes that a connection's base URL may have.
    pub allowed_base_urls: Vec<Url>,
    /// Accounts that a connection's key may belong to.
    pub allowed_accounts: AllowedAccounts,
    /// Address of the HTTP server for metrics and health.
    pub listen: SocketAddr,
    /// True if the replicas elect a leader.
    pub leader_elect: bool,
    /// Number of concurrent reconciliations.
    pub concurrency: usize,
    /// True if Secrets are watched.
    pub secret_watch: bool,
    /// True if AuthExports are served; otherwise they only report that they are disabled.
    pub serve_auth_exports: bool,
    /// Timeout of one request to the Kubernetes or Metorial API.
    pub request_timeout: Duration,
    /// Timeout of one reconciliation.
    pub reconcile_timeout: Duration,
    /// Durations that are not flags.
    pub timing: Timing,
    /// Called at the start of each reconciliation, in tests only.
    pub hook: Option<ReconcileHook>,
}

/// A flag whose value is invalid.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSetting {
    /// A base URL that is not an http or https URL, or that contains user info.
    #[error("--allowed-base-urls: {0} must be an http or https URL without user info")]
    BaseUrl(String),
    /// An empty name of a namespace.
    #[error("--watch-namespaces: a name is empty; omit the flag to serve all namespaces")]
    EmptyNamespace,
    /// An id of an organization or instance that is empty or no id.
    #[error("{0}: {1:?} is not an id; omit the flag to allow all")]
    Id(&'static str, String),
    /// A shard that would serve what others serve, too.
    #[error("--shard-name needs --watch-label-selector: a shard serves a part of the resources")]
    ShardOfAll,
    /// A reconciliation that ends before a single request may take.
    #[error("--reconcile-timeout must be longer than --request-timeout")]
    ReconcileTimeout,
}

impl RunArgs {
    /// Returns the settings.
    ///
    /// # Errors
    /// The first flag whose value is invalid.
    pub fn settings(&self) -> Result<Settings, InvalidSetting> {
        self.check_base_urls()?;
        let namespaces = self.namespaces()?;
        let shard = self.shard()?;
        if self.reconcile_timeout <= self.request_timeout {
            return Err(InvalidSetting::ReconcileTimeout);
        }
        Ok(Settings {
            namespaces,
            shard,
            operator_namespace: self
                .operator_namespace
                .clone()
                .unwrap_or_else(own_namespace),
            installation_id: self.installation_id.clone(),
            allowed_base_urls: self.allowed_base_urls.clone(),
            allowed_accounts: AllowedAccounts {
                organizations: ids("--allowed-organizations", &self.allowed_organizations)?,
                instances: ids("--allowed-instances", &self.allowed_instances)?,
            },
            listen: self.listen,
            leader_elect: self.leader_elect,
            concurrency: usize::from(self.concurrency),
            secret_watch: self.secret_watch,
            serve_auth_exports: self.serve_auth_exports,
            request_timeout: self.request_timeout,
            reconcile_timeout: self.reconcile_timeout,
            timing: Timing::for_requests(self.request_timeout),
            hook: None,
        })
    }

    fn check_base_urls(&self) -> Result<(), InvalidSetting> {
        let valid = |url: &Url| {
            let http = matches!(url.scheme(), "http" | "https");
            http && url.has_host() && url.username().is_empty() && url.password().is_none()
        };
        match self.allowed_base_urls.iter().find(|url| !valid(url)) {
            None => Ok(()),
            Some(url) => {
                // The user info may be a password, so the message shows only scheme and host.
                let host = url.host_str().unwrap_or_default();
                let shown = format!("{}://{host}", url.scheme());
                Err(InvalidSetting::BaseUrl(shown))
            }
        }
    }

    fn shard(&self) -> Result<Shard, InvalidSetting> {
        // An environment variable that is set but empty counts as not set.
        let set = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let shard = Shard {
            name: set(&self.shard_name),
            selector: set(&self.watch_label_selector),
        };
        if shard.name.is_some() && !shard.is_part() {
            Err(InvalidSetting::ShardOfAll)
        } else {
            Ok(shard)
        }
    }

    fn namespaces(&self) -> Result<Vec<String>, InvalidSetting> {
        let names: Vec<String> = items(&self.watch_namespaces).collect();
        if names.iter().any(String::is_empty) {
            return Err(InvalidSetting::EmptyNamespace);
        }
        Ok(names)
    }
}

/// Returns the items that a flag lists. An environment variable that is set but empty arrives as one empty item: it counts as not
/// set.
fn items(listed: &[String]) -> impl Iterator<Item = String> {
    let listed = if listed == [""] { &[] } else { listed };
    listed.iter().map(|item| item.trim().to_owned())
}

/// Returns the ids that a flag lists.
fn ids(flag: &'static str, listed: &[String]) -> Result<Vec<String>, InvalidSetting> {
    items(listed)
        .map(|id| {
            if metorial::is_id(&id) {
                Ok(id)
            } else {
                // An id that is misspelled would silently allow nothing; an empty one may be meant as "all".
                Err(InvalidSetting::Id(flag, id))
            }
        })
        .collect()
}

/// Returns the namespace of the pod that the process runs in, or the default where it isn't a pod.
fn own_namespace() -> String {
    let path = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
    match std::fs::read_to_string(path) {
        Ok(name) => name.trim().to_owned(),
        Err(_) => "metorial-system".to_owned(),
    }
}

/// Parses the id of an installation.
fn installation_id(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 64 letters, digits and hyphens".to_owned())
    }
}

/// Parses the name of a shard, which is a part of the name of its Lease. None at all is no error.
fn shard_name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let inside = !text.starts_with('-') && !text.ends_with('-');
    if text.len() <= 40 && inside && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 40 lowercase letters, digits and hyphens".to_owned())
    }
}

/// Parses a positive duration such as `30s` or `1h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    let positive = parsed.and_then(|parsed| Duration::try_from(parsed).ok());
    positive
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "must be a duration such as 30s or 2m".to_owned())
}

#[cfg(test)]
mod tests;
