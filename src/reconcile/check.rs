//! Checks a value against the schema that the API publishes, before anything is sent.

use super::pass::Pass;
use super::see::Halt;
use super::subject::Subject;
use crate::kinds::{Kind, ValueSchema};
use crate::plan::{Desired, Plan, RemoteView, Sighting, Step, Verdict};
use crate::resources::Reason;
use serde_json::Value;

impl Pass<'_> {
    /// What to say where the plan would send a value that the schema refuses.
    ///
    /// # Errors
    /// The schema could not be read.
    pub(super) async fn check<K: Kind>(
        &self,
        subject: &Subject<K>,
        plan: &Plan,
    ) -> Result<Option<Verdict>, Halt> {
        let sends = |step: &Step| matches!(step, Step::Create | Step::Import { .. });
        let (Some(session), Some(desired), true) =
            (&self.session, &self.desired, plan.steps.iter().any(sends))
        else {
            return Ok(None);
        };
        let Some((schema, value)) = subject.object.schema().zip(value(desired)) else {
            return Ok(None);
        };
        let schema = match (&self.seen.object, desired.borrowed()) {
            (Some(Sighting::Live(remote)), Some(id)) => of_existing(id, remote),
            _ => schema,
        };
        let Some(schema) = session.schema(&schema).await? else {
            return Ok(None);
        };
        Ok(violations(&schema, value).map(|violations| {
            let message = format!(
                "the value does not follow the schema that Metorial publishes: {violations}"
            );
            Verdict::new(Reason::InvalidValue, message)
        }))
    }
}

fn of_existing(id: &str, remote: &RemoteView) -> ValueSchema {
    ValueSchema::AuthConfig {
        id: id.to_owned(),
        method: remote.auth_method.clone(),
    }
}

fn value(desired: &Desired) -> Option<&Value> {
    desired.field("value").map(|field| field.expose())
}

/// Where the value breaks the schema, as JSON pointers and keywords; never a value. A schema that is none checks
/// nothing.
fn violations(schema: &Value, value: &Value) -> Option<String> {
    let validator = jsonschema::validator_for(schema).ok()?;
    let found: Vec<String> = validator
        .iter_errors(value)
        .take(10)
        .map(|error| {
            let keyword = error.schema_path().to_string();
            let keyword = keyword.rsplit('/').next().unwrap_or_default().to_owned();
            format!(
                "{} ({keyword})",
                pointer(&error.instance_path().to_string())
            )
        })
        .collect();
    (!found.is_empty()).then(|| found.join(", "))
}

fn pointer(path: &str) -> &str {
    if path.is_empty() {
        "the whole value"
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_violation_names_pointer_and_keyword_and_no_value() {
        let schema = json!({
            "type": "object",
            "required": ["host"],
            "properties": {"port": {"type": "integer"}, "mode": {"enum": ["a"]}}
        });
        let told = violations(&schema, &json!({"port": "canary", "mode": "canary"})).unwrap();
        for part in ["/port (type)", "/mode (enum)", "the whole value (required)"] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("canary"));
        assert_eq!(violations(&schema, &json!({"host": "h", "port": 1})), None);
    }
}
