//! Checks of values against schemas, good and hostile ones.

use super::*;
use serde_json::json;

fn checks() -> SchemaChecks {
    SchemaChecks::new(Arc::default())
}

async fn check(schema: Value, value: &Value) -> CheckResult {
    check_by(&checks(), schema, value).await
}

/// Checks a value once more where that took too long: a busy machine says nothing about a schema that ends.
async fn check_by(checks: &SchemaChecks, mut schema: Value, value: &Value) -> CheckResult {
    let mut checked = CheckResult::NotChecked(OVERRAN);
    for number in 0..20 {
        // One that took too long is remembered.
        schema["$comment"] = number.to_string().into();
        let published = Published::new(schema.clone());
        checked = checks
            .check("apps", &published, value, &BTreeSet::new())
            .await;
        if checked != CheckResult::NotChecked(OVERRAN) {
            break;
        }
    }
    checked
}

#[tokio::test]
async fn a_violation_names_pointer_and_keyword_what_the_schema_asks_for_and_no_value() {
    let schema = json!({
        "type": "object",
        "required": ["host"],
        "properties": {"port": {"type": "integer"}, "mode": {"enum": ["a"]}, "name": {"pattern": "^a"}}
    });
    let value = json!({"port": "canary", "mode": "canary", "name": "canary"});
    let CheckResult::Violates(found) = check(schema.clone(), &value).await else {
        panic!("it conforms");
    };
    for part in [
        "/port (type): must be integer",
        "/mode (enum): must be one of \"a\"",
        "/name (pattern): must match ^a",
        "the whole value (required): \"host\" is missing",
    ] {
        assert!(found.contains(part), "{found}");
    }
    assert!(!found.contains("canary"));
    let good = json!({"host": "h", "port": 1});
    assert_eq!(check(schema, &good).await, CheckResult::Conforms);
}

#[tokio::test]
async fn a_name_is_shown_if_the_spec_or_the_schema_has_it_and_hidden_otherwise() {
    let schema = json!({
        "properties": {"a": {"additionalProperties": {"type": "integer"}}, "list": {}},
        "additionalProperties": false
    });
    let value =
        json!({"surplus": 1, "canary1": 1, "a": {"canary2": "x", "own": "x", "493021": "x"}});
    let spec = ["surplus", "own"].map(str::to_owned).into();
    let schema = Published::new(schema);
    let CheckResult::Violates(found) = checks().check("apps", &schema, &value, &spec).await else {
        panic!("it conforms");
    };
    for part in [
        "must not have \"surplus\", and 1 more",
        "/a/? (type)",
        "/a/own (type)",
    ] {
        assert!(found.contains(part), "{found}");
    }
    assert!(!found.contains("canary"), "{found}");
    // A name of digits is no index.
    assert!(!found.contains("493021"), "{found}");
    let schema = Published::new(json!({"items": {"type": "integer"}}));
    let value = json!([1, "x"]);
    let found = checks().check("apps", &schema, &value, &spec).await;
    assert!(
        matches!(&found, CheckResult::Violates(found) if found.starts_with("/1 (type)")),
        "{found:?}"
    );
}

#[tokio::test]
async fn alternatives_are_described_by_their_types_or_by_what_each_lacks() {
    let of = |schema: Value, value: Value| async move {
        match check(schema, &value).await {
            CheckResult::Violates(found) => found,
            other => panic!("{other:?}"),
        }
    };
    let nullable = json!({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}});
    let found = of(nullable, json!({"a": 1})).await;
    assert_eq!(found, "/a (anyOf): must be string or null");
    let one = json!({"oneOf": [{"required": ["token"]}, {"required": ["user", "password"]}]});
    let found = of(one, json!({})).await;
    for part in [
        "alternative 1: the whole value \"token\" is missing",
        "alternative 2: ",
    ] {
        assert!(found.contains(part), "{found}");
    }
}

/// Schemas of a few KB that take a validator years, or more stack than there is.
fn bombs() -> Vec<Value> {
    let double = |word: &str| {
        let level = |n: usize| {
            let next = json!({"$ref": format!("#/$defs/l{}", n + 1)});
            (format!("l{n}"), json!({word: [next, next]}))
        };
        let mut defs: serde_json::Map<String, Value> = (0..60).map(level).collect();
        defs.insert("l60".to_owned(), json!({"type": "null"}));
        json!({"$ref": "#/$defs/l0", "$defs": defs})
    };
    let items = json!({"$ref": "#"});
    vec![
        double("anyOf"),
        double("oneOf"),
        double("allOf"),
        json!({"type": "array", "anyOf": [{"items": items}, {"items": items}, {"items": items}]}),
    ]
}

#[tokio::test]
async fn a_schema_that_would_take_forever_is_given_up_and_not_tried_again() {
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    for bomb in bombs() {
        let (checks, bomb) = (checks(), Published::new(bomb));
        let checked = checks.check("apps", &bomb, &deep, &BTreeSet::new()).await;
        assert_eq!(checked, CheckResult::NotChecked(OVERRAN), "{bomb:?}");
        // Each try would take its whole time, however busy the machine is.
        let mut fastest = Duration::MAX;
        for _ in 0..10 {
            let again = Instant::now();
            let checked = checks.check("apps", &bomb, &deep, &BTreeSet::new()).await;
            assert_eq!(checked, CheckResult::NotChecked(OVERRAN));
            fastest = fastest.min(again.elapsed());
        }
        assert!(fastest < TIME_LIMIT, "it was tried again");
        // Its thread has ended, and others are checked.
        let fine = check_by(&checks, json!({"type": "array"}), &deep);
        assert_eq!(fine.await, CheckResult::Conforms);
        assert_eq!(checks.threads.available_permits(), MAX_CONCURRENT_CHECKS);
    }
}

#[tokio::test]
async fn a_schema_that_refers_to_itself_in_one_place_ends() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}}),
    ] {
        drop(check(schema, &json!({})).await);
    }
}

#[tokio::test]
async fn while_every_thread_is_busy_nothing_is_checked_and_nobody_waits_for_one() {
    let checks = checks();
    let busy = checks.threads.clone();
    let held = busy
        .acquire_many(u32::try_from(MAX_CONCURRENT_CHECKS).unwrap())
        .await;
    let schema = json!({"type": "string"});
    let checked = check_by(&checks, schema.clone(), &json!(1)).await;
    let busy = CheckResult::NotChecked("all threads for such checks are busy");
    assert_eq!(checked, busy);
    drop(held);
    let checked = check_by(&checks, schema, &json!(1)).await;
    assert!(matches!(checked, CheckResult::Violates(_)), "{checked:?}");
}

#[tokio::test]
async fn patterns_are_matched_in_linear_time_and_ones_that_need_more_are_not_used() {
    let text = json!("a".repeat(50_000));
    let slow = json!({"pattern": "^(a+)+$b"});
    let checked = check(slow, &text).await;
    assert!(matches!(checked, CheckResult::Violates(_)), "{checked:?}");
    for pattern in ["(?=a)a", "(a{1000}){1000}"] {
        let checked = check(json!({"pattern": pattern}), &text).await;
        assert!(
            matches!(checked, CheckResult::NotChecked(_)),
            "{pattern}: {checked:?}"
        );
    }
}

#[tokio::test]
async fn a_value_whose_check_takes_too_long_leaves_those_of_other_namespaces_checked() {
    let (checks, schema) = (
        checks(),
        json!({"type": "array", "items": {"type": "integer"}}),
    );
    let published = Published::new(schema.clone());
    let large = Value::Array(vec![json!(1); MOST_STEPS + 1]);
    let names = BTreeSet::new();
    let checked = checks.check("apps", &published, &large, &names).await;
    assert_eq!(checked, CheckResult::NotChecked(OVERRAN));
    let mut checked = checked;
    // Only a busy machine takes long for this; each namespace is another.
    for number in 0..20 {
        let namespace = format!("other-{number}");
        let small = json!(["a"]);
        checked = checks.check(&namespace, &published, &small, &names).await;
        if checked != CheckResult::NotChecked(OVERRAN) {
            break;
        }
    }
    assert!(matches!(checked, CheckResult::Violates(_)), "{checked:?}");
}
