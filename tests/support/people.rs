//! What people do by hand, at Metorial and in the cluster.

use super::manifests::with;
use super::world::World;
use kube::api::{Patch, PatchParams};
use metorial::{ApiKey, AuthCredentials, Body, Client};
use metorial_operator::resources::ProviderAuthCredentials;
use metorial_simulator::Stored;
use serde_json::{Value, json};

impl World {
    /// Makes credentials over the API as people do, like those of `credentials("github")` but for their values, with
    /// `fields` merged in. The journal then begins anew.
    pub async fn make_by_hand(&self, fields: Value) -> Stored {
        let theirs = json!({
            "provider_id": "github",
            "name": "github",
            "config": {"client_id": "theirs", "client_secret": "theirs", "scopes": ["read:user", "repo"]}
        });
        let client = Client::builder(
            self.sim.url().parse().unwrap(),
            ApiKey::parse(&self.key).unwrap(),
        );
        let body = Body::from(with(theirs, fields));
        let client = client.build().unwrap();
        let made = client.create::<AuthCredentials>(&body).await.unwrap();
        self.sim.clear_journal();
        self.sim.object(&made.value.id).unwrap()
    }

    /// Edits a status, as only somebody with the right to the subresource can.
    pub async fn edit_status(&self, name: &str, status: Value) -> ProviderAuthCredentials {
        let patch = Patch::Merge(json!({"status": status}));
        self.api::<ProviderAuthCredentials>()
            .patch_status(name, &PatchParams::default(), &patch)
            .await
            .unwrap()
    }

    /// Edits the spec of credentials.
    pub async fn edit_spec(&self, name: &str, spec: Value) -> ProviderAuthCredentials {
        self.patch::<ProviderAuthCredentials>(name, json!({"spec": spec}))
            .await
    }
}
