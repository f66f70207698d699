//! The check of a value against a published schema, on threads of its own and within a time limit.
//!
//! The check is a service to the user: the API checks again when the value is sent. So whatever a schema does, its check
//! ends, the runtime's threads go on, and a value that could not be checked in time is sent unchecked.

use super::schema_bounds::{Bounded, CHECKPOINT, Published};
use super::violations::{PublicNames, describe};
use crate::lock::lock;
use crate::metrics::Metrics;
use jsonschema::{Keyword, PatternOptions, ValidationError};
use metorial::SecretValue;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex as AsyncMutex, Semaphore, oneshot};

/// The number of checks at once.
const THREADS: usize = 2;
/// Time that one check may take, and time that it may wait for a thread.
const TIME: Duration = Duration::from_secs(1);
/// Stack of a thread. Memory is only taken for what is used of it.
const STACK: usize = 64 << 20;
/// Subschemas that one check may evaluate. It bounds the memory for errors too, of which each may leave one.
const MOST_STEPS: usize = 200_000;
/// The part of the stack after which a check is ended.
const STACK_LIMIT: usize = 32 << 20;
/// The compiled size of one pattern. The engine is linear in the length of a text.
const PATTERN_SIZE: usize = 64 << 10;
/// The number of schemas that are remembered because their check took too long.
const MOST_REMEMBERED: usize = 1000;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The value conforms.
    Conforms,
    /// It does not: JSON pointers and what the schema asks for, never a value.
    Violates(String),
    /// It was not checked, for this reason.
    NotChecked(&'static str),
}

/// The threads that check values, and the schemas whose check took too long.
pub struct SchemaChecks {
    threads: Arc<Semaphore>,
    namespaces: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
    overran: Arc<Mutex<HashSet<u64>>>,
    metrics: Arc<Metrics>,
}

impl SchemaChecks {
    /// Returns the checks, of which none runs yet.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            threads: Arc::new(Semaphore::new(THREADS)),
            namespaces: Mutex::default(),
            overran: Arc::default(),
            metrics,
        }
    }

    /// Checks a value of a resource in `namespace`, whose spec itself contains these `names`. Each namespace checks one value
    /// at a time.
    pub async fn check(
        &self,
        namespace: &str,
        schema: &Published,
        value: &Value,
        names: &BTreeSet<String>,
    ) -> Checked {
        let checked = match schema {
            Published::Unusable(why) => Checked::NotChecked(why),
            Published::Bounded(schema) => self.run(namespace, schema, value, names).await,
        };
        self.metrics.schema_checked(match &checked {
            Checked::Conforms => "conforms",
            Checked::Violates(_) => "violates",
            Checked::NotChecked(_) => "not_checked",
        });
        checked
    }

    async fn run(
        &self,
        namespace: &str,
        schema: &Arc<Bounded>,
        value: &Value,
        names: &BTreeSet<String>,
    ) -> Checked {
        let turn = self.turn(namespace);
        let wait = async {
            (
                turn.lock().await,
                self.threads.clone().acquire_owned().await,
            )
        };
        let Ok((_turn, Ok(thread))) = tokio::time::timeout(TIME, wait).await else {
            return Checked::NotChecked("all threads for such checks are busy");
        };
        if lock(&self.overran).contains(&schema.digest) {
            return Checked::NotChecked(OVERRAN);
        }
        let (send, receive) = oneshot::channel();
        let digest = schema.digest;
        let names = PublicNames::new(&schema.schema, names);
        let (schema, value) = (schema.clone(), SecretValue::new(value.clone()));
        let overran = self.overran.clone();
        let started = thread::Builder::new()
            .name("schema-check".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                let deadline = Instant::now() + TIME;
                let checked = check_until(&schema.schema, value.expose(), &names, deadline);
                drop(value);
                if checked == Checked::NotChecked(OVERRAN) {
                    remember(&overran, digest);
                }
                drop(thread);
                // Nobody waits any more if the reconciliation has ended.
                send.send(checked).ok();
            });
        if started.is_err() {
            return Checked::NotChecked("no thread for such checks can be started");
        }
        // A step between two checkpoints may take longer; nobody waits for it.
        match tokio::time::timeout(TIME * 2, receive).await {
            Ok(Ok(checked)) => checked,
            Ok(Err(_)) => Checked::NotChecked("its check ended unexpectedly"),
            Err(_) => {
                remember(&self.overran, digest);
                Checked::NotChecked(OVERRAN)
            }
        }
    }

    /// Returns the lock of a namespace.
    fn turn(&self, namespace: &str) -> Arc<AsyncMutex<()>> {
        let mut namespaces = lock(&self.namespaces);
        if let Some(turn) = namespaces.get(namespace).and_then(Weak::upgrade) {
            return turn;
        }
        namespaces.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        namespaces.insert(namespace.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

const OVERRAN: &str = "its check takes too long";

fn remember(overran: &Mutex<HashSet<u64>>, digest: u64) {
    let mut overran = lock(overran);
    if overran.len() >= MOST_REMEMBERED {
        overran.clear();
    }
    overran.insert(digest);
}

/// Ends the check where it stands, by unwinding its thread: a validator has no way to be stopped.
struct Overran;

/// The checkpoint in each subschema.
#[derive(Clone)]
struct Checkpoint {
    deadline: Instant,
    /// How often any checkpoint of the check was passed.
    steps: Arc<AtomicUsize>,
    /// Where the stack was when the check began.
    stack: usize,
}

impl Checkpoint {
    fn pass(&self) {
        let steps = self.steps.fetch_add(1, Ordering::Relaxed);
        let used = self.stack.abs_diff(stack_position());
        if steps > MOST_STEPS || used > STACK_LIMIT || Instant::now() > self.deadline {
            // Unlike a panic it is not reported: it is no fault of the operator.
            resume_unwind(Box::new(Overran));
        }
    }
}

fn stack_position() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}

impl<'i> Keyword<'i> for Checkpoint {
    fn validate(&self, _: &'i Value) -> Result<(), ValidationError<'i>> {
        self.pass();
        Ok(())
    }

    fn is_valid(&self, _: &'i Value) -> bool {
        self.pass();
        true
    }
}

/// Checks a value until `deadline`.
fn check_until(schema: &Value, value: &Value, names: &PublicNames, deadline: Instant) -> Checked {
    let stack = stack_position();
    let check = || {
        let checkpoint = Checkpoint {
            deadline,
            steps: Arc::default(),
            stack,
        };
        let patterns = PatternOptions::regex()
            .size_limit(PATTERN_SIZE)
            .dfa_size_limit(PATTERN_SIZE);
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .with_keyword(CHECKPOINT, move |_, _, _| {
                checkpoint.pass();
                Ok(Box::new(checkpoint.clone()))
            })
            .build(schema);
        let Ok(validator) = validator else {
            return Checked::NotChecked("it is not a valid JSON Schema of a known draft");
        };
        match describe(validator.iter_errors(value), names) {
            Some(violations) => Checked::Violates(violations),
            None => Checked::Conforms,
        }
    };
    match catch_unwind(AssertUnwindSafe(check)) {
        Ok(checked) => checked,
        Err(cause) if cause.is::<Overran>() => Checked::NotChecked(OVERRAN),
        Err(_) => Checked::NotChecked("its check ended unexpectedly"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checks() -> SchemaChecks {
        SchemaChecks::new(Arc::default())
    }

    async fn check(schema: Value, value: &Value) -> Checked {
        let schema = Published::new(schema);
        checks()
            .check("apps", &schema, value, &BTreeSet::new())
            .await
    }

    #[tokio::test]
    async fn a_violation_names_pointer_and_keyword_what_the_schema_asks_for_and_no_value() {
        let schema = json!({
            "type": "object",
            "required": ["host"],
            "properties": {"port": {"type": "integer"}, "mode": {"enum": ["a"]}, "name": {"pattern": "^a"}}
        });
        let value = json!({"port": "canary", "mode": "canary", "name": "canary"});
        let Checked::Violates(found) = check(schema.clone(), &value).await else {
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
        assert_eq!(check(schema, &good).await, Checked::Conforms);
    }

    #[tokio::test]
    async fn a_name_is_shown_if_the_spec_or_the_schema_has_it_and_hidden_otherwise() {
        let schema = json!({
            "properties": {"a": {"additionalProperties": {"type": "integer"}}, "list": {}},
            "additionalProperties": false
        });
        let value = json!({"surplus": 1, "canary1": 1, "a": {"canary2": "x", "own": "x"}});
        let spec = ["surplus", "own"].map(str::to_owned).into();
        let schema = Published::new(schema);
        let Checked::Violates(found) = checks().check("apps", &schema, &value, &spec).await else {
            panic!("it conforms");
        };
        for part in [
            "has no \"surplus\", and 1 more",
            "/a/? (type)",
            "/a/own (type)",
        ] {
            assert!(found.contains(part), "{found}");
        }
        assert!(!found.contains("canary"), "{found}");
    }

    #[tokio::test]
    async fn alternatives_are_described_by_their_types_or_by_what_each_lacks() {
        let of = |schema: Value, value: Value| async move {
            match check(schema, &value).await {
                Checked::Violates(found) => found,
                other => panic!("{other:?}"),
            }
        };
        let nullable =
            json!({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}});
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
            let began = Instant::now();
            let checked = checks.check("apps", &bomb, &deep, &BTreeSet::new()).await;
            assert_eq!(checked, Checked::NotChecked(OVERRAN), "{bomb:?}");
            assert!(
                began.elapsed() < TIME * 2,
                "{:?}: {bomb:?}",
                began.elapsed()
            );
            let again = Instant::now();
            let checked = checks.check("apps", &bomb, &deep, &BTreeSet::new()).await;
            assert_eq!(checked, Checked::NotChecked(OVERRAN));
            assert!(again.elapsed() < TIME / 2, "it was tried again");
            // Its thread has ended, and others are checked.
            let fine = Published::new(json!({"type": "array"}));
            assert_eq!(
                checks.check("apps", &fine, &deep, &BTreeSet::new()).await,
                Checked::Conforms
            );
            assert_eq!(checks.threads.available_permits(), THREADS);
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
    async fn while_every_thread_is_busy_nothing_is_checked_and_nobody_waits_long() {
        let checks = checks();
        let busy = checks.threads.clone();
        let held = busy.acquire_many(u32::try_from(THREADS).unwrap()).await;
        let schema = Published::new(json!({"type": "string"}));
        let began = Instant::now();
        let checked = checks
            .check("apps", &schema, &json!(1), &BTreeSet::new())
            .await;
        assert!(matches!(checked, Checked::NotChecked(_)), "{checked:?}");
        assert!(began.elapsed() < TIME * 2);
        drop(held);
        let checked = checks
            .check("apps", &schema, &json!(1), &BTreeSet::new())
            .await;
        assert!(matches!(checked, Checked::Violates(_)), "{checked:?}");
    }

    #[tokio::test]
    async fn patterns_are_matched_in_linear_time_and_ones_that_need_more_are_not_used() {
        let text = json!("a".repeat(50_000));
        let slow = json!({"pattern": "^(a+)+$b"});
        let began = Instant::now();
        drop(check(slow, &text).await);
        assert!(began.elapsed() < TIME);
        for pattern in ["(?=a)a", "(a{1000}){1000}"] {
            let checked = check(json!({"pattern": pattern}), &text).await;
            assert!(
                matches!(checked, Checked::NotChecked(_)),
                "{pattern}: {checked:?}"
            );
        }
    }
}
