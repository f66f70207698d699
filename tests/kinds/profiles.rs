//! The central story of each kind on servers that behave as the API's reference says.

use super::cast::{
    Auth, Cast, Config, ConfigOnVault, Export, ImportInto, ImportNew, VALUES, Vault, VaultInUse,
    vault,
};
use super::support::{World, each, with};
use metorial::{AuthConfig, Body};
use metorial_operator::resources::ProviderConfigVault;
use metorial_simulator::Profile;
use serde_json::{Value, json};

const CASTS: [Cast; 7] = [
    Auth,
    Config,
    ConfigOnVault,
    Vault,
    ImportInto,
    ImportNew,
    Export,
];

impl World {
    fn provider(&self, slug: &str) -> String {
        self.sim.catalog().provider(slug).unwrap().id.clone()
    }

    /// The cast as such servers want it: providers by their ids, and for exports the deployment that they are below.
    /// Answers somebody's auth config too, for those that use one.
    async fn by_reference(&self, cast: Cast) -> (Value, String) {
        let linear = self.provider("linear");
        let deployment = self.sim.add_deployment(&self.instance, &linear, "theirs");
        let mut theirs = String::new();
        if matches!(cast, ImportInto | Export) {
            let body = json!({"provider_auth_method_id": "linear-token", "provider_deployment_id": deployment, "name": "theirs", "value": {"token": VALUES[0]}});
            let made = self.person().create::<AuthConfig>(&Body::from(body)).await;
            theirs = made.unwrap().value.id;
        }
        let spec = match cast {
            Config | ConfigOnVault | Vault | VaultInUse => {
                json!({"providerId": self.provider("postgres")})
            }
            ImportNew => json!({"providerId": linear}),
            Export => json!({"deploymentId": deployment}),
            Auth | ImportInto => json!({}),
        };
        let manifest = with(cast.manifest(&theirs), json!({"spec": spec}));
        (manifest, theirs)
    }

    async fn change(&self, cast: Cast, theirs: &str) {
        match cast {
            Export => self.import_by_hand(theirs, VALUES[1]).await,
            ConfigOnVault => {
                let other = json!({"spec": {"vaultRef": {"name": "two"}}});
                self.patch_cast(cast, other).await;
            }
            _ => self.value("token", VALUES[1]).await,
        }
        self.look(cast).await;
    }

    async fn has_vault(&self, name: &str) {
        let provider = json!({"spec": {"providerId": self.provider("postgres")}});
        self.apply(with(vault(name, "token"), provider)).await;
        self.ready::<ProviderConfigVault>(name).await;
    }
}

#[tokio::test]
async fn each_kind_is_made_changed_and_deleted() {
    each(CASTS, async |cast| {
        let mut world = World::of(Profile::Reference).await;
        world.start_operator();
        world.value("token", VALUES[0]).await;
        if cast == ConfigOnVault {
            world.has_vault("one").await;
            world.has_vault("two").await;
        }
        let (manifest, theirs) = world.by_reference(cast).await;
        world.apply(manifest).await;
        world.arrive(cast, VALUES[0]).await;
        world.change(cast, &theirs).await;
        world.arrive(cast, VALUES[1]).await;
        world.look(cast).await;
        world.check_cast_quiet(cast).await;
        world.delete_cast(cast).await;
        world
            .wait_until("the cast is gone", async |world| {
                world.cast(cast).await.is_none()
            })
            .await;
        let stay = usize::from(matches!(cast, ImportInto | Export));
        assert_eq!(world.living(cast.collection()).len(), stay, "{cast:?}");
    })
    .await;
}
