//! The operator is killed in every call of every story of every kind, before the call took effect and after, and
//! started again: one object, one import, one export for each change, and never two of them living on.

use super::cast::{
    Auth, Cast, Config, ConfigOnVault, EXPORTS, Export, ImportInto, ImportNew, VALUES, Vault,
    VaultInUse, user, vault,
};
use super::support::{Calls, Death, PATIENCE, World, each};
use metorial_operator::resources::ProviderConfigVault;
use metorial_simulator::{Action, Collection, Fault, Gate};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A piece of a resource's life that one life of the operator can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    Create,
    /// Another name.
    Update,
    /// Another value or vault: a replacement, an import or an export.
    Change,
    Delete,
    /// A change, after whose death the resource is deleted.
    ChangeThenDelete,
}

use Story::{Change, ChangeThenDelete, Create, Delete, Update};

impl Story {
    async fn begin(self, cast: Cast) -> World {
        let mut world = World::new().await;
        world.value("token", VALUES[0]).await;
        let mut theirs = String::new();
        if let ImportInto | Export = cast {
            theirs = world.theirs().await;
        }
        let on_vault = cast == ConfigOnVault;
        if on_vault {
            world.value("other", VALUES[1]).await;
            world.apply(vault("one", "token")).await;
            world.apply(vault("two", "other")).await;
        }
        if self != Create {
            world.apply(cast.manifest(&theirs)).await;
        }
        if cast == VaultInUse {
            world.apply(user()).await;
        }
        if self != Create || on_vault {
            world.start_operator();
            if on_vault {
                world.ready::<ProviderConfigVault>("one").await;
                world.ready::<ProviderConfigVault>("two").await;
            }
            if self != Create {
                let made = "the cast is made";
                world
                    .wait_until(made, async |w| w.cast_in_step(cast, VALUES[0]).await)
                    .await;
            }
            world.stop_operator().await;
        }
        match self {
            Create => drop(world.apply(cast.manifest(&theirs)).await),
            Update => {
                let renamed = json!({"spec": {"name": "renamed"}});
                world.patch_cast(cast, renamed).await;
            }
            Change | ChangeThenDelete => change(&world, cast, &theirs).await,
            Delete => world.delete_cast(cast).await,
        }
        world.sim.clear_journal();
        world
    }

    async fn done(self, cast: Cast, world: &World) -> bool {
        match self {
            Create => {
                world.connection_is_ready().await && world.cast_in_step(cast, VALUES[0]).await
            }
            Update => {
                let live = world.living(cast.collection());
                live[0].readable["name"] == "renamed" && world.cast_in_step(cast, VALUES[0]).await
            }
            Change | ChangeThenDelete if cast == ConfigOnVault => {
                world.cast_in_step(cast, "").await
            }
            Change | ChangeThenDelete => world.cast_in_step(cast, VALUES[1]).await,
            Delete => world.cast(cast).await.is_none(),
        }
    }

    /// The end is that of a story without a death, and nothing was done twice.
    async fn judge(self, cast: Cast, world: &World, lost: usize) {
        let ever = world.ever(cast.collection()).len();
        let live = world.living(cast.collection()).len();
        let (replaces, imports, exports) = (
            matches!(cast, Config | ConfigOnVault | Vault | VaultInUse) && self == Change,
            matches!(cast, ImportInto | ImportNew),
            cast == Export,
        );
        let told = || format!("{:#?}", world.attempts());
        assert_eq!(ever, if replaces { 2 } else { 1 }, "{}", told());
        let owned = !matches!(cast, ImportInto | Export);
        assert_eq!(live, usize::from(self != Delete || !owned), "{}", told());
        let changes = usize::from(self == Change);
        let expected = match cast {
            Auth => changes,
            _ if imports => 1 + changes,
            _ => world.imports().len(),
        };
        assert_eq!(world.imports().len(), expected, "{}", told());
        if exports && self != Delete {
            let made = world.ever(Collection::AuthExports).len();
            assert_eq!(made, 1 + changes + lost, "{}", told());
        }
        let with = |method: &str| {
            let writes = world.writes();
            let sent = writes.iter().filter(|write| write.starts_with(method));
            sent.count()
        };
        assert_eq!(with("PATCH"), usize::from(self == Update), "{}", told());
        // Never without one: the next is there before the former goes.
        let first = world.writes().into_iter().next().unwrap_or_default();
        assert!(!replaces || first.starts_with("POST"), "{}", told());
        let gone = usize::from(replaces || (self == Delete && owned));
        let of_user = usize::from(cast == VaultInUse);
        assert_eq!(with("DELETE"), gone + of_user, "{}", told());
        if cast == VaultInUse {
            assert_eq!(world.ever(Collection::Configs).len(), 2, "{}", told());
        }
        world.check_cast_quiet(cast).await;
        world.check_no_leak(&VALUES).await;
    }

    /// The life after a death. Answers how many exports were lost by it: a value that was brought out and is not in
    /// the Secret when the next export is asked for.
    async fn live_on(self, cast: Cast, world: &mut World) -> usize {
        let done = async |world: &World| self.done(cast, world).await;
        let end = "the end of the story";
        let again = Gate::new();
        if cast == Export {
            world.wait_for_the_dead().await;
            let exports = Fault::on("POST", EXPORTS).times(1);
            let hold = Action::HoldBefore(again.clone());
            world.sim.faults().add(exports, hold);
        }
        world.start_operator();
        let asked = tokio::select! {
            asked = again.wait_for_arrivals(1, PATIENCE) => asked,
            () = world.wait_until(end, done) => false,
        };
        let lost = asked && self.in_the_gap(world).await;
        again.open();
        world.wait_until(end, done).await;
        usize::from(lost)
    }

    /// Whether a value was brought out and did not reach the Secret: only then may there be another export.
    async fn in_the_gap(self, world: &World) -> bool {
        let (made, value) = match self {
            Create => (1, VALUES[0]),
            Change => (2, VALUES[1]),
            _ => return false,
        };
        let exports = world.ever(Collection::AuthExports).len();
        exports == made && world.exported().await.as_deref() != Some(value)
    }

    /// The story with a death in it. Answers whether the operator died so.
    async fn with(self, cast: Cast, death: Death) -> bool {
        let mut world = self.begin(cast).await;
        let done = async |world: &World| self.done(cast, world).await;
        let died = world.die(death, done).await;
        if self == ChangeThenDelete {
            world.delete_cast(cast).await;
            world.start_operator();
            world
                .wait_until("the cast is gone", async |world| {
                    world.cast(cast).await.is_none()
                })
                .await;
            let live = world.living(cast.collection());
            assert!(live.is_empty(), "left behind: {:#?}", world.attempts());
            return died;
        }
        let lost = self.live_on(cast, &mut world).await;
        self.judge(cast, &world, lost).await;
        died
    }

    /// The story with a death in every one of its calls, on either side.
    async fn with_each(self, cast: Cast) {
        let mut world = self.begin(cast).await;
        let calls: Calls = world
            .calls_until(async |world| self.done(cast, world).await)
            .await;
        assert!(calls.api > 0 && calls.kube > 0, "{calls:?}");
        if self != ChangeThenDelete {
            self.judge(cast, &world, 0).await;
        }
        let deaths = [calls.kube_deaths(), calls.api_deaths()].concat();
        let (all, met) = (deaths.len(), AtomicUsize::new(0));
        each(deaths, async |death| {
            let died = self.with(cast, death).await;
            met.fetch_add(usize::from(died), Ordering::SeqCst);
        })
        .await;
        // What is looked at beside the story may come after its end.
        let met = met.into_inner();
        assert!(met * 3 >= all * 2, "{met} of {all} deaths were met");
    }
}

async fn change(world: &World, cast: Cast, theirs: &str) {
    match cast {
        ConfigOnVault => {
            let other = json!({"spec": {"vaultRef": {"name": "two"}}});
            world.patch_cast(cast, other).await;
        }
        Export => world.import_by_hand(theirs, VALUES[1]).await,
        _ => world.value("token", VALUES[1]).await,
    }
}

macro_rules! stories {
    ($($name:ident: $story:ident of $cast:ident;)*) => {$(
        #[tokio::test]
        async fn $name() {
            $story.with_each($cast).await;
        }
    )*};
}

stories! {
    killed_at_any_call_an_auth_config_is_made_once: Create of Auth;
    killed_at_any_call_an_auth_config_is_renamed_once: Update of Auth;
    killed_at_any_call_a_value_goes_into_an_auth_config_by_one_import: Change of Auth;
    killed_at_any_call_an_auth_config_is_deleted_once: Delete of Auth;
    killed_at_any_call_a_config_is_made_once: Create of Config;
    killed_at_any_call_a_config_is_renamed_once: Update of Config;
    killed_at_any_call_a_config_is_replaced_once: Change of Config;
    killed_at_any_call_a_config_is_deleted_once: Delete of Config;
    killed_while_it_replaces_a_config_and_then_deleted_nothing_is_left: ChangeThenDelete of Config;
    killed_while_it_replaces_a_vault_and_then_deleted_nothing_is_left: ChangeThenDelete of Vault;
    killed_while_a_config_moves_to_another_vault_and_then_deleted_nothing_is_left: ChangeThenDelete of ConfigOnVault;
    killed_at_any_call_a_vault_is_replaced_under_a_config_that_uses_it: Change of VaultInUse;
    killed_at_any_call_a_config_on_a_vault_is_renamed_once: Update of ConfigOnVault;
    killed_at_any_call_a_config_is_made_from_a_vault_once: Create of ConfigOnVault;
    killed_at_any_call_a_config_moves_to_another_vault_once: Change of ConfigOnVault;
    killed_at_any_call_a_config_goes_from_its_vault_once: Delete of ConfigOnVault;
    killed_at_any_call_a_vault_is_made_once: Create of Vault;
    killed_at_any_call_a_vault_is_renamed_once: Update of Vault;
    killed_at_any_call_a_vault_is_replaced_once: Change of Vault;
    killed_at_any_call_a_vault_is_deleted_once: Delete of Vault;
    killed_at_any_call_a_value_goes_into_somebodys_config_once: Create of ImportInto;
    killed_at_any_call_another_value_goes_into_somebodys_config_once: Change of ImportInto;
    killed_at_any_call_an_import_leaves_and_somebodys_config_stays: Delete of ImportInto;
    killed_at_any_call_an_import_makes_one_config: Create of ImportNew;
    killed_at_any_call_another_value_goes_into_the_config_of_an_import_once: Change of ImportNew;
    killed_at_any_call_the_config_of_an_import_goes_once: Delete of ImportNew;
    killed_at_any_call_a_value_is_brought_out_once: Create of Export;
    killed_at_any_call_another_value_is_brought_out_once: Change of Export;
    killed_at_any_call_an_export_leaves_and_somebodys_config_stays: Delete of Export;
}
