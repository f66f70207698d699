//! The bounds of a published schema: one that is too large, too deep, or can't be bounded in time is not used. A schema
//! comes from a server, and a few hundred bytes of `$ref` and `anyOf` can keep a validator busy for years.

use crate::resources::free_json::children;
use crate::resources::pointer;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// The keyword that is evaluated before each subschema, so that a check can be ended there.
pub const CHECKPOINT: &str = "checkpoint of the check";

const MAX_BYTES: usize = 64 * 1024;
const MAX_DEPTH: usize = 32;
const MAX_REFERENCES: usize = 256;
const MAX_PATTERNS: usize = 200;

/// Keywords whose value is a schema, or a list or map of schemas.
const APPLICATORS: [&str; 13] = [
    "items",
    "prefixItems",
    "additionalItems",
    "additionalProperties",
    "contains",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "allOf",
    "anyOf",
    "oneOf",
];
/// The same, less common.
const OTHER_APPLICATORS: [&str; 2] = ["unevaluatedItems", "unevaluatedProperties"];
/// Keywords whose value is a map from names to schemas.
const MAPS: [&str; 6] = [
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
    "dependencies",
];
/// Keywords that change what a `$ref` refers to.
const REBASING: [&str; 7] = [
    "$id",
    "id",
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "$recursiveAnchor",
    "$recursiveRef",
];

/// A schema that a value can be checked against in bounded time.
#[derive(Debug)]
pub struct Bounded {
    /// The schema, with a [`CHECKPOINT`] before each subschema.
    pub schema: Value,
    /// A number that equal schemas share in this process.
    pub digest: u64,
}

/// A published schema.
#[derive(Clone, Debug)]
pub enum Published {
    /// It can be used.
    Bounded(std::sync::Arc<Bounded>),
    /// It can't, for this reason.
    Unusable(&'static str),
}

impl Published {
    /// Bounds a schema that a server published.
    #[must_use]
    pub fn new(schema: Value) -> Self {
        match bounded(schema) {
            Ok(bounded) => Self::Bounded(std::sync::Arc::new(bounded)),
            Err(why) => Self::Unusable(why),
        }
    }
}

fn bounded(mut schema: Value) -> Result<Bounded, &'static str> {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let text = schema.to_string();
    if text.len() > MAX_BYTES {
        return Err("it is larger than 64 KiB");
    }
    if depth(&schema) > MAX_DEPTH {
        return Err("it has more than 32 levels");
    }
    let mut draft = None;
    if let Some(root) = schema.as_object_mut() {
        // Its own name is of no use: a reference to anything but a place in it is refused.
        root.remove("$id");
        root.remove("id");
        draft = root.remove("$schema");
    }
    let mut found = Found::default();
    guard(&mut schema, "#", "#", &mut found)?;
    if found.references > MAX_REFERENCES {
        return Err("it has more than 256 references");
    }
    if found.patterns > MAX_PATTERNS {
        return Err("it has more than 200 patterns");
    }
    redirect(&mut schema, &found.places)?;
    if let (Some(draft), Value::Object(root)) = (draft, &mut schema) {
        root.insert("$schema".to_owned(), draft);
    }
    let digest = HASHER.hash_one(&text);
    Ok(Bounded { schema, digest })
}

/// The findings in a schema.
#[derive(Default)]
struct Found {
    /// The place of each subschema before and after.
    places: HashMap<String, String>,
    references: usize,
    patterns: usize,
}

/// Puts a checkpoint before a schema and before all of its subschemas: `S` becomes `allOf: [checkpoint, S]`, because a
/// keyword in `S` itself would be evaluated after all others. Values in it, such as those of `enum`, stay as they are.
fn guard(schema: &mut Value, from: &str, to: &str, found: &mut Found) -> Result<(), &'static str> {
    found.places.insert(from.to_owned(), to.to_owned());
    let Value::Object(members) = schema else {
        return Ok(());
    };
    relax(members);
    if REBASING.iter().any(|word| members.contains_key(*word)) {
        return Err("it has anchors or embedded schemas");
    }
    found.references += usize::from(members.contains_key("$ref"));
    let patterns = members.get("patternProperties").and_then(Value::as_object);
    found.patterns += patterns.map_or(0, Map::len);
    found.patterns += usize::from(members.contains_key("pattern"));
    let to = format!("{to}/allOf/1");
    let mut each = |schema: &mut Value, place: String| {
        guard(
            schema,
            &format!("{from}{place}"),
            &format!("{to}{place}"),
            found,
        )
    };
    for word in APPLICATORS.iter().chain(&OTHER_APPLICATORS) {
        match members.get_mut(*word) {
            Some(Value::Array(schemas)) => {
                for (index, schema) in schemas.iter_mut().enumerate() {
                    each(schema, format!("/{word}/{index}"))?;
                }
            }
            Some(schema) => each(schema, format!("/{word}"))?,
            None => {}
        }
    }
    for word in MAPS {
        if let Some(Value::Object(schemas)) = members.get_mut(word) {
            for (name, schema) in schemas {
                each(schema, format!("/{word}/{}", pointer::escape(name)))?;
            }
        }
    }
    let guarded = schema.take();
    *schema = json!({"allOf": [{CHECKPOINT: true}, guarded]});
    Ok(())
}

/// Lets a schema mean what its server means: a nullable value may be null, although JSON Schema has no such keyword, and a
/// property with a default may be missing.
fn relax(members: &mut Map<String, Value>) {
    if members.remove("nullable") == Some(Value::Bool(true)) {
        if let Some(of_type) = members.get_mut("type").filter(|it| it.is_string()) {
            *of_type = json!([of_type.take(), "null"]);
        }
        if let Some(Value::Array(options)) = members.get_mut("enum") {
            options.push(Value::Null);
        }
    }
    let properties = members
        .get("properties")
        .and_then(Value::as_object)
        .cloned();
    if let (Some(properties), Some(Value::Array(required))) =
        (properties, members.get_mut("required"))
    {
        let has_default = |name: &Value| {
            let property = name.as_str().and_then(|name| properties.get(name));
            property.is_some_and(|property| property.get("default").is_some())
        };
        required.retain(|name| !has_default(name));
    }
}

/// Lets each reference refer to where its target is now.
fn redirect(schema: &mut Value, places: &HashMap<String, String>) -> Result<(), &'static str> {
    for place in places.values() {
        let of_guarded = place.trim_start_matches('#').to_owned() + "/allOf/1/$ref";
        if let Some(reference) = schema.pointer_mut(&of_guarded) {
            let target = reference.as_str().and_then(|target| places.get(target));
            let target = target.ok_or("it refers to something outside of its own definitions")?;
            *reference = target.as_str().into();
        }
    }
    Ok(())
}

fn depth(value: &Value) -> usize {
    let below = children(value).into_iter().map(depth).max().unwrap_or(0);
    usize::from(value.is_array() || value.is_object()) + below
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(schema: Value) -> Option<&'static str> {
        bounded(schema).err()
    }

    #[test]
    fn each_subschema_is_guarded_and_no_value_is_and_references_follow() {
        let schema = json!({
            "$id": "https://example.com/schema",
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"a": {"$ref": "#/$defs/b~1c"}, "properties": {"enum": [{"not": {}}]}},
            "$defs": {"b/c": {"anyOf": [{"type": "string"}, true]}},
            "const": {"items": {}},
        });
        let guarded = |schema: Value| json!({"allOf": [{CHECKPOINT: true}, schema]});
        let mut expected = guarded(json!({
            "properties": {
                "a": guarded(json!({"$ref": "#/allOf/1/$defs/b~1c"})),
                "properties": guarded(json!({"enum": [{"not": {}}]})),
            },
            "$defs": {"b/c": guarded(json!({"anyOf": [guarded(json!({"type": "string"})), true]}))},
            "const": {"items": {}},
        }));
        expected["$schema"] = "http://json-schema.org/draft-07/schema#".into();
        assert_eq!(bounded(schema).unwrap().schema, expected);
    }

    #[test]
    fn a_nullable_value_may_be_null_and_a_property_with_a_default_may_be_missing() {
        let schema = json!({
            "required": ["a", "b"],
            "properties": {
                "a": {"type": "string", "nullable": true, "enum": ["x"]},
                "b": {"type": "integer", "default": 1}
            }
        });
        let relaxed = &bounded(schema).unwrap().schema["allOf"][1];
        assert_eq!(relaxed["required"], json!(["a"]));
        let a = &relaxed["properties"]["a"]["allOf"][1];
        assert_eq!(*a, json!({"type": ["string", "null"], "enum": ["x", null]}));
    }

    #[test]
    fn a_schema_beyond_a_bound_is_not_used() {
        let deep = (0..40).fold(json!({}), |inner, _| json!({"not": inner}));
        let patterns: Map<String, Value> = (0..201).map(|n| (n.to_string(), json!({}))).collect();
        let references: Vec<Value> = vec![json!({"$ref": "#"}); 257];
        for (schema, why) in [
            (json!({"title": "a".repeat(70_000)}), "64 KiB"),
            (deep, "32 levels"),
            (json!({"patternProperties": patterns}), "200 patterns"),
            (json!({"allOf": references}), "256 references"),
            (json!({"$ref": "https://example.com/other"}), "outside"),
            // What is no subschema has no checkpoint before it.
            (json!({"$ref": "#/x", "x": {"$ref": "#"}}), "outside"),
            (json!({"$ref": "#/enum/0", "enum": [{}]}), "outside"),
            (
                json!({"items": {"$id": "https://example.com/a"}}),
                "embedded",
            ),
            (json!({"$defs": {"a": {"$dynamicRef": "#a"}}}), "anchors"),
        ] {
            let found = refused(schema).unwrap();
            assert!(found.contains(why), "{found}, not {why}");
        }
        assert_eq!(
            refused(json!({"properties": {"id": {"type": "string"}}})),
            None
        );
    }
}
