//! The operator's metrics.

/// Samples of one scrape.
pub struct Metrics(Vec<(String, f64)>);

impl Metrics {
    /// Parses the Prometheus text format: one sample a line, `name{labels} value`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(samples.collect())
    }

    /// Returns the sum of all samples of a metric that have a label such as `kind="Connection"`; an empty label matches all.
    #[must_use]
    pub fn sum(&self, metric: &str, label: &str) -> f64 {
        let samples = self.0.iter();
        samples
            .filter(|(name, _)| name.split('{').next() == Some(metric) && name.contains(label))
            .map(|(_, value)| value)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_name_and_label() {
        let text = "# TYPE a_passes counter\na_passes_total{kind=\"A\",verdict=\"x\"} 2\n\
            a_passes_total{kind=\"A\",verdict=\"y\"} 3\na_passes_total{kind=\"B\",verdict=\"x\"} 5\na_queue 7\n# EOF\n";
        let metrics = Metrics::parse(text);
        assert_eq!(metrics.sum("a_passes_total", "kind=\"A\""), 5.0);
        assert_eq!(metrics.sum("a_passes_total", ""), 10.0);
        assert_eq!(metrics.sum("a_queue", ""), 7.0);
        assert_eq!(metrics.sum("a_pass", ""), 0.0);
    }
}
