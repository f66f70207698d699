//! Deployments, keys and refusals against the stateful simulator.

use futures::TryStreamExt;
use metorial::{
    ApiKey, AuthConfig, AuthCredentials, Body, Client, Config, ConfigVault, Deployment, Error,
    ErrorKind, ListQuery, Object, Status,
};
use metorial_simulator::{InstanceId, InstanceType, Options, Quirk, Simulator, UsedBy};
use serde_json::{Value, json};

struct Setup {
    simulator: Simulator,
    instance: InstanceId,
    key: String,
    client: Client,
}

async fn setup() -> Setup {
    let simulator = Simulator::start(Options::default()).await;
    let organization = simulator.add_organization("Acme");
    let instance = simulator.add_instance(&organization, InstanceType::Development);
    let key = simulator.add_key(&instance);
    let client = client(&simulator, &key, None);
    Setup {
        simulator,
        instance,
        key,
        client,
    }
}

fn client(simulator: &Simulator, key: &str, instance: Option<&str>) -> Client {
    let key = ApiKey::parse(key).expect("a key");
    let url = simulator.url().parse().expect("a URL");
    let mut builder = Client::builder(url, key).no_proxy();
    if let Some(instance) = instance {
        builder = builder.instance_id(instance);
    }
    builder.build().expect("a client")
}

impl Setup {
    async fn create<T: Object>(&self, body: Value) -> Result<T, Error> {
        Ok(self.client.create(&Body::from(body)).await?.value)
    }

    async fn update<T: Object>(&self, id: &str, body: Value) -> Result<T, Error> {
        Ok(self.client.update(id, &Body::from(body)).await?.value)
    }

    async fn github_credentials(&self) -> Result<AuthCredentials, Error> {
        let config = json!({"client_id": "id", "client_secret": "secret", "scopes": ["repo"]});
        self.create(json!({"provider_id": "github", "config": config}))
            .await
    }
}

#[tokio::test]
async fn deployments_are_created_read_listed_updated_and_archived() -> Result<(), Error> {
    let setup = setup().await;
    let slack = setup.simulator.catalog().provider("slack");
    let slack = slack.expect("a provider of the catalog");
    let version = &slack.versions[0].id;
    let body = json!({
        "provider_id": "slack", "name": "Team", "metadata": {"team": "a"},
        "locked_provider_version_id": version,
    });
    let made: Deployment = setup.create(body).await?;
    assert_eq!(made.provider_id, slack.id);
    let locked = made.locked_version.as_ref().map(|locked| &locked.id);
    assert_eq!(locked, Some(version));
    let default_config = made.default_config.clone().expect("made unasked");
    assert_eq!(default_config.metadata, made.metadata);
    assert_eq!(setup.client.get::<Deployment>(&made.id).await?.value, made);

    let query = ListQuery::new().ids([&made.id]).expect("not empty");
    let pages = setup.client.pages::<Deployment>(&query);
    let pages: Vec<_> = pages.try_collect().await?;
    assert_eq!(pages[0].value.items, std::slice::from_ref(&made));

    let patch = json!({"name": "Renamed", "locked_provider_version_id": null});
    let after: Deployment = setup.update(&made.id, patch).await?;
    assert_eq!(after.name.as_deref(), Some("Renamed"));
    assert_eq!(after.locked_version, None);

    let gone = setup.client.delete::<Deployment>(&made.id).await?.value;
    assert_eq!(
        (gone.status(), gone.default_config),
        (Status::Archived, None)
    );
    setup.simulator.settled().await;
    let config = setup.client.get::<Config>(&default_config.id).await?.value;
    assert_eq!(config.status, Status::Archived);
    let again = setup.client.delete::<Deployment>(&made.id).await;
    assert_eq!(again.expect_err("gone").kind(), ErrorKind::Gone);
    Ok(())
}

#[tokio::test]
async fn a_config_belongs_to_the_deployment_of_its_vault() -> Result<(), Error> {
    let setup = setup().await;
    let own: Deployment = setup.create(json!({"provider_id": "postgres"})).await?;
    let other: Deployment = setup.create(json!({"provider_id": "postgres"})).await?;
    let vault = json!({
        "provider_id": "postgres", "provider_deployment_id": own.id, "name": "v", "value": {},
    });
    let vault: ConfigVault = setup.create(vault).await?;
    let mut body = json!({"provider_id": "postgres", "provider_config_vault_id": vault.id});
    let config: Config = setup.create(body.clone()).await?;
    let deployment = config.deployment.map(|deployment| deployment.id);
    assert_eq!(deployment, Some(own.id));
    body["provider_deployment_id"] = other.id.into();
    let error = setup.create::<Config>(body).await.expect_err("a mismatch");
    let code = Some("deployment_lock_mismatch");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Rejected, code));
    Ok(())
}

#[tokio::test]
async fn a_refused_deletion_names_what_blocks_it() -> Result<(), Error> {
    let setup = setup().await;
    let made: Deployment = setup.create(json!({"provider_id": "stripe"})).await?;
    for by in [
        UsedBy::Integration,
        UsedBy::IntegrationInstance,
        UsedBy::Identity,
    ] {
        let mut blockers = setup.simulator.use_object(&made.id, by);
        let refused = setup.client.delete::<Deployment>(&made.id).await;
        let error = refused.expect_err("in use");
        assert_eq!(error.kind(), ErrorKind::Rejected);
        let mut named = error.blockers().to_vec();
        blockers.sort();
        named.sort();
        assert_eq!(named, blockers);
        let code = error.code().expect("a code");
        assert!(code.ends_with("_archive_not_allowed"), "{code}");
        setup.simulator.set_in_use(&made.id, false);
    }
    Ok(())
}

#[tokio::test]
async fn a_purged_object_is_gone_in_every_build() -> Result<(), Error> {
    for quirk in [
        Quirk::MissingCredentialsAreConfigs,
        Quirk::UnderscoredEntities,
    ] {
        let setup = setup().await;
        setup.simulator.set_quirk(quirk, true);
        let made = setup.github_credentials().await?;
        setup.simulator.purge(made.id());
        let read = setup.client.get::<AuthCredentials>(made.id()).await;
        let error = read.expect_err("purged");
        assert_eq!(error.kind(), ErrorKind::Gone, "{quirk:?}: {error}");
        assert!(error.names(made.id()) && !error.names("par_other"));
    }
    Ok(())
}

#[tokio::test]
async fn a_missing_reference_is_named_by_its_id() {
    let setup = setup().await;
    let missing = "githubb-no-such-provider";
    let body = json!({"provider_id": missing});
    let error = setup.create::<Deployment>(body).await.expect_err("missing");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.names(missing));
    assert!(!format!("{error} {error:?}").contains(missing));
    let body = json!({"provider_auth_method_id": "pam_nothing", "value": {}});
    let error = setup.create::<AuthConfig>(body).await.expect_err("missing");
    assert_eq!(error.entity(), Some("provider_tool"), "it is unreliable");
    assert!(error.names("pam_nothing"));
}

#[tokio::test]
async fn a_403_names_the_scope_or_the_switch() {
    let setup = setup().await;
    let simulator = &setup.simulator;
    simulator.set_only_oauth(&setup.instance, true);
    let body = json!({"provider_auth_method_id": "linear-token", "value": {"token": "t"}});
    let error = setup.create::<AuthConfig>(body).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.allows_only_oauth());
    assert_eq!(error.scope(), None);

    simulator.restrict_key(&setup.key, ["instance.provider.auth:read"]);
    let error = setup.github_credentials().await.expect_err("no scope");
    assert_eq!(error.scope(), Some("instance.provider.auth:write"));
    assert!(!error.allows_only_oauth());
    let error = setup.client.instance().await.expect_err("no scope");
    assert_eq!(error.scope(), Some("organization.instance:read"));
    let token = setup.client.token().await.expect("no scope is needed");
    let instance = token.value.instance.expect("an instance");
    assert_eq!(instance.id, setup.instance.as_str());
}

#[tokio::test]
async fn the_key_of_an_organization_reaches_the_named_instance() -> Result<(), Error> {
    let simulator = Simulator::start(Options::default().with(Quirk::DisplaysLaterVersion)).await;
    let organization = simulator.add_organization("Acme");
    let instance = simulator.add_instance(&organization, InstanceType::Production);
    let key = simulator.add_organization_key(&organization);
    let error = client(&simulator, &key, None).instance().await;
    assert_eq!(error.expect_err("no instance").kind(), ErrorKind::Rejected);
    for name in [instance.as_str(), "production"] {
        let named = client(&simulator, &key, Some(name)).instance().await?;
        assert_eq!(named.value.id, instance.as_str());
    }
    let unknown = client(&simulator, &key, Some("ins_unknown"));
    let error = unknown.instance().await.expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.names("ins_unknown"));
    let token = client(&simulator, &key, None).token().await?.value;
    assert_eq!(token.instance, None);
    let known = token.organization.map(|organization| organization.id);
    assert_eq!(known.as_deref(), Some(organization.as_str()));
    Ok(())
}

#[tokio::test]
async fn the_callback_url_of_a_provider_is_read() -> Result<(), Error> {
    let setup = setup().await;
    let github = setup.client.provider("github").await?.value;
    let known = setup.simulator.catalog().provider("github");
    assert_eq!(
        github.callback_url(),
        known.and_then(|known| known.callback_url()).as_deref()
    );
    let linear = setup.client.provider("linear").await?.value;
    assert_eq!((linear.callback_url(), linear.oauth.as_ref()), (None, None));
    Ok(())
}

#[tokio::test]
async fn credentials_of_mcp_servers_refuse_a_rotation() -> Result<(), Error> {
    let setup = setup().await;
    let config = json!({"client_id": "id", "client_secret": "secret", "scopes": ["read"]});
    let body = json!({"provider_id": "notion", "config": config});
    let made: AuthCredentials = setup.create(body).await?;
    assert_eq!(made.scopes.as_deref(), Some(&[][..]));
    let rotation = json!({"client_secret": "new"});
    let refused = setup.update::<AuthCredentials>(&made.id, rotation.clone());
    let error = refused.await.expect_err("refused");
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Rejected, Some("bad_request"))
    );
    let quirk = Quirk::CredentialsPatchIgnored;
    setup.simulator.set_quirk(quirk, true);
    let ignored: AuthCredentials = setup.update(&made.id, rotation).await?;
    assert_eq!((ignored.scopes, ignored.is_managed), (None, None));
    Ok(())
}
