//! Answers the queries of a decision: one read each.

use super::context::now;
use super::error::Error;
use super::run::Run;
use crate::cluster::children::Parent;
use crate::connections::OtherInstances;
use crate::kinds::Kind;
use crate::plan::case::Case;
use crate::plan::facts::{Answer, Facts, MaxAge, Query};
use crate::plan::fields::Role;
use crate::plan::observed::{Dependent, Observation, RemoteView};
use crate::plan::purpose::Purpose;
use crate::plan::record::Elsewhere;
use crate::plan::schema::ValueSchema;
use crate::remote::records;
use metorial::Collection;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

impl<K: Kind> Run<'_, K> {
    /// Reads what a decision depends on.
    ///
    /// # Errors
    /// The read failed; nothing is concluded from that.
    pub async fn read_fact(&mut self, case: &Case<'_>, query: &Query) -> Result<Answer, Error> {
        let owner = &case.owner;
        Ok(match query {
            Query::Remote { id, max_age } => {
                Answer::Remote(self.observe(case, id, *max_age).await?)
            }
            Query::Search => {
                let (session, counts) = (self.api()?, case.predecessor_counts());
                let found = session.search::<K>(self.fresh_since, owner, counts);
                Answer::Search(found.await?)
            }
            Query::OtherInstances => Answer::OtherInstances(self.other_instances(case).await?),
            Query::Dependents(ids) => Answer::Dependents(self.dependents(ids).await?),
            Query::Losses => {
                let (session, id) = (self.api()?, case.object_id());
                let context = self.context;
                let losses =
                    context
                        .connections
                        .losses(self.connection, id, &session, &context.inventories);
                Answer::Losses(losses.await??)
            }
            Query::OwnerAlive(other) => {
                let exists = self.resource.wait_for_owner(other);
                Answer::OwnerAlive(exists.await?)
            }
            Query::NamespaceTerminating => {
                let cluster = &self.context.cluster;
                let terminating = cluster.is_namespace_terminating(&owner.namespace);
                Answer::NamespaceTerminating(terminating.await?)
            }
            Query::Imports(id) => Answer::Imports(self.api()?.imports(id, owner, case.key).await?),
            Query::Exports(id) => {
                let target = records::export_target(id, case.exports());
                Answer::Exports(self.api()?.exports(&target, owner).await?)
            }
            Query::Child(wanted) => Answer::Child(self.parent().observe(wanted, case.key).await?),
            Query::ChildAdmission(wanted) => {
                let placeholder = wanted.placeholder();
                Answer::ChildAdmission(self.parent().dry_run(wanted, &placeholder).await?)
            }
            Query::Violations(of) => Answer::Violations(self.violations(case, of).await?),
            Query::Provider(name) => Answer::Provider(self.api()?.provider(name).await?),
            Query::CallbackUrl(provider) => {
                Answer::CallbackUrl(self.api()?.callback_url(provider).await?)
            }
            Query::PatchFields => Answer::PatchFields(self.api()?.patch_fields::<K>().await?),
            Query::Used(collection, id) => Answer::Used(self.used(*collection, id).await?),
        })
    }

    async fn other_instances(&mut self, case: &Case<'_>) -> Result<Elsewhere, Error> {
        let search = OtherInstances {
            connection: self.connection,
            own: &*self.api()?,
            owner: &case.owner,
            purpose: Purpose::new(case, self.resource.key),
            since: self.fresh_since,
        };
        let connections = &self.context.connections;
        Ok(connections.search_others::<K>(&search).await?)
    }

    /// Reads an object that a create names. Even a read of now may not show what was written within the time by which reads may
    /// lag, so one that was observed within that time will do.
    async fn used(
        &mut self,
        collection: Collection,
        id: &str,
    ) -> Result<Option<Arc<RemoteView>>, Error> {
        let since = self.fresh_since.checked_sub(self.context.timing.read_lag);
        let since = since.unwrap_or(self.fresh_since);
        Ok(self.api()?.used(collection, id, since).await?)
    }

    /// Returns what reads and writes the resource's child objects.
    pub fn parent(&self) -> Parent<'_, K> {
        Parent {
            cluster: &self.context.cluster,
            resource: &self.resource.handle.object,
        }
    }

    async fn observe(
        &mut self,
        case: &Case<'_>,
        id: &str,
        max_age: MaxAge,
    ) -> Result<Observation, Error> {
        let since = self.since(case, max_age);
        let view = match self.known(id, since) {
            Some(known) => Some(known),
            None => {
                let (session, inventories) = (self.api()?, &self.context.inventories);
                // Objects that were recorded before this leadership are read along with the first of their kind.
                let recorded = inventories.take_recorded::<K>(&session);
                session.expect::<K>(recorded.await);
                session.observe::<K>(id, since).await?
            }
        };
        Ok(self.observation(case, view))
    }

    /// Adds what is known of the resource's object without asking the API: what was observed within the interval.
    pub fn recall(&mut self, case: &Case<'_>, facts: &mut Facts) {
        let Some(id) = case.object_id() else {
            return;
        };
        let since = self.since(case, MaxAge::Interval);
        if let Some(known) = self.known(id, since) {
            let query = Query::Remote {
                id: id.to_owned(),
                max_age: MaxAge::Interval,
            };
            let answer = Answer::Remote(self.observation(case, Some(known)));
            facts.add(query, answer);
        }
    }

    fn since(&self, case: &Case<'_>, max_age: MaxAge) -> Instant {
        let fresh = self.fresh_since;
        let since = match max_age {
            MaxAge::ThisReconciliation => None,
            // A little less than the interval, whose reconciliations come a little earlier too.
            MaxAge::Interval => fresh.checked_sub(case.policy.interval.mul_f64(0.85)),
        };
        let since = since.unwrap_or(fresh);
        // What was read before may lack the last write of another shard.
        let settled = self.resource.memory.taken_over().map(Instant::from_std);
        let settled = settled.filter(|settled| *settled <= fresh);
        settled.map_or(since, |settled| since.max(settled))
    }

    fn known(&self, id: &str, since: Instant) -> Option<Arc<RemoteView>> {
        self.session.as_ref()?.known(id, since)
    }

    fn observation(&mut self, case: &Case<'_>, view: Option<Arc<RemoteView>>) -> Observation {
        let at = view.as_ref().map(|view| view.updated_at);
        // A list of imports or exports may lag behind it.
        let source = case.desired().map(|desired| &desired.source);
        let lists = source.is_some_and(|it| it.imports().is_some() || it.exports().is_some());
        let unchanged_for = match at.filter(|_| lists) {
            Some(at) => self.remember(|memory| memory.unchanged_for(at, now())),
            _ => Duration::ZERO,
        };
        Observation {
            view,
            unchanged_for,
        }
    }

    /// Checks the value against a schema that the API publishes.
    async fn violations(
        &mut self,
        case: &Case<'_>,
        of: &ValueSchema,
    ) -> Result<Option<String>, Error> {
        let desired = case.desired();
        let value = desired.and_then(|desired| desired.role(Role::Value));
        let (Some(value), Some(schema)) = (value, self.api()?.schema(of).await?) else {
            return Ok(None);
        };
        let key = self.resource.key;
        let checks = &self.context.schema_checks;
        let names = value.public_names();
        let violations = checks.violations(&key.namespace, &schema, value.expose(), names);
        Ok(violations.await)
    }

    /// Lists the dependents at the API and in the cluster: the API's lists lag behind, or show nothing of it, but what
    /// resources here created from the objects, or use them for, is known all the same.
    async fn dependents(&mut self, ids: &[String]) -> Result<Vec<Dependent>, Error> {
        let listed = self.api()?.dependents::<K>(ids).await?;
        let context = self.context;
        let keys = context.dependencies.dependents(self.resource.key);
        let (of, inventories) = (self.resource.key, &context.inventories);
        let mut found = inventories
            .depending_on(of, &keys, K::DEPENDENTS, ids)
            .await?;
        found.retain(|dependent| listed.iter().all(|known| known.id != dependent.id));
        Ok(listed.into_iter().chain(found).collect())
    }
}
