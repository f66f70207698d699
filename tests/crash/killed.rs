//! The operator is killed in every call of every story of every kind, before the call took effect and after, and
//! started again: the story ends as if nothing had happened, and nothing was done twice. Each call is known by its
//! name, and every one of them must come.

use crate::support::{
    Calls, Crash, Form, Given, Kind, Moment, PATIENCE, Scenario, VALUES, each, workload,
};
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Secret;
use metorial_simulator::{Action, Fault, Gate, Profile};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

/// A piece of a resource's life that one life of the operator can complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    Create,
    /// Another name.
    Update,
    /// Another value or vault: an update, a replacement, an import or an export.
    Change,
    /// Tokens that expire are exported again, and the Deployment that uses them is restarted.
    Renew,
    /// An exported Secret gets another type: it is deleted and created again.
    Reform,
    /// Tokens go to another Secret, after a restart by another export.
    Move,
    Delete,
    /// A change, after whose crash the resource is deleted.
    ChangeThenDelete,
}

use Story::{Change, ChangeThenDelete, Create, Delete, Move, Reform, Renew, Update};

impl Story {
    /// Everything is there for the story to begin; no operator is running.
    async fn begin(self, form: Form, profile: Profile) -> Scenario {
        let given = Given::form(form).at(profile);
        if self == Create {
            let scenario = given.prepared().await;
            scenario.apply_tested().await;
            return scenario;
        }
        let mut scenario = match self {
            Renew => settled_with_expiring_tokens(given).await,
            _ => given.settled().await,
        };
        scenario.stop_operator().await;
        match self {
            Update => drop(scenario.tested().edit(json!({"name": "renamed"})).await),
            Delete => scenario.tested().delete().await,
            Reform => of_secret(&scenario, json!({"type": TYPE})).await,
            Move => of_secret(&scenario, json!({"name": "moved"})).await,
            Renew => {
                scenario.age_export(HOUR * 2).await;
                scenario.issue_tokens(VALUES[1], HOUR * 9);
            }
            _ => scenario.change(VALUES[1]).await,
        }
        scenario.sim.clear_journal();
        scenario
    }

    async fn done(self, scenario: &Scenario) -> bool {
        match self {
            Create => {
                scenario.is_synced(VALUES[0]).await
                    && scenario.connection("default").is_ready().await
            }
            Update => {
                scenario.remote_object().readable["name"] == "renamed"
                    && scenario.is_synced(VALUES[0]).await
            }
            Change | ChangeThenDelete => scenario.is_synced(VALUES[1]).await,
            Renew => scenario.is_synced(VALUES[1]).await && is_restarted(scenario).await,
            Reform => {
                let secret = scenario.api::<Secret>().get_opt("exported").await.unwrap();
                let type_ = secret.and_then(|secret| secret.type_);
                type_.as_deref() == Some(TYPE) && scenario.is_synced(VALUES[0]).await
            }
            Move => {
                let moved = scenario.secret_text("moved", "token").await;
                moved.as_deref() == Some(VALUES[0])
                    && scenario.exported().await.is_none()
                    && scenario.tested().get().await.is_ready()
            }
            Delete => !scenario.tested().exists().await,
        }
    }

    /// The end is that of a story without a crash, and nothing was done twice. `repeated` exports were made again
    /// because their value was lost.
    async fn judge(self, scenario: &Scenario, repeated: usize) {
        let form = scenario.form;
        let owns = Form::OWNING.contains(&form) || form == Form::VaultInUse;
        let replaces = form.is_replaced() && self == Change;
        let changes = usize::from(self == Change);
        let renewals = usize::from(matches!(self, Renew | Move));
        let sent = || format!("{:#?}", scenario.attempts());
        assert_eq!(
            scenario.ever_objects().len(),
            1 + usize::from(replaces),
            "{}",
            sent()
        );
        let live = usize::from(self != Delete || !owns);
        assert_eq!(scenario.live_objects().len(), live, "{}", sent());
        let imports = match form {
            Form::AuthConfig | Form::Export => changes,
            Form::ImportInto | Form::ImportNew => 1 + changes,
            _ => 0,
        };
        assert_eq!(scenario.imports().len(), imports, "{}", sent());
        let exports = match form {
            Form::Export => 1 + changes + renewals + repeated,
            _ => 0,
        };
        assert_eq!(scenario.exports().len(), exports, "{}", sent());
        check_writes(self, scenario, replaces, owns);
        if self == Renew {
            let (_, restarts) = scenario.restarts("Deployment", "worker").await;
            assert_eq!(restarts, 1, "one rollout");
        }
        if self != Delete && owns {
            scenario.tested().check_finalizer().await;
        }
        scenario.check_oracles_hiding(&VALUES).await;
    }

    /// The life after a crash. Returns how many exports have to be made again because of it: a value that was exported
    /// and is not in the Secret when the next export is asked for.
    async fn live_on(self, scenario: &mut Scenario) -> usize {
        let done = async |scenario: &Scenario| self.done(scenario).await;
        let again = Gate::new();
        if scenario.form == Form::Export {
            scenario.wait_for_sent_requests().await;
            let exports = Fault::on("POST", Kind::Export.path()).times(1);
            let hold = Action::HoldBefore(again.clone());
            scenario.sim.faults().add(exports, hold);
        }
        scenario.start();
        let asked = tokio::select! {
            asked = again.wait_for_arrivals(1, PATIENCE) => asked,
            () = scenario.wait_for_end("the end of the story", &done) => false,
        };
        let lost = asked && self.is_lost(scenario).await;
        again.open();
        scenario.wait_for_end("the end of the story", &done).await;
        usize::from(lost)
    }

    /// Whether a value was exported and did not reach the Secret: only then may there be another export.
    async fn is_lost(self, scenario: &Scenario) -> bool {
        let (made, value) = match self {
            Create | Reform => (1, VALUES[0]),
            Change | Renew => (2, VALUES[1]),
            Move => (2, VALUES[0]),
            _ => return false,
        };
        let secret = if self == Move { "moved" } else { "exported" };
        let held = scenario.secret_text(secret, "token").await;
        scenario.exports().len() == made && held.as_deref() != Some(value)
    }

    /// The story with these crashes in it.
    async fn with(self, form: Form, profile: Profile, crashes: &[Crash]) {
        let mut scenario = self.begin(form, profile).await;
        for crash in crashes {
            scenario.crash(crash).await;
        }
        if self == ChangeThenDelete {
            scenario.tested().delete().await;
            scenario.start();
            scenario.tested().wait_gone().await;
            let left = scenario.live_objects();
            assert!(left.is_empty(), "left behind: {:#?}", scenario.attempts());
            scenario.check_oracles().await;
            return;
        }
        let repeated = self.live_on(&mut scenario).await;
        self.judge(&scenario, repeated).await;
    }

    /// The calls of the story when nothing crashes.
    async fn calls(self, form: Form, profile: Profile) -> Calls {
        let mut scenario = self.begin(form, profile).await;
        let done = async |scenario: &Scenario| self.done(scenario).await;
        let calls = scenario.calls_until(done).await;
        assert!(!calls.api.is_empty() && !calls.kube.is_empty(), "{calls:?}");
        if self != ChangeThenDelete {
            self.judge(&scenario, 0).await;
        }
        calls
    }

    /// The story with a crash in every one of its calls, on either side.
    async fn with_each(self, form: Form) {
        let calls = self.calls(form, Profile::Server).await;
        each(calls.crashes(), async |crash| {
            self.with(form, Profile::Server, &[crash]).await;
        })
        .await;
    }
}

/// The other type of an exported Secret.
const TYPE: &str = "example.com/token";

async fn of_secret(scenario: &Scenario, edit: Value) {
    let edit = json!({"secret": edit});
    scenario.tested().edit(edit).await;
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// An export of tokens that expire, which a Deployment uses.
async fn settled_with_expiring_tokens(given: Given) -> Scenario {
    let worker = json!([{"kind": "Deployment", "name": "worker"}]);
    let given = given.with_spec(json!({"rolloutRestart": worker}));
    let mut scenario = given.prepared().await;
    scenario.permit_restarts().await;
    scenario.apply(workload("Deployment", "worker")).await;
    scenario.issue_tokens(VALUES[0], HOUR * 3);
    scenario.start();
    scenario.apply_tested().await;
    scenario.wait_synced(VALUES[0]).await;
    scenario.wait_connections_reported().await;
    scenario
}

/// Whether the Deployment was restarted for what the Secret holds, and that is recorded.
async fn is_restarted(scenario: &Scenario) -> bool {
    let shown = scenario.tested().get().await;
    let (content, _) = scenario.restarts("Deployment", "worker").await;
    let held = shown.field("secretFingerprint").as_str();
    content.as_deref() == held && shown.field("restartPendingFrom").is_null()
}

/// Each write took effect once, and a replacement is there before the former object is deleted.
fn check_writes(story: Story, scenario: &Scenario, replaces: bool, owns: bool) {
    let writes = scenario.writes();
    let count = |method: &str| {
        let sent = writes.iter().filter(|write| write.starts_with(method));
        sent.count()
    };
    let patched = story == Change && scenario.form.is_patched();
    assert_eq!(
        count("PATCH"),
        usize::from(story == Update || patched),
        "{writes:#?}"
    );
    let first = writes.first().map_or("", String::as_str);
    assert!(!replaces || first.starts_with("POST"), "{writes:#?}");
    let gone = usize::from(replaces || (story == Delete && owns));
    let in_use = usize::from(scenario.form == Form::VaultInUse);
    assert_eq!(count("DELETE"), gone + in_use, "{writes:#?}");
    if scenario.form == Form::VaultInUse {
        assert_eq!(scenario.ever(Kind::Config).len(), 2, "{writes:#?}");
    }
}

macro_rules! stories {
    ($($name:ident: $story:ident of $form:ident;)*) => {$(
        #[tokio::test]
        async fn $name() {
            $story.with_each(Form::$form).await;
        }
    )*};
}

stories! {
    killed_at_any_call_a_deployment_is_created_once: Create of Deployment;
    killed_at_any_call_a_deployment_is_renamed_once: Update of Deployment;
    killed_at_any_call_a_deployment_is_changed_once: Change of Deployment;
    killed_at_any_call_a_deployment_is_deleted_once: Delete of Deployment;
    killed_at_any_call_credentials_are_created_once: Create of Credentials;
    killed_at_any_call_credentials_are_renamed_once: Update of Credentials;
    killed_at_any_call_a_new_secret_is_pushed_into_credentials_once: Change of Credentials;
    killed_at_any_call_credentials_are_deleted_once: Delete of Credentials;
    killed_at_any_call_an_auth_config_is_created_once: Create of AuthConfig;
    killed_at_any_call_an_auth_config_is_renamed_once: Update of AuthConfig;
    killed_at_any_call_a_new_value_of_an_auth_config_is_imported_once: Change of AuthConfig;
    killed_at_any_call_an_auth_config_is_deleted_once: Delete of AuthConfig;
    killed_at_any_call_a_config_is_created_once: Create of Config;
    killed_at_any_call_a_config_is_renamed_once: Update of Config;
    killed_at_any_call_a_config_is_replaced_once: Change of Config;
    killed_at_any_call_a_config_is_deleted_once: Delete of Config;
    killed_while_it_replaces_a_config_that_is_then_deleted_it_leaves_nothing: ChangeThenDelete of Config;
    killed_while_it_replaces_a_vault_that_is_then_deleted_it_leaves_nothing: ChangeThenDelete of Vault;
    killed_while_it_moves_a_config_that_is_then_deleted_it_leaves_nothing: ChangeThenDelete of ConfigOnVault;
    killed_at_any_call_a_config_is_created_from_a_vault_once: Create of ConfigOnVault;
    killed_at_any_call_a_config_on_a_vault_is_renamed_once: Update of ConfigOnVault;
    killed_at_any_call_a_config_moves_to_another_vault_once: Change of ConfigOnVault;
    killed_at_any_call_a_config_on_a_vault_is_deleted_once: Delete of ConfigOnVault;
    killed_at_any_call_a_vault_is_created_once: Create of Vault;
    killed_at_any_call_a_vault_is_renamed_once: Update of Vault;
    killed_at_any_call_a_vault_is_replaced_once: Change of Vault;
    killed_at_any_call_a_vault_is_replaced_under_the_config_on_it: Change of VaultInUse;
    killed_at_any_call_a_vault_is_deleted_once: Delete of Vault;
    killed_at_any_call_a_value_is_imported_into_an_existing_auth_config_once: Create of ImportInto;
    killed_at_any_call_another_value_is_imported_into_an_existing_auth_config_once: Change of ImportInto;
    killed_at_any_call_a_deleted_import_leaves_the_existing_auth_config: Delete of ImportInto;
    killed_at_any_call_an_import_creates_one_auth_config: Create of ImportNew;
    killed_at_any_call_another_value_is_imported_into_the_auth_config_of_an_import_once: Change of ImportNew;
    killed_at_any_call_the_auth_config_of_an_import_is_deleted_once: Delete of ImportNew;
    killed_at_any_call_a_value_is_exported_once: Create of Export;
    killed_at_any_call_another_value_is_exported_once: Change of Export;
    killed_at_any_call_tokens_are_renewed_and_their_workload_restarted_once: Renew of Export;
    killed_at_any_call_an_exported_secret_gets_another_type_once: Reform of Export;
    killed_at_any_call_tokens_are_in_another_secret_and_no_longer_in_the_former: Move of Export;
    killed_at_any_call_a_deleted_export_leaves_the_existing_auth_config: Delete of Export;
}

/// The crash of a second life is picked from the calls that a second life makes, which a first run finds out.
#[tokio::test]
async fn killed_twice_in_a_row_every_story_ends_as_it_should() {
    let cases = Form::SENT_ONCE
        .into_iter()
        .flat_map(|form| [Create, Change, Delete].map(|story| (form, story)));
    each(cases.enumerate(), async |(seed, (form, story))| {
        let mut random = StdRng::seed_from_u64(seed as u64);
        let mut first = story.calls(form, Profile::Server).await.crashes();
        first.retain(|crash| !crash.is_of_connection());
        let first = first.choose(&mut random).unwrap().clone();
        let mut scenario = story.begin(form, Profile::Server).await;
        scenario.crash(&first).await;
        scenario.wait_for_sent_requests().await;
        let done = async |scenario: &Scenario| story.done(scenario).await;
        let mut second = scenario.calls_until(done).await.crashes();
        second.retain(|crash| !crash.is_of_connection());
        let Some(second) = second.choose(&mut random).cloned() else {
            // The first life had done everything.
            return story.judge(&scenario, 0).await;
        };
        story.with(form, Profile::Server, &[first, second]).await;
    })
    .await;
}

#[tokio::test]
async fn killed_at_its_last_write_every_story_ends_well_at_an_api_like_the_published_reference() {
    let stories = [Create, Change, Delete];
    let cases = Form::SENT_ONCE
        .into_iter()
        .flat_map(|form| stories.map(|story| (form, story)))
        .filter(|(form, story)| *story != Delete || !form.borrows());
    each(cases, async |(form, story)| {
        let calls = story.calls(form, Profile::Reference).await;
        let is_write =
            |crash: &&Crash| matches!(crash, Crash::Api(call, ..) if call.method != "GET");
        let crashes = calls.crashes();
        for moment in [Moment::Before, Moment::After] {
            let at = |crash: &&Crash| matches!(crash, Crash::Api(_, _, is) if *is == moment);
            let last = crashes.iter().filter(is_write).rfind(at);
            let last = last.expect("the story has a write").clone();
            story.with(form, Profile::Reference, &[last]).await;
        }
    })
    .await;
}
