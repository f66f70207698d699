//! Answers get lost before and after what they tell of was done. There is one object in the end, and no write is
//! repeated that took effect.

use crate::support::{PATIENCE, World, each};
use metorial_operator::resources::ProviderAuthCredentials;
use metorial_simulator::{Action, Fault, Profile};
use std::time::Duration;

/// How an answer gets lost.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Closed,
    Cut,
    Hung,
    GatewayTimeout,
    InternalError,
    ProxyPage,
}

use Loss::{Closed, Cut, GatewayTimeout, Hung, InternalError, ProxyPage};

impl Loss {
    /// The request is carried out.
    fn after(self) -> Action {
        let error = |status: u16, body: &str| Action::AnswerAfterApply {
            status,
            headers: Vec::new(),
            body: body.into(),
        };
        match self {
            Closed => Action::CloseAfterApply,
            Cut => Action::CutAnswer(20),
            Hung => Action::HangAfterApply,
            GatewayTimeout => error(504, r#"{"object":"error","status":504,"code":"timeout"}"#),
            InternalError => error(500, r#"{"object":"error","status":500}"#),
            ProxyPage => error(502, "<html>Bad gateway</html>"),
        }
    }

    /// The request is not carried out.
    fn before(self) -> Action {
        match self {
            Closed | Cut => Action::CloseBefore,
            Hung => Action::Hang,
            GatewayTimeout => Action::error(504, "timeout"),
            InternalError => Action::error(500, "internal_server_error"),
            ProxyPage => Action::html(502),
        }
    }
}

const CREDENTIALS: &str = "/provider-auth-credentials";
const POST: &str = "POST /provider-auth-credentials";
const ROTATED: &str = "rotated-0123456789";

/// An operator that gives a hanging call up soon.
fn start(world: &mut World) {
    let mut settings = world.settings();
    settings.request_timeout = Duration::from_secs(3);
    world.start_operator_with(settings);
}

/// A resource whose create goes wrong once.
async fn created_with(profile: Profile, action: Action) -> World {
    let mut world = World::of(profile).await;
    let create = Fault::on("POST", CREDENTIALS).times(1);
    world.sim.faults().add(create, action);
    world.apply(world.github()).await;
    start(&mut world);
    world.wait_in_step("github").await;
    world
}

/// A resource that is there, with the next `method` going wrong once.
async fn faulty(profile: Profile, method: &str, action: Action) -> World {
    let mut world = World::of(profile).await;
    world.apply(world.github()).await;
    start(&mut world);
    world.wait_in_step("github").await;
    world.sim.clear_journal();
    world
        .sim
        .faults()
        .add(Fault::on(method, CREDENTIALS).times(1), action);
    world
}

async fn a_lost_answer_to_a_create(profile: Profile, losses: &[Loss]) {
    each(losses.iter().copied(), async |loss| {
        let world = created_with(profile, loss.after()).await;
        assert_eq!(world.attempts(), [POST]);
        world.check_finalizer("github").await;
        world.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_to_a_create_makes_no_second_object() {
    let losses = [Closed, Cut, Hung, GatewayTimeout, InternalError, ProxyPage];
    a_lost_answer_to_a_create(Profile::Server, &losses).await;
}

#[tokio::test]
async fn a_lost_answer_to_a_create_makes_no_second_object_at_the_reference_either() {
    a_lost_answer_to_a_create(Profile::Reference, &[Closed, GatewayTimeout]).await;
}

#[tokio::test]
async fn a_create_that_was_lost_on_its_way_is_sent_again_once_that_is_certain() {
    let losses = [Closed, Hung, GatewayTimeout, InternalError, ProxyPage];
    each(losses, async |loss| {
        let world = created_with(Profile::Server, loss.before()).await;
        assert_eq!(
            (world.attempts(), world.writes().len()),
            (vec![POST.to_owned(); 2], 1)
        );
        world.check_oracles().await;
    })
    .await;
}

/// A create that the API reports as failed and carries out after a while.
async fn created_late(delay: Duration) -> World {
    let mut world = World::new().await;
    let create = Fault::on("POST", CREDENTIALS).times(1);
    world.sim.faults().add(create, Action::ApplyLater(delay));
    world.apply(world.github()).await;
    world.start_operator_that_waits();
    world
}

#[tokio::test]
async fn a_create_that_is_carried_out_after_its_answer_is_found() {
    let world = created_late(Duration::from_millis(1500)).await;
    world.wait_in_step("github").await;
    assert_eq!(world.attempts(), [POST]);
    world.check_oracles().await;
}

#[tokio::test]
async fn a_create_that_is_carried_out_after_its_answer_is_found_after_a_restart_too() {
    let mut world = created_late(Duration::from_secs(3)).await;
    let sent = world.sim.wait_for(
        |journal| journal.iter().any(|entry| entry.status == 504),
        PATIENCE,
    );
    sent.await.unwrap();
    world.kill_operator();
    world.start_operator_that_waits();
    world.wait_in_step("github").await;
    assert_eq!(world.attempts(), [POST]);
    world.check_oracles().await;
}

async fn a_lost_answer_to_an_update(profile: Profile, losses: &[Loss]) {
    each(losses.iter().copied(), async |loss| {
        let world = faulty(profile, "PATCH", loss.after()).await;
        world.rotate("oauth-app", "client-secret", ROTATED).await;
        let pushed = world.wait_remote("the new secret", |o| {
            o.write_only["client_secret"] == ROTATED
        });
        let path = format!("PATCH {CREDENTIALS}/{}", pushed.await.id);
        world.wait_in_step("github").await;
        assert_eq!(
            world.attempts(),
            [path],
            "the fingerprint shows that it took"
        );
        world.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_to_an_update_costs_a_read_and_no_second_update() {
    let losses = [Closed, Cut, Hung, GatewayTimeout, InternalError, ProxyPage];
    a_lost_answer_to_an_update(Profile::Server, &losses).await;
}

#[tokio::test]
async fn a_lost_answer_to_an_update_costs_no_second_update_at_the_reference_either() {
    a_lost_answer_to_an_update(Profile::Reference, &[Closed, GatewayTimeout]).await;
}

#[tokio::test]
async fn an_update_that_was_lost_on_its_way_is_sent_again() {
    each([Closed, GatewayTimeout], async |loss| {
        let world = faulty(Profile::Server, "PATCH", loss.before()).await;
        world.rotate("oauth-app", "client-secret", ROTATED).await;
        let rotated = world.wait_remote("the new secret", |o| {
            o.write_only["client_secret"] == ROTATED
        });
        rotated.await;
        world.wait_in_step("github").await;
        assert_eq!((world.attempts().len(), world.writes().len()), (2, 1));
        world.check_oracles().await;
    })
    .await;
}

async fn a_lost_answer_to_a_deletion(profile: Profile, losses: &[Loss]) {
    each(losses.iter().copied(), async |loss| {
        let world = faulty(profile, "DELETE", loss.after()).await;
        world.delete::<ProviderAuthCredentials>("github").await;
        world.wait_gone::<ProviderAuthCredentials>("github").await;
        assert!(world.remote().is_empty());
        assert!(
            world.writes().len() == 1 && world.attempts().len() <= 2,
            "{:?}",
            world.attempts()
        );
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_to_a_deletion_costs_at_most_one_more() {
    let losses = [Closed, Cut, Hung, GatewayTimeout, InternalError, ProxyPage];
    a_lost_answer_to_a_deletion(Profile::Server, &losses).await;
}

#[tokio::test]
async fn a_lost_answer_to_a_deletion_costs_at_most_one_more_at_the_reference_too() {
    a_lost_answer_to_a_deletion(Profile::Reference, &[Closed, GatewayTimeout]).await;
}

#[tokio::test]
async fn a_deletion_that_was_lost_on_its_way_is_sent_again() {
    each([Closed, GatewayTimeout], async |loss| {
        let world = faulty(Profile::Server, "DELETE", loss.before()).await;
        world.delete::<ProviderAuthCredentials>("github").await;
        world.wait_gone::<ProviderAuthCredentials>("github").await;
        assert!(world.remote().is_empty());
        assert_eq!((world.attempts().len(), world.writes().len()), (2, 1));
    })
    .await;
}
