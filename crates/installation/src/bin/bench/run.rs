//! The run: baseline, first start, restart, rotations.

use crate::audit::{Audit, Requests};
use crate::table::{Figures, Phase};
use crate::{baseline, objects, process};
use control_plane::ControlPlane;
use installation::{Failure, Operator, install_command, output, wait_until};
use metorial_simulator::{InstanceType, Limit, Options, Simulator};
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BENCH_NAMESPACE: &str = "bench";
/// Label of the measured kind's samples.
const KIND: &str = "kind=\"ProviderAuthCredentials\"";

/// Number of Secrets that are rotated, one after the other.
const ROTATIONS: usize = 100;

/// Time without work after which the operator counts as idle.
const IDLE_TIME: Duration = Duration::from_secs(2);

/// Metrics of the operator that say whether it is idle.
const RUNNING: &str = "metorial_operator_reconciliations_running";
const QUEUED: &str = "metorial_operator_queue_depth";
const RECONCILIATIONS: &str = "metorial_operator_reconciliations_total";

struct Bench {
    plane: ControlPlane,
    simulator: Simulator,
    directory: TempDir,
    count: usize,
    /// Timeout of a phase: an object takes a few milliseconds, unless the machine is busy with something else.
    timeout: Duration,
}

/// Runs all measurements with `count` resources.
pub async fn run(count: usize) -> Result<Figures, Failure> {
    print_step("starting the control plane, installing the chart");
    let bench = Bench::new(count).await?;
    print_step(&format!("the baseline: {count} objects"));
    let baseline = baseline::measure(&bench.plane, count).await?;
    print_step(&format!("creating {count} resources and their Secrets"));
    bench.prepare().await?;
    print_step("the operator: from its start until all resources are ready");
    let first = bench.first_start().await?;
    print_step("the operator again, with resources that are ready");
    let (restart, operator) = bench.restart().await?;
    print_step(&format!("rotating {} Secrets", ROTATIONS.min(count)));
    let rotations = bench.rotate().await?;
    bench.stop(operator).await?;
    Ok(Figures {
        count,
        baseline,
        first,
        restart,
        rotations,
    })
}

fn print_step(text: &str) {
    println!("… {text}");
}

impl Bench {
    async fn new(count: usize) -> Result<Self, Failure> {
        let plane = ControlPlane::start().await?;
        let simulator = Simulator::try_start(Options::default()).await?;
        // The port is free now, and the operator listens on it soon.
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let helm = install_command(&plane, &simulator.url(), &listen.to_string());
        output(helm).await?;
        let mut kubectl = plane.kubectl();
        kubectl.args(["wait", "--for=condition=Established", "--timeout=60s"]);
        kubectl.args(["customresourcedefinitions", "--all"]);
        output(kubectl).await?;
        Ok(Self {
            plane,
            simulator,
            directory: tempfile::tempdir()?,
            count,
            timeout: Duration::from_secs(60) + Duration::from_millis(100) * u32::try_from(count)?,
        })
    }

    async fn prepare(&self) -> Result<(), Failure> {
        let organization = self.simulator.add_organization("Bench");
        let instance = self
            .simulator
            .add_instance(&organization, InstanceType::Production);
        // Far above what a run needs, so that it measures the operator and not the wait for the quota.
        let limit = Limit {
            requests: 1_000_000,
            per: Duration::from_secs(600),
        };
        self.simulator.set_rate_limit(&organization, Some(limit));
        let key = self.simulator.add_key(&instance);
        objects::create(&self.plane, BENCH_NAMESPACE, self.count).await?;
        objects::connect(&self.plane, BENCH_NAMESPACE, &self.simulator.url(), &key).await
    }

    async fn first_start(&self) -> Result<Phase, Failure> {
        let mut audit = Audit::from_now(&self.plane)?;
        let began = Instant::now();
        let operator = Operator::start(&self.plane, &self.log()).await?;
        // No request to the API server before the last create: it would slow the measured ones down.
        let created = |entries: &[metorial_simulator::Entry]| {
            entries.iter().filter(|entry| entry.applied).count() >= self.count
        };
        self.simulator.wait_for(created, self.timeout).await?;
        wait_until("all resources are ready", self.timeout, async || {
            let ready = objects::all_ready(&self.plane, BENCH_NAMESPACE).await?;
            Ok(ready.then_some(()))
        })
        .await?;
        let took = began.elapsed();
        self.until_idle(&operator, 0.0).await?;
        let phase = self.phase(&operator, began, took, audit.read()?).await?;
        self.stop(operator).await?;
        Ok(phase)
    }

    async fn restart(&self) -> Result<(Phase, Operator), Failure> {
        let mut audit = Audit::from_now(&self.plane)?;
        self.simulator.clear_journal();
        let began = Instant::now();
        let operator = Operator::start(&self.plane, &self.log()).await?;
        #[allow(clippy::cast_precision_loss, reason = "counts are small")]
        let all = self.count as f64;
        let took = self.until_idle(&operator, all).await? - began;
        let phase = self.phase(&operator, began, took, audit.read()?).await?;
        Ok((phase, operator))
    }

    /// Measures the time from the change of each Secret until the API has the new value.
    async fn rotate(&self) -> Result<Vec<Duration>, Failure> {
        let mut times = Vec::new();
        for number in 0..ROTATIONS.min(self.count) {
            let wanted = format!("rotated-{number}");
            self.simulator.clear_journal();
            let began = Instant::now();
            objects::rotate(&self.plane, BENCH_NAMESPACE, number, &wanted).await?;
            let pushed = |entries: &[metorial_simulator::Entry]| {
                let mut applied = entries.iter().filter(|entry| entry.applied);
                applied.any(|entry| entry.body["client_secret"] == wanted.as_str())
            };
            self.simulator.wait_for(pushed, self.timeout).await?;
            times.push(began.elapsed());
        }
        times.sort();
        Ok(times)
    }

    /// Waits until the operator has reconciled credentials this many times and has been idle for [`IDLE_TIME`]; returns the
    /// start of that time.
    async fn until_idle(
        &self,
        operator: &Operator,
        reconciliations: f64,
    ) -> Result<Instant, Failure> {
        let mut idle: Option<(f64, Instant)> = None;
        wait_until("the operator is idle", self.timeout, async || {
            // It doesn't listen immediately after its start.
            let Ok(metrics) = operator.metrics().await else {
                return Ok(None);
            };
            let busy = metrics.sum(RUNNING, "") + metrics.sum(QUEUED, "");
            let made = metrics.sum(RECONCILIATIONS, KIND);
            if busy > 0.0 || made < reconciliations {
                idle = None;
                return Ok(None);
            }
            let (before, since) = *idle.get_or_insert((made, Instant::now()));
            if before < made {
                idle = None;
            }
            Ok((since.elapsed() > IDLE_TIME && before >= made).then_some(since))
        })
        .await
    }

    async fn phase(
        &self,
        operator: &Operator,
        began: Instant,
        took: Duration,
        kubernetes: Requests,
    ) -> Result<Phase, Failure> {
        let journal = self.simulator.journal();
        let metrics = operator.metrics().await?;
        let first = journal.iter().find(|entry| entry.is_write());
        Ok(Phase {
            took,
            first_write: first.map(|entry| entry.at.duration_since(began)),
            api_writes: journal.iter().filter(|entry| entry.is_write()).count(),
            api_reads: journal.iter().filter(|entry| !entry.is_write()).count(),
            kubernetes_writes: kubernetes.writes(),
            kubernetes_gets: kubernetes.gets(),
            reconciliations: metrics.sum(RECONCILIATIONS, KIND),
            cpu: process::cpu(operator.id()),
            memory: process::peak_memory(operator.id()),
        })
    }

    async fn stop(&self, operator: Operator) -> Result<(), Failure> {
        let status = operator.stop().await?;
        if status.success() {
            return Ok(());
        }
        let text = format!("the operator exited with {status} after SIGTERM");
        Err(Failure::new(text))
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("operator.log")
    }
}
