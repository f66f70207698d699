//! Objects that are there already and are taken over, or not.

use super::kind::{Kind, every_kind};
use super::story::Story;
use serde_json::json;

every_kind! {
    adopted_as_it_is
    adopted_and_overridden
    adoption_refused
    adoption_of_nothing
}

async fn adopted_as_it_is(kind: Kind) {
    let mut story = Story::of_kinds().await;
    let id = story
        .by_hand(kind, json!({"metadata": {"theirs": true}}))
        .await;
    story
        .apply(kind.manifest(json!({"adopt": {"id": id}})))
        .await;
    story.reach(kind.it(), "Synced").await;
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story.end("adopted_as_it_is", kind.word()).await;
}

async fn adopted_and_overridden(kind: Kind) {
    let mut story = Story::of_kinds().await;
    let id = story
        .by_hand(kind, json!({"name": "theirs", "description": "theirs"}))
        .await;
    let adopt = json!({"adopt": {"id": id, "policy": "Override"}});
    story.apply(kind.manifest(adopt)).await;
    story.reach(kind.it(), "Synced").await;
    story.end("adopted_and_overridden", kind.word()).await;
}

async fn adoption_refused(kind: Kind) {
    let mut story = Story::of_kinds().await;
    let id = story.by_hand(kind, json!({"name": "theirs"})).await;
    story
        .apply(kind.manifest(json!({"adopt": {"id": id}})))
        .await;
    story.reach(kind.it(), "AdoptionMismatch").await;
    story.spec(kind.it(), json!({"name": "theirs"})).await;
    story.reach(kind.it(), "Synced").await;
    story.end("adoption_refused", kind.word()).await;
}

async fn adoption_of_nothing(kind: Kind) {
    let mut story = Story::of_kinds().await;
    let id = story.by_hand(kind, json!({})).await;
    story.sim.purge(&id);
    story
        .apply(kind.manifest(json!({"adopt": {"id": id}})))
        .await;
    story.reach(kind.it(), "RemoteMissing").await;
    story.spec(kind.it(), json!({"adopt": null})).await;
    story.reach(kind.it(), "Synced").await;
    story.end("adoption_of_nothing", kind.word()).await;
}
