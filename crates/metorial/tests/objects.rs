//! Decoding of the API reference's example objects and of the shapes of other server versions.

use jiff::Timestamp;
use metorial::{
    AuthConfig, AuthConfigSource, AuthConfigType, AuthCredentials, AuthExport, AuthImport,
    AuthMethod, Config, ConfigSchema, ConfigVault, Deployment, Instance, InstanceType, Object,
    Provider, Status, Token, ToolFilter, ToolFilters, Visibility,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn decode<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("the object decodes")
}

fn example(name: &str) -> Value {
    let text = match name {
        "auth_credentials" => include_str!("data/auth_credentials.json"),
        "auth_config" => include_str!("data/auth_config.json"),
        "config" => include_str!("data/config.json"),
        "auth_import" => include_str!("data/auth_import.json"),
        "auth_export" => include_str!("data/auth_export.json"),
        _ => panic!("no example {name}"),
    };
    serde_json::from_str(text).expect("an example is JSON")
}

#[test]
fn auth_credentials_of_the_reference_decode() {
    let credentials: AuthCredentials = decode(example("auth_credentials"));
    assert_eq!(credentials.id(), "par_4sTuVwXyZaBcDeFg");
    assert_eq!(credentials.status(), Status::Active);
    assert_eq!(credentials.r#type.as_deref(), Some("oauth"));
    assert_eq!(credentials.is_managed, Some(true));
    assert_eq!(credentials.scopes, None);
    assert_eq!(credentials.metadata().map(serde_json::Map::len), Some(0));
    assert_eq!(credentials.created_at().to_string(), "2025-09-15T10:30:00Z");
    assert_eq!(credentials.updated_at().to_string(), "2026-01-10T14:45:00Z");
}

#[test]
fn an_auth_config_of_the_reference_decodes() {
    let config: AuthConfig = decode(example("auth_config"));
    assert_eq!(config.id(), "pac_8pQrStUvWxYzAbCd");
    assert_eq!(
        (config.r#type, config.source),
        (AuthConfigType::Manual, AuthConfigSource::Manual)
    );
    assert_eq!(
        config.tool_filter,
        Some(ToolFilters::AllowAll {
            ignore_parent_filters: None
        })
    );
    assert_eq!(
        config.deployment.map(|deployment| deployment.id).as_deref(),
        Some("pde_1aBcDeFgHjKlMnPq")
    );
    assert_eq!(
        config.credentials.map(|credentials| credentials.status),
        Some(Status::Active)
    );
    let method = config.auth_method.expect("an auth method");
    assert_eq!(method.key.as_deref(), Some("oauth2"));
    assert_eq!(
        method.output_schema.and_then(|schema| schema.schema),
        Some(json!({}))
    );
    assert_eq!(method.scopes.expect("scopes")[0].scope, "repo");
}

#[test]
fn a_config_and_a_vault_of_the_reference_decode() {
    let config: Config = decode(example("config"));
    assert_eq!(config.id(), "pcf_7dEfGhJkLmNpQrSt");
    assert_eq!(
        config.specification_id.as_deref(),
        Some("psp_9gHjKlMnPqRsTuVw")
    );
    let vault = config.from_vault.expect("a vault");
    assert_eq!(vault.id(), "pcvt_3bCdEfGhJkLmNpQr");
    assert_eq!(vault.deployment_id(), Some("pde_1aBcDeFgHjKlMnPq"));
}

#[test]
fn an_import_of_the_reference_decodes_with_its_deployment_preview() {
    let import: AuthImport = decode(example("auth_import"));
    assert_eq!(import.id(), "paci_1vWxYzAbCdEfGhJk");
    assert_eq!(import.status(), Status::Active);
    assert_eq!(import.updated_at(), import.created_at());
    assert_eq!(import.auth_config_id(), Some("pac_8pQrStUvWxYzAbCd"));
    let config = import.auth_config.expect("an auth config");
    assert_eq!(config.deployment_id(), Some("pde_1aBcDeFgHjKlMnPq"));
    assert_eq!(config.deployment, None);
    let mut both = example("auth_import");
    both["auth_config"]["deployment"] = both["auth_config"]["deployment_preview"].clone();
    let text = both.to_string();
    let both: AuthImport = serde_json::from_str(&text).expect("both names decode");
    let both = both.auth_config.expect("an auth config");
    assert_eq!(both.deployment_id(), config.deployment_id());
    assert_eq!(
        config.credentials.map(|credentials| credentials.status),
        Some(Status::Unknown)
    );
}

#[test]
fn both_shapes_of_an_export_decode_and_its_value_does_not_print() {
    let reference: AuthExport = decode(example("auth_export"));
    assert_eq!(reference.auth_config_id(), Some("pac_8pQrStUvWxYzAbCd"));
    let value = reference.value.as_ref().expect("a value");
    assert_eq!(value.expose()["token_type"], "bearer");
    assert!(!format!("{reference:?}").contains("gho_"));

    let mut whole = example("auth_export");
    whole["provider_auth_config_id"] = Value::Null;
    whole["auth_config"] = example("auth_config");
    whole["value"] = Value::Null;
    let whole: AuthExport = decode(whole);
    assert_eq!(whole.auth_config_id(), Some("pac_8pQrStUvWxYzAbCd"));
    assert!(whole.value.is_none());
}

#[test]
fn null_and_absent_optional_members_are_none_and_unknown_ones_ignored() {
    let credentials: AuthCredentials = decode(json!({
        "id": "par_1", "status": null, "is_managed": null, "name": null, "metadata": null, "scopes": null,
        "provider_id": "pro_1", "created_at": "2025-09-15T10:30:00.000Z", "updated_at": "2025-09-15T10:30:00.000Z",
        "later": {"member": [1]},
    }));
    assert_eq!(credentials.status, Status::Unknown);
    assert_eq!(
        (
            credentials.is_managed,
            credentials.name,
            credentials.metadata
        ),
        (None, None, None)
    );

    let vault: ConfigVault = decode(json!({
        "id": "pcvt_1", "provider_id": "pro_1", "provider_deployment_id": "pde_1",
        "created_at": "2025-09-15T10:30:00.000Z", "updated_at": "2025-09-15T10:30:00.000Z",
    }));
    assert_eq!(vault.deployment_id(), Some("pde_1"));
}

#[test]
fn words_of_a_later_server_decode_as_unknown() {
    let mut config = example("auth_config");
    config["status"] = "frozen".into();
    config["type"] = "passkey".into();
    config["source"] = "magic".into();
    config["tool_filter"] = json!({"type": "deny_all"});
    let config: AuthConfig = decode(config);
    assert_eq!(config.status(), Status::Unknown);
    assert_eq!(
        (config.r#type, config.source),
        (AuthConfigType::Unknown, AuthConfigSource::Unknown)
    );
    assert_eq!(config.tool_filter, Some(ToolFilters::Unknown));
}

#[test]
fn a_missing_required_member_is_an_error() {
    for (member, value) in [
        ("id", Value::Null),
        ("created_at", "yesterday".into()),
        ("provider_id", 7.into()),
    ] {
        let mut credentials = example("auth_credentials");
        credentials[member] = value;
        assert!(
            serde_json::from_value::<AuthCredentials>(credentials).is_err(),
            "{member}"
        );
    }
}

#[test]
fn tool_filters_decode_as_the_server_writes_them() {
    let filters: ToolFilters = decode(json!({
        "type": "filter", "ignore_parent_filters": true,
        "filters": [{"type": "tool_keys", "keys": ["a", "b"]}, {"type": "resource_regex", "pattern": "^x"}],
    }));
    let want = ToolFilters::Filter {
        filters: vec![
            ToolFilter::ToolKeys {
                keys: vec!["a".to_owned(), "b".to_owned()],
            },
            ToolFilter::ResourceRegex {
                pattern: "^x".to_owned(),
            },
        ],
        ignore_parent_filters: Some(true),
    };
    assert_eq!(filters, want);
}

#[test]
fn read_only_objects_decode() {
    let instance: Instance = decode(json!({
        "object": "organization.instance", "id": "ins_1", "slug": "dev", "name": "Dev", "organization_id": "org_1",
        "type": "development", "project": {"id": "prj_1", "slug": "p", "name": "P"},
        "created_at": "2025-09-15T10:30:00.000Z", "updated_at": "2025-09-15T10:30:00.000Z",
    }));
    assert_eq!(instance.r#type, InstanceType::Development);
    assert_eq!(
        instance.project.map(|project| project.id).as_deref(),
        Some("prj_1")
    );

    let schema: ConfigSchema = decode(json!({
        "object": "provider.capabilities.config.schema", "visibility": "encrypted",
        "schema": {"type": "json_schema", "schema": {"type": "object"}}, "provider_id": "pro_1",
    }));
    assert_eq!(schema.visibility, Visibility::Encrypted);
    assert_eq!(
        schema.schema.and_then(|schema| schema.schema),
        Some(json!({"type": "object"}))
    );
    let none: ConfigSchema = decode(json!({"schema": null, "visibility": "plain"}));
    assert_eq!((none.schema, none.visibility), (None, Visibility::Plain));

    let provider: Provider = decode(json!({"id": "pro_1", "slug": "github", "name": "GitHub"}));
    assert_eq!(provider.slug.as_deref(), Some("github"));
    let method: AuthMethod = decode(json!({"id": "pam_1", "type": "token"}));
    assert_eq!(method.r#type.as_deref(), Some("token"));
}

/// Returns an example with the members that the server adds to imports and exports.
fn with_origin(name: &str) -> Value {
    let mut record = example(name);
    record["ip"] = "192.0.2.1".into();
    record["user_agent"] = "curl/8".into();
    record["provider_id"] = "pro_5gHjKlMnPqRsTuVw".into();
    record["provider_deployment_id"] = "pde_1aBcDeFgHjKlMnPq".into();
    record["auth_method_id"] = "pam_2mNpQrStUvWxYzAb".into();
    record["credentials_id"] = "par_4sTuVwXyZaBcDeFg".into();
    record["expires_at"] = "2026-03-15T10:30:00.000Z".into();
    record
}

#[test]
fn records_have_their_origin_and_auth_config() {
    let import: AuthImport = decode(with_origin("auth_import"));
    let export: AuthExport = decode(with_origin("auth_export"));
    for (ip, user_agent, provider, deployment, method, credentials, expires_at) in [
        (
            import.ip,
            import.user_agent,
            import.provider_id,
            import.provider_deployment_id,
            import.auth_method_id,
            import.credentials_id,
            import.expires_at,
        ),
        (
            export.ip,
            export.user_agent,
            export.provider_id,
            export.provider_deployment_id,
            export.auth_method_id,
            export.credentials_id,
            export.expires_at,
        ),
    ] {
        assert_eq!(ip.as_deref(), Some("192.0.2.1"));
        assert_eq!(user_agent.as_deref(), Some("curl/8"));
        assert_eq!(provider.as_deref(), Some("pro_5gHjKlMnPqRsTuVw"));
        assert_eq!(deployment.as_deref(), Some("pde_1aBcDeFgHjKlMnPq"));
        assert_eq!(method.as_deref(), Some("pam_2mNpQrStUvWxYzAb"));
        assert_eq!(credentials.as_deref(), Some("par_4sTuVwXyZaBcDeFg"));
        assert_eq!(
            expires_at.map(|time| time.to_string()).as_deref(),
            Some("2026-03-15T10:30:00Z")
        );
    }
    let mut unasked = example("auth_import");
    unasked["note"] = Value::Null;
    assert_eq!(decode::<AuthImport>(unasked).note, None);
}

#[test]
fn a_record_of_a_token_that_never_expires_decodes() {
    for never in ["9999-12-31T23:59:59.999Z", "+012345-01-01T00:00:00.000Z"] {
        let with_expiry = |name: &str| {
            let mut record = with_origin(name);
            record["expires_at"] = never.into();
            record
        };
        let import: AuthImport = decode(with_expiry("auth_import"));
        let export: AuthExport = decode(with_expiry("auth_export"));
        let expires_at = [import.expires_at, export.expires_at];
        assert_eq!(expires_at, [Some(Timestamp::MAX); 2], "{never}");
    }
}

#[test]
fn the_schema_of_imports_decodes() {
    let schema: ConfigSchema = decode(json!({
        "object": "provider.capabilities.auth_config.schema", "visibility": "encrypted",
        "schema": {"type": "json_schema", "schema": {"type": "object", "required": ["token"]}},
        "specification_id": "psp_1", "provider_id": "pro_1",
        "created_at": "2025-09-15T10:30:00.000Z", "updated_at": "2026-01-10T14:45:00.000Z",
    }));
    assert_eq!(schema.visibility, Visibility::Encrypted);
    assert_eq!(schema.specification_id.as_deref(), Some("psp_1"));
    assert_eq!(
        schema.schema.and_then(|schema| schema.schema),
        Some(json!({"type": "object", "required": ["token"]}))
    );
}

#[test]
fn an_auth_method_without_oauth_has_null_scopes_or_none() {
    for scopes in [Value::Null, json!([])] {
        let method: AuthMethod = decode(json!({
            "object": "provider.capabilities.auth_method", "id": "pam_1", "type": "token", "key": "token",
            "name": "API token", "description": null, "capabilities": {}, "scopes": scopes,
            "input_schema": {"type": "json_schema", "schema": {"type": "object"}}, "output_schema": null,
            "provider_id": "pro_1", "provider_specification_id": "psp_1",
            "created_at": "2025-09-15T10:30:00.000Z", "updated_at": "2026-01-10T14:45:00.000Z",
        }));
        assert_eq!(method.scopes.unwrap_or_default(), Vec::new());
        assert_eq!(
            method.input_schema.and_then(|schema| schema.schema),
            Some(json!({"type": "object"}))
        );
    }
}

#[test]
fn a_provider_and_a_deployment_decode_whole() {
    let provider: Provider = decode(json!({
        "object": "provider", "id": "pro_1", "access": "public", "status": "active",
        "publisher": {"object": "provider.publisher", "id": "pub_1", "name": "Metorial"},
        "current_version": {"object": "provider.version", "id": "pv_1", "specification_id": "psp_1"},
        "oauth": {
            "status": "enabled", "callback_url": "https://metorial.test/callback",
            "auto_registration": {"status": "unsupported"},
        },
        "identifier": "metorial-github", "name": "GitHub", "description": null, "slug": "github",
        "metadata": null, "created_at": "2025-09-15T10:30:00.000Z", "updated_at": "2026-01-10T14:45:00.000Z",
    }));
    assert_eq!(provider.identifier.as_deref(), Some("metorial-github"));
    assert_eq!(provider.description, None);
    assert_eq!(provider.status, Status::Active);
    assert_eq!(provider.access.as_deref(), Some("public"));
    let callback = "https://metorial.test/callback";
    assert_eq!(provider.callback_url(), Some(callback));
    let oauth = provider.oauth.as_ref().expect("OAuth");
    assert_eq!(oauth.status.as_deref(), Some("enabled"));
    let registration = oauth.auto_registration.as_ref().expect("a registration");
    assert_eq!(registration.status.as_deref(), Some("unsupported"));
    let version = provider.current_version.expect("a version");
    assert_eq!(version.specification_id.as_deref(), Some("psp_1"));
    let deployment: Deployment = decode(json!({
        "object": "provider.deployment", "id": "pde_1", "status": "active", "is_default": false, "name": "GitHub",
        "description": null, "metadata": {"team": "a"}, "tool_filter": {"type": "allow_all"},
        "provider_id": "pro_1",
        "locked_version": {"object": "provider.version", "id": "pv_1", "version": "v1", "is_current": false},
        "default_config": {
            "object": "provider.config#preview", "id": "pcf_1", "is_default": true,
            "name": "Default Config for GitHub", "metadata": {"team": "a"}, "provider_id": "pro_1",
            "created_at": "2025-09-15T10:30:00.000Z", "updated_at": "2026-01-10T14:45:00.000Z",
        },
        "created_at": "2025-09-15T10:30:00.000Z", "updated_at": "2026-01-10T14:45:00.000Z",
    }));
    assert_eq!(deployment.status(), Status::Active);
    assert_eq!(deployment.provider_id, "pro_1");
    assert_eq!(deployment.updated_at().to_string(), "2026-01-10T14:45:00Z");
    let config = deployment.default_config.expect("a default config");
    assert_eq!(config.id.as_str(), "pcf_1");
    assert_eq!(config.is_default, Some(true));
    let version = deployment.locked_version.expect("a version");
    assert_eq!(
        (version.id.as_str(), version.is_current),
        ("pv_1", Some(false))
    );
    assert_eq!(deployment.metadata.expect("metadata")["team"], "a");
}

#[test]
fn a_token_of_an_instance_and_one_of_an_organization_decode() {
    let organization = json!({"object": "organization", "id": "org_1", "name": "Acme"});
    let token: Token = decode(json!({
        "object": "token", "type": "instance_secret_key", "organization": organization,
        "instance": {"object": "organization.instance", "id": "ins_1", "slug": "production", "project_id": "prj_1"},
        "project": {"object": "organization.project", "id": "prj_1", "slug": "app"},
        "actor": {"object": "organization.actor", "id": "oac_1", "type": "machine"}, "user": null,
    }));
    let instance = token.instance.expect("an instance");
    assert_eq!(instance.id, "ins_1");
    assert_eq!(instance.project_id.as_deref(), Some("prj_1"));
    let token: Token = decode(json!({"organization": organization, "instance": null}));
    assert_eq!(token.instance, None);
    assert_eq!(token.organization.expect("an organization").id, "org_1");
}
