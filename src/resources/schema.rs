//! Schema fragments that the derive can't express.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Free JSON under user-chosen keys, of which `kubernetes` is the operator's own.
pub fn metadata(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "properties": {"kubernetes": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
        "x-kubernetes-preserve-unknown-fields": true,
        "x-kubernetes-validations": [{
            "rule": "!has(self.kubernetes)",
            "message": "metadata.kubernetes is the operator's own key: use another key"
        }]
    })
}

/// A duration from one minute to one day.
pub fn interval(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 2,
        "maxLength": 20,
        "pattern": r"^([0-9]+(h|m|s))+$",
        "x-kubernetes-validations": [{
            "rule": "duration(self) >= duration('1m') && duration(self) <= duration('24h')",
            "message": "must be between 1m and 24h"
        }]
    })
}
