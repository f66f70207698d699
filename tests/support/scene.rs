//! Scenes of stories about making, losing and finding again: worlds under either profile, and what the books and the
//! API say about one resource.

use super::world::{is_ready, status};
use super::{PATIENCE, Setup, World, credentials, with};
use jiff::Timestamp;
use kube::ResourceExt;
use metorial_operator::resources::{Connection, FINALIZER, ProviderAuthCredentials, condition};
use metorial_simulator::{Options, Profile, Stored};
use serde_json::{Value, json};
use std::time::Duration;

impl World {
    /// A world whose API behaves so, with the Secrets and the Connection of [`World::new`], and no operator.
    pub async fn of(profile: Profile) -> Self {
        let setup = Setup {
            options: Options::of(profile),
        };
        let world = Self::bare(setup).await;
        world.apply(world.key_secret()).await;
        world.apply(world.app_secret()).await;
        world.apply(world.connection()).await;
        world
    }

    /// Credentials that name their provider by its id, which servers of all profiles know.
    pub fn github(&self) -> Value {
        let provider = self.sim.catalogue().provider("github").unwrap();
        with(
            credentials("github"),
            json!({"spec": {"providerId": provider.id}}),
        )
    }

    /// Starts an operator that lets this much time pass before it believes that something is not there.
    pub fn start_operator_settling(&mut self, settle: Duration) {
        let mut settings = self.settings();
        settings.timing.settle = settle;
        self.start_operator_with(settings);
    }

    /// Starts an operator that won't believe that something is not there for as long as any test lasts.
    pub fn start_operator_that_waits(&mut self) {
        self.start_operator_settling(PATIENCE * 2);
    }

    /// Whether the Connection `default` is ready.
    pub async fn connection_is_ready(&self) -> bool {
        let connection = self.api::<Connection>().get("default").await.unwrap();
        let conditions = connection.status.and_then(|status| status.conditions);
        condition(conditions.as_deref(), "Ready").is_some_and(|ready| ready.status == "True")
    }

    /// Whether the resource is ready, and its books tell of the one live object as it is now.
    pub async fn in_step(&self, name: &str) -> bool {
        let Some(object) = self
            .api::<ProviderAuthCredentials>()
            .get_opt(name)
            .await
            .unwrap()
        else {
            return false;
        };
        let (books, live) = (status(&object), self.remote());
        let [remote] = live.as_slice() else {
            return false;
        };
        let time = |text: Option<&str>| text.and_then(|text| text.parse::<Timestamp>().ok());
        is_ready(&object)
            && books.id.as_ref() == Some(&remote.id)
            && time(books.remote_updated_at.as_deref())
                == time(remote.readable["updated_at"].as_str())
    }

    /// Waits until the resource is ready, and its books tell of the one live object as it is now.
    pub async fn wait_in_step(&self, name: &str) -> Stored {
        let what = format!("{name} ready, in step with the one live object");
        self.wait_until(&what, async |world| world.in_step(name).await)
            .await;
        self.only_remote()
    }

    /// The resource has our finalizer once, and no other.
    pub async fn check_finalizer(&self, name: &str) {
        assert_eq!(self.credentials(name).await.finalizers(), [FINALIZER]);
    }
}
