//! The closed list of reasons, which conditions, events and metric labels all use.

use std::fmt;

/// The class of a reason: what it means to a user and to kstatus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Ready=True.
    Done,
    /// Ready=False, Reconciling=True: the operator is working on it.
    InProgress,
    /// Ready=False, Reconciling=True: something else in the cluster is missing, and may still be created.
    Waiting,
    /// Held back because the user chose so. Ready=True only if there is no pending change.
    HeldByChoice,
    /// Ready=False, Stalled=True: a user has to do something.
    NeedsPerson,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident => $class:ident,)*) => {
        /// The reason for the state of a resource.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[doc = $doc])* $name,)* }

        impl Reason {
            /// Every reason, for tables and tests.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            /// Returns the reason as conditions, events and metrics show it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Reason::$name => stringify!($name),)* }
            }

            /// Returns the reason that is shown so, if there is one.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
            }

            /// Returns the meaning in a sentence, for the reference.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Reason::$name => concat!($($doc),*).trim_ascii(),)* }
            }

            /// Returns the class.
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
    /// The remote object was read; nothing is written, because `spec.mode` is `Observe`.
    Observed => Done,
    /// The remote object is being created.
    Creating => InProgress,
    /// The remote object, or the ConfigMap of its ids, is being updated.
    Updating => InProgress,
    /// A new remote object is replacing the old one.
    Replacing => InProgress,
    /// A value is being imported into the auth config, or the operator checks whether an earlier import was applied.
    Importing => InProgress,
    /// The tokens are being exported into the Secret; if the response to an export was lost, they are exported again.
    Exporting => InProgress,
    /// The resource is being deleted.
    Deleting => InProgress,
    /// The request budget is used up, by the API's rate limit or by `spec.rateLimit`, or more urgent resources come first; the
    /// operator continues when requests are available.
    RateLimited => InProgress,
    /// The API could not be reached or returned an error; the operator is retrying.
    RemoteUnavailable => InProgress,
    /// The Kubernetes API could not be reached or returned an error; the operator is retrying.
    ClusterUnavailable => InProgress,
    /// A create failed and may have been applied; the operator searches for the object before it creates another.
    AmbiguousCreate => InProgress,
    /// A Secret was not found.
    SecretNotFound => Waiting,
    /// A Secret does not have the key.
    SecretKeyNotFound => Waiting,
    /// A ConfigMap, or a key in it, was not found.
    ConfigMapNotFound => Waiting,
    /// A resource that the spec refers to was not found.
    ReferenceNotFound => Waiting,
    /// A resource that the spec refers to is not ready.
    ReferenceNotReady => Waiting,
    /// The connection was not found.
    ConnectionNotFound => Waiting,
    /// The connection is not ready; its own conditions give the reason.
    ConnectionNotReady => Waiting,
    /// Nothing is done for the resource, because `spec.suspend` is true.
    Suspended => HeldByChoice,
    /// The changes in `status.plan` wait for approval, because `spec.mode` is `Plan`.
    PlanPending => HeldByChoice,
    /// A value is invalid.
    InvalidValue => NeedsPerson,
    /// The spec is invalid, or another version of its definition admitted what can't be read.
    InvalidSpec => NeedsPerson,
    /// The ClusterConnection does not allow this namespace, or the operator serves single namespaces and no ClusterConnections.
    NamespaceNotAllowed => NeedsPerson,
    /// The API refuses the API key.
    Unauthorized => NeedsPerson,
    /// The API key or the operator does not have permission for what the resource asks for, a switch of the project at Metorial
    /// is in the way, or AuthExports are disabled.
    Forbidden => NeedsPerson,
    /// The plan of the organization does not include this feature.
    PaymentRequired => NeedsPerson,
    /// The API refuses the request, and a retry would not help.
    RemoteRejected => NeedsPerson,
    /// Metorial does not change this client id, client secret or these scopes, and the spec does not allow a replacement.
    RotationRefused => NeedsPerson,
    /// The remote object no longer exists, and the spec does not allow it to be created again.
    RemoteMissing => NeedsPerson,
    /// The API does not serve the version that the operator requests, or does not know the route.
    ApiVersionUnsupported => NeedsPerson,
    /// The API key belongs to an instance other than the one that the connection was pinned to, that `spec.instance` expects,
    /// or that the operator's flags allow; or the object of the resource belongs to an instance other than its connection's.
    InstanceMismatch => NeedsPerson,
    /// More than half of the connection's objects, and at least three, disappeared at the same time; nothing is created again without
    /// approval.
    SuspiciousLoss => NeedsPerson,
    /// The object to adopt differs from the spec, belongs to another provider, or was authorized by an end user.
    AdoptionMismatch => NeedsPerson,
    /// The remote object or the ConfigMap belongs to another owner, something else changes the ConfigMap again and again, or
    /// the resource may not use what its spec names.
    OwnershipConflict => NeedsPerson,
    /// A field was changed that Metorial can't change.
    ImmutableFieldChanged => NeedsPerson,
    /// Two resources would overwrite the value of the same auth config.
    ValueConflict => NeedsPerson,
    /// The Secret to export into was not created by this resource, or something else changes it again and again.
    SecretNotOwned => NeedsPerson,
    /// The maximum number of exports within 24 hours is reached.
    ExportBudgetSpent => NeedsPerson,
    /// The tokens in the Secret have expired and were not renewed; the message names the cause.
    Expired => NeedsPerson,
    /// The deletion can't continue; the message says what it waits for and what to do.
    DeletionBlocked => NeedsPerson,
    /// The base URL is not in the list of URLs that the operator may call.
    UrlNotAllowed => NeedsPerson,
    /// A reconciliation did not end in time, or ended because of a fault of the operator.
    InternalError => NeedsPerson,
}

impl Reason {
    /// Returns true if an API could not be reached or failed.
    #[must_use]
    pub fn is_outage(self) -> bool {
        matches!(self, Self::RemoteUnavailable | Self::ClusterUnavailable)
    }

    /// Returns whether the remote object of a resource that is not ready for this reason is known to be as it was last applied.
    /// After any other reason it may be gone, in another instance, about to be replaced, or somebody else's.
    #[must_use]
    pub fn keeps_object(self) -> bool {
        use Reason::*;
        let waits_for_values =
            matches!(self, SecretNotFound | SecretKeyNotFound | ConfigMapNotFound);
        let waits_for_others = matches!(self, ReferenceNotFound | ReferenceNotReady);
        let held = matches!(self, Suspended | PlanPending);
        let refused = matches!(
            self,
            InvalidValue
                | RotationRefused
                | ImmutableFieldChanged
                | RemoteRejected
                | PaymentRequired
        );
        waits_for_values || waits_for_others || held || refused
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
