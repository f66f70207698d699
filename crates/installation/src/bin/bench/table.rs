//! Table of the figures.

use std::fmt;
use std::time::Duration;

/// Figures of one run.
pub struct Figures {
    pub count: usize,
    /// Time of the API server alone.
    pub baseline: Duration,
    pub first: Phase,
    pub restart: Phase,
    /// Times of the rotations, sorted.
    pub rotations: Vec<Duration>,
}

/// Figures of one run of the operator's process.
pub struct Phase {
    /// Time until all was done.
    pub took: Duration,
    /// Time from the start of the process to the first write to the API.
    pub first_write: Option<Duration>,
    pub api_writes: usize,
    pub api_reads: usize,
    pub kubernetes_writes: usize,
    pub kubernetes_gets: usize,
    /// Reconciliations of credentials.
    pub reconciliations: f64,
    pub cpu: Option<Duration>,
    pub memory: Option<u64>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        writeln!(
            f,
            "\n{} resources, {processors} processors shared by all parts\n",
            self.count
        )?;
        let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
        let ratio = self.first.took.as_secs_f64() / self.baseline.as_secs_f64();
        row(f, "", "baseline", "operator", "restart")?;
        row(
            f,
            "time",
            &seconds(self.baseline),
            &format!("{} ({ratio:.2} × baseline)", seconds(self.first.took)),
            &seconds(self.restart.took),
        )?;
        let rate = self.count as f64 / self.baseline.as_secs_f64();
        let rate_of = |phase: &Phase| {
            let rate = self.count as f64 / phase.took.as_secs_f64();
            format!("{rate:.0}")
        };
        let (first, restart) = (rate_of(&self.first), rate_of(&self.restart));
        row(
            f,
            "objects a second",
            &format!("{rate:.0}"),
            &first,
            &restart,
        )?;
        let until_write = |phase: &Phase| phase.first_write.map_or("none".to_owned(), seconds);
        self.both(f, "first write to the API after", "", until_write)?;
        self.both(f, "API writes", "", |p| self.each(p.api_writes as f64))?;
        self.both(f, "API reads", "", |p| self.each(p.api_reads as f64))?;
        let writes = |p: &Phase| self.each(p.kubernetes_writes as f64);
        let baseline = self.each(2.0 * self.count as f64);
        self.both(f, "Kubernetes writes", &baseline, writes)?;
        let gets = |p: &Phase| self.each(p.kubernetes_gets as f64);
        let baseline = self.each(self.count as f64);
        self.both(f, "Kubernetes GETs", &baseline, gets)?;
        self.both(f, "reconciliations", "", |p| self.each(p.reconciliations))?;
        self.both(f, "processor time", "", |p| self.cpu(p))?;
        self.both(f, "peak memory", "", memory)?;
        writeln!(
            f,
            "\n{} Secrets rotated one by one: the API had the new value after {} ms (p50), {} ms (p99)",
            self.rotations.len(),
            self.quantile(50),
            self.quantile(99)
        )
    }
}

impl Figures {
    fn both(
        &self,
        f: &mut fmt::Formatter<'_>,
        what: &str,
        baseline: &str,
        figure: impl Fn(&Phase) -> String,
    ) -> fmt::Result {
        let (first, restart) = (figure(&self.first), figure(&self.restart));
        row(f, what, baseline, &first, &restart)
    }

    /// Formats a total and the average per resource.
    fn each(&self, all: f64) -> String {
        format!("{all:.0} ({:.2} each)", all / self.count as f64)
    }

    fn cpu(&self, phase: &Phase) -> String {
        phase.cpu.map_or("unknown".to_owned(), |cpu| {
            let each = cpu.as_secs_f64() * 1000.0 / self.count as f64;
            format!("{:.2} s ({each:.2} ms each)", cpu.as_secs_f64())
        })
    }

    /// Returns the smallest time, in milliseconds, that this percentage of the rotations did not exceed.
    fn quantile(&self, percent: usize) -> u128 {
        let rank = (self.rotations.len() * percent).div_ceil(100);
        let at = self.rotations.get(rank.saturating_sub(1));
        at.map_or(0, Duration::as_millis)
    }
}

fn memory(phase: &Phase) -> String {
    phase.memory.map_or("unknown".to_owned(), |bytes| {
        format!("{:.1} MB", bytes as f64 / 1e6)
    })
}

fn row(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    baseline: &str,
    operator: &str,
    restart: &str,
) -> fmt::Result {
    let line = format!("{what:<30} {baseline:>18} {operator:>24} {restart:>24}");
    writeln!(f, "{}", line.trim_end())
}
