//! The statuses of all kinds, as [`ResourceStatus`] sees them.

use crate::resources::auth_export::AuthExportStatus;
use crate::resources::auth_import::AuthImportStatus;
use crate::resources::provider_auth_config::ProviderAuthConfigStatus;
use crate::resources::provider_auth_credentials::ProviderAuthCredentialsStatus;
use crate::resources::provider_config::ProviderConfigStatus;
use crate::resources::provider_config_vault::ProviderConfigVaultStatus;
use crate::resources::provider_deployment::ProviderDeploymentStatus;
use crate::resources::status::{RemoteDetails, ResourceStatus};
use jiff::Timestamp;
use serde_json::{Value, json};

fn details() -> RemoteDetails {
    RemoteDetails {
        provider_id: Some("p".to_owned()),
        auth_config_id: Some("a".to_owned()),
        auth_config_type: Some("manual".to_owned()),
        vault_id: Some("v".to_owned()),
        callback_url: Some("https://u".to_owned()),
        deployment_id: Some("d".to_owned()),
        credentials_id: Some("c".to_owned()),
        default_config_id: Some("dc".to_owned()),
        locked_version_id: Some("l".to_owned()),
    }
}

/// Returns a status of the kind with everything that it shows of a remote object.
fn shown<S: ResourceStatus>() -> Value {
    let mut status = S::default();
    status.common_mut().id = Some("x".to_owned());
    status.set_details(&details());
    let shown = serde_json::to_value(&status).unwrap();
    let read: S = serde_json::from_value(shown.clone()).unwrap();
    assert_eq!(read, status, "what is written is read back");
    status.set_details(&read.details());
    assert_eq!(read, status, "the details are those that were set");
    status.set_details(&RemoteDetails::default());
    assert_eq!(serde_json::to_value(&status).unwrap(), json!({"id": "x"}));
    assert_eq!(status.common().id.as_deref(), Some("x"));
    shown
}

#[test]
fn each_kind_shows_the_details_that_it_has_fields_for() {
    let provider = json!({"id": "x", "providerId": "p"});
    let auth_config =
        json!({"id": "x", "providerId": "p", "authConfigId": "a", "authConfigType": "manual"});
    let deployed = |mut shown: Value| {
        shown["deploymentId"] = json!("d");
        shown
    };
    let credentials = json!({"id": "x", "providerId": "p", "callbackUrl": "https://u"});
    assert_eq!(shown::<ProviderAuthCredentialsStatus>(), credentials);
    assert_eq!(shown::<ProviderConfigVaultStatus>(), deployed(provider));
    assert_eq!(shown::<AuthExportStatus>(), auth_config);
    let auth_config = deployed(auth_config);
    assert_eq!(shown::<ProviderAuthConfigStatus>(), auth_config);
    assert_eq!(shown::<AuthImportStatus>(), auth_config);
    let config = json!({"id": "x", "providerId": "p", "vaultId": "v"});
    assert_eq!(shown::<ProviderConfigStatus>(), deployed(config));
    let deployment =
        json!({"id": "x", "providerId": "p", "defaultConfigId": "dc", "lockedVersionId": "l"});
    assert_eq!(shown::<ProviderDeploymentStatus>(), deployed(deployment));
}

#[test]
fn only_the_ids_among_the_details_are_published() {
    let all = details();
    let ids: Vec<(&str, &str)> = all.ids().collect();
    let expected = [
        ("providerId", "p"),
        ("authConfigId", "a"),
        ("vaultId", "v"),
        ("deploymentId", "d"),
        ("defaultConfigId", "dc"),
        ("lockedVersionId", "l"),
    ];
    assert_eq!(ids, expected);
    assert_eq!(RemoteDetails::default().ids().count(), 0);
}

#[test]
fn an_object_is_deleted_with_its_vault_deployment_and_credentials_but_not_with_itself() {
    let all = details();
    assert_eq!(Vec::from_iter(all.parents("x")), ["v", "d", "c"]);
    assert_eq!(Vec::from_iter(all.parents("d")), ["v", "c"]);
}

#[test]
fn a_deployment_uses_its_default_config() {
    assert_eq!(Vec::from_iter(details().uses()), ["dc"]);
    assert_eq!(RemoteDetails::default().uses().count(), 0);
}

#[test]
fn only_exports_have_a_state_of_exports() {
    let mut status = AuthExportStatus::default();
    status.export_mut().unwrap().export_id = Some("e".to_owned());
    let export = status.export().unwrap();
    assert_eq!(export.export_id.as_deref(), Some("e"));
    assert_eq!(
        serde_json::to_value(&status).unwrap(),
        json!({"exportId": "e"})
    );
    let mut import = AuthImportStatus::default();
    assert!(import.export().is_none() && import.export_mut().is_none());
}

#[test]
fn only_the_values_of_exports_and_of_the_last_import_expire() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let import = |second| {
        json!({
            "id": "paci_1", "createdAt": at(1).to_string(), "fingerprint": "f",
            "expiresAt": at(second).to_string()
        })
    };
    let imports = json!({"imports": [import(7), import(9)]});
    let read: AuthImportStatus = serde_json::from_value(imports.clone()).unwrap();
    let expiration = read.expiration().unwrap();
    assert_eq!(expiration.expires_at, at(7));
    assert_eq!(expiration.created_at, Some(at(1)));
    let other: ProviderAuthConfigStatus = serde_json::from_value(imports).unwrap();
    assert_eq!(other.expiration(), None);
    let export = json!({"expiresAt": at(7).to_string(), "exportedAt": at(2).to_string()});
    let export: AuthExportStatus = serde_json::from_value(export).unwrap();
    let expiration = export.expiration().unwrap();
    assert_eq!(
        (expiration.expires_at, expiration.created_at),
        (at(7), None)
    );
    assert_eq!(expiration.recorded_at, Some(at(2)));
    assert_eq!(AuthExportStatus::default().expiration(), None);
}
