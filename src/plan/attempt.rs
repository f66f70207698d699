//! What an attempt depends on. One that failed is not repeated before its time, whatever enqueues the resource, unless
//! something here changes.

use super::fingerprint::Fingerprint;
use crate::resources::{Reason, ResourceKey};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Everything but requests and dependents whose change makes another attempt worthwhile. What others may change without any
/// effect on the decision is not in it: foreign annotations, labels, the versions of Secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Circumstances {
    /// The resource's generation.
    pub generation: i64,
    /// True if it is being deleted.
    pub terminating: bool,
    /// The desired state: the spec, and the values of the Secrets and ConfigMaps that it refers to.
    pub revision: Option<Fingerprint>,
    /// The state of the resources that the spec refers to.
    pub references: Option<u64>,
    /// The hash of the approved plan.
    pub approved: Option<String>,
    /// True if the present owner of the object to adopt exists; `None` where it had none when it was read.
    pub awaited_owner_exists: Option<bool>,
    /// The name of the connection.
    pub connection: String,
    /// The state of the connection.
    pub connection_version: ConnectionVersion,
}

/// The part of a connection's state whose change can change what its resources do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConnectionVersion {
    /// Its session: another one after each change of the key and each recovery.
    pub epoch: usize,
    /// The generation of its spec.
    pub generation: Option<i64>,
    /// True if a person approved that lost objects are created again.
    pub recreation_approved: bool,
    /// The reason why it can't be used.
    pub problem: Option<Reason>,
}

/// One attempt. Kept for each resource, so it is small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Digest of its [`Circumstances`].
    pub circumstances: u64,
    /// Digest of the user's request to reconcile now, where it was not handled yet.
    pub request: Option<u64>,
    /// True if the finalizer is present.
    pub finalizer: bool,
    /// The resources in the cluster that depend on one that is being deleted.
    pub dependents: BTreeSet<ResourceKey>,
}

impl Attempt {
    /// Returns an attempt that depends on this, without a request, a finalizer and dependents.
    #[must_use]
    pub fn of(circumstances: &Circumstances) -> Self {
        Self {
            circumstances: digest(circumstances),
            request: None,
            finalizer: false,
            dependents: BTreeSet::new(),
        }
    }

    /// Returns true if nothing has changed since `earlier`, but perhaps a request. That a finalizer was added, or that one
    /// more resource depends on this one, helps no attempt.
    #[must_use]
    pub fn repeats(&self, earlier: &Self) -> bool {
        self.circumstances == earlier.circumstances
            && (self.finalizer || !earlier.finalizer)
            && earlier.dependents.is_subset(&self.dependents)
    }

    /// Returns true if the user requests a reconciliation.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.request.is_some()
    }

    /// Returns true if the user requested a reconciliation that `earlier` was not about.
    #[must_use]
    pub fn is_requested_since(&self, earlier: &Self) -> bool {
        self.is_requested() && self.request != earlier.request
    }
}

/// Returns a digest for telling values apart.
#[must_use]
pub fn digest(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circumstances() -> Circumstances {
        Circumstances {
            generation: 1,
            terminating: false,
            revision: Some(Fingerprint::stored("v1:key:a")),
            references: Some(1),
            approved: None,
            awaited_owner_exists: Some(true),
            connection: "Connection/default".to_owned(),
            connection_version: ConnectionVersion {
                epoch: 1,
                generation: Some(1),
                recreation_approved: false,
                problem: None,
            },
        }
    }

    fn changed(change: impl FnOnce(&mut Circumstances)) -> Attempt {
        let mut circumstances = circumstances();
        change(&mut circumstances);
        Attempt::of(&circumstances)
    }

    #[test]
    fn everything_that_matters_makes_another_attempt() {
        let (attempt, same) = (Attempt::of(&circumstances()), Attempt::of(&circumstances()));
        assert!(same.repeats(&attempt));
        for (event, other) in [
            ("an edited spec", changed(|it| it.generation = 2)),
            ("a deletion", changed(|it| it.terminating = true)),
            ("another value of a Secret", {
                changed(|it| it.revision = Some(Fingerprint::stored("v1:key:b")))
            }),
            ("a Secret that is gone", changed(|it| it.revision = None)),
            ("a resource that is referred to", {
                changed(|it| it.references = Some(2))
            }),
            ("an approval", {
                changed(|it| it.approved = Some("hash".to_owned()))
            }),
            ("an owner that is gone", {
                changed(|it| it.awaited_owner_exists = Some(false))
            }),
            ("another connection", {
                changed(|it| it.connection = "Connection/other".to_owned())
            }),
            ("another key, or a recovery of the connection", {
                changed(|it| it.connection_version.epoch = 2)
            }),
            ("an edited connection", {
                changed(|it| it.connection_version.generation = Some(2))
            }),
            ("an approval of lost objects", {
                changed(|it| it.connection_version.recreation_approved = true)
            }),
            ("a connection that can't be used", {
                changed(|it| it.connection_version.problem = Some(Reason::NamespaceNotAllowed))
            }),
        ] {
            assert!(!other.repeats(&attempt), "{event}");
        }
    }

    #[test]
    fn only_the_loss_of_the_finalizer_makes_another_attempt() {
        let without = Attempt::of(&circumstances());
        let with = Attempt {
            finalizer: true,
            ..without.clone()
        };
        assert!(with.repeats(&without));
        assert!(!without.repeats(&with));
    }

    #[test]
    fn each_request_is_one_and_none_once_it_is_handled() {
        let handled = Attempt::of(&circumstances());
        let [first, second] = ["1", "2"].map(|text| Attempt {
            request: Some(digest(text)),
            ..handled.clone()
        });
        for (attempt, earlier, is_requested) in [
            (&first, &handled, true),
            (&second, &first, true),
            (&first, &first, false),
            (&handled, &first, false),
            (&handled, &handled, false),
        ] {
            assert!(attempt.repeats(earlier));
            let found = attempt.is_requested_since(earlier);
            assert_eq!(found, is_requested, "{attempt:?} after {earlier:?}");
        }
    }
}
