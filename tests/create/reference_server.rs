//! The central story of each kind at a server that behaves as the API's published reference says.

use crate::support::{Form, Given, THIRD, VALUES, each};
use metorial_simulator::Profile;
use serde_json::json;

#[tokio::test]
async fn each_kind_is_created_changed_and_deleted() {
    each(Form::ALL, async |form| {
        let scenario = Given::form(form).at(Profile::Reference).settled().await;
        scenario.change(VALUES[1]).await;
        scenario.wait_synced(VALUES[1]).await;
        scenario.tested().reconcile_now().await;
        scenario.check_oracles().await;
        scenario.tested().remove().await;
        assert_eq!(
            scenario.live_objects().len(),
            usize::from(form.borrows()),
            "{form:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn edits_on_both_sides_and_a_loss_are_handled_as_well() {
    each(Form::EDITABLE, async |form| {
        let scenario = Given::form(form).at(Profile::Reference).settled().await;
        let first = scenario.remote_object();
        let edits = [
            json!({"description": "ours"}),
            json!({"description": "longer"}),
        ];
        for (number, edit) in edits.into_iter().enumerate() {
            scenario.tested().edit(edit).await;
            scenario.wait_synced(VALUES[0]).await;
            assert_eq!(scenario.patches().len(), number + 1, "{form:?}");
        }
        scenario.sim.edit(&first.id, json!({"name": "theirs"}));
        scenario.tested().reconcile_now().await;
        scenario.wait_synced(VALUES[0]).await;
        assert_eq!(scenario.patches().len(), 3, "{form:?}");
        let name = &scenario.remote_object().readable["name"];
        assert_eq!(name, crate::support::TESTED, "{form:?}");

        scenario.change(THIRD).await;
        scenario.wait_synced(THIRD).await;
        let lost = scenario.remote_object();
        scenario.sim.archive(&lost.id);
        scenario.sim.purge(&lost.id);
        scenario.tested().reconcile_now().await;
        let remade = scenario
            .wait_only(form.remote(), "another object", |remote| {
                remote.id != lost.id
            })
            .await;
        scenario.wait_synced(THIRD).await;
        assert_eq!(scenario.tested().get().await.id(), remade.id, "{form:?}");
        scenario.check_oracles().await;
    })
    .await;
}
