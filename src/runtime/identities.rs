//! The identities that a leader needs before it starts.

use crate::cluster::client::Cluster;
use crate::cluster::installation::Identity;
use crate::health::Health;
use std::time::Duration;

/// Reads the identities of the cluster and of the installation, whose Secret is in `namespace`, until both are there. Meanwhile
/// the process is not ready: it leads, and does nothing.
pub async fn identities(
    cluster: &Cluster,
    namespace: &str,
    pause: Duration,
    health: &Health,
) -> (String, Identity) {
    loop {
        match futures::try_join!(cluster.identity(), cluster.installation(namespace)) {
            Ok(found) => {
                health.set_obstacle(None);
                return found;
            }
            Err(error) => {
                tracing::error!(%error, "leadership can't start; retrying");
                health.set_obstacle(Some(error.to_string()));
            }
        }
        tokio::time::sleep(pause).await;
    }
}
