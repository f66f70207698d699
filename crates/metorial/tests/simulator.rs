//! Every call against the stateful simulator, in both of its profiles.

use futures::TryStreamExt;
use metorial::{
    ApiKey, AuthConfig, AuthCredentials, AuthImport, Body, Client, Collection, Config, ConfigVault,
    Error, ErrorKind, ExportTarget, ListQuery, Object, SchemaOf, Status,
};
use metorial_simulator::{InstanceId, InstanceType, Options, Profile, Provider, Quirk, Simulator};
use serde_json::json;

struct Setup {
    simulator: Simulator,
    instance: InstanceId,
    client: Client,
}

async fn setup(profile: Profile) -> Setup {
    let simulator = Simulator::start(Options::of(profile)).await;
    let organization = simulator.add_organization("Acme");
    let instance = simulator.add_instance(&organization, InstanceType::Development);
    let key = ApiKey::parse(&simulator.add_key(&instance)).expect("a key");
    let url = simulator.url().parse().expect("a URL");
    let client = Client::builder(url, key)
        .no_proxy()
        .build()
        .expect("a client");
    Setup {
        simulator,
        instance,
        client,
    }
}

impl Setup {
    fn deployment(&self, provider: &str) -> String {
        match self.simulator.deployment(&self.instance, provider) {
            Some(deployment) => deployment,
            None => self
                .simulator
                .add_deployment(&self.instance, provider, "Production"),
        }
    }

    async fn linear_config(&self) -> Result<AuthConfig, Error> {
        let method = self.provider("linear").auth_method("token");
        let body = Body::from(json!({
            "provider_auth_method_id": method.expect("a method").id, "value": {"token": "t"},
            "provider_deployment_id": self.deployment("linear"), "name": "CI",
        }));
        Ok(self.client.create(&body).await?.value)
    }

    fn provider(&self, slug: &str) -> &'static Provider {
        let provider = self.simulator.catalog().provider(slug);
        provider.expect("a provider of the catalog")
    }

    fn github_id(&self) -> &'static str {
        &self.provider("github").id
    }

    async fn github_credentials(&self, name: &str) -> Result<AuthCredentials, Error> {
        let config = json!({"client_id": "id", "client_secret": "secret", "scopes": ["repo"]});
        let body =
            Body::from(json!({"provider_id": self.github_id(), "name": name, "config": config}));
        Ok(self.client.create(&body).await?.value)
    }
}

const PROFILES: [Profile; 2] = [Profile::Server, Profile::Reference];

#[tokio::test]
async fn the_instance_of_a_key_is_read() -> Result<(), Error> {
    for profile in PROFILES {
        let setup = setup(profile).await;
        let answer = setup.client.instance().await?;
        assert_eq!(answer.value.r#type, metorial::InstanceType::Development);
        assert!(answer.value.organization_id.is_some() && answer.value.project.is_some());
        assert!(answer.meta.request_id.is_some());
        assert!(
            answer
                .meta
                .rate_limit
                .and_then(|limit| limit.remaining)
                .is_some()
        );
    }
    Ok(())
}

#[tokio::test]
async fn credentials_are_created_updated_listed_and_archived() -> Result<(), Error> {
    for profile in PROFILES {
        let setup = setup(profile).await;
        let client = &setup.client;
        let created = setup.github_credentials("GitHub").await?;
        let patch = Body::from(json!({"name": "Renamed", "metadata": {"a": 1}}));
        client
            .update::<AuthCredentials>(created.id(), &patch)
            .await?;
        let read = client.get::<AuthCredentials>(created.id()).await?.value;
        assert_eq!(
            (read.name.as_deref(), read.status()),
            (Some("Renamed"), Status::Active)
        );
        assert!(read.updated_at() >= created.created_at());

        let query = ListQuery::new()
            .ids([created.id()])
            .expect("not empty")
            .range_gt("created_at", jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(
            client.list::<AuthCredentials>(&query).await?.value.items,
            [read]
        );

        let deleted = client.delete::<AuthCredentials>(created.id()).await?.value;
        let after = client.get::<AuthCredentials>(created.id()).await;
        let again = client
            .delete::<AuthCredentials>(created.id())
            .await
            .expect_err("gone");
        assert_eq!(again.kind(), ErrorKind::Gone, "{again}");
        match profile {
            Profile::Server => {
                assert_eq!(deleted.status(), Status::Archived);
                assert_eq!(after?.value.status(), Status::Archived);
            }
            Profile::Reference => assert_eq!(after.expect_err("gone").kind(), ErrorKind::Gone),
        }
    }
    Ok(())
}

#[tokio::test]
async fn all_pages_are_read_in_order_and_without_repetition() -> Result<(), Error> {
    for profile in PROFILES {
        let setup = setup(profile).await;
        let mut created = Vec::new();
        for number in 0..7 {
            created.push(setup.github_credentials(&format!("c{number}")).await?.id);
        }
        let query = ListQuery::new()
            .filter("provider_id", [setup.github_id()])
            .expect("not empty");
        let query = query
            .filter("origin", ["custom"])
            .expect("not empty")
            .limit(3);
        let pages: Vec<_> = setup
            .client
            .pages::<AuthCredentials>(&query)
            .try_collect()
            .await?;
        let ids: Vec<_> = pages
            .into_iter()
            .flat_map(|page| page.value.items)
            .map(|item| item.id)
            .collect();
        assert_eq!(ids, created);
    }
    Ok(())
}

#[tokio::test]
async fn values_are_imported_into_auth_configs_and_exported() -> Result<(), Error> {
    for profile in PROFILES {
        let setup = setup(profile).await;
        let client = &setup.client;
        let config = setup.linear_config().await?;
        let body = Body::from(json!({
            "note": "rotated", "value": {"token": "u"}, "provider_auth_config_id": config.id,
            "provider_id": config.provider_id, "provider_deployment_id": setup.deployment("linear"),
        }));
        let import = client.create::<AuthImport>(&body).await?.value;
        assert_eq!(import.auth_config_id(), Some(config.id()));
        assert!(
            import
                .auth_config
                .is_some_and(|config| config.deployment_id().is_some())
        );

        let target = ExportTarget {
            auth_config_id: config.id.clone(),
            deployment_id: Some(setup.deployment("linear")),
        };
        let body = Body::from(json!({"note": "backup"}));
        let export = match client.create_export(&target, &body).await {
            Err(error) if error.may_be_elsewhere() => client.create_export(&target, &body).await,
            exported => exported,
        };
        let export = export?.value;
        assert_eq!(
            export.value.as_ref().expect("a value").expose()["token"],
            "u"
        );
        assert_eq!(export.auth_config_id(), Some(config.id()));
        assert!(
            client
                .get_export(&target, export.id())
                .await?
                .value
                .value
                .is_none()
        );
        let pages: Vec<_> = client
            .export_pages(&target, &ListQuery::new())
            .try_collect()
            .await?;
        assert_eq!(pages[0].value.items[0].id(), export.id());
    }
    Ok(())
}

#[tokio::test]
async fn a_config_is_created_from_a_vault() -> Result<(), Error> {
    for profile in PROFILES {
        let setup = setup(profile).await;
        let client = &setup.client;
        let provider = setup.provider("postgres");
        let body = Body::from(
            json!({"provider_id": provider.id, "name": "Vault", "value": {"readOnly": true}}),
        );
        let vault = client.create::<ConfigVault>(&body).await?.value;
        let body =
            Body::from(json!({"provider_id": provider.id, "provider_config_vault_id": vault.id}));
        let config = client.create::<Config>(&body).await?.value;
        assert_eq!(config.from_vault.map(|vault| vault.id), Some(vault.id));

        let wrong =
            Body::from(json!({"provider_id": provider.id, "value": {"readOnly": "canary"}}));
        let error = client
            .create::<Config>(&wrong)
            .await
            .expect_err("not of the schema");
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Rejected, Some("invalid_data"))
        );
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
    Ok(())
}

#[tokio::test]
async fn schemas_are_read() -> Result<(), Error> {
    for profile in PROFILES {
        let setup = setup(profile).await;
        let client = &setup.client;
        let provider = setup.provider("postgres");
        assert_eq!(
            client.provider(&provider.id).await?.value.slug.as_deref(),
            Some("postgres")
        );
        let of = SchemaOf::Provider(provider.id.clone());
        let schema = client
            .config_schema(&of)
            .await?
            .value
            .schema
            .and_then(|schema| schema.schema);
        assert!(schema.is_some_and(|schema| schema["properties"]["readOnly"].is_object()));

        let method = &provider.current().auth_methods[0].id;
        let input = client
            .auth_method(method)
            .await?
            .value
            .input_schema
            .and_then(|schema| schema.schema);
        let import = client
            .import_schema(&SchemaOf::AuthMethod(method.clone()))
            .await;
        match profile {
            Profile::Server => {
                assert_eq!(import.expect_err("shadowed").kind(), ErrorKind::NoSuchRoute);
            }
            Profile::Reference => {
                assert_eq!(import?.value.schema.and_then(|schema| schema.schema), input);
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_server_says_which_fields_its_updates_take() -> Result<(), Error> {
    for profile in PROFILES {
        let setup = setup(profile).await;
        for ignored in [false, true] {
            let quirk = Quirk::CredentialsPatchIgnored;
            setup.simulator.set_quirk(quirk, ignored);
            let of = |collection| setup.client.patch_fields(collection);
            let fields = of(Collection::AuthCredentials).await?.value;
            let fields = fields.expect("its fields");
            assert_eq!(fields.contains("client_secret"), !ignored, "{fields:?}");
            assert!(fields.contains("name"), "{fields:?}");
            assert_eq!(of(Collection::AuthImports).await?.value, None);
        }
    }
    Ok(())
}

#[tokio::test]
async fn errors_of_the_api_have_different_kinds() {
    for profile in PROFILES {
        let setup = setup(profile).await;
        let client = &setup.client;
        let missing = client
            .get::<AuthCredentials>("par_missing")
            .await
            .expect_err("missing");
        assert_eq!(missing.kind(), ErrorKind::Gone, "{missing}");
        let body = Body::from(json!({"provider_id": "pro_missing", "config": {}}));
        let wrong = client
            .create::<AuthCredentials>(&body)
            .await
            .expect_err("wrong");
        assert_eq!(wrong.kind(), ErrorKind::Rejected, "{wrong}");
        let none = client
            .delete::<AuthImport>("paci_1")
            .await
            .expect_err("imports stay");
        assert_eq!(none.kind(), ErrorKind::NoSuchRoute, "{none}");

        let key = ApiKey::parse("metorial_sk_unknown").expect("a key");
        let url = setup.simulator.url().parse().expect("a URL");
        let stranger = Client::builder(url, key)
            .no_proxy()
            .build()
            .expect("a client");
        let error = stranger.instance().await.expect_err("unknown key");
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(!format!("{error} {error:?}").contains("metorial_sk_unknown"));
    }
}
