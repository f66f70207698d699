//! A custom resource as it is stored, whether it follows the definition of this version or not.

use super::definitions::schema_of;
use super::repair::repair;
use super::text::cut;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The number of fields that a message names.
const NAMED_FIELDS: usize = 5;

/// An object of the kind `K`. One that another version of the definition admitted, so that a part of it can't be read, is
/// read without that part: such an object is not applied, but it has conditions and can be deleted like any other.
#[derive(Clone, Debug)]
pub struct Stored<K> {
    object: K,
    unreadable: Option<String>,
    lost_status: bool,
}

impl<K> Stored<K> {
    /// Returns the object, without what could not be read.
    #[must_use]
    pub fn object(&self) -> &K {
        &self.object
    }

    /// Returns why the spec can't be applied: the message for the conditions, which names fields but no values.
    #[must_use]
    pub fn unreadable(&self) -> Option<&str> {
        self.unreadable.as_deref()
    }

    /// Returns whether a part of the status could not be read.
    #[must_use]
    pub fn lost_status(&self) -> bool {
        self.lost_status
    }
}

impl<K: Resource<DynamicType = ()> + DeserializeOwned> Stored<K> {
    /// Reads what can be read; `None` where not even metadata can.
    fn repaired(mut object: Value) -> Option<Self> {
        let schema = schema_of(&K::kind(&()))?;
        let fields = &schema["properties"];
        let (spec, wrong) = repair(&fields["spec"], "spec", object["spec"].take());
        let (status, lost) = match object["status"].take() {
            Value::Null => (Value::Null, Vec::new()),
            status => repair(&fields["status"], "status", status),
        };
        let (blank, whole) = repair(&fields["spec"], "spec", Value::Null);
        // The schema is almost, but not quite, all that reading depends on.
        [
            (spec.clone(), wrong.clone(), status, !lost.is_empty()),
            (spec, wrong, Value::Null, true),
            (blank, whole, Value::Null, true),
        ]
        .into_iter()
        .find_map(|(spec, wrong, status, lost_status)| {
            object["spec"] = protected(spec, &wrong, &fields["spec"]);
            object["status"] = status;
            let read = serde_json::from_value(object.clone()).ok()?;
            Some(Self {
                object: read,
                unreadable: message(&wrong),
                lost_status,
            })
        })
    }
}

/// Returns a spec that permits no more than the stored one, where a part of it can't be read: the remote objects that it
/// decides about are left at Metorial, and no other namespace is allowed.
fn protected(mut spec: Value, wrong: &[String], schema: &Value) -> Value {
    let has = |field: &str| schema["properties"].get(field).is_some();
    let is_wrong = |places: &[&str]| wrong.iter().any(|path| places.contains(&path.as_str()));
    if has("deletionPolicy") && is_wrong(&["spec", "spec.deletionPolicy", "spec.mode"]) {
        spec["deletionPolicy"] = json!("Orphan");
    }
    let defaults = ["spec", "spec.defaults", "spec.defaults.deletionPolicy"];
    if has("defaults") && is_wrong(&defaults) {
        spec["defaults"]["deletionPolicy"] = json!("Orphan");
    }
    // A selector without the part that can't be read selects more namespaces, not fewer.
    let of_allowed = |path: &String| path.starts_with("spec.allowedNamespaces");
    if wrong.iter().any(of_allowed)
        && let Some(spec) = spec.as_object_mut()
    {
        spec.remove("allowedNamespaces");
    }
    spec
}

/// Returns the message about the fields of a spec that can't be read. It names kubectl's commands, because the API server
/// can't merge a server-side apply with such an object.
fn message(wrong: &[String]) -> Option<String> {
    let named: Vec<String> = wrong.iter().take(NAMED_FIELDS).map(|it| cut(it)).collect();
    let more = if wrong.len() > named.len() {
        ", …"
    } else {
        ""
    };
    (!wrong.is_empty()).then(|| {
        format!(
            "the spec does not follow the schema of this version: {}{more}; correct it with kubectl edit or patch, or delete this resource",
            named.join(", ")
        )
    })
}

impl<'de, K: Resource<DynamicType = ()> + DeserializeOwned> Deserialize<'de> for Stored<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        if let Ok(object) = serde_json::from_str(text.get()) {
            return Ok(Self {
                object,
                unreadable: None,
                lost_status: false,
            });
        }
        let object = serde_json::from_str(text.get()).ok();
        let repaired = object.and_then(Self::repaired);
        repaired.ok_or_else(|| D::Error::custom("the object can't be read"))
    }
}

impl<K: Serialize> Serialize for Stored<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

impl<K: Resource<DynamicType = ()>> Resource for Stored<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        self.object.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.object.meta_mut()
    }
}
