//! Answers to the POSTs of these kinds get lost after what they tell of was done, at once or later: it is found, and
//! not done again.

use super::cast::{
    Auth, Cast, Config, ConfigOnVault, EXPORTS, Export, ImportInto, ImportNew, VALUES, Vault, vault,
};
use super::support::{PATIENCE, Samples, World, each, free_address, with};
use metorial_operator::resources::{AuthExport, ProviderConfigVault};
use metorial_simulator::{Action, Collection, Fault, Gate};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// How an answer gets lost.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Closed,
    Cut,
    GatewayTimeout,
    AppliedLater,
}

const LOSSES: [Loss; 4] = [
    Loss::Closed,
    Loss::Cut,
    Loss::GatewayTimeout,
    Loss::AppliedLater,
];

impl Loss {
    fn action(self) -> Action {
        match self {
            Self::Closed => Action::CloseAfterApply,
            Self::Cut => Action::CutAnswer(20),
            Self::GatewayTimeout => Action::AnswerAfterApply {
                status: 504,
                headers: Vec::new(),
                body: r#"{"object":"error","status":504,"code":"timeout"}"#.into(),
            },
            // Well within the time that the operator lets pass before it believes that something is not there.
            Self::AppliedLater => Action::ApplyLater(Duration::from_millis(500)),
        }
    }
}

/// The collection that the cast is posted to.
fn posted(cast: Cast, change: bool) -> &'static str {
    match cast {
        ImportInto | ImportNew => "/provider-auth-config-imports",
        Auth if change => "/provider-auth-config-imports",
        Export => EXPORTS,
        _ => cast.path(),
    }
}

const SETTLE: Duration = Duration::from_secs(3);

fn start(world: &mut World) {
    world.start_operator_settling(SETTLE);
}

/// The cast about to be made; what it needs is there.
async fn about(cast: Cast) -> (World, String) {
    let mut world = World::new().await;
    world.value("token", VALUES[0]).await;
    let theirs = match cast {
        ImportInto | Export => world.theirs().await,
        _ => String::new(),
    };
    start(&mut world);
    if cast == ConfigOnVault {
        world.apply(vault("one", "token")).await;
        world.ready::<ProviderConfigVault>("one").await;
    }
    world.sim.clear_journal();
    (world, theirs)
}

async fn created_once(cast: Cast) {
    each(LOSSES, async |loss| {
        let (world, theirs) = about(cast).await;
        let post = Fault::on("POST", posted(cast, false)).times(1);
        world.sim.faults().add(post, loss.action());
        world.apply(cast.manifest(&theirs)).await;
        world.arrive(cast, VALUES[0]).await;
        let posts = format!("POST {}", posted(cast, false));
        assert_eq!(world.attempts(), [posts]);
        assert_eq!(world.ever(cast.collection()).len(), 1);
        world.check_cast_quiet(cast).await;
    })
    .await;
}

async fn changed_once(cast: Cast) {
    each(LOSSES, async |loss| {
        let (world, theirs) = about(cast).await;
        world.apply(cast.manifest(&theirs)).await;
        world.arrive(cast, VALUES[0]).await;
        world.sim.clear_journal();
        let post = Fault::on("POST", posted(cast, true)).times(1);
        world.sim.faults().add(post, loss.action());
        world.value("token", VALUES[1]).await;
        world.arrive(cast, VALUES[1]).await;
        let posts = format!("POST {}", posted(cast, true));
        let attempts = world.attempts();
        let sent = attempts.iter().filter(|sent| **sent == posts).count();
        assert_eq!(sent, 1, "{attempts:#?}");
        assert_eq!(world.living(cast.collection()).len(), 1);
        world.check_cast_quiet(cast).await;
    })
    .await;
}

macro_rules! stories {
    ($($name:ident: $story:ident($cast:ident);)*) => {$(
        #[tokio::test]
        async fn $name() {
            $story($cast).await;
        }
    )*};
}

stories! {
    a_lost_answer_makes_no_second_auth_config: created_once(Auth);
    a_lost_answer_brings_no_second_value_into_an_auth_config: changed_once(Auth);
    a_lost_answer_makes_no_second_config: created_once(Config);
    a_lost_answer_replaces_no_config_twice: changed_once(Config);
    a_lost_answer_makes_no_second_config_from_a_vault: created_once(ConfigOnVault);
    a_lost_answer_makes_no_second_vault: created_once(Vault);
    a_lost_answer_replaces_no_vault_twice: changed_once(Vault);
    a_lost_answer_brings_no_second_value_into_somebodys_config: created_once(ImportInto);
    a_lost_answer_brings_no_second_change_into_somebodys_config: changed_once(ImportInto);
    a_lost_answer_makes_no_second_config_by_an_import: created_once(ImportNew);
    a_lost_answer_brings_no_second_change_into_the_config_of_an_import: changed_once(ImportNew);
}

/// The value is only in the answer: an export whose answer is lost has to be made again, once.
#[tokio::test]
async fn an_export_whose_answer_is_lost_is_made_once_more() {
    each(LOSSES, async |loss| {
        let (mut world, theirs) = about(Export).await;
        world.stop_operator().await;
        let admin = observed(&mut world);
        let post = Fault::on("POST", posted(Export, false)).times(1);
        world.sim.faults().add(post, loss.action());
        world.apply(Export.manifest(&theirs)).await;
        world
            .until("the value is in the Secret", async || {
                (world.exported().await.as_deref() == Some(VALUES[0])).then_some(())
            })
            .await;
        world.sim.settled().await;
        let what = "the export is ready";
        world
            .wait_until(what, async |world| world.cast_is_ready(Export).await)
            .await;
        world.check_cast_quiet(Export).await;
        assert_eq!(world.ever(Collection::AuthExports).len(), 2);
        world.look(Export).await;
        assert_eq!(world.ever(Collection::AuthExports).len(), 2);
        // One that is applied later is not there yet when the next one is made.
        if !matches!(loss, Loss::AppliedLater) {
            assert_eq!(repeated(admin).await, 1.0);
        }
    })
    .await;
}

/// The operator is killed after an export was made and before its answer came.
async fn lost_by_a_death(spec: Value) -> (World, SocketAddr) {
    let mut world = World::new().await;
    world.value("token", VALUES[0]).await;
    let theirs = world.theirs().await;
    let manifest = with(Export.manifest(&theirs), json!({"spec": spec}));
    world.apply(manifest).await;
    let gate = Gate::new();
    let post = Fault::on("POST", posted(Export, false)).times(1);
    let hold = Action::HoldAfterApply(gate.clone());
    world.sim.faults().add(post, hold);
    world.start_operator();
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    world.kill_operator();
    let admin = observed(&mut world);
    (world, admin)
}

#[tokio::test]
async fn an_export_that_a_death_lost_is_made_once_more_and_counted() {
    let (mut world, admin) = lost_by_a_death(json!({})).await;
    world.arrive(Export, VALUES[0]).await;
    assert_eq!(world.ever(Collection::AuthExports).len(), 2);
    assert_eq!(repeated(admin).await, 1.0);
    let object = world.cast(Export).await.unwrap();
    let recent = object["status"]["recentExports"].as_array().unwrap();
    assert_eq!(recent.len(), 2, "the lost one counts");
    world.stop_operator().await;
    let admin = observed(&mut world);
    world.look(Export).await;
    let theirs = object["spec"]["authConfigId"].as_str().unwrap();
    world.import_by_hand(theirs, VALUES[1]).await;
    world.look(Export).await;
    world.arrive(Export, VALUES[1]).await;
    assert_eq!(world.ever(Collection::AuthExports).len(), 3);
    assert_eq!(repeated(admin).await, 0.0, "it was counted once");
}

#[tokio::test]
async fn exports_that_deaths_lose_count_against_the_budget() {
    let (world, admin) = lost_by_a_death(json!({"maxPerDay": 1})).await;
    let message = world
        .reason::<AuthExport>("cast", "ExportBudgetSpent")
        .await;
    assert!(message.starts_with("1 exports"), "{message}");
    assert_eq!(world.ever(Collection::AuthExports).len(), 1);
    assert_eq!(repeated(admin).await, 0.0);
}

/// Starts an operator whose metrics can be read.
fn observed(world: &mut World) -> SocketAddr {
    let mut settings = world.settings();
    settings.timing.settle = SETTLE;
    settings.listen = free_address();
    world.start_operator_with(settings.clone());
    settings.listen
}

async fn repeated(admin: SocketAddr) -> f64 {
    Samples::of(admin).await.get("exports_repeated_total")
}
