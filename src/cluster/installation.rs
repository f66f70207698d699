//! The identity of an installation: the key of its fingerprints and its id, created once and kept in a Secret of the
//! operator's namespace.
//!
//! Every fingerprint in a status and at the API is a MAC under this key. With another key none of them could be
//! compared, and every value would have to be sent again, so the key is never replaced.

use super::client::Cluster;
use super::error::{Cause, ClusterError};
use super::verb::Verb;
use crate::plan::fingerprint::MacKey;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use rand::Rng;

const NAME: &str = "metorial-operator-fingerprint-key";
const KEY: &str = "key";
const INSTALLATION: &str = "installation";

/// The identity of this installation of the operator.
pub struct Identity {
    /// The key of fingerprints.
    pub key: MacKey,
    /// Its id, part of the marker of every remote object. A cluster that is restored from a copy of another one has the
    /// same: without the Secret it gets an id of its own, and owns none of the other's objects.
    pub installation: String,
}

impl Cluster {
    /// Reads the identity, or creates it. Of two replicas that create one concurrently, the first wins for both.
    ///
    /// # Errors
    /// A call failed, or the Secret holds no usable identity.
    pub async fn installation(&self, namespace: &str) -> Result<Identity, ClusterError> {
        if let Some(identity) = self.stored_identity(namespace).await? {
            return Ok(identity);
        }
        let mut fresh = [0_u8; 32];
        rand::rng().fill_bytes(&mut fresh);
        let installation = format!("{:032x}", rand::random::<u128>());
        let data = [
            (KEY, fresh.to_vec()),
            (INSTALLATION, installation.into_bytes()),
        ];
        let data = data.map(|(key, bytes)| (key.to_owned(), ByteString(bytes)));
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(NAME.to_owned()),
                ..ObjectMeta::default()
            },
            immutable: Some(true),
            data: Some(data.into()),
            ..Secret::default()
        };
        let api = self.namespaced::<Secret>(namespace);
        match self.create(&api, &secret).await {
            Err(error) if error.cause != Cause::Conflict => return Err(error),
            _ => {}
        }
        // Read back, not taken from here: it may be the other replica's that was stored.
        let missing = ClusterError::new(Verb::Get, "Secret", NAME, Cause::NotFound);
        self.stored_identity(namespace).await?.ok_or(missing)
    }

    async fn stored_identity(&self, namespace: &str) -> Result<Option<Identity>, ClusterError> {
        let api = self.namespaced::<Secret>(namespace);
        let Some(secret) = self.get(&api, NAME).await? else {
            return Ok(None);
        };
        let mut data = secret.data.unwrap_or_default();
        let key = data.remove(KEY).and_then(|bytes| MacKey::new(bytes.0));
        let installation = data.remove(INSTALLATION);
        let installation = installation.and_then(|bytes| String::from_utf8(bytes.0).ok());
        match (key, installation.filter(|id| !id.is_empty())) {
            (Some(key), Some(installation)) => Ok(Some(Identity { key, installation })),
            _ => Err(ClusterError {
                operation: "read the keys key and installation of Secret".to_owned(),
                object: NAME.to_owned(),
                cause: Cause::Undecodable,
            }),
        }
    }
}
