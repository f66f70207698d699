//! Every limit that a schema sets, each with a manifest that breaks just that one.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A manifest that one limit of the schema forbids.
pub struct Broken {
    /// The field, as the API server names it: `spec.oauth.scopes[0]`.
    pub field: String,
    /// The keyword of the schema that forbids it.
    pub limit: String,
    /// The manifest.
    pub manifest: Value,
}

/// Texts that each pattern refuses; a pattern that is missing here has no test, which is an error.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        &[
            "../x",
            "a/b",
            "a%2fb",
            "a?b",
            "a#b",
            "A",
            "a b",
            ".a",
            "a\n",
            "\u{202e}a",
            "ä",
        ],
    ),
    (
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        &["../x", "a/b", "a%2fb", "a?b", "a#b", "a.b", "A", "-a"],
    ),
    (
        "^[-._A-Za-z0-9]+$",
        &["../x", "a/b", "a%2fb", "a?b", "a#b", "a b", "\u{202e}a"],
    ),
    ("^[A-Za-z0-9-]+$", &["a b", "a_b", ""]),
    (
        "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
        &["a b", "A.example/b", "a/b/c", "/b", "a/", "-a", "a_"],
    ),
    (
        "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
        &["a b", "a/b", "-a", "a.", "ä"],
    ),
    (
        "^[A-Za-z0-9_-]+$",
        &[
            "../x",
            "par_1/x",
            "par%2f1",
            "par?1",
            "par#1",
            "par.1",
            "\u{202e}par",
        ],
    ),
    (
        "^[A-Za-z0-9@_~:+-][A-Za-z0-9@._~:+-]*(/[A-Za-z0-9@_~:+-][A-Za-z0-9@._~:+-]*)*$",
        &[
            "../x",
            "a/../b",
            "a//b",
            "/a",
            "a/",
            "a%2fb",
            "a?b",
            "a#b",
            "a b",
            "\u{202e}a",
        ],
    ),
    (
        "^https?://[^@\\s]+$",
        &[
            "ftp://api.example.com",
            "https://me@api.example.com",
            "https://api example.com",
        ],
    ),
    (
        "^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$",
        &[
            "10",
            "ten minutes",
            "1m1h",
            "-10m",
            "1.5h",
            "10m ",
            "100000s",
            "1d",
        ],
    ),
    (
        "^(Once|OnChange|([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?)$",
        &["once", "Always", "10", "1m1h", "2h "],
    ),
    ("^(/([^~/]|~[01])*)*$", &["a", "a/b", "/a~b", "/~2"]),
];

/// Every limit of every kind, once for each field. The manifests are good ones that together fill every field.
pub fn limits(definitions: &[CustomResourceDefinition], manifests: &[Value]) -> Vec<Broken> {
    let mut walk = Walk {
        kind: String::new(),
        manifests,
        broken: Vec::new(),
        filled: BTreeSet::new(),
        unfilled: BTreeSet::new(),
        patterns: BTreeSet::new(),
    };
    for definition in definitions {
        let schema = definition.spec.versions[0].schema.as_ref().unwrap();
        let schema = serde_json::to_value(schema.open_api_v3_schema.as_ref().unwrap()).unwrap();
        let place = Place {
            pointer: "/spec".to_owned(),
            field: "spec".to_owned(),
        };
        walk.kind.clone_from(&definition.spec.names.kind);
        walk.look(&schema["properties"]["spec"], &place);
    }
    let missing: Vec<_> = walk.unfilled.difference(&walk.filled).collect();
    assert!(missing.is_empty(), "no manifest fills {missing:?}");
    let known: Vec<&str> = REFUSED.iter().map(|(pattern, _)| *pattern).collect();
    let untried = known.iter().filter(|it| !walk.patterns.contains(**it));
    assert_eq!(untried.count(), 0, "a pattern of {known:?} has no field");
    walk.broken
}

struct Place {
    pointer: String,
    field: String,
}

struct Walk<'a> {
    kind: String,
    manifests: &'a [Value],
    broken: Vec<Broken>,
    /// Fields and their schemas: what several kinds share is looked at once.
    filled: BTreeSet<(String, String)>,
    unfilled: BTreeSet<(String, String)>,
    /// Patterns whose every bad text was tried at some field; at others one is enough.
    patterns: BTreeSet<String>,
}

impl Walk<'_> {
    fn look(&mut self, schema: &Value, at: &Place) {
        let known = (at.field.clone(), schema.to_string());
        // Whatever is under this key is refused.
        if self.filled.contains(&known) || at.field == "spec.metadata.kubernetes" {
            return;
        }
        let mut manifests = self.manifests.iter();
        let filled =
            manifests.find(|it| it["kind"] == *self.kind && it.pointer(&at.pointer).is_some());
        let Some(manifest) = filled.cloned() else {
            self.unfilled.insert(known);
            return;
        };
        self.filled.insert(known);
        let value = manifest.pointer(&at.pointer).unwrap().clone();
        for (limit, value) in breaches(schema, &value) {
            self.with(&manifest, at, &limit, value);
        }
        if let Some(pattern) = pattern_of(schema) {
            let known = REFUSED.iter().find(|(known, _)| *known == pattern);
            let (_, texts) = known.unwrap_or_else(|| panic!("no text for the pattern {pattern}"));
            let all = self.patterns.insert(pattern.to_owned());
            for text in texts.iter().take(if all { texts.len() } else { 1 }) {
                self.with(&manifest, at, "pattern", json!(text));
            }
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            let field = format!("{}.{}", at.field, name.as_str().unwrap());
            let mut manifest = manifest.clone();
            let object = manifest
                .pointer_mut(&at.pointer)
                .unwrap()
                .as_object_mut()
                .unwrap();
            object.remove(name.as_str().unwrap());
            let limit = "required".to_owned();
            self.broken.push(Broken {
                field,
                limit,
                manifest,
            });
        }
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            let pointer = format!("{}/{name}", at.pointer);
            let field = format!("{}.{name}", at.field);
            self.look(schema, &Place { pointer, field });
        }
        if schema["items"].is_object() {
            let (pointer, field) = (format!("{}/0", at.pointer), format!("{}[0]", at.field));
            self.look(&schema["items"], &Place { pointer, field });
        }
        if schema["additionalProperties"].is_object() {
            let key = value.as_object().unwrap().keys().next().unwrap();
            let (pointer, field) = (
                format!("{}/{key}", at.pointer),
                format!("{}.{key}", at.field),
            );
            self.look(&schema["additionalProperties"], &Place { pointer, field });
        }
    }

    fn with(&mut self, manifest: &Value, at: &Place, limit: &str, value: Value) {
        let mut manifest = manifest.clone();
        *manifest.pointer_mut(&at.pointer).unwrap() = value;
        let (field, limit) = (at.field.clone(), limit.to_owned());
        self.broken.push(Broken {
            field,
            limit,
            manifest,
        });
    }
}

/// The pattern of a text: the first rule of its schema, because the keyword's refusal would not be a sentence.
fn pattern_of(schema: &Value) -> Option<&str> {
    let rule = schema["x-kubernetes-validations"][0]["rule"].as_str()?;
    let pattern = rule.strip_prefix("self.matches(r'")?;
    pattern.strip_suffix("')")
}

/// Values that break one keyword of the schema each; `good` breaks none.
fn breaches(schema: &Value, good: &Value) -> Vec<(String, Value)> {
    let number = |keyword: &str| schema[keyword].as_f64().map(|number| number as usize);
    let mut breaches = vec![(
        "type",
        match schema["type"].as_str().unwrap() {
            "string" => json!(7),
            _ => json!("text"),
        },
    )];
    if let Some(most) = number("maxLength") {
        let start = good.as_str().unwrap();
        breaches.push(("maxLength", json!(format!("{start}{}", "a".repeat(most)))));
    }
    if number("minLength").is_some() {
        breaches.push(("minLength", json!("")));
    }
    if number("minItems").is_some() {
        breaches.push(("minItems", json!([])));
    }
    if let Some(most) = number("maxItems") {
        breaches.push(("maxItems", json!(vec![good[0].clone(); most + 1])));
    }
    if let Some(most) = number("maxProperties") {
        let many = (0..=most).map(|i| (format!("key{i}"), json!("a")));
        breaches.push(("maxProperties", Value::Object(many.collect())));
    }
    if let Some(most) = schema["maximum"].as_f64() {
        breaches.push(("maximum", json!(most as i64 + 1)));
    }
    if let Some(least) = schema["minimum"].as_f64() {
        breaches.push(("minimum", json!(least as i64 - 1)));
    }
    if schema["enum"].is_array() {
        breaches.push(("enum", json!("Nonsense")));
    }
    breaches
        .into_iter()
        .map(|(limit, value)| (limit.to_owned(), value))
        .collect()
}
