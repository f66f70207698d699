//! Fields of a schema, each with its path (`oauth.clientId`, `toolFilters[].type`), type, bounds and description.

use serde_json::Value;

/// Field of a schema.
pub struct Field {
    pub path: String,
    pub kind: String,
    pub required: bool,
    pub bounds: String,
    pub text: String,
}

/// Validation rule of a schema; the path is empty for a rule on the whole.
pub struct Rule {
    pub path: String,
    pub message: String,
}

/// Fields of an object, nested ones included, and the rules.
#[derive(Default)]
pub struct Fields {
    pub fields: Vec<Field>,
    pub rules: Vec<Rule>,
}

impl Fields {
    /// Reads a schema without the members in `omitted`, which are documented elsewhere.
    pub fn read(schema: &Value, omitted: &[String]) -> Self {
        let mut read = Self::default();
        read.object(schema, "", omitted);
        read
    }

    /// Adds the rules of a whole resource, which are about its spec.
    pub fn with_rules_of(mut self, resource: &Value) -> Self {
        let own = std::mem::take(&mut self.rules);
        self.rules(resource, "");
        self.rules.extend(own);
        self
    }

    fn object(&mut self, schema: &Value, path: &str, omitted: &[String]) {
        self.rules(schema, path);
        let required = |name: &str| {
            let mut names = schema["required"].as_array().into_iter().flatten();
            names.any(|required| required == name)
        };
        let members = schema["properties"].as_object();
        let mut members: Vec<_> = members.into_iter().flatten().collect();
        members.retain(|(name, _)| !omitted.contains(name));
        members.sort_by_key(|(name, _)| !required(name));
        for (name, member) in members {
            let path = match path {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            self.fields.push(Field {
                path: path.clone(),
                kind: kind(member),
                required: required(name),
                bounds: bounds(member),
                text: text(&member["description"]),
            });
            self.below(member, &path);
        }
    }

    fn below(&mut self, schema: &Value, path: &str) {
        match schema.get("items") {
            Some(items) => {
                self.rules(schema, path);
                self.object(items, &format!("{path}[]"), &[]);
            }
            None => self.object(schema, path, &[]),
        }
    }

    fn rules(&mut self, schema: &Value, path: &str) {
        let rules = schema["x-kubernetes-validations"].as_array();
        self.rules
            .extend(rules.into_iter().flatten().map(|rule| Rule {
                path: path.to_owned(),
                message: text(&rule["message"]),
            }));
    }
}

fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn kind(schema: &Value) -> String {
    let free = schema["x-kubernetes-preserve-unknown-fields"] == true;
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some("object") if free => "any JSON object".to_owned(),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map of {}", kind(&schema["additionalProperties"]))
        }
        Some("string") if schema["format"] == "date-time" => "time".to_owned(),
        Some(name) => name.to_owned(),
        None => "any JSON".to_owned(),
    }
}

fn bounds(schema: &Value) -> String {
    let mut bounds = Vec::new();
    for (least, most, unit) in [
        ("minLength", "maxLength", " characters"),
        ("minimum", "maximum", ""),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " members"),
    ] {
        bounds.extend(range(&schema[least], &schema[most], unit));
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| code(&text(word))).collect();
        bounds.push(words.join(", "));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        bounds.push(code(pattern));
    }
    for part in ["items", "additionalProperties"] {
        let of_each = schema.get(part).map(bounds_of_scalar).unwrap_or_default();
        if !of_each.is_empty() {
            bounds.push(format!("each {of_each}"));
        }
    }
    bounds.join("; ")
}

/// Returns the bounds of an item or value that has no row of its own.
fn bounds_of_scalar(schema: &Value) -> String {
    match schema["type"].as_str() {
        Some("object") | None => String::new(),
        Some(_) => bounds(schema),
    }
}

fn range(least: &Value, most: &Value, unit: &str) -> Option<String> {
    let number = |value: &Value| match value.as_f64() {
        Some(number) => number.to_string(),
        None => String::new(),
    };
    match (least.is_null(), most.is_null()) {
        (true, true) => None,
        (false, true) => Some(format!("at least {}{unit}", number(least))),
        (true, false) => Some(format!("at most {}{unit}", number(most))),
        (false, false) => Some(format!("{} to {}{unit}", number(least), number(most))),
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}
