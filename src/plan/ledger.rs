//! What we know about a resource before looking at the API: from its status, its finalizer and this process's memory.

use super::desired::{Desired, RemoteView};
use super::fingerprint::Fingerprint;
use crate::resources::{CommonStatus, ExportStatus, condition};
use jiff::Timestamp;

/// Whether a create may be under way that nobody recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Intent {
    /// The finalizer was there when we came: whoever set it may have sent a create.
    #[default]
    Unknown,
    /// This process set the finalizer, and every create that it sent since has a known outcome.
    Clean,
    /// This process sent a create whose outcome is not known.
    Ambiguous,
}

/// The books of one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// Our remote object.
    pub id: Option<String>,
    /// Whether the finalizer stands, so a create may have been sent.
    pub finalizer: bool,
    /// What is known about creates under way.
    pub intent: Intent,
    /// Whether the status, or our memory, shows traces of a remote object: then a missing id or finalizer was taken away.
    pub lived: bool,
    /// Whether what is not seen now is really not there: no write of ours is so young that a lagging read could miss it.
    pub settled: bool,
    /// Revision that the API last acknowledged.
    pub revision: Option<Fingerprint>,
    /// Digests of the write-only fields that the API last acknowledged.
    pub inputs: Vec<(String, Fingerprint)>,
    /// The API's time of our last write.
    pub remote_updated_at: Option<Timestamp>,
    /// Metadata keys that we put there.
    pub metadata_keys: Vec<String>,
    /// Ids of the imports that we recorded, newest first.
    pub imports: Vec<String>,
    /// Objects that were replaced and are still to be deleted, with the time of the replacement.
    pub retiring: Vec<(String, Timestamp)>,
    /// What the status says about exports.
    pub export: ExportStatus,
    /// Whether the value of the last export is known to this process, and so can be put into the Secret again.
    pub exported_value: bool,
    /// Whether the list of imports surely shows what moved the auth config that is exported.
    pub imports_settled: bool,
    /// Whether no create or import of unknown outcome can be under way.
    pub certain: bool,
    /// Whether the status says that all is done, the publication of the id included.
    pub ready: bool,
}

impl Ledger {
    /// The books as the status has them.
    #[must_use]
    pub fn of(status: &CommonStatus, finalizer: bool) -> Self {
        Self {
            id: status.id.clone(),
            finalizer,
            intent: Intent::Unknown,
            lived: status.instance_id.is_some(),
            settled: false,
            revision: status
                .last_applied_revision
                .as_deref()
                .map(Fingerprint::stored),
            inputs: status
                .inputs
                .iter()
                .flatten()
                .map(|input| (input.field.clone(), Fingerprint::stored(&input.fingerprint)))
                .collect(),
            remote_updated_at: status
                .remote_updated_at
                .as_deref()
                .and_then(|time| time.parse().ok()),
            metadata_keys: status.metadata_keys.clone().unwrap_or_default(),
            imports: status
                .imports
                .iter()
                .flatten()
                .map(|import| import.id.clone())
                .collect(),
            retiring: status
                .retiring
                .iter()
                .flatten()
                .map(|retiring| (retiring.id.clone(), retiring.since.0))
                .collect(),
            export: ExportStatus::default(),
            exported_value: false,
            imports_settled: false,
            certain: false,
            ready: condition(status.conditions.as_deref(), "Ready")
                .is_some_and(|ready| ready.status == "True"),
        }
    }

    /// Whether the API has acknowledged exactly this: then whatever differs there was done by somebody else.
    #[must_use]
    pub fn acknowledged(&self, desired: &Desired) -> bool {
        self.id.is_some() && self.revision.as_ref() == Some(&desired.revision)
    }

    /// Whether somebody wrote the object after our last write.
    #[must_use]
    pub fn written_after(&self, remote: &RemoteView) -> bool {
        self.remote_updated_at
            .is_some_and(|ours| remote.updated_at > ours)
    }

    /// Whether there surely is no remote object: this process knows of every create, and none was applied.
    #[must_use]
    pub fn surely_unmade(&self) -> bool {
        self.id.is_none() && self.intent == Intent::Clean
    }

    /// The acknowledged digest of one write-only field.
    #[must_use]
    pub fn input(&self, field: &str) -> Option<&Fingerprint> {
        self.inputs
            .iter()
            .find(|(name, _)| name == field)
            .map(|(_, fingerprint)| fingerprint)
    }
}
