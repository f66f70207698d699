//! The one closed list of reasons: conditions, events and metric labels all speak from it.

use std::fmt;

/// What a reason means for a person and for kstatus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Ready=True.
    Done,
    /// Ready=False, Reconciling=True: the operator is at it.
    AtWork,
    /// Ready=False, Reconciling=True: something else in the cluster is missing, and may still come.
    Waiting,
    /// Held by the user's choice; Ready says whether anything is to be brought in.
    Held,
    /// Ready=False, Stalled=True: a person has to do something.
    NeedsPerson,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident => $class:ident,)*) => {
        /// Why a resource is in the state it is in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[doc = $doc])* $name,)* }

        impl Reason {
            /// Every reason, for tables and tests.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            /// The reason as it stands in conditions, events and metrics.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Reason::$name => stringify!($name),)* }
            }

            /// What it says, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Reason::$name => concat!($($doc),*).trim_ascii(),)* }
            }

            /// What it means for a person and for kstatus.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $(Reason::$name => Class::$class,)* }
            }
        }
    };
}

reasons! {
    /// The API acknowledged this generation and these secret values.
    Synced => Done,
    /// `mode: Observe`: read, nothing to be written.
    Observed => Done,
    /// The remote object is being made.
    Creating => AtWork,
    /// The remote object is being changed.
    Updating => AtWork,
    /// Another remote object takes the place of the former.
    Replacing => AtWork,
    /// A value is being imported.
    Importing => AtWork,
    /// A value is being exported.
    Exporting => AtWork,
    /// The resource is terminating.
    Deleting => AtWork,
    /// The API's rate limit holds the call back.
    RateLimited => AtWork,
    /// The API could not be reached or failed.
    RemoteUnavailable => AtWork,
    /// A create whose answer was lost: it is being looked for before anything is made again.
    AmbiguousCreate => AtWork,
    /// A Secret does not exist.
    SecretNotFound => Waiting,
    /// A Secret lacks a key.
    SecretKeyNotFound => Waiting,
    /// A ConfigMap, or its key, does not exist.
    ConfigMapNotFound => Waiting,
    /// A resource that is referred to does not exist.
    ReferenceNotFound => Waiting,
    /// A resource that is referred to is not ready.
    ReferenceNotReady => Waiting,
    /// The connection does not exist.
    ConnectionNotFound => Waiting,
    /// The connection is not ready; its own conditions say why.
    ConnectionNotReady => Waiting,
    /// `suspend: true`.
    Suspended => Held,
    /// `mode: Plan`: waits for approval.
    PlanPending => Held,
    /// A value is not acceptable.
    InvalidValue => NeedsPerson,
    /// The spec asks for something impossible.
    InvalidSpec => NeedsPerson,
    /// The ClusterConnection does not admit this namespace.
    NamespaceNotAllowed => NeedsPerson,
    /// The API refuses the key.
    Unauthorized => NeedsPerson,
    /// The key may not do this.
    Forbidden => NeedsPerson,
    /// The plan of the organisation does not cover this.
    PaymentRequired => NeedsPerson,
    /// The API refuses the request for good.
    RemoteRejected => NeedsPerson,
    /// The remote object is gone and is not to be made again.
    RemoteMissing => NeedsPerson,
    /// The API serves another version than the one asked for.
    ApiVersionUnsupported => NeedsPerson,
    /// The key opens another instance than the one that was pinned.
    InstanceMismatch => NeedsPerson,
    /// Too many remote objects are gone at once to believe it.
    SuspiciousLoss => NeedsPerson,
    /// The object to adopt differs from the spec.
    AdoptionMismatch => NeedsPerson,
    /// The remote object, or a published object, belongs to somebody else.
    OwnershipConflict => NeedsPerson,
    /// A field that can't change was changed.
    ImmutableFieldChanged => NeedsPerson,
    /// Two resources would push values against each other.
    ValueConflict => NeedsPerson,
    /// The Secret to export into is somebody else's.
    SecretNotOwned => NeedsPerson,
    /// As many exports were made today as the spec allows.
    ExportBudgetSpent => NeedsPerson,
    /// The deletion can't go on without a person.
    DeletionBlocked => NeedsPerson,
    /// The base URL is not one that the operator may call.
    UrlNotAllowed => NeedsPerson,
    /// The operator itself failed on this object.
    InternalError => NeedsPerson,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
