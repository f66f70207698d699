//! Resources from their creation to their deletion, without any fault.

use super::kind::{Kind, every_kind};
use super::story::Story;
use serde_json::json;

every_kind! {
    created_renamed_rotated_and_deleted
    deleted_as_orphan
    suspended_and_resumed
    planned_and_approved
    observed
    ids_published
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
