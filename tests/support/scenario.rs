//! A scenario: an environment with one resource under test, in one form of its kind. Built by verbs:
//! `Given::form(form).with_spec(…).settled().await`.

use super::environment::Environment;
use super::forms::{Form, TESTED};
use super::kinds::Kind;
use super::manifests::{Manifest, config_on, vault};
use super::values::{THIRD, VALUES};
use super::{Handle, Snapshot};
use jiff::{SignedDuration, Timestamp};
use metorial_operator::settings::Settings;
use metorial_simulator::{Gate, Profile, Stored};
use serde_json::{Value, json};
use std::ops::{Deref, DerefMut};

/// What a scenario begins with.
pub struct Given {
    form: Form,
    profile: Profile,
    spec: Value,
    settings: Box<dyn Fn(Settings) -> Settings + Send + Sync>,
}

impl Given {
    /// A resource in this form.
    pub fn form(form: Form) -> Self {
        Self {
            form,
            profile: Profile::Server,
            spec: json!({}),
            settings: Box::new(|settings| settings),
        }
    }

    /// With other fields in its spec.
    pub fn with_spec(self, spec: Value) -> Self {
        Self { spec, ..self }
    }

    /// At an API that behaves so.
    pub fn at(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// With an operator of other settings.
    pub fn with_settings(
        self,
        settings: impl Fn(Settings) -> Settings + Send + Sync + 'static,
    ) -> Self {
        let settings = Box::new(settings);
        Self { settings, ..self }
    }

    /// Everything that the resource needs is there, ready; the resource is not applied, and no operator runs.
    pub async fn prepared(self) -> Scenario {
        let mut env = Environment::with_profile(self.profile).await;
        for (key, value) in [("token", VALUES[0]), ("other", VALUES[1]), ("third", THIRD)] {
            env.value(key, value).await;
        }
        let reference = self.profile == Profile::Reference;
        let id = |slug: &str| match reference {
            // Such servers know providers by their ids only.
            true => env.sim.catalog().provider(slug).unwrap().id.clone(),
            false => slug.to_owned(),
        };
        let (github, linear, postgres) = (id("github"), id("linear"), id("postgres"));
        let mut theirs = String::new();
        let mut own = json!({});
        if self.form.borrows() {
            let mut more = json!({});
            if reference {
                // They export from auth configs of a deployment only.
                let deployment = env.sim.add_deployment(&env.instance, &linear, "theirs");
                more = json!({"provider_deployment_id": deployment});
                if self.form == Form::Export {
                    own = json!({"deploymentId": deployment});
                }
            }
            theirs = env.auth_config_by_hand(more).await;
        }
        match self.form {
            Form::Credentials => own = json!({"providerId": github}),
            Form::Deployment | Form::ImportNew => own = json!({"providerId": linear}),
            _ if self.form.is_replaced() => own = json!({"providerId": postgres}),
            _ => {}
        }
        if self.form == Form::ConfigOnVault {
            env.start_operator();
            for (name, key) in [("one", "token"), ("two", "other"), ("three", "third")] {
                let manifest = vault(name, key).spec(json!({"providerId": postgres}));
                env.create(manifest).await;
            }
            env.stop_operator().await;
        }
        let manifest = self.form.manifest(&theirs).spec(own).spec(self.spec);
        if self.form == Form::VaultInUse {
            env.apply(config_on("user", TESTED)).await;
        }
        env.sim.clear_journal();
        let settings = (self.settings)(env.settings());
        Scenario {
            env,
            form: self.form,
            theirs,
            manifest,
            settings,
        }
    }

    /// The same with an operator at work.
    pub async fn running(self) -> Scenario {
        let mut scenario = self.prepared().await;
        scenario.start();
        scenario
    }

    /// The resource is applied and synced with its first value, and the operator is at work.
    pub async fn settled(self) -> Scenario {
        let scenario = self.running().await;
        scenario.apply_tested().await;
        scenario.wait_synced(VALUES[0]).await;
        scenario.wait_connections_reported().await;
        scenario
    }
}

/// An environment with one resource under test, called `tested`.
pub struct Scenario {
    pub env: Environment,
    pub form: Form,
    /// The auth config that somebody made, for the forms that use one.
    pub theirs: String,
    /// The manifest of the resource.
    pub manifest: Manifest,
    settings: Settings,
}

impl Deref for Scenario {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.env
    }
}

impl DerefMut for Scenario {
    fn deref_mut(&mut self) -> &mut Environment {
        &mut self.env
    }
}

impl Scenario {
    /// The create was sent once, and nothing else was written.
    pub fn check_created_once(&self) {
        let create = format!("POST {}", self.form.create_path());
        assert_eq!(self.attempts(), [create], "{:?}", self.form);
    }

    /// Starts the operator with the scenario's settings.
    pub fn start(&mut self) {
        let settings = self.settings.clone();
        self.env.start_operator_with(settings);
    }

    /// From now on the operator has this installation id, as its flag sets it.
    pub fn use_installation(&mut self, id: &str) {
        self.settings.installation_id = Some(id.to_owned());
    }

    /// Kills the operator and starts another one.
    pub fn restart(&mut self) {
        self.env.kill_operator();
        self.start();
    }

    /// A handle on the resource under test.
    pub fn tested(&self) -> Handle<'_> {
        self.env.resource(self.form.kind(), TESTED)
    }

    /// Applies the resource under test.
    pub async fn apply_tested(&self) {
        self.env.apply(self.manifest.clone()).await;
    }

    /// The only live remote object.
    pub fn remote_object(&self) -> Stored {
        self.env.only(self.form.remote())
    }

    /// The live remote objects.
    pub fn live_objects(&self) -> Vec<Stored> {
        self.env.live(self.form.remote())
    }

    /// The remote objects that ever were.
    pub fn ever_objects(&self) -> Vec<Stored> {
        self.env.ever(self.form.remote())
    }

    /// Gives it another value: through its Secret, at Metorial where it is exported from, or by another vault.
    pub async fn change(&self, value: &str) {
        match self.form {
            Form::Deployment => {
                let metadata = json!({"metadata": {"value": name_of(value)}});
                self.tested().edit(metadata).await;
            }
            Form::ConfigOnVault => {
                let vault = json!({"vaultRef": {"name": name_of(value)}});
                self.tested().edit(vault).await;
            }
            Form::Export => {
                self.env.import_by_hand(&self.theirs, value).await;
                self.tested().request_reconcile().await;
            }
            _ => self.env.value("token", value).await,
        }
    }

    /// Waits until so many remote objects are live.
    pub async fn wait_live(&self, count: usize) {
        let what = format!("{count} objects live");
        self.until(&what, async || {
            (self.live_objects().len() == count).then_some(())
        })
        .await;
    }

    /// Changes its value, which replaces its object, and holds the answer to the create of the new one.
    pub async fn begin_replacement(&self) -> Gate {
        let gate = self.env.hold_after("POST", self.form.remote().path());
        self.change(VALUES[1]).await;
        self.wait_live(2).await;
        gate
    }

    /// Metorial has tokens from now on that are valid for so long: it renewed them, which is no import.
    pub fn issue_tokens(&self, token: &str, lifetime: SignedDuration) {
        self.issue_tokens_until(token, Timestamp::now() + lifetime);
    }

    /// The same, by Metorial's own clock.
    pub fn issue_tokens_until(&self, token: &str, until: Timestamp) {
        let value = json!({"token": token, "expires_at": until.to_string()});
        assert!(self.sim.edit(&self.theirs, json!({"value": value})));
    }

    /// Time passes for an export: it is recorded as if it had been made so long ago.
    pub async fn age_export(&self, by: SignedDuration) {
        let at = (Timestamp::now() - by).as_second();
        let at = Timestamp::from_second(at).unwrap();
        let status = json!({"exportedAt": at.to_string()});
        self.tested().edit_status(status).await;
    }

    /// Whether the remote object has this value.
    pub fn has_value(&self, remote: &Stored, value: &str) -> bool {
        match self.form {
            Form::Deployment => remote.readable["metadata"]["value"] == name_of(value),
            Form::Credentials => remote.write_only["client_secret"] == value,
            Form::Config | Form::Vault | Form::VaultInUse => {
                remote.write_only["value"]["schema"] == value
            }
            Form::ConfigOnVault => true,
            _ => remote.write_only["value"]["token"] == value,
        }
    }

    /// Whether it is ready with this value, and its status records the objects at Metorial as they are.
    pub async fn is_synced(&self, value: &str) -> bool {
        // Metorial first: the simulator is asked for nothing, and the API server is busy enough.
        let live = self.live_objects();
        let [remote] = live.as_slice() else {
            return false;
        };
        if !self.has_value(remote, value) {
            return false;
        }
        let Some(object) = self.tested().find().await else {
            return false;
        };
        let updated: Option<jiff::Timestamp> = object
            .field("remoteUpdatedAt")
            .as_str()
            .and_then(|text| text.parse().ok());
        object.is_ready()
            && object.field("id") == remote.id.as_str()
            && object.field("pendingDeletion").is_null()
            && updated.map(jiff::Timestamp::as_millisecond)
                == Some(remote.updated_at.as_millisecond())
            && self.records(&object, remote, value).await
    }

    /// Whether the form's own fields of the status are right.
    async fn records(&self, object: &Snapshot, remote: &Stored, value: &str) -> bool {
        let mut imports = self.env.imports();
        // An object that was created again has no imports yet.
        imports.retain(|import| import.readable.to_string().contains(&remote.id));
        let last_import = imports.last().map(|import| import.id.as_str());
        match self.form {
            Form::AuthConfig => object.field("imports")[0]["id"].as_str() == last_import,
            Form::ConfigOnVault => {
                let vault = self.env.vault(name_of(value)).get().await;
                let name = &object.data["spec"]["vaultRef"]["name"];
                *name == name_of(value)
                    && remote.readable["from_vault"]["id"].as_str() == vault.status().id.as_deref()
            }
            Form::VaultInUse => self.user_is_on(&remote.id).await,
            Form::ImportInto | Form::ImportNew => {
                last_import.is_some() && object.field("importId").as_str() == last_import
            }
            Form::Export => {
                let exports = self.env.exports();
                let last = exports.last().map(|export| export.id.as_str());
                object.field("exportId").as_str() == last
                    && self.exported().await.as_deref() == Some(value)
            }
            _ => true,
        }
    }

    /// Whether the config `user`, and no other, is there and made from this vault.
    async fn user_is_on(&self, vault: &str) -> bool {
        let user = self.env.config("user").get().await;
        let live = self.env.live(Kind::Config);
        let [config] = live.as_slice() else {
            return false;
        };
        user.is_ready()
            && user.field("id") == config.id.as_str()
            && user.field("pendingDeletion").is_null()
            && config.readable["from_vault"]["id"] == vault
    }

    /// Waits until it is synced with this value.
    pub async fn wait_synced(&self, value: &str) {
        let what = format!("{:?} is synced with {value}", self.form);
        self.env
            .until(&what, async || self.is_synced(value).await.then_some(()))
            .await;
    }

    /// The token in the Secret that exports go into.
    pub async fn exported(&self) -> Option<String> {
        self.env.secret_text("exported", "token").await
    }
}

/// The name of a value where the value itself can't be: that of the vault with it, or the metadata of a deployment.
fn name_of(value: &str) -> &'static str {
    match value {
        THIRD => "three",
        _ if value == VALUES[1] => "two",
        _ => "one",
    }
}
