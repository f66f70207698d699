//! The check of a value against a published schema, on threads of its own and within a time limit.
//!
//! The check is a service to the user: the API checks again when the value is sent. So whatever a schema does, its check
//! ends, the runtime's threads go on, and a value that could not be checked in time is sent unchecked.

use super::bounds::{Bounded, CHECKPOINT, Published};
use super::violations::{PublicNames, describe};
use crate::lock::lock;
use crate::metrics::Metrics;
use crate::weak_map::WeakMap;
use jsonschema::{Keyword, PatternOptions, ValidationError};
use metorial::SecretValue;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex as AsyncMutex, Semaphore, oneshot};

/// The number of concurrent checks.
const MAX_CONCURRENT_CHECKS: usize = 2;
/// Time that one check may take, and time that it may wait for a thread.
const TIME_LIMIT: Duration = Duration::from_secs(1);
/// Stack of a thread. Memory is only taken for what is used of it.
const STACK_SIZE: usize = 64 << 20;
/// Subschemas that one check may evaluate. It bounds the memory for errors too, of which each may leave one.
const MOST_STEPS: usize = 200_000;
/// The part of the stack after which a check is ended.
const STACK_LIMIT: usize = 32 << 20;
/// The compiled size of one pattern. The engine is linear in the length of a text.
const PATTERN_SIZE: usize = 64 << 10;
/// The number of schemas that are remembered because their check took too long.
const MOST_REMEMBERED: usize = 1000;
/// The time for which they are: a value may have taken so long, or a machine that was busy.
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckResult {
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
    /// The lock of each namespace.
    namespaces: WeakMap<String, AsyncMutex<()>>,
    overran: Arc<Overruns>,
    metrics: Arc<Metrics>,
}

impl SchemaChecks {
    /// Returns the checks, of which none runs yet.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            threads: Arc::new(Semaphore::new(MAX_CONCURRENT_CHECKS)),
            namespaces: WeakMap::default(),
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
    ) -> CheckResult {
        let checked = match schema {
            Published::Unusable(why) => CheckResult::NotChecked(why),
            Published::Bounded(schema) => self.run(namespace, schema, value, names).await,
        };
        self.metrics.schema_checked(match &checked {
            CheckResult::Conforms => "conforms",
            CheckResult::Violates(_) => "violates",
            CheckResult::NotChecked(_) => "not_checked",
        });
        checked
    }

    /// Returns how a value violates a schema. One that can't be checked in time is sent unchecked: the API checks it too.
    pub async fn violations(
        &self,
        namespace: &str,
        schema: &Published,
        value: &Value,
        names: &BTreeSet<String>,
    ) -> Option<String> {
        match self.check(namespace, schema, value, names).await {
            CheckResult::Violates(violations) => Some(violations),
            CheckResult::Conforms => None,
            CheckResult::NotChecked(why) => {
                tracing::warn!(why, "the value is not checked against its published schema");
                None
            }
        }
    }

    async fn run(
        &self,
        namespace: &str,
        schema: &Arc<Bounded>,
        value: &Value,
        names: &BTreeSet<String>,
    ) -> CheckResult {
        let turn = self
            .namespaces
            .get_or_insert(namespace.to_owned(), AsyncMutex::default);
        let wait = async {
            (
                turn.lock().await,
                self.threads.clone().acquire_owned().await,
            )
        };
        let Ok((_turn, Ok(thread))) = tokio::time::timeout(TIME_LIMIT, wait).await else {
            return CheckResult::NotChecked("all threads for such checks are busy");
        };
        let check = (namespace.to_owned(), schema.digest);
        if self.overran.contains(&check) {
            return CheckResult::NotChecked(OVERRAN);
        }
        let (send, receive) = oneshot::channel();
        let names = PublicNames::new(&schema.schema, names);
        let (schema, value) = (schema.clone(), SecretValue::new(value.clone()));
        let (overran, overrunning) = (self.overran.clone(), check.clone());
        let started = thread::Builder::new()
            .name("schema-check".to_owned())
            .stack_size(STACK_SIZE)
            .spawn(move || {
                let deadline = Instant::now() + TIME_LIMIT;
                let checked = check_until(&schema.schema, value.expose(), &names, deadline);
                drop(value);
                if checked == CheckResult::NotChecked(OVERRAN) {
                    overran.add(overrunning);
                }
                drop(thread);
                // Nobody waits any more if the reconciliation has ended.
                send.send(checked).ok();
            });
        if started.is_err() {
            return CheckResult::NotChecked("no thread for such checks can be started");
        }
        // One step between checkpoints may overrun; don't wait for it.
        match tokio::time::timeout(TIME_LIMIT * 2, receive).await {
            Ok(Ok(checked)) => checked,
            Ok(Err(_)) => CheckResult::NotChecked("its check ended unexpectedly"),
            Err(_) => {
                self.overran.add(check);
                CheckResult::NotChecked(OVERRAN)
            }
        }
    }
}

const OVERRAN: &str = "its check takes too long";

/// The namespaces and schemas whose checks took too long, and until when that is remembered. The values of one namespace say
/// nothing about those of another.
#[derive(Default)]
struct Overruns(Mutex<HashMap<(String, u64), Instant>>);

impl Overruns {
    fn add(&self, check: (String, u64)) {
        let mut until = lock(&self.0);
        if until.len() >= MOST_REMEMBERED {
            until.clear();
        }
        until.insert(check, Instant::now() + REMEMBERED_FOR);
    }

    fn contains(&self, check: &(String, u64)) -> bool {
        let until = lock(&self.0);
        until
            .get(check)
            .is_some_and(|until| Instant::now() < *until)
    }
}

/// Ends the check where it stands, by unwinding its thread: a validator has no way to be stopped.
struct Overran;

/// The checkpoint in each subschema.
#[derive(Clone)]
struct Checkpoint {
    deadline: Instant,
    /// The number of times that any checkpoint of the check was passed.
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
fn check_until(
    schema: &Value,
    value: &Value,
    names: &PublicNames,
    deadline: Instant,
) -> CheckResult {
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
            return CheckResult::NotChecked("it is not a valid JSON Schema of a known draft");
        };
        match describe(validator.iter_errors(value), value, names) {
            Some(violations) => CheckResult::Violates(violations),
            None => CheckResult::Conforms,
        }
    };
    match catch_unwind(AssertUnwindSafe(check)) {
        Ok(checked) => checked,
        Err(cause) if cause.is::<Overran>() => CheckResult::NotChecked(OVERRAN),
        Err(_) => CheckResult::NotChecked("its check ended unexpectedly"),
    }
}

#[cfg(test)]
mod tests;
