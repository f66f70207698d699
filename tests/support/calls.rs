//! The calls of an operator, by name: which of them it is killed in is given by a name and not by a count of everything.

use metorial_simulator::Entry;
use std::fmt;

/// A write to Kubernetes: `PATCH providerauthconfigs/tested/status`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubeCall(pub String);

/// A request to Metorial, with `:id` in the place of ids: `PATCH /provider-auth-configs/:id`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiCall {
    pub method: String,
    pub path: String,
}

impl KubeCall {
    /// The call of this method and path, if it is a write to the operator's kinds or to what they own. Leases, events
    /// and the key of the fingerprints belong to no resource.
    pub fn of(method: &http::Method, path: &str) -> Option<Self> {
        let ours = ["/metorial.com/", "/configmaps", "/secrets"];
        let ours = ours.iter().any(|part| path.contains(part));
        if *method == http::Method::GET || !ours || path.contains("fingerprint-key") {
            return None;
        }
        let (_, rest) = path.split_once("/namespaces/")?;
        let (_, object) = rest.split_once('/')?;
        Some(Self(format!("{method} {object}")))
    }
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
}

impl fmt::Display for ApiCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
