//! Where the requests of a connection are sent, and what is trusted there.

use super::settings::ConnectionSettings;
use crate::kinds::Reference;
use crate::plan::fingerprint::Fingerprint;
use crate::resources::InstanceGuard;

/// Everything but the key that decides where a session sends requests, and whether it may. A session that was built for
/// another endpoint is not used while the API can't be asked about the new one: its objects may be at the wrong server, and its
/// server may not be trusted any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// The uid of the connection.
    uid: String,
    base_url: Option<String>,
    instance: Option<InstanceGuard>,
    /// The reference to additional root certificates.
    ca_bundle: Option<Reference>,
    /// The additional root certificates; `None` if there are none, or they were not read.
    roots: Option<Fingerprint>,
}

impl Endpoint {
    /// Returns the endpoint of a connection with these settings. Until its certificates are read, those of the `former`
    /// endpoint count, if they are from the same place.
    #[must_use]
    pub fn new(settings: &ConnectionSettings, former: Option<&Self>) -> Self {
        let former = former.filter(|former| former.ca_bundle == settings.ca_bundle);
        Self {
            uid: settings.uid.clone(),
            base_url: settings.common.base_url.clone(),
            instance: settings.common.instance.clone(),
            ca_bundle: settings.ca_bundle.clone(),
            roots: former.and_then(|former| former.roots.clone()),
        }
    }

    /// Records the additional root certificates.
    pub fn set_roots(&mut self, roots: Fingerprint) {
        self.roots = Some(roots);
    }

    /// Returns true if both are of the same connection, and not of another of the same name.
    #[must_use]
    pub fn is_of_connection(&self, other: &Self) -> bool {
        self.uid == other.uid
    }

    /// Returns true if requests are sent to the same place, and the same is trusted there. Certificates that were never read
    /// are taken for unchanged.
    #[must_use]
    pub fn is_same_place(&self, current: &Self) -> bool {
        let roots = current.roots.as_ref();
        self.base_url == current.base_url
            && self.instance == current.instance
            && self.ca_bundle == current.ca_bundle
            && roots.is_none_or(|roots| self.roots.as_ref() == Some(roots))
    }
}
