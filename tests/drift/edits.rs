//! Somebody edits an object at Metorial: corrected once under `Correct`, reported and left under `Report`.

use crate::support::{
    Environment, Form, Given, Kind, Manifest, PATIENCE, Scenario, VALUES, credentials, each, keys,
    with,
};
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};
use std::time::Duration;

/// The resource with everything in its spec that a person can edit there.
async fn editable(form: Form, drift: &str) -> Scenario {
    let mut spec = json!({
        "description": "ours", "metadata": {"team": "a", "tier": 1}, "drift": drift
    });
    if matches!(form, Form::Deployment | Form::AuthConfig | Form::Config) {
        spec["toolFilters"] = json!([
            {"type": "tool_keys", "keys": ["b", "a"]},
            {"type": "resource_regex", "pattern": "^docs"}
        ]);
    }
    let scenario = Given::form(form).with_spec(spec).settled().await;
    scenario.sim.clear_journal();
    scenario
}

/// What a person edits, the field that it is, and the keys of the PATCH against it. Of credentials, values that can't be read
/// are sent along: they may have been edited, too.
type Edit = (Value, &'static str, Vec<&'static str>);

fn edits(form: Form, metadata: &Value) -> Vec<Edit> {
    let changed = |change: Value| json!({"metadata": with(metadata.clone(), change)});
    let (value, team) = (changed(json!({"tier": 2})), changed(json!({"team": null})));
    let mut edits = vec![
        (json!({"name": "theirs"}), "name", vec!["name"]),
        (
            json!({"description": null}),
            "description",
            vec!["description"],
        ),
        (value, "metadata.tier", vec!["metadata"]),
        (team, "metadata.team", vec!["metadata"]),
    ];
    match form {
        Form::Deployment | Form::AuthConfig | Form::Config => {
            let all = json!({"tool_filter": {"type": "allow_all"}});
            edits.push((all, "toolFilters", vec!["tool_filters"]));
        }
        Form::Credentials => {
            let scopes = json!({"scopes": ["admin"]});
            edits.push((scopes, "oauth.scopes", vec!["scopes"]));
            for (_, _, sent) in &mut edits {
                sent.splice(0..0, ["client_id", "client_secret"]);
                sent.sort_unstable();
            }
            let both = json!({"name": "theirs", "client_secret": "theirs"});
            edits.push((both, "name", vec!["client_id", "client_secret", "name"]));
            let secret = json!({"client_secret": "theirs"});
            let values = vec!["client_id", "client_secret"];
            edits.push((secret, "oauth.clientSecret", values));
            let unmarked = changed(json!({"kubernetes": null}));
            let all = vec!["client_id", "client_secret", "metadata"];
            edits.push((unmarked, "metadata.kubernetes", all));
        }
        _ => {}
    }
    edits
}

/// What can be read of an object, but for its times.
fn readable(scenario: &Scenario) -> Vec<Value> {
    let object = scenario.remote_object();
    let fields = ["name", "description", "metadata", "scopes", "tool_filter"];
    fields.map(|field| object.readable[field].clone()).into()
}

#[tokio::test]
async fn under_correct_each_edit_of_each_kind_is_corrected_by_one_patch_and_reported() {
    each(Form::EDITABLE, async |form| {
        let scenario = editable(form, "Correct").await;
        let (ours, before) = (scenario.remote_object(), readable(&scenario));
        for (edit, field, sent) in edits(form, &ours.readable["metadata"]) {
            scenario.sim.clear_journal();
            scenario.sim.edit(&ours.id, edit);
            scenario.tested().reconcile_now().await;
            scenario.wait_synced(VALUES[0]).await;
            let patches = scenario.patches();
            assert_eq!(
                patches.len(),
                1,
                "{form:?} {field}: {:?}",
                scenario.attempts()
            );
            assert_eq!(keys(&patches[0]), sent, "{form:?} {field}");
            assert_eq!(scenario.writes().len(), 1, "{form:?} {field}");
            assert_eq!(readable(&scenario), before, "{form:?} {field}");
            let now = scenario.remote_object();
            assert_eq!(now.write_only, ours.write_only, "{form:?} {field}");
            let object = scenario.tested().reconcile_now().await;
            assert!(object.condition("Drifted").is_none(), "{form:?} {field}");
            scenario.tested().wait_note("DriftCorrected", field).await;
        }
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn under_report_each_edit_of_each_kind_is_reported_and_nothing_is_written() {
    each(Form::EDITABLE, async |form| {
        let scenario = editable(form, "Report").await;
        let ours = scenario.remote_object();
        let fields = ["name", "description", "metadata", "scopes", "tool_filter"];
        let former = fields.map(|field| (field.to_owned(), ours.readable[field].clone()));
        let former = former.into_iter().filter(|(_, value)| !value.is_null());
        let former = Value::Object(former.collect());
        for (edit, field, _) in edits(form, &ours.readable["metadata"]) {
            scenario.sim.edit(&ours.id, former.clone());
            scenario.sim.edit(&ours.id, edit);
            let object = scenario.tested().reconcile_now().await;
            let drifted = object.condition("Drifted").unwrap();
            assert_eq!(drifted.status, "True", "{form:?} {field}");
            assert!(
                drifted.message.contains(field),
                "{form:?}: {}",
                drifted.message
            );
            assert!(
                object.drifted().contains(&field.to_owned()),
                "{form:?} {field}"
            );
            assert!(object.is_ready(), "{form:?} {field}");
            scenario.tested().wait_note("DriftDetected", field).await;
        }
        scenario.check_quiet().await;
        assert!(
            scenario.attempts().is_empty(),
            "{form:?}: {:?}",
            scenario.attempts()
        );

        scenario.tested().edit(json!({"drift": "Correct"})).await;
        scenario.wait_synced(VALUES[0]).await;
        let object = scenario.tested().get().await;
        assert!(object.condition("Drifted").is_none(), "{form:?}");
        assert_eq!(object.drifted(), Vec::<String>::new(), "{form:?}");
        assert_eq!(scenario.patches().len(), 1, "{form:?}");
        assert_eq!(
            scenario.remote_object().write_only,
            ours.write_only,
            "{form:?}"
        );
        scenario.check_oracles().await;
    })
    .await;
}

/// Credentials with everything in their spec that the stories below edit.
fn wanted() -> Manifest {
    let spec = json!({"description": "ours", "metadata": {"team": "a", "tier": 1}});
    credentials("github").spec(spec)
}

#[tokio::test]
async fn under_report_a_hidden_field_is_shown_as_hidden_and_a_restart_writes_nothing() {
    let mut env = Environment::running().await;
    env.create(wanted().reporting_drift()).await;
    let ours = env.only(Kind::Credentials);
    env.sim
        .edit(&ours.id, json!({"client_secret": "their-secret-value"}));
    let before = env.credentials("github").reconcile_now().await;
    let drift = before.status().drift.unwrap();
    assert!(
        drift
            .iter()
            .all(|entry| entry.desired == "<hidden>" && entry.observed == "<hidden>")
    );
    env.check_no_leak(&["their-secret-value"]).await;

    env.kill_operator();
    let reads = env.calls();
    env.start_operator();
    env.until("the new operator has read", async || {
        (env.calls() > reads).then_some(())
    })
    .await;
    env.check_oracles().await;
    let after = env.credentials("github").get().await;
    assert_eq!(
        after.metadata.resource_version,
        before.metadata.resource_version
    );
}

#[tokio::test]
async fn what_others_add_to_the_metadata_stays_whatever_is_corrected() {
    let env = Environment::running().await;
    env.create(wanted()).await;
    let ours = env.only(Kind::Credentials);
    let mut metadata = ours.readable["metadata"].clone();
    metadata["foreign"] = json!("kept");
    metadata["team"] = json!("theirs");
    env.sim.edit(&ours.id, json!({"metadata": metadata}));
    env.credentials("github").reconcile_now().await;
    env.credentials("github").wait_recorded().await;

    let there = env.only(Kind::Credentials).readable["metadata"].clone();
    assert_eq!(keys(&there), ["foreign", "kubernetes", "team", "tier"]);
    assert_eq!(
        (&there["foreign"], &there["team"]),
        (&json!("kept"), &json!("a"))
    );
    env.check_oracles().await;
    assert_eq!(env.patches().len(), 1);
}

#[tokio::test]
async fn an_api_that_keeps_another_form_of_a_value_is_not_fought_with() {
    let mut env = Environment::new().await;
    let shouts = |answer: &mut Value| {
        if let Some(name) = answer["name"].as_str().map(str::to_uppercase) {
            answer["name"] = name.into();
        }
    };
    for method in ["POST", "PATCH", "GET"] {
        let fault = Fault::on(method, "/provider-auth-credentials");
        env.sim.faults().add(fault, Action::rewrite(shouts));
    }
    env.start_operator();
    env.create(credentials("github")).await;
    for _ in 0..3 {
        env.credentials("github").reconcile_now().await;
    }
    assert_eq!(env.patches().len(), 0);
    let object = env.credentials("github").get().await;
    assert_eq!(object.drifted(), ["name"], "reported, not fought with");
    assert_eq!(object.ready().status, "True");

    env.credentials("github")
        .edit(json!({"description": "new"}))
        .await;
    env.credentials("github").wait_recorded().await;
    for _ in 0..3 {
        env.credentials("github").reconcile_now().await;
    }
    assert_eq!(env.patches().len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn an_edit_that_slips_in_between_our_read_and_our_patch_is_corrected_at_the_next_read() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    let remote = env.only(Kind::Credentials);
    let gate = env.hold_before("PATCH", Kind::Credentials.path());
    env.credentials("github")
        .edit(json!({"description": "ours"}))
        .await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    env.sim.edit(&remote.id, json!({"name": "theirs"}));
    gate.open();
    env.credentials("github").wait_ready().await;
    env.credentials("github").reconcile_now().await;
    env.credentials("github").wait_recorded().await;

    let remote = env.only(Kind::Credentials);
    assert_eq!(remote.readable["name"], "github");
    assert_eq!(remote.readable["description"], "ours");
    env.check_oracles().await;
    assert_eq!(env.patches().len(), 2);
}

#[tokio::test]
async fn a_patch_of_ours_that_a_persons_patch_overwrites_is_sent_once_more() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    let before = env.only(Kind::Credentials);
    env.credentials("github")
        .edit(json!({"description": "ours"}))
        .await;
    env.credentials("github").wait_recorded().await;

    // Their PATCH read the object before ours was written, and writes all fields back.
    let stale = json!({"name": "theirs", "description": before.readable["description"]});
    env.sim.edit(&before.id, stale);
    env.credentials("github").reconcile_now().await;
    env.credentials("github").wait_recorded().await;
    let remote = env.only(Kind::Credentials);
    assert_eq!(remote.readable["name"], "github");
    assert_eq!(remote.readable["description"], "ours");
    env.check_oracles().await;
    assert_eq!(env.patches().len(), 2);
}

#[tokio::test]
async fn what_another_shard_still_sends_after_a_move_is_undone_when_it_can_send_no_more() {
    let env = Environment::new().await;
    let rest = env.start_another_operator(env.shard_settings(None));
    env.create(credentials("github")).await;
    rest.kill();
    let ours = env.only(Kind::Credentials);
    env.credentials("github").move_to(Some("one")).await;
    let read = env.hold_after("GET", Kind::Credentials.path());
    let mut settings = env.shard_settings(Some("one"));
    // What is there within this time after the start counts as moved before it.
    settings.timing.settle = Duration::ZERO;
    let _shard = env.start_another_operator(settings);
    assert!(read.wait_for_arrivals(1, PATIENCE).await);
    // As a PATCH that was under way. For a whole lease the other shard may send one, and then the object is read once more.
    env.sim.edit(&ours.id, json!({"name": "former"}));
    read.open();
    env.wait_only(Kind::Credentials, "it is as the spec has it", |object| {
        object.readable["name"] == ours.readable["name"]
    })
    .await;
    assert_eq!(env.patches().len(), 1);
}
