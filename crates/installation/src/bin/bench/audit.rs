//! Requests of the operator, from the API server's audit log, which is independent of the operator's metrics.

use control_plane::ControlPlane;
use installation::{Failure, NAMESPACE, RELEASE};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};

/// Reader of the audit log that continues where it stopped.
pub struct Audit {
    log: BufReader<File>,
}

/// Number of requests of the operator's ServiceAccount, by verb and resource.
#[derive(Default)]
pub struct Requests(BTreeMap<(String, String), usize>);

impl Audit {
    /// Opens the log at its end.
    pub fn from_now(plane: &ControlPlane) -> Result<Self, Failure> {
        let mut log = BufReader::new(File::open(plane.audit_log())?);
        log.seek(SeekFrom::End(0))?;
        Ok(Self { log })
    }

    /// Reads the requests since the last call.
    pub fn read(&mut self) -> Result<Requests, Failure> {
        let user = format!("system:serviceaccount:{NAMESPACE}:{RELEASE}");
        let mut requests = Requests::default();
        let mut line = String::new();
        while self.log.read_line(&mut line)? > 0 {
            let event: serde_json::Value = serde_json::from_str(&line)?;
            if event["user"]["username"] == user.as_str() {
                requests.add(&event);
            }
            line.clear();
        }
        Ok(requests)
    }
}

impl Requests {
    fn add(&mut self, event: &serde_json::Value) {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let of = &event["objectRef"];
        let resource = match of["subresource"].as_str() {
            Some(part) => format!("{}/{part}", text(&of["resource"])),
            None => text(&of["resource"]),
        };
        *self.0.entry((text(&event["verb"]), resource)).or_default() += 1;
    }

    /// Returns the number of writes, without those of the lease.
    pub fn writes(&self) -> usize {
        let writes = self.0.iter().filter(|((verb, resource), _)| {
            !matches!(verb.as_str(), "get" | "list" | "watch") && resource != "leases"
        });
        writes.map(|(_, count)| count).sum()
    }

    /// Returns the number of reads of single objects, without those of the lease.
    pub fn gets(&self) -> usize {
        let gets = self.0.iter();
        gets.filter(|((verb, resource), _)| verb == "get" && resource != "leases")
            .map(|(_, count)| count)
            .sum()
    }
}
