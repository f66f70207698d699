//! What a user allows and asks for, with the defaults of the connection and of the operator filled in.

use crate::resources::{
    Adopt, CommonSpec, ConnectionDefaults, DeletionPolicy, DriftPolicy, Mode, Replace,
};
use jiff::SignedDuration;
use std::time::Duration;

/// The effective policy of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The extent of what may be done.
    pub mode: Mode,
    /// The effect of a deletion.
    pub deletion: DeletionPolicy,
    /// The reaction to a foreign change.
    pub drift: DriftPolicy,
    /// The maximum age of an observation.
    pub interval: Duration,
    /// True if nothing but deletion is done.
    pub suspend: bool,
    /// The object to adopt.
    pub adopt: Option<Adopt>,
    /// The part that the kind and its own fields add.
    pub lifecycle: Lifecycle,
}

/// The life of the remote object, by a kind and its own fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lifecycle {
    /// True if the object belongs to somebody else and is only used: it is never deleted.
    pub external: bool,
    /// True if a change that the API can't make may replace the object; `None` for kinds without such changes.
    pub replace: Option<Replace>,
    /// The time for which a replaced object is kept.
    pub replace_grace: Duration,
    /// The renewal of tokens that expire; `None` where they are not exported again.
    pub renewal: Option<Renewal>,
    /// True if the status shows the provider's callback URL.
    pub shows_callback_url: bool,
}

/// The renewal of tokens that expire by another export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The time before their expiry; `None` where nobody sets one.
    pub before: Option<SignedDuration>,
    /// The most exports in any 24 hours.
    pub max_per_day: usize,
}

/// The maximum age of an observation where nobody sets one.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(600);

impl Policy {
    /// Returns the policy: the spec decides first, then the connection, then the operator's default.
    #[must_use]
    pub fn new(spec: &CommonSpec, lifecycle: Lifecycle, defaults: &ConnectionDefaults) -> Self {
        let interval = spec.interval.as_ref().or(defaults.interval.as_ref());
        let interval = interval.and_then(|interval| interval.duration());
        let deletion = spec.deletion_policy.or(defaults.deletion_policy);
        Self {
            mode: spec.mode.unwrap_or_default(),
            deletion: if lifecycle.external {
                DeletionPolicy::Orphan
            } else {
                deletion.unwrap_or_default()
            },
            drift: spec.drift.or(defaults.drift).unwrap_or_default(),
            interval: interval.unwrap_or(DEFAULT_INTERVAL),
            suspend: spec.suspend.unwrap_or(false),
            adopt: spec.adopt.clone(),
            lifecycle,
        }
    }

    /// Returns true if a deletion leaves the remote object alone.
    #[must_use]
    pub fn leaves_remote(&self) -> bool {
        self.deletion == DeletionPolicy::Orphan || self.mode == Mode::Observe
    }

    /// Returns true if the kind's objects are replaced where the API can't change them.
    #[must_use]
    pub fn replaces(&self) -> bool {
        self.lifecycle.replace.is_some()
    }

    /// Returns the adoption of this object, if the spec asks for it.
    #[must_use]
    pub fn adopts(&self, id: &str) -> Option<&Adopt> {
        self.adopt.as_ref().filter(|adopt| adopt.id == id)
    }
}
