//! Objects that are there already and are taken over, or not.

use super::kind::{Kind, every_kind};
use super::story::Story;
use serde_json::json;

every_kind! {
    adopted_as_it_is
    adopted_and_overridden
    adoption_refused
    adoption_of_nothing
    adoption_of_what_another_resource_owns
    marker_of_another_resource
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

async fn adoption_of_what_another_resource_owns(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    let id = story.id(kind.it()).await;
    let mut other = kind.manifest(json!({"name": "it", "adopt": {"id": id, "policy": "Override"}}));
    other["metadata"]["name"] = "other".into();
    story.apply(other).await;
    story
        .reach((kind.it().0, "other"), "OwnershipConflict")
        .await;
    story
        .end("adoption_of_what_another_resource_owns", kind.word())
        .await;
}

/// Somebody gives the object to another resource.
async fn marker_of_another_resource(kind: Kind) {
    let mut story = Story::with(kind, json!({})).await;
    let id = story.id(kind.it()).await;
    let mut metadata = story.sim.object(&id).unwrap().readable["metadata"].take();
    metadata["kubernetes"]["uid"] = "another".into();
    metadata["kubernetes"]["name"] = "another".into();
    story.sim.edit(&id, json!({"metadata": metadata}));
    story.request(kind.it()).await;
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story.end("marker_of_another_resource", kind.word()).await;
}
