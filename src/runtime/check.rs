//! The command `check`, which `helm test` runs with the operator's permissions and settings: finds what would keep the
//! operator from working, and changes nothing.

use super::list_watch::Watched;
use super::registry::served;
use crate::cluster::client::Cluster;
use crate::cluster::error::Cause;
use crate::metrics::Metrics;
use crate::settings::Settings;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Client;
use metorial::{ApiKey, ErrorKind};
use std::sync::Arc;
use url::Url;

/// A key that no server knows: the refusal shows that the API itself answered.
const UNKNOWN_KEY: &str = "metorial_sk_check";

/// A check, and the cause if it failed.
pub struct Checked {
    /// The subject, such as `list Connection in team-a`.
    pub subject: String,
    /// The cause of a failure and the next step, `None` if there is no failure.
    pub failure: Option<String>,
}

/// Checks that all kinds are installed and may be listed, and that the API answers at each allowed base URL.
pub async fn check(settings: &Settings, client: Client) -> Vec<Checked> {
    let cluster = Cluster::new(
        client,
        Arc::new(Metrics::default()),
        settings.request_timeout,
    )
    .in_namespaces(&settings.namespaces);
    let mut checked = Vec::new();
    for namespace in cluster.scopes() {
        let kinds = served(settings).into_iter();
        let mut watched: Vec<Watched> = kinds.map(|kind| kind.watched(namespace)).collect();
        watched.push(Watched::new::<ConfigMap>("ConfigMap", namespace));
        if settings.secret_watch {
            watched.push(Watched::new::<Secret>("Secret", namespace));
        }
        for kind in &watched {
            checked.push(check_kind(&cluster, kind).await);
        }
    }
    for url in &settings.allowed_base_urls {
        checked.push(check_api(settings, url).await);
    }
    checked
}

async fn check_kind(cluster: &Cluster, watched: &Watched) -> Checked {
    let scope = watched.namespace.as_deref().unwrap_or("all namespaces");
    let failure = watched.first(cluster).await.err();
    Checked {
        subject: format!("list {} in {scope}", watched.kind),
        failure: failure.map(|error| match error.cause {
            Cause::NotFound => "not found: install its CustomResourceDefinition".to_owned(),
            cause => cause.to_string(),
        }),
    }
}

async fn check_api(settings: &Settings, url: &Url) -> Checked {
    Checked {
        subject: format!("reach the Metorial API at {url}"),
        failure: ask(settings, url).await.err(),
    }
}

/// Asks for an instance with a key that no server knows.
async fn ask(settings: &Settings, url: &Url) -> Result<(), String> {
    let key = ApiKey::parse(UNKNOWN_KEY).map_err(|error| error.to_string())?;
    let client = metorial::Client::builder(url.clone(), key)
        .timeout(settings.request_timeout)
        .build();
    let client = client.map_err(|error| error.to_string())?;
    match client.instance().await {
        Err(error) if error.kind() != ErrorKind::Unauthorized => {
            Err(format!("{error}; check DNS, proxy and egress"))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}
