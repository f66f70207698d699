//! The operator is killed in every call of a story, before the call took effect and after, and started again: the story
//! ends as if nothing had happened, and nothing was done twice.

#![allow(clippy::unwrap_used, reason = "a story that can't go on fails here")]

mod support;

use metorial_operator::resources::ProviderAuthCredentials;
use metorial_simulator::{Action, Fault, Gate, Profile};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use support::{Calls, Death, Moment, PATIENCE, World, credentials, each};

/// A piece of a resource's life that one life of the operator can tell.
#[derive(Clone, Copy, Debug)]
enum Story {
    Create,
    Update,
    Delete,
}

const ROTATED: &str = "rotated-0123456789";

impl Story {
    /// The world at the moment at which the story begins; no operator is running.
    async fn begin(self, profile: Profile) -> World {
        let mut world = World::of(profile).await;
        world.apply(world.github()).await;
        if let Self::Create = self {
            return world;
        }
        world.start_operator();
        world.wait_in_step("github").await;
        world.stop_operator().await;
        world.sim.clear_journal();
        if let Self::Update = self {
            world.rotate("oauth-app", "client-secret", ROTATED).await;
        } else {
            world.delete::<ProviderAuthCredentials>("github").await;
        }
        world
    }

    /// Whether the story is told.
    async fn done(self, world: &World) -> bool {
        match self {
            Self::Create => world.connection_is_ready().await && world.in_step("github").await,
            Self::Update => {
                let remote = world.only_remote();
                remote.write_only["client_secret"] == ROTATED && world.in_step("github").await
            }
            Self::Delete => {
                let api = world.api::<ProviderAuthCredentials>();
                api.get_opt("github").await.unwrap().is_none()
            }
        }
    }

    /// The end is that of a story without a death, and its one write took effect once.
    async fn judge(self, world: &World) {
        let [object] = &world.all_remote()[..] else {
            panic!("there was one object: {}", world.describe().await);
        };
        let path = format!("/provider-auth-credentials/{}", object.id);
        let write = match self {
            Self::Create => "POST /provider-auth-credentials".to_owned(),
            Self::Update => format!("PATCH {path}"),
            Self::Delete => format!("DELETE {path}"),
        };
        assert_eq!(world.writes(), [write]);
        if let Self::Delete = self {
            assert!(world.remote().is_empty());
        } else {
            world.check_finalizer("github").await;
        }
        world.check_oracles().await;
    }

    /// The story with these deaths in it. Answers whether the operator died of the first, or came to the end before.
    async fn with(self, deaths: &[Death], profile: Profile) -> bool {
        let mut world = self.begin(profile).await;
        let mut died = Vec::new();
        for death in deaths {
            died.push(
                world
                    .die(*death, async |world| self.done(world).await)
                    .await,
            );
        }
        world.start_operator();
        let end = "the end of the story";
        world
            .wait_until(end, async |world| self.done(world).await)
            .await;
        self.judge(&world).await;
        died[0]
    }

    /// How many calls the story takes when nobody dies.
    async fn calls(self, profile: Profile) -> Calls {
        let mut world = self.begin(profile).await;
        world
            .calls_until(async |world| self.done(world).await)
            .await
    }

    /// The story with each of these deaths.
    async fn with_each(self, deaths: Vec<Death>) {
        assert!(!deaths.is_empty(), "a story is told by calls");
        each(deaths, async |death| {
            let died = self.with(&[death], Profile::Server).await;
            assert!(died, "{death:?} was not met");
        })
        .await;
    }
}

#[tokio::test]
async fn killed_at_any_write_to_the_cluster_while_making_an_object_it_is_made_once() {
    let deaths = Story::Create.calls(Profile::Server).await.kube_deaths();
    Story::Create.with_each(deaths).await;
}

#[tokio::test]
async fn killed_at_any_request_to_the_api_while_making_an_object_it_is_made_once() {
    let deaths = Story::Create.calls(Profile::Server).await.api_deaths();
    Story::Create.with_each(deaths).await;
}

#[tokio::test]
async fn killed_at_any_call_of_a_rotation_the_new_secret_is_pushed_once() {
    let calls = Story::Update.calls(Profile::Server).await;
    let deaths = [calls.kube_deaths(), calls.api_deaths()].concat();
    Story::Update.with_each(deaths).await;
}

#[tokio::test]
async fn killed_at_any_call_of_a_deletion_the_object_is_deleted_once() {
    let calls = Story::Delete.calls(Profile::Server).await;
    let deaths = [calls.kube_deaths(), calls.api_deaths()].concat();
    Story::Delete.with_each(deaths).await;
}

#[tokio::test]
async fn killed_twice_wherever_it_may_be_every_story_ends_as_it_should() {
    let mut random = StdRng::seed_from_u64(20_260_101);
    let mut cases = Vec::new();
    for story in [Story::Create, Story::Update, Story::Delete] {
        let mut deaths = || {
            let call = random.random_range(1..=4);
            let moment = [Moment::Before, Moment::After][random.random_range(0..2)];
            match random.random_range(0..2) {
                0 => Death::Kube(call, moment),
                _ => Death::Api(call, moment),
            }
        };
        cases.extend((0..5).map(|_| (story, [deaths(), deaths()])));
    }
    each(cases, async |(story, deaths)| {
        story.with(&deaths, Profile::Server).await;
    })
    .await;
}

#[tokio::test]
async fn the_same_stories_end_well_at_an_api_that_keeps_to_its_reference() {
    let stories = [Story::Create, Story::Update, Story::Delete];
    let cases = stories
        .into_iter()
        .flat_map(|story| [Moment::Before, Moment::After].map(|moment| (story, moment)));
    each(cases, async |(story, moment)| {
        let write = story.calls(Profile::Reference).await.api;
        let died = story
            .with(&[Death::Api(write, moment)], Profile::Reference)
            .await;
        assert!(died, "the write is the last request of the story");
    })
    .await;
}

/// An operator that died with its create under way, which is let go by the gate.
async fn killed_with_a_create_under_way() -> (World, Gate) {
    let (mut world, gate) = (World::new().await, Gate::new());
    let create = Fault::on("POST", "/provider-auth-credentials").times(1);
    world
        .sim
        .faults()
        .add(create, Action::HoldBefore(gate.clone()));
    world.apply(credentials("github")).await;
    world.start_operator();
    assert!(
        gate.wait_for_arrivals(1, PATIENCE).await,
        "a create is sent"
    );
    world.kill_operator();
    (world, gate)
}

#[tokio::test]
async fn a_create_that_arrives_after_the_death_of_its_sender_is_found() {
    let (mut world, gate) = killed_with_a_create_under_way().await;
    world.start_operator_that_waits();
    world.wait_reason("github", "AmbiguousCreate").await;
    gate.open();
    world.wait_in_step("github").await;
    assert_eq!(world.attempts(), ["POST /provider-auth-credentials"]);
    world.check_oracles().await;
}

#[tokio::test]
async fn a_create_that_arrives_after_the_deletion_of_its_resource_is_undone() {
    let (mut world, gate) = killed_with_a_create_under_way().await;
    world.delete::<ProviderAuthCredentials>("github").await;
    world.start_operator_that_waits();
    world.wait_reason("github", "Deleting").await;
    gate.open();
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert_eq!(world.all_remote().len(), 1);
    assert!(world.remote().is_empty());
}
