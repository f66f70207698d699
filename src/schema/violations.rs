//! Violations of a published schema, in words. A value is secret as a whole: what is shown comes from the schema, which is
//! public, or from the spec itself.

use crate::resources::free_json::children;
use crate::resources::{cut, pointer};
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;
use std::collections::BTreeSet;

/// The number of violations that are described.
const MAX_DESCRIBED: usize = 10;
/// The number of alternatives, options and names that are listed.
const MAX_LISTED: usize = 10;

/// The names that may be shown: they are in the schema or in the spec.
#[derive(Clone, Debug, Default)]
pub struct PublicNames(BTreeSet<String>);

impl PublicNames {
    /// Returns the names of the properties in a schema, and those that the spec itself contains.
    #[must_use]
    pub fn new(schema: &Value, spec: &BTreeSet<String>) -> Self {
        let mut names = spec.clone();
        collect(schema, &mut names);
        Self(names)
    }
}

/// What may be shown of a value: the names among its properties that are public, and its indexes.
struct Shown<'a> {
    names: &'a PublicNames,
    value: &'a Value,
}

impl Shown<'_> {
    /// Returns a JSON pointer without the names that came from a Secret. One of digits looks like an index, so the value tells
    /// them apart.
    fn pointer(&self, pointer: &str) -> String {
        if pointer.is_empty() {
            return "the whole value".to_owned();
        }
        let mut place = Some(self.value);
        let segments = pointer.split('/').skip(1).map(|segment| {
            let name = pointer::unescape(segment);
            let is_index = place.is_some_and(Value::is_array);
            place = match place {
                Some(Value::Array(items)) => {
                    name.parse::<usize>().ok().and_then(|at| items.get(at))
                }
                Some(Value::Object(members)) => members.get(&name),
                _ => None,
            };
            if is_index || self.names.0.contains(&name) {
                format!("/{segment}")
            } else {
                "/?".to_owned()
            }
        });
        cut(&segments.collect::<String>())
    }
}

fn collect(schema: &Value, names: &mut BTreeSet<String>) {
    if let Some(Value::Object(properties)) = schema.get("properties") {
        names.extend(properties.keys().cloned());
    }
    for child in children(schema) {
        collect(child, names);
    }
}

/// Describes the first violations; `None` if there is none.
pub fn describe<'a>(
    errors: impl Iterator<Item = ValidationError<'a>>,
    value: &Value,
    names: &PublicNames,
) -> Option<String> {
    let shown = Shown { names, value };
    let found: Vec<String> = errors
        .take(MAX_DESCRIBED)
        .map(|error| described(&error, &shown))
        .collect();
    (!found.is_empty()).then(|| found.join("; "))
}

fn described(error: &ValidationError<'_>, shown: &Shown<'_>) -> String {
    let keyword = error.schema_path().to_string();
    let keyword = keyword.rsplit('/').next().unwrap_or_default();
    let place = shown.pointer(&error.instance_path().to_string());
    match detail(error.kind(), shown) {
        Some(detail) => format!("{place} ({}): {detail}", cut(keyword)),
        None => format!("{place} ({})", cut(keyword)),
    }
}

/// Returns what the schema asks for.
fn detail(kind: &ValidationErrorKind, shown: &Shown<'_>) -> Option<String> {
    use ValidationErrorKind as Kind;
    Some(match kind {
        Kind::Required { property } => format!("{} is missing", as_json(property)),
        Kind::Type { kind } => format!("must be {}", types(kind).join(" or ")),
        Kind::Enum { options } => format!("must be one of {}", options_of(options)),
        Kind::Constant { expected_value } => format!("must be {}", as_json(expected_value)),
        Kind::Format { format } => format!("must be a text of the format {}", cut(format)),
        Kind::Pattern { pattern } => format!("must match {}", cut(pattern)),
        Kind::MinLength { limit } => format!("must have at least {limit} character(s)"),
        Kind::MaxLength { limit } => format!("must have at most {limit} character(s)"),
        Kind::MinItems { limit } => format!("must have at least {limit} item(s)"),
        Kind::MaxItems { limit } => format!("must have at most {limit} item(s)"),
        Kind::Minimum { limit } => format!("must be at least {}", as_json(limit)),
        Kind::Maximum { limit } => format!("must be at most {}", as_json(limit)),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            surplus(unexpected, shown.names)
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => alternatives(context, shown),
        Kind::OneOfMultipleValid { .. } => {
            "fits several alternatives that exclude each other".to_owned()
        }
        _ => return None,
    })
}

/// Names the properties that the schema does not have. A name that came from a Secret is as secret as its value.
fn surplus(unexpected: &[String], names: &PublicNames) -> String {
    let known: Vec<String> = unexpected
        .iter()
        .filter(|name| names.0.contains(*name))
        .take(MAX_LISTED)
        .map(|name| format!("{:?}", cut(name)))
        .collect();
    let hidden = unexpected.len() - known.len();
    match (known.is_empty(), hidden) {
        (true, 1) => "has 1 property that the schema does not allow (its name comes from a Secret and is not shown)".to_owned(),
        (true, _) => format!(
            "has {hidden} properties that the schema does not allow (their names come from a Secret and are not shown)"
        ),
        (false, 0) => format!("must not have {}", known.join(", ")),
        (false, _) => format!(
            "must not have {}, and {hidden} more that are not shown",
            known.join(", ")
        ),
    }
}

/// Describes alternatives none of which fits: by their types, if only those differ.
fn alternatives(context: &[Vec<ValidationError<'static>>], shown: &Shown<'_>) -> String {
    let only_type = |errors: &Vec<ValidationError<'static>>| match errors.as_slice() {
        [error] => match error.kind() {
            ValidationErrorKind::Type { kind } => Some(types(kind)),
            _ => None,
        },
        _ => None,
    };
    let of_types: Option<Vec<Vec<String>>> = context.iter().map(only_type).collect();
    if let Some(types) = of_types.filter(|types| !types.is_empty()) {
        return format!("must be {}", types.concat().join(" or "));
    }
    let described = context.iter().take(MAX_LISTED).enumerate();
    let described: Vec<String> = described
        .map(|(index, errors)| {
            let first = errors.first().map(|error| nested(error, shown));
            let first = first.unwrap_or_else(|| "does not fit".to_owned());
            format!("alternative {}: {first}", index + 1)
        })
        .collect();
    format!("fits no alternative: {}", described.join(", "))
}

/// Describes a violation of an alternative, without the alternatives in it.
fn nested(error: &ValidationError<'_>, shown: &Shown<'_>) -> String {
    let place = shown.pointer(&error.instance_path().to_string());
    let detail = match error.kind() {
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => None,
        kind => detail(kind, shown),
    };
    match detail {
        Some(detail) => format!("{place} {detail}"),
        None => format!("{place} ({})", error.kind().keyword()),
    }
}

fn types(kind: &TypeKind) -> Vec<String> {
    match kind {
        TypeKind::Single(one) => vec![one.to_string()],
        TypeKind::Multiple(several) => several.iter().map(|one| one.to_string()).collect(),
    }
}

fn options_of(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut listed: Vec<String> = options.iter().take(MAX_LISTED).map(as_json).collect();
    if options.len() > MAX_LISTED {
        listed.push(format!("{} more", options.len() - MAX_LISTED));
    }
    listed.join(", ")
}

/// Returns a value of the schema as JSON.
fn as_json(value: &Value) -> String {
    cut(&value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_came_from_a_secret_is_counted_and_not_shown() {
        let names = PublicNames(["public".to_owned()].into());
        for (unexpected, shown) in [
            (
                vec!["secret"],
                "has 1 property that the schema does not allow",
            ),
            (
                vec!["s1", "s2"],
                "has 2 properties that the schema does not allow",
            ),
            (vec!["public"], "must not have \"public\""),
            (vec!["public", "s1"], "must not have \"public\", and 1 more"),
        ] {
            let unexpected: Vec<String> = unexpected.into_iter().map(str::to_owned).collect();
            let described = surplus(&unexpected, &names);
            assert!(described.starts_with(shown), "{described}");
            assert!(!described.contains("s1") && !described.contains("\"secret"));
        }
    }
}
