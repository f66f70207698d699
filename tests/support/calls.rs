//! The calls of an operator, by name: which of them it is killed in is given by a name and not by a count of everything.

use metorial_simulator::Entry;
use serde_json::Value;

/// A write to Kubernetes: `PATCH providerauthconfigs/tested/status`, and a status write that records nothing but
/// conditions as `PATCH providerauthconfigs/tested/status (report)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubeCall(pub String);

/// A request to Metorial, with `:id` in the place of ids: `PATCH /provider-auth-configs/:id`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiCall {
    pub method: String,
    pub path: String,
}

impl KubeCall {
    /// The call of a request, if it is a write to the operator's kinds or to what they own. Leases, events and the key
    /// of the fingerprints belong to no resource.
    pub fn of(method: &http::Method, path: &str, body: &[u8]) -> Option<Self> {
        let ours = ["/metorial.com/", "/configmaps", "/secrets", "/deployments"];
        let ours = ours.iter().any(|part| path.contains(part));
        if *method == http::Method::GET || !ours || path.contains("fingerprint-key") {
            return None;
        }
        let (_, rest) = path.split_once("/namespaces/")?;
        let (_, object) = rest.split_once('/')?;
        let report = if only_reports(body) { " (report)" } else { "" };
        Some(Self(format!("{method} {object}{report}")))
    }

    /// Whether it records nothing but conditions: how often progress is reported depends on how long it takes.
    pub fn is_report(&self) -> bool {
        self.0.ends_with("(report)")
    }
}

/// Whether the body of a status write records nothing but conditions.
fn only_reports(body: &[u8]) -> bool {
    const REPORTED: [&str; 3] = ["conditions", "observedGeneration", "lastHandledReconcileAt"];
    let patch: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(steps) = patch.as_array() else {
        return false;
    };
    let mut paths = steps.iter().filter_map(|step| step["path"].as_str());
    paths.all(|path| {
        let field = path.strip_prefix("/status/");
        field.is_none_or(|field| REPORTED.contains(&field))
    })
}

impl ApiCall {
    /// The call of a request.
    pub fn of(entry: &Entry) -> Self {
        let segments = entry.path.split('/');
        let masked = segments.map(|segment| match segment.contains('_') {
            true => ":id",
            false => segment,
        });
        Self {
            method: entry.method.clone(),
            path: masked.collect::<Vec<_>>().join("/"),
        }
    }

    /// Whether it only reads: how often something is read again depends on how long a story waits.
    pub fn is_read(&self) -> bool {
        self.method == "GET"
    }
}
