//! Checks that several steps of the demo make.

use crate::environment::Environment;
use installation::Failure;
use metorial_simulator::Stored;
use serde_json::Value;

/// Returns an object at Metorial.
pub fn remote(environment: &Environment, id: Option<String>) -> Result<Stored, Failure> {
    let object = id.and_then(|id| environment.simulator.object(&id));
    object.ok_or_else(|| Failure::new("the id in the status is not found at Metorial"))
}

/// Fails if a value is not the expected one.
pub fn expect(what: &str, actual: &Value, expected: &Value) -> Result<(), Failure> {
    if actual == expected {
        return Ok(());
    }
    Err(Failure::new(format!("{what} is {actual}, not {expected}")))
}
