//! Decoding of times that only inform.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// The first and the last year of [`Timestamp`], which has neither of them whole.
const YEARS: [i32; 2] = [-9999, 9999];

/// Member that is meant to be a time.
#[derive(Deserialize)]
#[serde(untagged)]
enum Sent<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Other(IgnoredAny),
}

/// Decodes an optional time so that no value makes its object undecodable: one out of range becomes the nearest
/// [`Timestamp`], anything that isn't a time becomes `None`.
///
/// The server's times are those of JavaScript, whose years have up to six digits. Providers whose tokens never expire
/// give them an expiry in the year 9999 or later.
pub(super) fn optional_time<'de, D>(deserializer: D) -> Result<Option<Timestamp>, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(match Option::<Sent<'_>>::deserialize(deserializer)? {
        Some(Sent::Text(text)) => text.parse().ok().or_else(|| nearest(&text)),
        Some(Sent::Other(_)) | None => None,
    })
}

/// Returns the nearest time to one that is out of range: `9999-12-31T…`, or `+012345-…` and `-012345-…` with six digits.
fn nearest(text: &str) -> Option<Timestamp> {
    let digits = if text.starts_with(['+', '-']) { 7 } else { 4 };
    let (year, rest) = text.split_at_checked(digits)?;
    // The rest is checked in a year that has every day.
    format!("2000{rest}").parse::<Timestamp>().ok()?;
    let (year, [first, last]) = (year.parse::<i32>().ok()?, YEARS);
    match year {
        _ if year >= last => Some(Timestamp::MAX),
        _ if year <= first => Some(Timestamp::MIN),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: impl Into<Value>) -> Option<Timestamp> {
        #[derive(Deserialize)]
        struct Holder {
            #[serde(default, deserialize_with = "optional_time")]
            at: Option<Timestamp>,
        }
        let text = json!({"at": value.into()}).to_string();
        let holder: Holder = serde_json::from_str(&text).expect("any value decodes");
        holder.at
    }

    #[test]
    fn a_time_out_of_range_is_the_nearest_one() {
        for (text, want) in [
            ("9999-12-31T23:59:59.999Z", Timestamp::MAX),
            ("+010000-01-01T00:00:00.000Z", Timestamp::MAX),
            ("+275760-09-13T00:00:00.000Z", Timestamp::MAX),
            ("-012345-01-01T00:00:00.000Z", Timestamp::MIN),
        ] {
            assert_eq!(read(text), Some(want), "{text}");
        }
        for text in ["2025-09-15T10:30:00.000Z", "9999-12-30T00:00:00.000Z"] {
            assert_eq!(read(text), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for value in [
            json!(null),
            json!(""),
            json!("never"),
            json!("9999"),
            json!("9999-13-01T00:00:00.000Z"),
            json!("+01234ä-01-01T00:00:00.000Z"),
            json!("+012345"),
            json!("2025-02-30T00:00:00.000Z"),
            json!(1_757_932_200),
            json!(1.5),
            json!({"at": [true]}),
        ] {
            assert_eq!(read(value.clone()), None, "{value}");
        }
    }
}
