//! The search for an object of a resource in the instances that other connections of its namespace open.

use super::error::Error;
use super::run::Run;
use crate::connections::{InstanceKey, Others};
use crate::kinds::Kind;
use crate::plan::case::Case;
use crate::plan::observed::RemoteView;
use crate::plan::ownership::Claim;
use crate::plan::purpose::Purpose;
use crate::plan::record::{Destination, Elsewhere};
use crate::remote::{RemoteError, Session};
use crate::resources::Reason;
use futures::stream::{StreamExt, TryStreamExt, iter};
use std::sync::Arc;

/// The instances that are searched at once.
const AT_ONCE: usize = 8;

/// The result of the search of one instance.
enum Searched {
    /// It has an object of the resource.
    Found(Destination),
    /// It has none.
    Nothing(Arc<Session>),
    /// It could not be searched.
    Unknown(Destination),
    /// None of its keys may read the objects.
    Forbidden,
}

impl<K: Kind> Run<'_, K> {
    /// Searches the instances that other connections of the namespace open, several at once: one that hangs must not take the time
    /// for the others.
    pub(super) async fn other_instances(&mut self, case: &Case<'_>) -> Result<Elsewhere, Error> {
        let own = self.api()?;
        let (connections, namespace) = (&self.context.connections, &self.resource.key.namespace);
        let others = connections.others_of(namespace, self.connection, &own);
        let Others {
            instances,
            mut unknown,
        } = others.await?;
        let mut searches = Vec::new();
        for keys in &instances {
            searches.push(self.search_instance(case, keys));
        }
        let mut results = iter(searches).buffer_unordered(AT_ONCE);
        let mut searched = vec![own];
        while let Some(result) = results.try_next().await? {
            match result {
                // Whatever the others show: there is one object at most.
                Searched::Found(there) => return Ok(Elsewhere::Found(there)),
                Searched::Nothing(session) => searched.push(session),
                Searched::Unknown(there) => unknown.push(there),
                Searched::Forbidden => {}
            }
        }
        let is_searched = |there: &Destination| {
            let mut known = searched.iter().map(|session| &session.instance.id);
            known.any(|id| *id == there.instance)
        };
        unknown.retain(|there| !is_searched(there));
        // The answer does not depend on their order, nor does a message.
        let first = unknown
            .into_iter()
            .min_by(|a, b| a.connection.cmp(&b.connection));
        Ok(first.map_or(Elsewhere::Nothing, Elsewhere::Unknown))
    }

    /// Searches one instance with the first of its keys that can.
    async fn search_instance(
        &self,
        case: &Case<'_>,
        keys: &[InstanceKey],
    ) -> Result<Searched, Error> {
        let mut result = Searched::Forbidden;
        for key in keys {
            let (session, there) = (&key.session, &key.there);
            match self.search_with(case, session).await {
                Ok(true) => return Ok(Searched::Found(there.clone())),
                Ok(false) => return Ok(Searched::Nothing(session.clone())),
                Err(RemoteError::NotLeader) => return Err(Error::NotLeader),
                // A key that may not read the objects never searches them: nobody waits for it.
                Err(error) if error.reason() == Reason::Forbidden => {}
                Err(error) => {
                    self.suspect(&key.connection, error.concerns_connection())
                        .await;
                    result = Searched::Unknown(there.clone());
                }
            }
        }
        Ok(result)
    }

    async fn search_with(&self, case: &Case<'_>, session: &Session) -> Result<bool, RemoteError> {
        let session = session.for_purpose(Purpose::of(case, &self.resource.key));
        let found = session.search::<K>(self.fresh_since, case.owner, false);
        let ours = |remote: &RemoteView| remote.live && case.claim(remote) == Claim::Ours;
        Ok(found.await?.iter().any(ours))
    }
}
