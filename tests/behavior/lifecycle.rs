//! Resources from their creation to their deletion, without any fault.

use super::kind::{Kind, every_kind, every_valued_kind};
use super::story::Story;
use super::support::with;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::{Value, json};
use std::time::Duration;

every_kind! {
    created_renamed_rotated_and_deleted
    every_field_edited
    deleted_as_orphan
    deleted_while_suspended
    observed_for_a_while
    restarted
    status_lost
    suspended_and_resumed
    planned_and_approved
    observed
    ids_published
    config_map_of_somebody_else
}

every_valued_kind! {
    deleted_before_it_was_created
}

async fn created_renamed_rotated_and_deleted(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    story
        .spec(kind.it(), json!({"name": "renamed", "description": "text"}))
        .await;
    story.reach(kind.it(), "Synced").await;
    story.new_value(kind, "second").await;
    story.reach(kind.it(), "Synced").await;
    story.quiet().await;
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story
        .end("created_renamed_rotated_and_deleted", kind.word())
        .await;
}

async fn deleted_as_orphan(kind: Kind) {
    let story = Story::with(kind, json!({"deletionPolicy": "Orphan"})).await;
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story.end("deleted_as_orphan", kind.word()).await;
}

async fn suspended_and_resumed(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    story.spec(kind.it(), json!({"suspend": true})).await;
    story.reach(kind.it(), "Suspended").await;
    story.spec(kind.it(), json!({"name": "renamed"})).await;
    story.reach(kind.it(), "Suspended").await;
    story.spec(kind.it(), json!({"suspend": null})).await;
    story.reach(kind.it(), "Synced").await;
    story.end("suspended_and_resumed", kind.word()).await;
}

async fn planned_and_approved(kind: Kind) {
    let mut story = Story::of_kinds().await;
    story.apply(kind.manifest(json!({"mode": "Plan"}))).await;
    story.reach(kind.it(), "PlanPending").await;
    story.approve(kind.it()).await;
    story.reach(kind.it(), "Synced").await;
    story.spec(kind.it(), json!({"name": "renamed"})).await;
    story.reach(kind.it(), "PlanPending").await;
    story.new_value(kind, "second").await;
    story.reach(kind.it(), "PlanPending").await;
    story.approve(kind.it()).await;
    story.reach(kind.it(), "Synced").await;
    story.end("planned_and_approved", kind.word()).await;
}

async fn observed(kind: Kind) {
    let mut story = Story::of_kinds().await;
    let id = story.by_hand(kind, json!({})).await;
    let adopt = json!({"mode": "Observe", "adopt": {"id": id}});
    story.apply(kind.manifest(adopt)).await;
    story.reach(kind.it(), "Observed").await;
    story.sim.edit(&id, json!({"name": "theirs"}));
    story.request(kind.it()).await;
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story.end("observed", kind.word()).await;
}

async fn ids_published(kind: Kind) {
    let publish = json!({"publish": {"configMap": {"name": "ids"}}});
    let mut story = Story::with(kind, publish).await;
    story
        .spec(
            kind.it(),
            json!({"publish": {"configMap": {"name": "others"}}}),
        )
        .await;
    story.reach(kind.it(), "Synced").await;
    story.quiet().await;
    story.spec(kind.it(), json!({"publish": null})).await;
    story.reach(kind.it(), "Synced").await;
    story.end("ids_published", kind.word()).await;
}

async fn every_field_edited(kind: Kind) {
    let extra = |more: Value| match kind {
        Kind::Deployment | Kind::AuthConfig | Kind::Config => more,
        _ => json!({}),
    };
    let filters = json!({"toolFilters": [{"type": "tool_keys", "keys": ["b", "a"]}]});
    let spec = with(
        json!({"description": "text", "metadata": {"a": 1, "b": {"c": true}}}),
        extra(filters),
    );
    let mut story = Story::with(kind, spec).await;
    let filters = json!({"toolFilters": [{"type": "resource_regex", "pattern": "^docs"}]});
    let spec = with(
        json!({"description": "other", "metadata": {"a": 2, "b": null}}),
        extra(filters),
    );
    story.spec(kind.it(), spec).await;
    story.reach(kind.it(), "Synced").await;
    let mut spec =
        json!({"description": null, "metadata": null, "toolFilters": null, "interval": "5m"});
    if kind == Kind::AuthCredentials {
        spec["oauth"] = json!({"scopes": ["repo"]});
    }
    story.spec(kind.it(), spec).await;
    story.reach(kind.it(), "Synced").await;
    story.end("every_field_edited", kind.word()).await;
}

async fn deleted_while_suspended(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    story.spec(kind.it(), json!({"suspend": true})).await;
    story.reach(kind.it(), "Suspended").await;
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story.end("deleted_while_suspended", kind.word()).await;
}

async fn deleted_before_it_was_created(kind: Kind) {
    let mut story = Story::of_kinds().await;
    story.delete::<Secret>(kind.secret().0).await;
    story.apply(kind.manifest(json!({}))).await;
    story.reach(kind.it(), "SecretNotFound").await;
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story
        .end("deleted_before_it_was_created", kind.word())
        .await;
}

async fn observed_for_a_while(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    let id = story.id(kind.it()).await;
    let observe = json!({"mode": "Observe", "adopt": {"id": id}});
    story.spec(kind.it(), observe).await;
    story.reach(kind.it(), "Observed").await;
    story.spec(kind.it(), json!({"name": "renamed"})).await;
    story.reach(kind.it(), "Observed").await;
    story
        .spec(kind.it(), json!({"mode": null, "adopt": null}))
        .await;
    story.reach(kind.it(), "Synced").await;
    story.end("observed_for_a_while", kind.word()).await;
}

async fn restarted(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    story.restart().await;
    story.request(kind.it()).await;
    story.end("restarted", kind.word()).await;
}

/// A restored backup has no status.
async fn status_lost(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    story.stop().await;
    story.lose_status(kind.it()).await;
    story.start(Duration::ZERO);
    story.reach(kind.it(), "Synced").await;
    story.end("status_lost", kind.word()).await;
}

async fn config_map_of_somebody_else(kind: Kind) {
    let mut story = Story::of_kinds().await;
    let ids = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ids"}, "data": {"id": "theirs"}});
    story.apply(ids).await;
    let publish = json!({"publish": {"configMap": {"name": "ids"}}});
    story.apply(kind.manifest(publish)).await;
    story.reach(kind.it(), "OwnershipConflict").await;
    story.delete::<ConfigMap>("ids").await;
    story.reach(kind.it(), "Synced").await;
    story.end("config_map_of_somebody_else", kind.word()).await;
}
