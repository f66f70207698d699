//! The knowledge of a session about an object after a write that failed.

use crate::kinds::RemoteObject;
use crate::plan::tests::fixture::{mac, owner};
use crate::remote::testing::{ID, auth_config, session};
use metorial::{AuthConfig, Collection};
use serde_json::json;
use std::sync::Arc;
use tokio::time::Instant;

#[tokio::test]
async fn an_auth_config_is_read_again_after_an_import_that_failed() {
    let (session, began) = (session(1), Instant::now());
    let (owner, key) = (owner("uid"), mac());
    let object: AuthConfig = serde_json::from_value(auth_config(ID, "active")).unwrap();
    let seen = Some(Arc::new(object.view()));
    let observations = &session.cache.observations;
    let at = "2025-09-15T10:00:05Z".parse().unwrap();
    observations.store_read(Collection::AuthConfigs, ID, seen, began, at);
    let access = &session.loader.access;
    access.record(Collection::AuthConfigs, &Ok(()));
    for (into, known) in [(None, true), (Some(ID), false)] {
        let import = session.import(json!({}), into, &owner, &key);
        assert!(import.await.is_err(), "nobody listens");
        assert_eq!(session.known(ID, began).is_some(), known);
    }
}
