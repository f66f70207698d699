//! Schemas that a server publishes to keep the operator busy.

use crate::support::{Environment, Kind, Samples, config, credentials, free_address};
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Fault};
use serde_json::{Map, Value, json};

/// A schema of a few KB whose check takes 2^60 steps.
fn bomb(word: &str) -> Value {
    let level = |n: usize| {
        let next = json!({"$ref": format!("#/$defs/l{}", n + 1)});
        (format!("l{n}"), json!({word: [next, next]}))
    };
    let mut defs: Map<String, Value> = (0..60).map(level).collect();
    defs.insert("l60".to_owned(), json!({"type": "null"}));
    json!({"$ref": "#/$defs/l0", "$defs": defs})
}

fn patterns() -> Value {
    let properties: Map<String, Value> = (0..1000)
        .map(|n| (format!("^(a|b|ab{n})*$"), json!({"pattern": "^(x+x+)+y$"})))
        .collect();
    json!({"patternProperties": properties})
}

/// Every config schema of the API is this one.
fn publish(env: &Environment, schema: Value) {
    let rewrite = Action::rewrite(move |answer| answer["schema"]["schema"] = schema.clone());
    let read = Fault::on("GET", "/provider-config-schema");
    env.sim.faults().add(read, rewrite);
}

#[tokio::test]
async fn a_schema_that_can_not_be_checked_in_time_holds_up_nobody_and_its_value_is_sent() {
    for schema in [bomb("anyOf"), bomb("oneOf"), bomb("allOf"), patterns()] {
        let mut env = Environment::new().await;
        env.value("token", "a-token-0123456789").await;
        publish(&env, schema);
        let listen = free_address();
        let settings = Settings {
            listen,
            ..env.settings()
        };
        env.start_operator_with(settings);
        for number in 0..4 {
            env.apply(config(&format!("bomb-{number}"))).await;
        }
        env.apply(credentials("neighbor")).await;
        env.credentials("neighbor").wait_ready().await;
        let live = crate::support::page(listen, "/livez").await.unwrap();
        assert_eq!(live.status, 200, "{}", live.body);
        for number in 0..4 {
            env.config(&format!("bomb-{number}")).wait_ready().await;
        }
        assert_eq!(env.live(Kind::Config).len(), 4);
        let samples = Samples::of(listen).await;
        let unchecked = samples.get("schema_checks_total{outcome=\"not_checked\"}");
        assert!(unchecked >= 4.0, "{unchecked}");
        env.check_oracles().await;
    }
}
