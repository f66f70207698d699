//! Changes that others make to the remote object: corrected, reported, recreated.

use super::kind::{Kind, every_kind};
use super::story::Story;
use super::support::FOREVER;
use serde_json::json;

every_kind! {
    an_edit_corrected
    an_edit_reported
    an_edit_reported_and_then_corrected
    a_hidden_edit_corrected
    a_hidden_edit_reported
    archived_and_recreated
    purged_and_recreated
    purged_and_too_young_to_believe
    archived_and_reported
}

async fn edited(kind: Kind, drift: &str, edit: serde_json::Value) -> Story {
    let mut story = Story::with(kind, json!({"drift": drift})).await;
    let id = story.id(kind.it()).await;
    story.sim.edit(&id, edit);
    story.request(kind.it()).await;
    story
}

async fn an_edit_corrected(kind: Kind) {
    let edit = json!({"name": "theirs", "description": "theirs"});
    let story = edited(kind, "Correct", edit).await;
    story.end("an_edit_corrected", kind.word()).await;
}

async fn an_edit_reported(kind: Kind) {
    let edit = json!({"name": "theirs", "description": "theirs"});
    let mut story = edited(kind, "Report", edit).await;
    let id = story.id(kind.it()).await;
    story
        .sim
        .edit(&id, json!({"name": "it", "description": null}));
    story.request(kind.it()).await;
    story.end("an_edit_reported", kind.word()).await;
}

async fn a_hidden_edit_corrected(kind: Kind) {
    let story = edited(kind, "Correct", json!({})).await;
    story.end("a_hidden_edit_corrected", kind.word()).await;
}

async fn a_hidden_edit_reported(kind: Kind) {
    let story = edited(kind, "Report", json!({})).await;
    story.end("a_hidden_edit_reported", kind.word()).await;
}

async fn archived_and_recreated(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    story.sim.archive(&story.id(kind.it()).await);
    story.request(kind.it()).await;
    story.end("archived_and_recreated", kind.word()).await;
}

async fn purged_and_recreated(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    story.sim.purge(&story.id(kind.it()).await);
    story.request(kind.it()).await;
    story.end("purged_and_recreated", kind.word()).await;
}

/// A read soon after a write that finds nothing may only be too early.
async fn purged_and_too_young_to_believe(kind: Kind) {
    let mut story = Story::of_kinds_settling(FOREVER).await;
    story.apply(kind.manifest(json!({}))).await;
    story.reach(kind.it(), "Synced").await;
    story.sim.purge(&story.id(kind.it()).await);
    story.request(kind.it()).await;
    story
        .end("purged_and_too_young_to_believe", kind.word())
        .await;
}

async fn archived_and_reported(kind: Kind) {
    let mut story = Story::with(kind, json!({"drift": "Report"})).await;
    story.sim.archive(&story.id(kind.it()).await);
    story.request(kind.it()).await;
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story.end("archived_and_reported", kind.word()).await;
}

async fn an_edit_reported_and_then_corrected(kind: Kind) {
    let mut story = edited(kind, "Report", json!({"name": "theirs"})).await;
    story.spec(kind.it(), json!({"drift": "Correct"})).await;
    story.reach(kind.it(), "Synced").await;
    story
        .end("an_edit_reported_and_then_corrected", kind.word())
        .await;
}
