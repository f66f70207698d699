//! The key of the fingerprints: created once for a cluster, kept in a Secret of the operator's namespace.
//!
//! Every fingerprint in a status and at the API is a MAC under this key. With another key none of them could be
//! compared, and every value would have to be sent again, so the key is never replaced.

use super::client::Cluster;
use super::error::{Cause, ClusterError};
use crate::plan::fingerprint::MacKey;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use rand::Rng;

const NAME: &str = "metorial-operator-fingerprint-key";
const KEY: &str = "key";

impl Cluster {
    /// Reads the key, or creates it. Of two replicas that create one at once, the first wins for both.
    ///
    /// # Errors
    /// A call failed, or the Secret holds no usable key.
    pub async fn fingerprint_key(&self, namespace: &str) -> Result<MacKey, ClusterError> {
        if let Some(key) = self.stored_key(namespace).await? {
            return Ok(key);
        }
        let mut fresh = [0_u8; 32];
        rand::rng().fill_bytes(&mut fresh);
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(NAME.to_owned()),
                ..ObjectMeta::default()
            },
            immutable: Some(true),
            data: Some([(KEY.to_owned(), ByteString(fresh.to_vec()))].into()),
            ..Secret::default()
        };
        let api = self.namespaced::<Secret>(namespace);
        let params = PostParams::default();
        let created = self.call("create", "Secret", NAME, api.create(&params, &secret));
        match created.await {
            Ok(_)
            | Err(ClusterError {
                cause: Cause::Conflict,
                ..
            }) => {}
            Err(error) => return Err(error),
        }
        // Read back, not taken from `fresh`: it may be the other replica's key that was stored.
        self.stored_key(namespace).await?.ok_or(ClusterError {
            operation: "get Secret".to_owned(),
            object: NAME.to_owned(),
            cause: Cause::NotFound,
        })
    }

    async fn stored_key(&self, namespace: &str) -> Result<Option<MacKey>, ClusterError> {
        let api = self.namespaced::<Secret>(namespace);
        let Some(secret) = self.get(&api, NAME).await? else {
            return Ok(None);
        };
        let bytes = secret.data.and_then(|mut data| data.remove(KEY));
        let key = bytes.and_then(|bytes| MacKey::new(bytes.0));
        key.map(Some).ok_or(ClusterError {
            operation: "read the fingerprint key in Secret".to_owned(),
            object: NAME.to_owned(),
            cause: Cause::Undecodable,
        })
    }
}
