//! `publish.configMap` for every kind: the ids for applications to read, made, kept and removed with the resource.

use crate::support::{Form, Given, Scenario, VALUES, config_map, each};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use serde_json::json;
use std::collections::BTreeMap;

type Ids = BTreeMap<String, String>;

impl Scenario {
    async fn ids(&self) -> Option<Ids> {
        self.config_map("ids").await.and_then(|map| map.data)
    }

    async fn wait_ids(&self, wanted: &Ids) {
        self.until("the ids and nothing else", async || {
            (self.ids().await.as_ref() == Some(wanted)).then_some(())
        })
        .await;
    }
}

fn publishing(form: Form) -> Given {
    let publish = json!({"publish": {"configMap": {"name": "ids"}}});
    Given::form(form).with_spec(publish)
}

#[tokio::test]
async fn the_ids_of_every_kind_are_published_repaired_and_deleted_with_the_resource() {
    each(Form::ALL, async |form| {
        let scenario = publishing(form).settled().await;
        let object = scenario.tested().get().await;
        let ids = scenario.ids().await.unwrap();
        for key in ["id", "instanceId", "providerId"] {
            let recorded = object.field(key).as_str();
            assert_eq!(ids.get(key).map(String::as_str), recorded, "{form:?} {key}");
            assert!(recorded.is_some(), "{form:?} {key}");
        }
        for (key, id) in &ids {
            assert!(key.to_lowercase().ends_with("id"), "{form:?} {ids:?}");
            assert_eq!(
                object.field(key).as_str(),
                Some(id.as_str()),
                "{form:?} {key}"
            );
        }
        let deployment = form == Form::Deployment;
        for key in ["deploymentId", "defaultConfigId"] {
            assert_eq!(ids.contains_key(key), deployment, "{form:?} {ids:?}");
        }
        let owner = scenario.config_map("ids").await.unwrap().owner_references()[0].clone();
        assert_eq!(
            (owner.kind.as_str(), Some(owner.uid)),
            (form.kind().name(), object.uid())
        );

        scenario.sim.clear_journal();
        let damage = json!({"data": {"id": "another", "instanceId": null, "more": "text"}});
        scenario.patch::<ConfigMap>("ids", damage).await;
        scenario.wait_ids(&ids).await;
        scenario.delete::<ConfigMap>("ids").await;
        scenario.wait_ids(&ids).await;
        scenario.check_oracles().await;
        assert!(scenario.attempts().is_empty(), "{form:?}");
        scenario.tested().remove().await;
        scenario.wait_gone::<ConfigMap>("ids").await;
    })
    .await;
}

#[tokio::test]
async fn the_id_of_a_replacement_is_published_before_the_former_object_is_deleted() {
    each(
        [Form::Config, Form::ConfigOnVault, Form::Vault],
        async |form| {
            let scenario = publishing(form).settled().await;
            scenario.change(VALUES[1]).await;
            scenario
                .until("the replacement", async || {
                    let ids = scenario.ids().await.unwrap();
                    let live = scenario.live_objects();
                    let lives = live.iter().any(|object| object.id == ids["id"]);
                    // What was published meanwhile is not among the ids that were read.
                    let still = scenario.ids().await.unwrap() == ids;
                    assert!(lives || !still, "{form:?}: what is published is gone");
                    scenario.is_synced(VALUES[1]).await.then_some(())
                })
                .await;
            let ids = scenario.ids().await.unwrap();
            assert_eq!(ids["id"], scenario.remote_object().id, "{form:?}");
            scenario.check_oracles().await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_config_map_of_somebody_else_is_left_alone_and_replaced_once_it_is_gone() {
    each(Form::ALL, async |form| {
        let scenario = publishing(form).running().await;
        scenario.apply(config_map("ids", "id", "theirs")).await;
        scenario.apply_tested().await;
        let refused = scenario.tested().wait_reason("OwnershipConflict").await;
        assert_eq!(refused.ready().status, "False", "{form:?}");
        assert!(
            refused.message().contains("ConfigMap ids"),
            "{}",
            refused.message()
        );
        scenario.check_quiet().await;
        assert_eq!(scenario.ids().await.unwrap()["id"], "theirs", "{form:?}");
        assert_eq!(
            scenario.live_objects().len(),
            1,
            "the object is there all the same"
        );
        scenario.delete::<ConfigMap>("ids").await;
        scenario.wait_synced(VALUES[0]).await;
        let id = scenario.tested().get().await.id();
        assert_eq!(scenario.ids().await.unwrap()["id"], id, "{form:?}");
        scenario.check_oracles().await;
    })
    .await;
}
