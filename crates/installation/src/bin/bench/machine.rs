//! Where a run took place.

use control_plane::ControlPlane;
use installation::Failure;
use std::fmt;
use std::fs;

/// Machine and versions.
pub struct Machine {
    processors: usize,
    memory: Option<u64>,
    kubernetes: String,
}

impl Machine {
    /// Reads them.
    pub async fn read(plane: &ControlPlane) -> Result<Self, Failure> {
        let version = plane.client().apiserver_version().await?;
        Ok(Self {
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            memory: memory(),
            kubernetes: version.git_version,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} processors", self.processors)?;
        if let Some(memory) = self.memory {
            write!(f, " and {} GiB", memory >> 30)?;
        }
        let operator = env!("CARGO_PKG_VERSION");
        let kubernetes = &self.kubernetes;
        write!(
            f,
            " shared by all parts, operator {operator}, Kubernetes {kubernetes}"
        )
    }
}

/// Returns the size of the main memory, in bytes; only Linux reports it in this form.
fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    // A part is reserved by the kernel: rounded up to the size that the machine is said to have.
    Some((kibibytes * 1024).next_multiple_of(1 << 30))
}
