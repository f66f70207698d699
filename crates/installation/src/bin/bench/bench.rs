//! What the scenarios share: one control plane with the installed chart, one simulator of the API, and at most one running
//! operator.

use crate::process;
use crate::report::{Row, megabytes};
use crate::tenant::{Secrets, Tenant};
use control_plane::ControlPlane;
use installation::{Failure, Operator, install_command, output, wait_until};
use metorial_simulator::{Entry, InstanceType, Limit, Options, OrganizationId, Simulator};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Label of the measured kind's samples.
const KIND: &str = "kind=\"ProviderAuthCredentials\"";

/// Time without work after which the operator counts as idle.
const IDLE_TIME: Duration = Duration::from_secs(2);

/// Metrics of the operator that say whether it is idle.
const LEADER: &str = "metorial_operator_leader";
const RUNNING: &str = "metorial_operator_reconciliations_running";
const QUEUED: &str = "metorial_operator_queue_depth";
const RECONCILIATIONS: &str = "metorial_operator_reconciliations_total";

/// See the module. The operator is stopped before the control plane, whatever ends the run.
pub struct Bench {
    operator: Option<Operator>,
    /// The namespace with the resources that several scenarios use.
    resources: Option<Tenant>,
    /// Number of resources.
    pub count: usize,
    /// The API.
    pub simulator: Simulator,
    /// The cluster.
    pub plane: ControlPlane,
    organization: OrganizationId,
    directory: TempDir,
}

impl Bench {
    /// Starts everything but the operator.
    pub async fn start(count: usize) -> Result<Self, Failure> {
        let plane = ControlPlane::start().await?;
        let simulator = Simulator::try_start(Options::default()).await?;
        let helm = install_command(&plane, &simulator.url());
        output(helm).await?;
        let mut kubectl = plane.kubectl();
        kubectl.args(["wait", "--for=condition=Established", "--timeout=60s"]);
        kubectl.args(["customresourcedefinitions", "--all"]);
        output(kubectl).await?;
        let organization = simulator.add_organization("Bench");
        // Far above what a run needs, so that it measures the operator and not the wait for the budget.
        let limit = Limit {
            requests: 1_000_000,
            per: Duration::from_secs(600),
        };
        simulator.set_rate_limit(&organization, Some(limit));
        Ok(Self {
            operator: None,
            resources: None,
            count,
            simulator,
            plane,
            organization,
            directory: tempfile::tempdir()?,
        })
    }

    /// Returns the time in which all resources must have been served: one takes a few milliseconds, unless the machine is busy
    /// with something else.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(60) + Duration::from_millis(100 * self.count as u64)
    }

    /// Creates a namespace with a Connection, without resources.
    pub async fn tenant(&self, namespace: &str) -> Result<Tenant, Failure> {
        let (organization, kind) = (&self.organization, InstanceType::Production);
        Tenant::create(&self.plane, &self.simulator, organization, kind, namespace).await
    }

    /// Creates the resources, each with its own Secret, unless they exist.
    pub async fn create_resources(&mut self) -> Result<(), Failure> {
        if self.resources.is_none() {
            progress(&format!(
                "creating {} resources and their Secrets",
                self.count
            ));
            let tenant = self.tenant("bench").await?;
            tenant.add(self.count, Secrets::Own).await?;
            self.resources = Some(tenant);
        }
        Ok(())
    }

    /// Returns the namespace of the resources.
    pub fn resources(&self) -> Result<&Tenant, Failure> {
        let resources = self.resources.as_ref();
        resources.ok_or_else(|| Failure::new("the resources were not created"))
    }

    /// Has the resources, all ready, and a running operator.
    pub async fn serve_resources(&mut self) -> Result<(), Failure> {
        self.create_resources().await?;
        self.run_operator().await?;
        self.resources()?.all_ready(self.timeout()).await?;
        self.until_idle(0).await?;
        Ok(())
    }

    /// Returns the namespace of the resources, which are about to be deleted.
    pub fn take_resources(&mut self) -> Result<Tenant, Failure> {
        let resources = self.resources.take();
        resources.ok_or_else(|| Failure::new("the resources were not created"))
    }

    /// Starts the operator, which does not run, and returns when that was.
    pub async fn start_operator(&mut self) -> Result<Instant, Failure> {
        let log = self.directory.path().join("operator.log");
        let began = Instant::now();
        self.operator = Some(Operator::start(&self.plane, &log).await?);
        Ok(began)
    }

    /// Starts the operator unless it runs, and waits until it works.
    pub async fn run_operator(&mut self) -> Result<(), Failure> {
        if self.operator.is_none() {
            self.start_operator().await?;
        }
        self.until_idle(0).await.map(drop)
    }

    /// Stops the operator if it runs.
    pub async fn stop_operator(&mut self) -> Result<(), Failure> {
        let Some(operator) = self.operator.take() else {
            return Ok(());
        };
        let status = operator.stop().await?;
        if status.success() {
            return Ok(());
        }
        let text = format!("the operator exited with {status} after SIGTERM");
        Err(Failure::new(text))
    }

    /// Returns the number of reconciliations of credentials since the operator's start.
    pub async fn reconciliations(&self) -> Result<usize, Failure> {
        let metrics = self.operator()?.metrics().await?;
        Ok(metrics.sum(RECONCILIATIONS, KIND) as usize)
    }

    /// Waits until the operator leads, has reconciled credentials this many times and has been idle for [`IDLE_TIME`]; returns
    /// the start of that time.
    pub async fn until_idle(&self, reconciliations: usize) -> Result<Instant, Failure> {
        let operator = self.operator()?;
        let mut idle: Option<(f64, Instant)> = None;
        wait_until("the operator is idle", self.timeout(), async || {
            // It doesn't listen immediately after its start.
            let Ok(metrics) = operator.metrics().await else {
                return Ok(None);
            };
            let busy = metrics.sum(RUNNING, "") + metrics.sum(QUEUED, "");
            let all = metrics.sum(RECONCILIATIONS, "");
            let made = metrics.sum(RECONCILIATIONS, KIND);
            let leads = metrics.sum(LEADER, "") > 0.0;
            if !leads || busy > 0.0 || made < reconciliations as f64 {
                idle = None;
                return Ok(None);
            }
            let (before, since) = *idle.get_or_insert((all, Instant::now()));
            if before < all {
                idle = None;
            }
            Ok((since.elapsed() > IDLE_TIME && before >= all).then_some(since))
        })
        .await
    }

    /// Returns the processor time of the operator since its start.
    pub fn cpu(&self) -> Option<Duration> {
        process::cpu(self.operator.as_ref()?.id())
    }

    /// Returns the row of the operator's processor time per object, where this system reports it.
    pub fn cpu_row(&self, since: Duration) -> Option<Row> {
        let cpu = self.cpu()?.saturating_sub(since).as_secs_f64();
        let each = cpu * 1000.0 / self.count as f64;
        let text = format!("{cpu:.2} s ({each:.2} ms per object)");
        Some(Row::new("processor time", text))
    }

    /// Returns the row of the operator's peak memory, where this system reports it; `others`: the resources that it serves beside
    /// those that several scenarios use.
    pub fn memory_row(&self, others: usize) -> Option<Row> {
        let bytes = process::peak_memory(self.operator.as_ref()?.id())?;
        let shared = self.resources.as_ref().map_or(0, |_| self.count);
        // 28 MB for 1,000 resources and 64 MB for 10,000.
        let most = 24_000_000 + 4_000 * (shared + others) as u64;
        let row = Row::new("peak memory (RSS)", megabytes(bytes));
        Some(row.wanted(format!("≤ {}", megabytes(most)), bytes <= most))
    }

    fn operator(&self) -> Result<&Operator, Failure> {
        let operator = self.operator.as_ref();
        operator.ok_or_else(|| Failure::new("the operator doesn't run"))
    }
}

/// Reports on standard error what the run is doing.
pub fn progress(text: &str) {
    eprintln!("… {text}");
}

/// Returns how many of these requests read.
pub fn reads(journal: &[Entry]) -> usize {
    journal.iter().filter(|entry| !entry.is_write()).count()
}

/// Returns how many of these requests write.
pub fn writes(journal: &[Entry]) -> usize {
    journal.len() - reads(journal)
}
