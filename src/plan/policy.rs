//! What a user allows and asks for, with the defaults of the connection and of the operator filled in.

use crate::resources::{
    Adopt, CommonSpec, ConnectionDefaults, DeletionPolicy, DriftPolicy, Mode, Replace,
};
use std::time::Duration;

/// The effective policy of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How much may be done.
    pub mode: Mode,
    /// What a deletion does.
    pub deletion: DeletionPolicy,
    /// What a foreign change leads to.
    pub drift: DriftPolicy,
    /// How old an observation may get.
    pub interval: Duration,
    /// Whether nothing but deletion is done.
    pub suspend: bool,
    /// The object to take over.
    pub adopt: Option<Adopt>,
    /// Whether a change that the API can't make may lead to a new object; `None` for kinds without such changes.
    pub replace: Option<Replace>,
    /// How long a replaced object stays.
    pub replace_grace: Duration,
    /// Whether an object without our marker is somebody else's, even under the recorded id.
    pub borrows: bool,
}

/// How old an observation may get where nobody says.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(600);

impl Policy {
    /// The spec first, then the connection, then the operator.
    #[must_use]
    pub fn of(spec: &CommonSpec, defaults: Option<&ConnectionDefaults>) -> Self {
        let interval = spec
            .interval
            .as_ref()
            .or(defaults.and_then(|defaults| defaults.interval.as_ref()))
            .and_then(|interval| interval.duration());
        Self {
            mode: spec.mode.unwrap_or_default(),
            deletion: spec
                .deletion_policy
                .or(defaults.and_then(|defaults| defaults.deletion_policy))
                .unwrap_or_default(),
            drift: spec
                .drift
                .or(defaults.and_then(|defaults| defaults.drift))
                .unwrap_or_default(),
            interval: interval.unwrap_or(DEFAULT_INTERVAL),
            suspend: spec.suspend.unwrap_or(false),
            adopt: spec.adopt.clone(),
            replace: None,
            replace_grace: Duration::ZERO,
            borrows: false,
        }
    }

    /// Whether a deletion leaves the remote object alone.
    #[must_use]
    pub fn leaves_remote(&self) -> bool {
        self.deletion == DeletionPolicy::Orphan || self.mode == Mode::Observe
    }
}
