//! Everything known about one resource before anything is read from the API.

use super::backoff::Growth;
use super::children::{ChildKind, ChildSpec, Data, Refusal};
use super::desired::{Desired, Exports, External, Invalid};
use super::facts::MaxAge;
use super::fingerprint::MacKey;
use super::not_ready::NotReady;
use super::observed::RemoteView;
use super::ownership::{Claim, Marker, Owner};
use super::pauses::Pause;
use super::policy::Policy;
use super::record::{Destination, Record, Writes};
use super::rewrites::Rewrites;
use super::unknown_outcome::MaybeApplied;
use crate::resources::{Mode, Reason, RemoteDetails};
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// One resource, with what a decision depends on.
pub struct Case<'a> {
    /// The resource's identity.
    pub owner: Owner,
    /// Its generation.
    pub generation: i64,
    /// True if it is being deleted.
    pub terminating: bool,
    /// The setting that enables the kind, where it is disabled.
    pub disabled: Option<&'a str>,
    /// The user's request to reconcile now, where it was not handled yet.
    pub requested: Option<String>,
    /// The hash of the approved plan.
    pub approved: Option<String>,
    /// The effective policy.
    pub policy: Policy,
    /// The desired remote object, or why it is not known. A resource that is being deleted desires nothing.
    pub desired: Result<&'a Desired, Unresolved>,
    /// The ConfigMap that the ids are to be published in.
    pub publish: Option<String>,
    /// The recorded state.
    pub record: Record,
    /// The details of the remote object that the status shows.
    pub details: RemoteDetails,
    /// The connection.
    pub connection: ConnectionView,
    /// The pause in which the API is not asked, because nothing has changed since the last attempt that matters.
    pub paused: Option<Pause>,
    /// The number of consecutive refusals of the same attempt whose cause may pass or not.
    pub uncertain_failures: u32,
    /// The recent writes to child objects.
    pub rewrites: HashMap<ChildKind, Rewrites>,
    /// True if a deletion that can't reach the API leaves the object behind, because it has waited for as long as the connection
    /// demands.
    pub orphans: bool,
    /// The fields that the API refused to change, for what is desired now.
    pub refused: Vec<&'static str>,
    /// A read or a step that failed.
    pub failure: Option<Failure>,
    /// Time for which lists may lag behind the objects that they show, and after which a write without a response is no
    /// longer applied.
    pub list_lag: Duration,
    /// Time for which reads may lag behind a write that the API answered.
    pub read_lag: Duration,
    /// The MAC key of fingerprints.
    pub key: &'a MacKey,
    /// A random text.
    pub nonce: String,
    /// The operator's clock, for times that it recorded itself.
    pub now: Timestamp,
}

/// The reason why the desired state is not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Unresolved {
    /// The condition reason.
    pub reason: Reason,
    /// The condition message.
    pub message: String,
    /// True if all references are resolved: then what they lead to is at fault, or the spec.
    pub resolved: bool,
}

impl Unresolved {
    /// Returns the reason of a reference that is not resolved.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            resolved: false,
        }
    }
}

impl From<Invalid> for Unresolved {
    fn from(Invalid { reason, message }: Invalid) -> Self {
        Self {
            reason,
            message,
            resolved: true,
        }
    }
}

/// The state of a resource's connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectionView {
    /// Its name, as statuses have it.
    pub name: String,
    /// The instance that its current session, or the last good one, opens.
    pub instance: Option<String>,
    /// The cause why it can't be used.
    pub problem: Option<NotReady>,
    /// The cause why the resource's namespace may not use it.
    pub refusal: Option<NotReady>,
    /// True if the spec names it.
    pub named: bool,
    /// True if other namespaces may use it, too.
    pub shared: bool,
    /// True if specs may name objects by their ids that no resource of this cluster created.
    pub external_ids: bool,
    /// The clusters whose objects may be taken over.
    pub adopt_from: Vec<String>,
}

impl ConnectionView {
    /// Returns where a create is sent; `None` while no instance is known.
    #[must_use]
    pub fn destination(&self) -> Option<Destination> {
        Some(Destination {
            connection: self.name.clone(),
            instance: self.instance.clone()?,
        })
    }

    /// Returns why creates and changes can't be sent now.
    #[must_use]
    pub fn unusable(&self) -> Option<NotReady> {
        if let Some(refusal) = &self.refusal {
            return Some(refusal.clone());
        }
        NotReady::blocking(self.instance.is_some(), self.problem.as_ref())
    }
}

/// A read or a step that failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// A request to the API.
    Remote(RemoteFailure),
    /// Kubernetes refused a child object.
    ChildRefused(Refusal),
    /// The exported value can't be laid out in the Secret: why.
    ChildUnfit(&'static str),
    /// Kubernetes refused the content of a child object: the error.
    ChildTooLarge(String),
}

/// The part of the spec that the API rejects, as far as its error says.
#[derive(Clone, Debug, PartialEq)]
pub enum Rejection {
    /// A field names an object that does not exist: its name.
    Unknown(&'static str),
    /// A field names an object that is archived or deleted: its name.
    Deleted(&'static str),
    /// The auth method is not one of the provider's.
    OtherMethod,
    /// The objects that the spec names are not all of one provider.
    OtherProvider,
    /// The object that the spec names belongs to a deployment other than the one that it names.
    OtherDeployment,
    /// Something at Metorial uses the object that is to be deleted: the ids of what does.
    InUse(Vec<String>),
}

/// A failed request to the API.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteFailure {
    /// The condition reason.
    pub reason: Reason,
    /// The condition message.
    pub message: String,
    /// The effect of a write.
    pub applied: MaybeApplied,
    /// True if the connection, rather than this resource, has the problem.
    pub concerns_connection: bool,
    /// The growth of the pauses after it: fast if only a person can help.
    pub growth: Growth,
    /// The wait that the server or the budget asks for.
    pub wait: Option<Duration>,
    /// The part of the spec that the API rejects, where its error says so.
    pub rejection: Option<Rejection>,
}

impl<'a> Case<'a> {
    /// Returns what is desired, where that is known.
    #[must_use]
    pub fn desired(&self) -> Option<&'a Desired> {
        self.desired.as_ref().ok().copied()
    }

    /// Returns what is known after a create that was refused. A search, or the lack of any trace, preceded it, so nothing else
    /// is in flight.
    #[must_use]
    pub fn writes_after_refused_create(&self) -> Writes {
        match self.record.id {
            Some(_) => Writes::Known,
            None => Writes::NothingCreated,
        }
    }

    /// Returns the id of the object that the resource uses: the external one, the recorded one or the one to adopt.
    #[must_use]
    pub fn object_id(&self) -> Option<&str> {
        if self.terminating {
            return self.record.id.as_deref();
        }
        let external = self.external().map(|external| &external.id);
        let adopted = self.policy.adopt.as_ref().map(|adopt| &adopt.id);
        let id = external.or(self.record.id.as_ref()).or(adopted);
        id.map(String::as_str)
    }

    /// Returns true if an object is recorded that was only observed, and that the spec no longer names.
    #[must_use]
    pub fn stopped_observing(&self) -> bool {
        let id = self.record.observed.as_ref();
        id.is_some_and(|id| self.policy.adopts(id).is_none())
    }

    /// Returns the object of somebody else that the resource imports into or exports from, if it does.
    #[must_use]
    pub fn external(&self) -> Option<&'a External> {
        self.desired()?.source.external()
    }

    /// Returns how the resource exports, if it does.
    #[must_use]
    pub fn exports(&self) -> Option<&'a Exports> {
        self.desired()?.source.exports()
    }

    /// Returns the maximum age of observations. After a write of unknown outcome, during a deletion and on request only a
    /// read of this reconciliation will do.
    #[must_use]
    pub fn max_age(&self) -> MaxAge {
        if self.record.has_lost_write() || self.terminating || self.requested.is_some() {
            MaxAge::ThisReconciliation
        } else {
            MaxAge::Interval
        }
    }

    /// Returns the fingerprint of this content of a child object.
    #[must_use]
    pub fn fingerprint(&self, of: &ChildSpec, content: &Data) -> String {
        of.fingerprint(self.key, &self.owner.namespace, content)
    }

    /// Returns for how long a child object is left alone, because somebody else changed it after each of several writes of the
    /// same content. A request of the user is carried out immediately.
    #[must_use]
    pub fn contested(&self, kind: ChildKind, fingerprint: &str) -> Option<Duration> {
        let rewrites = self.rewrites.get(&kind)?;
        let left = rewrites.exhausted_for(self.generation, fingerprint, self.now);
        left.filter(|_| self.requested.is_none())
    }

    /// Returns true if nothing may be written.
    #[must_use]
    pub fn observes(&self) -> bool {
        self.policy.mode == Mode::Observe
    }

    /// Returns whose a remote object is.
    #[must_use]
    pub fn claim(&self, remote: &RemoteView) -> Claim {
        Marker::claim(remote.marker.as_ref(), &self.owner)
    }

    /// Returns the owner of an object for messages: named only if it is in the resource's own namespace, because a message
    /// must not tell one tenant about another.
    #[must_use]
    pub fn shown_owner(&self, other: &Owner) -> String {
        let own = &self.owner;
        if other.cluster != own.cluster {
            format!("a resource of cluster {}", other.cluster)
        } else if !other.is_of_installation(own) {
            format!(
                "a resource of installation {} in this cluster",
                other.installation
            )
        } else if other.namespace == own.namespace {
            format!("{} {}", other.kind, other.name)
        } else {
            "a resource of another namespace".to_owned()
        }
    }

    /// Returns true if the object carries the marker of a resource that was restored as this one. Even where the status was
    /// restored with it, this is another resource, and its object must say so.
    #[must_use]
    pub fn restored(&self, remote: &RemoteView) -> bool {
        self.claim(remote) == Claim::Namesake
    }

    /// Returns the live objects that carry our marker, oldest first; where there is none, those of the last predecessor of the
    /// same name.
    ///
    /// A predecessor's objects count only for a resource that was restored from a backup and never had one: that is how it finds
    /// its object. Otherwise they are objects that somebody left at Metorial on purpose.
    #[must_use]
    pub fn claimed<'r>(&self, found: &'r [RemoteView]) -> Vec<&'r RemoteView> {
        let of = |claim: Claim| {
            let mine = |remote: &&RemoteView| remote.live && self.claim(remote) == claim;
            let mut mine: Vec<&RemoteView> = found.iter().filter(mine).collect();
            mine.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
            mine
        };
        let ours = of(Claim::Ours);
        if !ours.is_empty() || !self.predecessor_counts() {
            return ours;
        }
        let uid = |remote: &RemoteView| remote.marker.as_ref().map(|it| it.owner.uid.clone());
        let mut namesakes = of(Claim::Namesake);
        let last = namesakes.last().and_then(|remote| uid(remote));
        namesakes.retain(|remote| uid(remote) == last);
        namesakes
    }

    /// Returns true if the resource takes over what a predecessor of the same name left: it was restored from a backup, and never
    /// had an object itself.
    #[must_use]
    pub fn predecessor_counts(&self) -> bool {
        self.record.restored && self.record.id.is_none() && !self.record.had_object
    }
}
