//! The state of one connection, for the resources that use it and for its own status.

use crate::plan::attempt::ConnectionVersion;
use crate::plan::case::ConnectionView;
use crate::plan::not_ready::NotReady;
use crate::remote::Session;
use crate::resources::{ConnectionDefaults, ConnectionKey, ConnectionKind, Reason};
use std::sync::Arc;

/// The state of a connection.
#[derive(Clone)]
pub struct ConnectionState {
    /// The session that is current, or else the last good one, which deletions may still use.
    pub session: Option<Arc<Session>>,
    /// The cause why the connection can't be used now.
    pub not_ready: Option<NotReady>,
    /// The generation of its spec; `None` where there is none.
    pub generation: Option<i64>,
    /// True if the specs of its users may name objects by their ids that no resource of this cluster created.
    pub external_ids: bool,
    /// The clusters whose objects its users may take over.
    pub adopt_from: Vec<String>,
    /// The defaults that the connection gives its resources. They apply even while its key does not work, and after the
    /// connection was deleted: a deletion policy must not change because of that.
    pub defaults: ConnectionDefaults,
    /// The user's request that this state answers.
    pub handled: Option<String>,
}

impl ConnectionState {
    /// Returns true if its session opens this instance.
    #[must_use]
    pub fn opens(&self, instance: &str) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.instance.id == instance)
    }

    /// Returns true if a deletion of an object in this instance can use it: with the last good key, where the connection or its
    /// Secret is gone.
    #[must_use]
    pub fn deletes_in(&self, instance: &str) -> bool {
        self.opens(instance) && self.not_ready.as_ref().is_none_or(NotReady::keeps_session)
    }

    /// Returns the connection as decisions about a resource see it; `named`: true if its spec names it; `refusal`: the reason why
    /// its namespace may not use it.
    #[must_use]
    pub fn view(
        &self,
        key: &ConnectionKey,
        named: bool,
        refusal: Option<NotReady>,
    ) -> ConnectionView {
        let session = self.session.as_ref();
        ConnectionView {
            name: key.to_string(),
            instance: session.map(|session| session.instance.id.clone()),
            problem: self.not_ready.clone(),
            refusal,
            named,
            shared: key.kind == ConnectionKind::ClusterConnection,
            external_ids: self.external_ids,
            adopt_from: self.adopt_from.clone(),
        }
    }

    /// Returns the part of the state that an attempt of a resource depends on; `view`: as decisions see it.
    #[must_use]
    pub fn version(&self, view: &ConnectionView) -> ConnectionVersion {
        let problem = view.unusable().map(|problem| problem.reason);
        version(self.session.as_deref(), self.generation, problem)
    }
}

/// Returns the version of a connection with this session, generation and problem.
#[must_use]
pub fn version(
    session: Option<&Session>,
    generation: Option<i64>,
    problem: Option<Reason>,
) -> ConnectionVersion {
    ConnectionVersion {
        epoch: session.map_or(0, |session| session.epoch),
        generation,
        recreation_approved: session.is_some_and(|session| session.recreation_approved),
        problem,
    }
}
