//! Requests of the operator, from the API server's audit log, which is independent of the operator's metrics.

use control_plane::ControlPlane;
use installation::{Failure, NAMESPACE, RELEASE};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};

/// Reader of the audit log that continues where it stopped.
pub struct Audit {
    log: BufReader<File>,
    /// The beginning of a line whose end is not written yet.
    line: String,
}

/// Requests of the operator's ServiceAccount.
#[derive(Default)]
pub struct Requests {
    /// Their number by verb and resource.
    counts: BTreeMap<(String, String), usize>,
    /// The time of the last response to a patch of the status of credentials.
    pub last_status: Option<Timestamp>,
}

impl Audit {
    /// Opens the log at its end.
    pub fn from_now(plane: &ControlPlane) -> Result<Self, Failure> {
        let mut log = BufReader::new(File::open(plane.audit_log())?);
        log.seek(SeekFrom::End(0))?;
        Ok(Self {
            log,
            line: String::new(),
        })
    }

    /// Reads the requests since the last call.
    pub fn read(&mut self) -> Result<Requests, Failure> {
        let user = format!("system:serviceaccount:{NAMESPACE}:{RELEASE}");
        let mut requests = Requests::default();
        while self.log.read_line(&mut self.line)? > 0 && self.line.ends_with('\n') {
            let event: serde_json::Value = serde_json::from_str(&self.line)?;
            if event["user"]["username"] == user.as_str() {
                requests.add(&event);
            }
            self.line.clear();
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
        if resource == "providerauthcredentials/status" {
            let answered = event["stageTimestamp"].as_str().unwrap_or_default();
            self.last_status = self.last_status.max(answered.parse().ok());
        }
        let verb = text(&event["verb"]);
        *self.counts.entry((verb, resource)).or_default() += 1;
    }

    /// Returns the number of writes, without those of the lease and of events.
    pub fn writes(&self) -> usize {
        self.count(|verb, resource| is_write(verb) && resource != "events")
    }

    /// Returns the number of writes of events.
    pub fn events(&self) -> usize {
        self.count(|verb, resource| is_write(verb) && resource == "events")
    }

    /// Returns the number of reads of single objects, without those of the lease.
    pub fn gets(&self) -> usize {
        self.count(|verb, _| verb == "get")
    }

    fn count(&self, of: impl Fn(&str, &str) -> bool) -> usize {
        let counted = self.counts.iter();
        let counted =
            counted.filter(|((verb, resource), _)| of(verb, resource) && resource != "leases");
        counted.map(|(_, count)| count).sum()
    }
}

fn is_write(verb: &str) -> bool {
    !matches!(verb, "get" | "list" | "watch")
}
