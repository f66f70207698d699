//! The format of the log in JSON: one flat object for each event. The fields of the spans around an event are members of their
//! own, so that `kind`, `namespace` and `name` of a resource are in the same place on every line, from any module.

use serde::Serializer;
use serde::ser::SerializeMap;
use serde_json::{Map, Value};
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Formats events as flat JSON objects.
pub struct JsonLine;

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            if let Some(of_span) = extensions.get::<FormattedFields<JsonFields>>() {
                fields.inherit(of_span);
            }
        }
        let line = line(event, &fields).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

fn line(event: &Event<'_>, fields: &Fields) -> Result<String, Box<dyn std::error::Error>> {
    let mut line = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut line);
    let mut members = serializer.serialize_map(None)?;
    let now = jiff::Timestamp::now();
    members.serialize_entry("timestamp", &format!("{now:.6}"))?;
    members.serialize_entry("level", event.metadata().level().as_str())?;
    for (name, value) in &fields.0 {
        members.serialize_entry(name, value)?;
    }
    members.serialize_entry("target", event.metadata().target())?;
    members.end()?;
    Ok(String::from_utf8(line)?)
}

/// The members of a line, each name once, in the order in which they were recorded.
#[derive(Default)]
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn set(&mut self, name: &str, value: Value) {
        if self.0.iter().all(|(known, _)| known != name) {
            self.0.push((name.to_owned(), value));
        }
    }

    /// Adds the fields of a span that have not been set further inside.
    fn inherit(&mut self, of_span: &str) {
        // Only the formatter of spans writes this, so it is a JSON object or empty.
        let fields = serde_json::from_str::<Map<String, Value>>(of_span);
        for (name, value) in fields.into_iter().flatten() {
            // Of no use to anybody but the traces.
            if !name.starts_with("otel.") {
                self.set(&name, value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.into());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.set(
            field.name(),
            u64::try_from(value).unwrap_or(u64::MAX).into(),
        );
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::testing::Written;
    use tracing_subscriber::layer::SubscriberExt;

    /// Returns the lines that are logged meanwhile.
    fn logged(log: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let to = written.clone();
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLine)
            .with_writer(move || to.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, log);
        let text = written.text();
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn the_fields_of_spans_are_on_every_line_within_them_and_on_no_other() {
        let lines = logged(|| {
            let name = "a \"b\"";
            let span = tracing::info_span!("reconcile", kind = "AuthImport", name, otel.kind = "x");
            span.in_scope(|| {
                tracing::info!(target: "library", elapsed_ms = 7_u128, "within");
                tracing::info_span!("inner", step = 1).in_scope(|| tracing::warn!("deeper"));
            });
            tracing::info!("outside");
        });
        let [within, deeper, outside] = &lines[..] else {
            panic!("{lines:?}");
        };
        for line in [within, deeper] {
            assert_eq!(
                (&line["kind"], &line["name"]),
                (&"AuthImport".into(), &"a \"b\"".into())
            );
        }
        assert_eq!(within["target"], "library");
        assert_eq!(within["elapsed_ms"], 7);
        assert_eq!(
            (&deeper["step"], &deeper["level"]),
            (&1.into(), &"WARN".into())
        );
        assert_eq!(outside.get("kind"), None);
        assert_eq!(within.get("otel.kind"), None);
        assert!(outside["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_name_that_is_set_further_inside_is_on_a_line_once() {
        let lines = logged(|| {
            let span = tracing::info_span!("reconcile", name = "outer");
            span.in_scope(|| tracing::info!(name = "inner", "event"));
        });
        assert_eq!(lines[0]["name"], "inner");
        assert_eq!(lines[0]["message"], "event");
    }
}
