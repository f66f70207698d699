//! The run: floor, first start, restart, rotations.

use crate::audit::{Audit, Requests};
use crate::table::{Figures, Phase};
use crate::{floor, objects, process};
use control_plane::ControlPlane;
use installation::{Failure, Operator, install_command, output, until};
use metorial_simulator::{InstanceType, Options, Simulator};
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const STAGE: &str = "bench";
const KIND: &str = "kind=\"ProviderAuthCredentials\"";

/// How many Secrets are rotated, one by one.
const ROTATIONS: usize = 100;

/// How long the operator must have had nothing to do to count as done.
const QUIET: Duration = Duration::from_secs(2);

struct Bench {
    plane: ControlPlane,
    simulator: Simulator,
    directory: TempDir,
    count: usize,
    /// An object takes a few milliseconds; this is for machines that are busy with something else.
    patience: Duration,
}

/// Measures everything with `count` resources.
pub async fn run(count: usize) -> Result<Figures, Failure> {
    say("starting the control plane, installing the chart");
    let bench = Bench::new(count).await?;
    say(&format!("the floor: {count} objects"));
    let floor = floor::measure(&bench.plane, count).await?;
    say(&format!("making {count} resources and their Secrets"));
    bench.prepare().await?;
    say("the operator: from its start until all are ready");
    let first = bench.first_start().await?;
    say("the operator again: all are ready already");
    let (restart, operator) = bench.restart().await?;
    say(&format!("rotating {} Secrets", ROTATIONS.min(count)));
    let rotations = bench.rotate().await?;
    bench.stop(operator).await?;
    Ok(Figures {
        count,
        floor,
        first,
        restart,
        rotations,
    })
}

fn say(text: &str) {
    println!("… {text}");
}

impl Bench {
    async fn new(count: usize) -> Result<Self, Failure> {
        let plane = ControlPlane::start().await?;
        let simulator = Simulator::try_start(Options::default()).await?;
        // Free now; the operator takes it in a moment.
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
            patience: Duration::from_secs(60) + Duration::from_millis(100) * u32::try_from(count)?,
        })
    }

    async fn prepare(&self) -> Result<(), Failure> {
        let organisation = self.simulator.add_organisation("Bench");
        let instance = self
            .simulator
            .add_instance(&organisation, InstanceType::Production);
        self.simulator.set_rate_limit(&organisation, None);
        let key = self.simulator.add_key(&instance);
        objects::create(&self.plane, STAGE, self.count).await?;
        objects::connect(&self.plane, STAGE, &self.simulator.url(), &key).await
    }

    async fn first_start(&self) -> Result<Phase, Failure> {
        let mut audit = Audit::from_now(&self.plane)?;
        let began = Instant::now();
        let operator = Operator::start(&self.plane, &self.log()).await?;
        // Nothing is asked of the API server before the last create, for that would slow it down.
        let created = |entries: &[metorial_simulator::Entry]| {
            entries.iter().filter(|entry| entry.applied).count() >= self.count
        };
        self.simulator.wait_for(created, self.patience).await?;
        until("all resources are ready", self.patience, async || {
            let ready = objects::all_ready(&self.plane, STAGE).await?;
            Ok(ready.then_some(()))
        })
        .await?;
        let took = began.elapsed();
        self.until_idle(&operator, 0.0).await?;
        let phase = self.phase(&operator, began, took, audit.since()?).await?;
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
        let phase = self.phase(&operator, began, took, audit.since()?).await?;
        Ok((phase, operator))
    }

    /// The time from the change of each Secret until the API has the new value.
    async fn rotate(&self) -> Result<Vec<Duration>, Failure> {
        let mut times = Vec::new();
        for number in 0..ROTATIONS.min(self.count) {
            let wanted = format!("rotated-{number}");
            self.simulator.clear_journal();
            let began = Instant::now();
            objects::rotate(&self.plane, STAGE, number, &wanted).await?;
            let pushed = |entries: &[metorial_simulator::Entry]| {
                let mut applied = entries.iter().filter(|entry| entry.applied);
                applied.any(|entry| entry.body["client_secret"] == wanted.as_str())
            };
            self.simulator.wait_for(pushed, self.patience).await?;
            times.push(began.elapsed());
        }
        times.sort();
        Ok(times)
    }

    /// Waits until the operator has made so many passes over credentials and has had nothing to do for a while; answers
    /// when it began to have nothing to do.
    async fn until_idle(&self, operator: &Operator, passes: f64) -> Result<Instant, Failure> {
        let mut idle: Option<(f64, Instant)> = None;
        until("the operator is idle", self.patience, async || {
            // It listens a moment after its start.
            let Ok(metrics) = operator.metrics().await else {
                return Ok(None);
            };
            let busy = metrics.sum("metorial_operator_reconciliations_running", "")
                + metrics.sum("metorial_operator_queue_depth", "");
            let made = metrics.sum("metorial_operator_reconciliations_total", KIND);
            if busy > 0.0 || made < passes {
                idle = None;
                return Ok(None);
            }
            let (before, since) = *idle.get_or_insert((made, Instant::now()));
            if before < made {
                idle = None;
            }
            Ok((since.elapsed() > QUIET && before >= made).then_some(since))
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
            passes: metrics.sum("metorial_operator_reconciliations_total", KIND),
            cpu: process::cpu(operator.id()),
            memory: process::peak_memory(operator.id()),
        })
    }

    async fn stop(&self, operator: Operator) -> Result<(), Failure> {
        let status = operator.stop().await?;
        if status.success() {
            return Ok(());
        }
        let text = format!("the operator ended with {status} after SIGTERM");
        Err(Failure::new(text))
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("operator.log")
    }
}
