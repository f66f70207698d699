//! The two formats of the metrics, and which of them a scraper prefers.

use std::collections::HashMap;

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' own, version 0.0.4.
    Prometheus,
}

impl Format {
    /// Returns the format that an `Accept` header prefers. OpenMetrics only if the header names it: not every reader that
    /// takes anything understands it.
    #[must_use]
    pub fn preferred(accept: Option<&str>) -> Self {
        let (mut open_metrics, mut text) = (0.0_f32, 0.0_f32);
        for range in accept.unwrap_or("*/*").split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
            let weight = weight.unwrap_or(1.0);
            match name.as_str() {
                "application/openmetrics-text" => open_metrics = open_metrics.max(weight),
                "text/plain" | "text/*" | "*/*" => text = text.max(weight),
                _ => {}
            }
        }
        if open_metrics > 0.0 && open_metrics >= text {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// Returns the media type of the format.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Returns metrics in OpenMetrics as a text of this format.
    #[must_use]
    pub fn of_open_metrics(self, text: String) -> String {
        match self {
            Self::OpenMetrics => text,
            Self::Prometheus => to_prometheus(&text),
        }
    }
}

/// Returns a text of OpenMetrics in the format of Prometheus, in which the samples are the same. There a counter has its
/// suffix in the comments too, an info is a gauge, and there is no end mark.
fn to_prometheus(text: &str) -> String {
    let comment = |line: &str, mark: &str| {
        let (name, rest) = line.strip_prefix(mark)?.split_once(' ')?;
        Some((name.to_owned(), rest.to_owned()))
    };
    let types = text.lines().filter_map(|line| comment(line, "# TYPE "));
    let types: HashMap<String, String> = types.collect();
    let suffixed = |name: &str| match types.get(name).map(String::as_str) {
        Some("counter") => format!("{name}_total"),
        Some("info") => format!("{name}_info"),
        _ => name.to_owned(),
    };
    let mut converted = String::with_capacity(text.len());
    for line in text.lines() {
        if let Some((name, help)) = comment(line, "# HELP ") {
            converted.push_str(&format!("# HELP {} {help}", suffixed(&name)));
        } else if let Some((name, of)) = comment(line, "# TYPE ") {
            let of = if of == "info" { "gauge" } else { &of };
            converted.push_str(&format!("# TYPE {} {of}", suffixed(&name)));
        } else if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        } else {
            converted.push_str(line);
        }
        converted.push('\n');
    }
    converted
}

#[cfg(test)]
mod tests {
    use super::Format::{OpenMetrics, Prometheus};
    use super::*;

    #[test]
    fn the_preferred_format_is_the_one_with_the_greater_weight() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;\
            version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, expected) in [
            (None, Prometheus),
            (Some(""), Prometheus),
            (Some("*/*"), Prometheus),
            (Some("text/html, */*;q=0.8"), Prometheus),
            (Some("text/plain;version=0.0.4"), Prometheus),
            (Some(prometheus), OpenMetrics),
            (Some("application/openmetrics-text"), OpenMetrics),
            (
                Some("Application/OpenMetrics-Text; version=1.0.0"),
                OpenMetrics,
            ),
            (
                Some("application/openmetrics-text;q=0.1, text/plain"),
                Prometheus,
            ),
            (Some("application/openmetrics-text;q=0"), Prometheus),
        ] {
            assert_eq!(Format::preferred(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn the_format_of_prometheus_has_suffixes_in_its_comments_and_no_end_mark() {
        let open_metrics = "# HELP a Requests.\n# TYPE a counter\na_total{of=\"# TYPE a counter\"} 1\n\
            # HELP b Build.\n# TYPE b info\nb_info{version=\"1\"} 1\n\
            # HELP c_seconds Time.\n# TYPE c_seconds gauge\n# UNIT c_seconds seconds\nc_seconds 0.5\n# EOF\n";
        let prometheus = "# HELP a_total Requests.\n# TYPE a_total counter\na_total{of=\"# TYPE a counter\"} 1\n\
            # HELP b_info Build.\n# TYPE b_info gauge\nb_info{version=\"1\"} 1\n\
            # HELP c_seconds Time.\n# TYPE c_seconds gauge\nc_seconds 0.5\n";
        let converted = Prometheus.of_open_metrics(open_metrics.to_owned());
        assert_eq!(converted, prometheus);
        assert_eq!(
            OpenMetrics.of_open_metrics(open_metrics.to_owned()),
            open_metrics
        );
    }
}
