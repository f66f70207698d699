//! Table of the figures, for a terminal or as Markdown.

use crate::machine::Machine;
use std::fmt;
use std::time::Duration;

/// One figure.
pub struct Row {
    figure: String,
    value: String,
    wanted: Option<Wanted>,
}

/// Bound that a figure should keep.
struct Wanted {
    bound: String,
    kept: bool,
}

impl Row {
    /// Creates a row without a bound.
    pub fn new(figure: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            figure: figure.into(),
            value: value.into(),
            wanted: None,
        }
    }

    /// Adds the bound, and whether the figure keeps it.
    pub fn wanted(self, bound: impl Into<String>, kept: bool) -> Self {
        let bound = bound.into();
        Self {
            wanted: Some(Wanted { bound, kept }),
            ..self
        }
    }

    /// Returns a total and the average of `count` objects, which should be at most `most`.
    ///
    /// `extra`: what does not depend on the number of objects and is not counted, such as the check of a connection.
    pub fn per_object(figure: &str, total: usize, count: usize, most: f64, extra: usize) -> Self {
        let kept = total as f64 <= most * count as f64 + extra as f64;
        let bound = format!("≤ {most:.2} per object");
        Self::new(figure, each(total, count)).wanted(bound, kept)
    }

    /// Returns a count, which should be at most `most`.
    pub fn at_most(figure: &str, count: usize, most: usize) -> Self {
        let bound = match most {
            0 => "0".to_owned(),
            most => format!("≤ {most}"),
        };
        Self::new(figure, count.to_string()).wanted(bound, count <= most)
    }

    /// Returns a time, which should be at most `most`. `None`: it did not happen in the time that the scenario has.
    pub fn within(figure: &str, time: Option<Duration>, most: Duration) -> Self {
        let kept = time.is_some_and(|time| time <= most);
        let value = time.map_or("not in time".to_owned(), seconds);
        let bound = format!("≤ {} s", most.as_secs_f64());
        Self::new(figure, value).wanted(bound, kept)
    }

    fn cells(&self) -> [&str; 3] {
        let bound = self.wanted.as_ref().map(|wanted| wanted.bound.as_str());
        [&self.figure, &self.value, bound.unwrap_or_default()]
    }

    fn is_missed(&self) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| !wanted.kept)
    }
}

/// Figures of one run.
pub struct Report {
    /// Number of resources.
    pub count: usize,
    /// Where it ran.
    pub machine: Machine,
    /// Title and rows of each scenario.
    pub sections: Vec<(&'static str, Vec<Row>)>,
}

impl Report {
    /// Returns the figures as a Markdown table.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "{} resources; {}.\n\n| Scenario | Figure | Value | Wanted |\n| --- | --- | --- | --- |\n",
            self.count, self.machine
        );
        for (title, rows) in &self.sections {
            let mut scenario = *title;
            for row in rows {
                let [figure, value, bound] = row.cells();
                let missed = if row.is_missed() { " (missed)" } else { "" };
                text.push_str(&format!(
                    "| {scenario} | {figure} | {value} | {bound}{missed} |\n"
                ));
                scenario = "";
            }
        }
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{} resources; {}", self.count, self.machine)?;
        for (title, rows) in &self.sections {
            writeln!(f, "\n{title}")?;
            for row in rows {
                let [figure, value, bound] = row.cells();
                let wanted = match (bound.is_empty(), row.is_missed()) {
                    (true, _) => String::new(),
                    (_, false) => format!("wanted {bound}"),
                    (_, true) => format!("wanted {bound}: missed"),
                };
                let line = format!("  {figure:<52} {value:<28} {wanted}");
                writeln!(f, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }
}

/// Formats a time in seconds.
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Formats a time in milliseconds.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Formats a size in megabytes.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Formats a total and the average of `count` objects.
pub fn each(total: usize, count: usize) -> String {
    let average = total as f64 / count as f64;
    format!("{total} ({average:.2} per object)")
}

/// Returns the smallest of these times that `percent` percent of them do not exceed, and zero if there are none.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    let rank = (sorted.len() * percent).div_ceil(100);
    let found = sorted.get(rank.saturating_sub(1));
    found.copied().unwrap_or_default()
}
