//! The command `check`, which `helm test` runs with the operator's permissions and settings: finds what would keep the
//! operator from working, and changes nothing.

use super::enqueue::built_in;
use super::list_watch::Watched;
use super::registry::served;
use crate::cluster::client::Cluster;
use crate::cluster::error::Cause;
use crate::metrics::Metrics;
use crate::settings::Settings;
use kube::Client;
use metorial::{ApiKey, ErrorKind};
use std::sync::Arc;
use url::Url;

/// A key that no server knows: the refusal shows that the API itself answered.
const UNKNOWN_KEY: &str = "metorial_sk_check";

/// A check, and what it found.
pub struct Checked {
    /// The subject, such as `list Connection in team-a`.
    pub subject: String,
    /// What was found about it.
    pub finding: Finding,
}

/// The result of a check.
pub enum Finding {
    /// Nothing is wrong.
    Fine,
    /// Something that may keep connections from becoming Ready, with the next step. It doesn't fail the check.
    Warning(String),
    /// The cause of a failure, with the next step.
    Failure(String),
}

/// Checks that all kinds are installed and may be listed, and that the API answers at each allowed base URL.
///
/// An API that does not answer is a warning. During an outage of it, an installation is no less complete, and a GitOps tool
/// must not undo it. Nor is it certain that connections fail, too: they may have root certificates and longer base URLs.
pub async fn check(settings: &Settings, client: Client) -> Vec<Checked> {
    let cluster = Cluster::new(
        client,
        Arc::new(Metrics::default()),
        settings.request_timeout,
    )
    .in_namespaces(&settings.namespaces);
    let mut checked = Vec::new();
    for namespace in cluster.scopes() {
        let kinds = served(settings).map(|kind| kind.watched(namespace));
        for kind in kinds.chain(built_in(namespace, settings)) {
            checked.push(check_kind(&cluster, &kind).await);
        }
    }
    for url in &settings.allowed_base_urls {
        checked.push(check_api(settings, url).await);
    }
    checked
}

async fn check_kind(cluster: &Cluster, watched: &Watched) -> Checked {
    let scope = watched
        .scope
        .namespace
        .as_deref()
        .unwrap_or("all namespaces");
    let failure = watched.first(cluster).await.err();
    let finding = match failure.map(|error| error.cause) {
        None => Finding::Fine,
        Some(Cause::NotFound) => {
            Finding::Failure("not found: install its CustomResourceDefinition".to_owned())
        }
        Some(cause) => Finding::Failure(cause.to_string()),
    };
    Checked {
        subject: format!("list {} in {scope}", watched.scope.kind),
        finding,
    }
}

async fn check_api(settings: &Settings, url: &Url) -> Checked {
    Checked {
        subject: format!("reach the Metorial API at {url}"),
        finding: ask(settings, url).await.unwrap_or_else(Finding::Failure),
    }
}

/// Asks for an instance with a key that no server knows. Fails if no request can be made with these settings.
async fn ask(settings: &Settings, url: &Url) -> Result<Finding, String> {
    let key = ApiKey::parse(UNKNOWN_KEY).map_err(|error| error.to_string())?;
    let client = metorial::Client::builder(url.clone(), key)
        .timeout(settings.request_timeout)
        .build();
    let client = client.map_err(|error| error.to_string())?;
    let Err(error) = client.instance().await else {
        return Ok(Finding::Fine);
    };
    let next = match error.kind() {
        ErrorKind::Unauthorized => return Ok(Finding::Fine),
        ErrorKind::Transient => {
            "check DNS, proxy, egress and certificates; a connection may have a caBundle, which is not used here"
        }
        _ => "a connection may have a longer baseUrl, which is not used here",
    };
    Ok(Finding::Warning(format!("{error}; {next}")))
}
