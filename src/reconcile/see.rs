//! Reads what a decision depends on, one look at a time, until nothing more is needed.

use super::export::target;
use super::kinds::kinds;
use super::subject::Subject;
use super::world::World;
use crate::cluster::ClusterError;
use crate::connections::ConnectionKey;
use crate::kinds::Kind;
use crate::plan::{
    Dependent, Desired, Look, Owner, Policy, Seen, Sighting, Situation, Survey, look,
};
use crate::remote::{Observed, RemoteError, Session};
use jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::Instant;

/// Why a pass could not go on.
#[derive(Debug)]
pub enum Halt {
    /// The API.
    Remote(RemoteError),
    /// Kubernetes.
    Cluster(ClusterError),
}

impl From<RemoteError> for Halt {
    fn from(trouble: RemoteError) -> Self {
        Self::Remote(trouble)
    }
}

impl From<ClusterError> for Halt {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

/// What a look needs besides the subject.
pub struct Eye<'a> {
    /// The world.
    pub world: &'a World,
    /// The way to the API.
    pub session: &'a Session,
    /// The connection behind it.
    pub connection: &'a ConnectionKey,
    /// From when on an observation is good enough.
    pub since: Instant,
    /// When the pass began.
    pub began: Instant,
}

impl Eye<'_> {
    /// Looks until the decision can be made.
    ///
    /// # Errors
    /// A read failed; what was seen before it stays in `seen`.
    pub async fn see<K: Kind>(
        &self,
        subject: &Subject<K>,
        desired: Option<&Desired>,
        policy: &Policy,
        seen: &mut Seen,
    ) -> Result<(), Halt> {
        while let Some(look) = look::next(&Situation {
            terminating: subject.terminating(),
            owner: &subject.owner,
            ledger: &subject.ledger,
            desired,
            seen,
            policy,
            now: Timestamp::now(),
        }) {
            self.look(subject, desired, look, seen).await?;
        }
        Ok(())
    }

    async fn look<K: Kind>(
        &self,
        subject: &Subject<K>,
        desired: Option<&Desired>,
        look: Look,
        seen: &mut Seen,
    ) -> Result<(), Halt> {
        match look {
            Look::Object(id) => {
                let observed = self.session.observe::<K>(&id, self.since).await?;
                let remote = match &observed {
                    Observed::Found(remote) => Some(remote.as_ref()),
                    Observed::Missing => None,
                };
                seen.object = Some(Sighting::of(&id, remote, &subject.ledger));
            }
            Look::Search => {
                let found = self.session.search::<K>(self.began).await?;
                seen.search = Some(found.as_ref().clone());
            }
            Look::Dependents(ids) => {
                let mut found = self.session.dependents::<K>(&ids).await?;
                self.dependents_here(subject, &ids, &mut found).await?;
                seen.dependents = Some(found);
            }
            Look::Losses => seen.losses = Some(self.losses().await?),
            Look::Provider(name) => seen.provider = Some(self.session.provider(&name).await?),
            Look::Secret => {
                let wanted = subject.object.exports_into();
                if let Some(wanted) = wanted {
                    let cluster = &self.world.cluster;
                    let found = cluster.export_secret(&subject.object, wanted, &self.world.mac);
                    seen.secret = Some(found.await?);
                }
            }
            Look::Imports(id) => {
                seen.imports = Some(self.session.imports(&id, &subject.owner).await?);
            }
            Look::Exports(id) => {
                let exporting = desired.and_then(|desired| desired.exporting.as_ref());
                if let Some(exporting) = exporting {
                    let target = target(&id, exporting);
                    let exports = self.session.exports(&target, &subject.owner);
                    seen.exports = Some(exports.await?);
                }
            }
            Look::Owner(owner) => {
                seen.owner_alive = Some(self.alive::<K>(&owner).await?);
            }
        }
        Ok(())
    }

    /// The API's lists lag behind; what resources here have was made from it all the same.
    async fn dependents_here<K: Kind>(
        &self,
        subject: &Subject<K>,
        ids: &[String],
        found: &mut Vec<Dependent>,
    ) -> Result<(), Halt> {
        let kinds = kinds();
        for key in self.world.dependencies.dependents(&subject.key) {
            let Some(kind) = kinds.iter().find(|kind| kind.name() == key.kind) else {
                continue;
            };
            let dependents = kind.dependents(self.world, &key, ids).await?;
            let new: Vec<Dependent> = dependents
                .into_iter()
                .filter(|dependent| found.iter().all(|known| known.id != dependent.id))
                .collect();
            found.extend(new);
        }
        Ok(())
    }

    /// A suspicious loss is believed for a while; any other is counted anew, for it decides about a create.
    async fn losses(&self) -> Result<Survey, Halt> {
        let approved = self.session.recreation_approved;
        if let Some(known) = self
            .world
            .connections
            .suspicious_losses(self.connection)
            .await
        {
            return Ok(Survey { approved, ..known });
        }
        let survey = self.survey().await?;
        self.world
            .connections
            .record_losses(self.connection, survey)
            .await;
        if survey.suspicious() {
            self.world.wake(self.connection.resource_key());
        }
        Ok(survey)
    }

    /// How many of the objects that resources of any kind have through this connection are gone.
    async fn survey(&self) -> Result<Survey, Halt> {
        let (mut known, mut lost) = (0, 0);
        for kind in kinds() {
            let ids = kind.ids(self.world, &self.session.instance.id).await?;
            known += ids.len();
            lost += kind.missing(self.session, &ids).await?;
        }
        Ok(Survey {
            known,
            lost,
            approved: self.session.recreation_approved,
        })
    }

    /// Whether the resource that a marker names still exists. One of another kind is not looked for, and counts as
    /// alive: its remote object is not of this collection anyway.
    async fn alive<K: Kind>(&self, owner: &Owner) -> Result<bool, Halt> {
        if owner.kind != K::NAME {
            return Ok(true);
        }
        let api = self.world.cluster.namespaced::<K>(&owner.namespace);
        let found = self.world.cluster.get(&api, &owner.name).await?;
        Ok(found.is_some_and(|object| object.uid().as_ref() == Some(&owner.uid)))
    }
}
