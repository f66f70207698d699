//! The metrics that are read when somebody asks for them: those of the process, under the names that all Prometheus clients
//! give them, and the age of observations.

use crate::lock::lock;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Returns the age of the oldest observation of an object at Metorial in each collection that has any.
pub type ObservationAges = Box<dyn Fn() -> Vec<(&'static str, Duration)> + Send + Sync>;

/// The age of the oldest observations, once there is somebody who knows them.
#[derive(Clone, Default)]
pub(super) struct OldestObservations(Arc<Mutex<Option<ObservationAges>>>);

impl OldestObservations {
    /// Asks `source` from now on.
    pub(super) fn set(&self, source: ObservationAges) {
        *lock(&self.0) = Some(source);
    }
}

impl fmt::Debug for OldestObservations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OldestObservations")
    }
}

impl Collector for OldestObservations {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let ages = lock(&self.0).as_ref().map(|oldest| oldest());
        let ages = ages.unwrap_or_default();
        if ages.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(
            "oldest_observation_age_seconds",
            "Age of the oldest observation of an object at Metorial that resources rely on, by collection",
            None,
            MetricType::Gauge,
        )?;
        for (collection, age) in ages {
            let labels = [("collection", collection)];
            let gauge = ConstGauge::new(age.as_secs_f64());
            gauge.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// CPU time, memory, file descriptors and start time of this process, where the system has a `/proc`.
#[derive(Debug)]
pub(super) struct OwnProcess;

impl Collector for OwnProcess {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(figures) = figures() else {
            return Ok(());
        };
        let mut encode = |name, help, metric: &dyn EncodeMetric| {
            let described = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
            metric.encode(described)
        };
        let Figures {
            cpu_seconds,
            gauges,
        } = figures;
        let cpu_seconds = ConstCounter::new(cpu_seconds);
        encode(
            "process_cpu_seconds",
            "User and system CPU time",
            &cpu_seconds,
        )?;
        for (name, help, value) in gauges {
            encode(name, help, &ConstGauge::new(value))?;
        }
        Ok(())
    }
}

/// Figures of the system about this process.
struct Figures {
    cpu_seconds: f64,
    /// The names, descriptions and values of the others.
    gauges: [(&'static str, &'static str, f64); 4],
}

#[cfg(target_os = "linux")]
fn figures() -> Option<Figures> {
    use procfs::process::Process;
    use procfs::{WithCurrentSystemInfo, boot_time_secs, ticks_per_second};

    #[allow(clippy::cast_precision_loss, reason = "a sample is a float")]
    let float = |number: u64| number as f64;
    let process = Process::myself().ok()?;
    let stat = process.stat().ok()?;
    let per_second = float(ticks_per_second());
    let open = u64::try_from(process.fd_count().ok()?).ok()?;
    let started = float(boot_time_secs().ok()?) + float(stat.starttime) / per_second;
    Some(Figures {
        cpu_seconds: float(stat.utime + stat.stime) / per_second,
        gauges: [
            (
                "process_resident_memory_bytes",
                "Resident memory",
                float(stat.rss_bytes().get()),
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory",
                float(stat.vsize),
            ),
            ("process_open_fds", "Open file descriptors", float(open)),
            (
                "process_start_time_seconds",
                "Start time of the process since the Unix epoch",
                started,
            ),
        ],
    })
}

#[cfg(not(target_os = "linux"))]
fn figures() -> Option<Figures> {
    None
}
