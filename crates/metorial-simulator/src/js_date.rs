//! Dates of JavaScript, which the real server computes with: their range is larger than that of [`Timestamp`].

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

/// JavaScript's last date, in milliseconds since the epoch. The first one is as far away.
const LAST: i64 = 8_640_000_000_000_000;
/// Length of 400 years, after which the Gregorian calendar repeats itself, in milliseconds.
const CYCLE: i64 = 146_097 * 86_400_000;

/// Returns `new Date(value).toISOString()` of a text with an offset, or of a number of milliseconds since the epoch;
/// `None` for anything else.
pub(crate) fn iso_string(value: &Value) -> Option<String> {
    let millis = match value {
        Value::String(text) => parse(text)?,
        Value::Number(number) => number.as_f64()? as i64,
        _ => return None,
    };
    (-LAST..=LAST).contains(&millis).then(|| format(millis))?
}

/// Parses a date with a year of four digits, or of a sign and six, in milliseconds since the epoch.
fn parse(text: &str) -> Option<i64> {
    let digits = if text.starts_with(['+', '-']) { 7 } else { 4 };
    let (year, rest) = text.split_at_checked(digits)?;
    let year: i64 = year.parse().ok()?;
    // The same date between 2000 and 2399.
    let cycles = year.div_euclid(400) - 5;
    let time: Timestamp = format!("{}{rest}", year - cycles * 400).parse().ok()?;
    Some(time.as_millisecond() + cycles * CYCLE)
}

fn format(millis: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(millis.rem_euclid(CYCLE)).ok()?;
    let date = time.to_zoned(TimeZone::UTC);
    let year = i64::from(date.year()) + millis.div_euclid(CYCLE) * 400;
    let rest = date.strftime("-%m-%dT%H:%M:%S%.3fZ");
    Some(match year {
        0..=9999 => format!("{year:04}{rest}"),
        _ => format!("{year:+07}{rest}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dates_have_the_form_and_the_range_of_javascript() {
        for (value, want) in [
            (
                json!("2027-01-01T00:00:00Z"),
                Some("2027-01-01T00:00:00.000Z"),
            ),
            (
                json!("2027-01-01T01:00:00.5+01:00"),
                Some("2027-01-01T00:00:00.500Z"),
            ),
            (
                json!("9999-12-31T23:59:59.999Z"),
                Some("9999-12-31T23:59:59.999Z"),
            ),
            (
                json!("9999-12-31T23:59:59-01:00"),
                Some("+010000-01-01T00:59:59.000Z"),
            ),
            (
                json!("+012345-02-28T00:00:00Z"),
                Some("+012345-02-28T00:00:00.000Z"),
            ),
            (
                json!("-000001-01-01T00:00:00Z"),
                Some("-000001-01-01T00:00:00.000Z"),
            ),
            (
                json!(1_757_932_200_000_u64),
                Some("2025-09-15T10:30:00.000Z"),
            ),
            (json!(0.9), Some("1970-01-01T00:00:00.000Z")),
            (json!(LAST), Some("+275760-09-13T00:00:00.000Z")),
            (json!(-LAST), Some("-271821-04-20T00:00:00.000Z")),
            (json!(LAST + 1), None),
            (json!(1e300), None),
            (json!("+300000-01-01T00:00:00Z"), None),
            (json!("never"), None),
            (json!(""), None),
            (json!(null), None),
            (json!(true), None),
        ] {
            assert_eq!(iso_string(&value).as_deref(), want, "{value}");
        }
    }
}
