//! Schema fragments that the derive can't express, and the patterns of names and ids. A name or id becomes part of a
//! request's path, here or at Metorial, so each pattern admits plain path segments only.
//!
//! An optional field whose schema is one of these functions needs `#[serde(default)]`: `schema_with` hides from the
//! derive that the field is an `Option`, and the field would be required.

use kube::core::{Message, Rule};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

/// Name of a Secret, a ConfigMap or a custom resource.
pub const NAME: &str = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$";
/// Name of a namespace.
pub const NAMESPACE: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// Key in a Secret or a ConfigMap.
pub const KEY: &str = "^[-._A-Za-z0-9]+$";
/// Key of a label.
pub const LABEL_KEY: &str =
    "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";
/// Value of a label.
pub const LABEL_VALUE: &str = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";
/// Id that Metorial assigned.
pub const ID: &str = "^[A-Za-z0-9_-]+$";
/// uid of a Kubernetes object.
pub const UID: &str = "^[A-Za-z0-9-]+$";
/// Id, global identifier or slug of a provider, or id or alias of an auth method: plain path segments, none of which begins with a
/// dot.
pub const ALIAS: &str =
    "^[A-Za-z0-9@_~:+-][A-Za-z0-9@._~:+-]*(/[A-Za-z0-9@_~:+-][A-Za-z0-9@._~:+-]*)*$";

/// Duration in hours, minutes and seconds.
pub const DURATION: &str = "^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$";
/// `Once`, `OnChange` or a duration.
pub const WHEN: &str = "^(Once|OnChange|([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?)$";
/// JSON pointer (RFC 6901).
pub const POINTER: &str = "^(/([^~/]|~[01])*)*$";
/// Address without user info.
pub const URL: &str = r"^https?://[^@\s]+$";

/// Domains whose types, labels and annotations mean something to Kubernetes, to deployment tools or to the operator: one
/// who may set them on a Secret can obtain rights with it, such as a token of a ServiceAccount or a cluster of Argo CD.
pub const RESERVED_DOMAINS: [&str; 5] = [
    "kubernetes.io",
    "k8s.io",
    "helm.sh",
    "argocd.argoproj.io",
    "metorial.com",
];
/// The types of Kubernetes that only say which keys a Secret has.
pub const PLAIN_TYPES: [&str; 5] = [
    "Opaque",
    "kubernetes.io/basic-auth",
    "kubernetes.io/tls",
    "kubernetes.io/ssh-auth",
    "kubernetes.io/dockerconfigjson",
];
/// The rule for labels and annotations.
pub const RESERVED_KEY: &str = "keys of kubernetes.io, k8s.io, helm.sh, argocd.argoproj.io, metorial.com and their subdomains are reserved: use a key of another domain or without one";
/// The rule for types.
pub const RESERVED_TYPE: &str = "must be Opaque, kubernetes.io/basic-auth, kubernetes.io/tls, kubernetes.io/ssh-auth, kubernetes.io/dockerconfigjson or a type of your own domain such as example.com/token";

/// The CEL condition that a resource has an object at Metorial, or may have one.
const MAY_EXIST: &str = "has(oldSelf.status.id) || (has(oldSelf.status.conditions) && oldSelf.status.conditions.exists(c, c.reason == 'AmbiguousCreate'))";

/// Returns the rule of a whole resource that a field of its spec, which names an object at Metorial by its id, can't be changed
/// once the resource has an object, or may have one: a wrong id can be corrected before that.
#[must_use]
pub fn fixed(field: &str, noun: &str) -> Rule {
    let (new, old) = (
        format!("self.spec.{field}"),
        format!("oldSelf.spec.{field}"),
    );
    let same = format!("has({new}) == has({old}) && (!has({new}) || {new} == {old})");
    let message = format!("{field} can't be changed: create a new resource for another {noun}");
    Rule::new(format!(
        "!has(oldSelf.status) || !({MAY_EXIST}) || ({same})"
    ))
    .message(Message::Message(message))
}

/// Returns the same rule about the deployment, which is named by a reference or by its id. One form can be changed to the other:
/// whether both lead to the same deployment is found out later.
#[must_use]
pub fn fixed_deployment() -> Rule {
    let named = |of: &str| format!("has({of}.spec.deploymentRef) || has({of}.spec.deploymentId)");
    let same = |field: &str| {
        let (new, old) = (
            format!("self.spec.{field}"),
            format!("oldSelf.spec.{field}"),
        );
        format!("(!has({new}) || !has({old}) || {new} == {old})")
    };
    let same = [same("deploymentId"), same("deploymentRef")].join(" && ");
    let (new, old) = (named("self"), named("oldSelf"));
    let message = "the deployment can't be changed: create a new resource for another deployment";
    Rule::new(format!(
        "!has(oldSelf.status) || !({MAY_EXIST}) || (({new}) == ({old}) && {same})"
    ))
    .message(Message::Message(message.to_owned()))
}

/// Returns the schema of metadata: free JSON under any key except `kubernetes`, which is reserved for the operator.
///
/// Free JSON is atomic: its applier owns it as a whole. Otherwise `managedFields` would repeat each level of it, and
/// every list of metadata carries those. A schema can't limit its size and depth, which [`free_json`](super::free_json)
/// does.
pub fn metadata(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "properties": {"kubernetes": {
            "description": "Reserved for the operator: can't be set.",
            "type": "object",
            "x-kubernetes-map-type": "atomic",
            "x-kubernetes-preserve-unknown-fields": true
        }},
        "x-kubernetes-map-type": "atomic",
        "x-kubernetes-preserve-unknown-fields": true,
        "x-kubernetes-validations": [{
            "rule": "!has(self.kubernetes)",
            "message": "metadata.kubernetes is reserved for the operator: use another key"
        }]
    })
}

/// Returns the schema of a duration within these bounds.
fn duration(min: Option<&str>, max: &str) -> Schema {
    let at_most = format!("duration(self) <= duration('{max}')");
    let (rule, message) = match min {
        Some(min) => (
            format!("duration(self) >= duration('{min}') && {at_most}"),
            format!("must be between {min} and {max}"),
        ),
        None => (at_most, format!("must be at most {max}")),
    };
    json_schema!({
        "type": "string",
        "minLength": 2,
        "maxLength": 20,
        "pattern": DURATION,
        "x-kubernetes-validations": [{"rule": rule, "message": message}]
    })
}

/// Returns the schema of a duration from one minute to one day.
pub fn interval(_: &mut SchemaGenerator) -> Schema {
    duration(Some("1m"), "24h")
}

/// Returns the schema of a duration from zero to one day.
pub fn grace(_: &mut SchemaGenerator) -> Schema {
    duration(None, "24h")
}

/// Returns the schema of `Once`, `OnChange` or a duration.
pub fn export_when(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 2,
        "maxLength": 20,
        "pattern": WHEN,
        "x-kubernetes-validations": [{
            "rule": "self in ['Once', 'OnChange'] || duration(self) >= duration('15m')",
            "message": "must be Once, OnChange or a duration of at least 15m"
        }]
    })
}

/// Returns the schema of a duration from one minute to thirty days.
pub fn renew_before(_: &mut SchemaGenerator) -> Schema {
    duration(Some("1m"), "720h")
}

/// Returns a pattern of CEL for what belongs to a domain of [`RESERVED_DOMAINS`] or below one, as `domain/name`.
fn reserved() -> String {
    let domains = RESERVED_DOMAINS.join("|").replace('.', r"\\.");
    format!(r"^([^/]*\\.)?({domains})/")
}

/// Returns the schema of labels or annotations of a Secret that the operator writes.
pub fn texts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 4096},
        "x-kubernetes-validations": [{
            "rule": format!("self.all(key, !key.matches('{}'))", reserved()),
            "message": RESERVED_KEY
        }]
    })
}

/// Returns the schema of the type of a Secret that the operator writes.
pub fn secret_type(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 253,
        "x-kubernetes-validations": [{
            "rule": format!(
                "self in {PLAIN_TYPES:?} || (self.matches('^[^/]+/.') && !self.matches('{}'))",
                reserved()
            ),
            "message": RESERVED_TYPE
        }]
    })
}

/// Returns the schema of a free JSON object.
pub fn literal(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 200,
        "x-kubernetes-map-type": "atomic",
        "x-kubernetes-preserve-unknown-fields": true
    })
}

/// Keeps the description of an optional field, which that of its type would replace.
pub fn with_own_description(schema: &mut Schema) {
    let alternatives = schema.get_mut("anyOf").and_then(Value::as_array_mut);
    for alternative in alternatives.into_iter().flatten() {
        if let Some(alternative) = alternative.as_object_mut() {
            alternative.remove("description");
        }
    }
}

/// Returns the schema of a Kubernetes label selector, with limits.
pub fn selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "matchLabels": {
                "description": "Labels that must all be present with these values.",
                "type": "object",
                "maxProperties": 64,
                "additionalProperties": {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE}
            },
            "matchExpressions": {
                "description": "Requirements that must all be met.",
                "type": "array",
                "maxItems": 64,
                "items": {
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": {"description": "Key of the label.", "type": "string", "minLength": 1, "maxLength": 317, "pattern": LABEL_KEY},
                        "operator": {
                            "description": "How the label's value is compared with `values`.",
                            "type": "string",
                            "enum": ["In", "NotIn", "Exists", "DoesNotExist"]
                        },
                        "values": {
                            "description": "The values to compare with, for `In` and `NotIn`.",
                            "type": "array",
                            "maxItems": 64,
                            "items": {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE}
                        }
                    },
                    "x-kubernetes-validations": [{
                        "rule": "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
                        "message": "values must be set for In and NotIn, and only for them"
                    }]
                }
            }
        }
    })
}
