//! Composed values: a literal, and then parts from Secrets and ConfigMaps by JSON pointer. Errors name pointer and
//! source, never a value.

use super::inputs::{Inputs, LONGEST_TEXT, Reference, TOO_LONG};
use crate::plan::desired::Invalid;
use crate::plan::fields::Sourced;
use crate::resources::free_json::{INEXACT, LITERAL, children, unfit};
use crate::resources::{ComposedValue, PartFormat, ValuePart, pointer};
use crate::sensitive::Sensitive;
use metorial::SecretValue;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The largest value that is sent, in bytes of JSON.
const LARGEST: usize = 1024 * 1024;

/// Returns what a composed value refers to.
pub fn references(value: &ComposedValue) -> impl Iterator<Item = Reference> {
    value.from.iter().flatten().filter_map(reference)
}

/// Returns the value, and where its parts came from.
///
/// # Errors
/// The literal is too large or too deep, or a part was not read, is not JSON, can't be kept exactly, or does not fit where its
/// pointer says.
pub fn compose(value: &ComposedValue, inputs: &Inputs) -> Result<Sourced, Invalid> {
    if let Some(literal) = &value.literal {
        LITERAL.check(literal).map_err(Invalid::spec)?;
    }
    let mut whole = Value::Object(value.literal.clone().unwrap_or_default());
    let mut sources: Vec<String> = value.literal.iter().map(|_| "spec".to_owned()).collect();
    let mut origins = sources.clone();
    for part in value.from.iter().flatten() {
        let Some(reference) = reference(part) else {
            return Err(Invalid::value(format!(
                "the part at {} names no source",
                part.pointer
            )));
        };
        sources.push(reference.to_string());
        origins.push(inputs.origin(&reference));
        let place = format!("the part at {:?} from {reference}", part.pointer);
        let text = inputs.get(&reference)?;
        let piece = match part.format.unwrap_or_default() {
            PartFormat::Text => Value::from(text),
            PartFormat::Json => {
                json(text).map_err(|why| Invalid::value(format!("{place} {why}")))?
            }
        };
        if let Err(why) = put(&mut whole, &part.pointer, piece) {
            drop(SecretValue::new(whole));
            return Err(Invalid::value(format!("{place} {why}")));
        }
    }
    let whole = SecretValue::new(whole);
    fits(whole.expose())?;
    Ok(Sourced {
        value: whole,
        source: sources.join(", "),
        origin: origins.join(", "),
        names: names(value),
    })
}

/// Returns the names that the spec gives to properties: in the literal, and in the pointers of the parts.
fn names(value: &ComposedValue) -> BTreeSet<String> {
    fn collect(value: &Value, names: &mut BTreeSet<String>) {
        names.extend(value.as_object().into_iter().flat_map(Map::keys).cloned());
        for child in children(value) {
            collect(child, names);
        }
    }
    let pointers = value.from.iter().flatten();
    let tokens = pointers.flat_map(|part| part.pointer.split('/').skip(1));
    let mut names: BTreeSet<String> = tokens.map(pointer::unescape).collect();
    for member in value.literal.iter().flat_map(Map::values) {
        collect(member, &mut names);
    }
    names.extend(value.literal.iter().flat_map(Map::keys).cloned());
    names
}

fn reference(part: &ValuePart) -> Option<Reference> {
    Reference::to_one_of(
        part.secret_key_ref.as_ref(),
        part.config_map_key_ref.as_ref(),
    )
}

fn json(text: &str) -> Result<Value, &'static str> {
    if !exact(text) {
        return Err(INEXACT);
    }
    let value = serde_json::from_str(text).map_err(|_| "is not JSON, or is nested too deep")?;
    match unfit(&value) {
        Some(why) => {
            drop(SecretValue::new(value));
            Err(why)
        }
        None => Ok(value),
    }
}

/// Returns whether every number outside of strings is parsed exactly: 64-bit integers, and decimals of at most 15 digits.
fn exact(text: &str) -> bool {
    let (mut in_text, mut escaped, mut number) = (false, false, String::new());
    for character in text.chars().chain([' ']) {
        if in_text {
            (escaped, in_text) = match (escaped, character) {
                (true, _) => (false, true),
                (false, '\\') => (true, true),
                (false, other) => (false, other != '"'),
            };
        } else if character.is_ascii_digit()
            || (!number.is_empty() && "+-.eE".contains(character))
            || character == '-'
        {
            number.push(character);
        } else {
            if !survives(&number) {
                return false;
            }
            number.clear();
            in_text = character == '"';
        }
    }
    true
}

fn survives(number: &str) -> bool {
    if number.is_empty() || number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').len() <= 15 && number.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Sets `piece` at an RFC 6901 pointer; missing parents become objects.
fn put(whole: &mut Value, pointer: &str, piece: Value) -> Result<(), &'static str> {
    if let Some(why) = too_long(&piece) {
        drop(SecretValue::new(piece));
        return Err(why);
    }
    let Some(path) = pointer.strip_prefix('/') else {
        let Value::Object(object) = piece else {
            return Err("is not a JSON object, which the whole value has to be");
        };
        *whole = Value::Object(object);
        return Ok(());
    };
    let mut place = whole;
    for token in path.split('/') {
        let key = pointer::unescape(token);
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        place = match place {
            Value::Object(object) => object.entry(key).or_insert(Value::Null),
            Value::Array(items) => {
                if key == "-" {
                    items.push(Value::Null);
                }
                let index = match key.as_str() {
                    "-" => items.len().checked_sub(1),
                    index => index.parse::<usize>().ok(),
                };
                let place = index.and_then(|index| items.get_mut(index));
                place.ok_or("points beside the items of a list; correct pointer")?
            }
            _ => {
                return Err(
                    "points into something that is neither an object nor a list; correct pointer",
                );
            }
        };
    }
    *place = piece;
    Ok(())
}

fn fits(whole: &Value) -> Result<(), Invalid> {
    let size =
        serde_json::to_vec(whole).map_or(usize::MAX, |bytes| Sensitive::new(bytes).expose().len());
    if size > LARGEST {
        return Err(Invalid::value("the composed value is larger than 1 MiB"));
    }
    Ok(())
}

/// Returns why a part isn't sent: a text of this length may be too long for the API. A literal is smaller than that as a whole.
fn too_long(piece: &Value) -> Option<&'static str> {
    (longest(piece) > LONGEST_TEXT).then_some(match piece {
        Value::String(_) => TOO_LONG,
        _ => "has a text longer than 100000 characters, the most that the operator sends",
    })
}

fn longest(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        other => children(other).into_iter().map(longest).max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    fn composed(value: Value, secrets: &[(&str, &str)]) -> Result<Value, String> {
        let value: ComposedValue = from_value(value).unwrap();
        let mut inputs = Inputs::default();
        for reference in references(&value) {
            let (_, text) = secrets
                .iter()
                .find(|(key, _)| *key == reference.key)
                .unwrap();
            inputs
                .insert(reference, text.as_bytes().to_vec(), "uid")
                .unwrap();
        }
        match compose(&value, &inputs) {
            Ok(composed) => Ok(composed.value.expose().clone()),
            Err(invalid) => Err(invalid.message),
        }
    }

    fn part(pointer: &str, key: &str, format: &str) -> Value {
        json!({"pointer": pointer, "secretKeyRef": {"name": "s", "key": key}, "format": format})
    }

    #[test]
    fn parts_go_where_their_pointers_say_and_later_ones_win() {
        let value = json!({
            "literal": {"host": "db", "tags": ["a", "b"]},
            "from": [
                part("/user/name", "user", "Text"),
                part("/a~1b~0c", "user", "Text"),
                part("/tags/1", "user", "Text"),
                part("/tags/-", "user", "Text"),
                part("/ssl", "ssl", "Json"),
                part("/host", "user", "Text"),
            ]
        });
        assert_eq!(
            composed(
                value,
                &[("user", "u\n"), ("ssl", r#"{"mode":"full","n":1.5}"#)]
            ),
            Ok(json!({
                "host": "u\n",
                "tags": ["a", "u\n", "u\n"],
                "user": {"name": "u\n"},
                "a/b~c": "u\n",
                "ssl": {"mode": "full", "n": 1.5}
            }))
        );
        let whole = json!({"literal": {"gone": 1}, "from": [part("", "all", "Json")]});
        assert_eq!(
            composed(whole, &[("all", r#"{"a":9007199254740991}"#)]),
            Ok(json!({"a": 9_007_199_254_740_991_u64}))
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_by_pointer_and_source_and_never_by_value() {
        let cases = [
            (part("", "k", "Json"), "[1]", "not a JSON object"),
            (part("/a", "k", "Json"), "canary{", "not JSON"),
            (
                part("/a", "k", "Json"),
                "123456789012345678901234",
                "exactly",
            ),
            (part("/a", "k", "Json"), "9007199254740992", "exactly"),
            (part("/a", "k", "Json"), r#""\u0000""#, "a NUL character"),
            (part("/a", "k", "Json"), "0.12345678901234567", "exactly"),
            (part("/a", "k", "Json"), "1e999", "exactly"),
            (part("/list/7", "k", "Text"), "canary", "beside the items"),
            (
                part("/text/deep", "k", "Text"),
                "canary",
                "neither an object",
            ),
        ];
        for (part, secret, why) in cases {
            let value = json!({"literal": {"list": [], "text": "t"}, "from": [part]});
            let message = composed(value, &[("k", secret)]).unwrap_err();
            assert!(
                message.contains(why) && message.contains("Secret/s/k"),
                "{message}"
            );
            assert!(!message.contains("canary"), "{message}");
        }
        let long = format!("canary{}", "a".repeat(LONGEST_TEXT));
        let in_json = format!(r#"{{"b":["{long}"]}}"#);
        for (part, text, why) in [
            (part("/a", "k", "Text"), &long, "is longer than 100000"),
            (part("/a", "k", "Json"), &in_json, "has a text longer than"),
        ] {
            let message = composed(json!({"from": [part]}), &[("k", text)]).unwrap_err();
            let begin = format!(r#"the part at "/a" from Secret/s/k {why}"#);
            assert!(message.starts_with(&begin), "{message}");
        }
        let deep = "[".repeat(100_000);
        let value = json!({"from": [part("/a", "k", "Json")]});
        assert!(composed(value, &[("k", &deep)]).is_err());
    }

    #[test]
    fn numbers_in_texts_are_no_numbers() {
        assert!(exact(
            r#"{"a":"123456789012345678901234567890 \" 9999999999999999999999"}"#
        ));
        assert!(!exact(r#"{"a":"x","b":123456789012345678901234567890}"#));
    }
}
