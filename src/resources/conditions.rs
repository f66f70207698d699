//! Conditions by the Kubernetes API conventions and kstatus: Ready is always present, Reconciling and Stalled
//! (abnormal-true) only while they are true.

use super::reason::{Class, Reason};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Type of the condition that says whether all is well.
pub const READY: &str = "Ready";
/// Type of the condition while the operator works or waits.
pub const RECONCILING: &str = "Reconciling";
/// Type of the condition while only a person can help.
pub const STALLED: &str = "Stalled";
/// Type of the condition that says whether all that the spec refers to can be used.
pub const REFERENCES_RESOLVED: &str = "ReferencesResolved";
/// Type of the condition while the object differs from the spec.
pub const DRIFTED: &str = "Drifted";
/// Type of the condition of a value that expires soon.
pub const EXPIRING: &str = "Expiring";

/// The types of the conditions that the operator writes.
const OWN: [&str; 6] = [
    READY,
    RECONCILING,
    STALLED,
    REFERENCES_RESOLVED,
    DRIFTED,
    EXPIRING,
];

/// Builder of the next list of conditions. It keeps each `lastTransitionTime` while the condition's `status` stays the
/// same: with a new time in every reconciliation the status would never settle.
pub struct Conditions {
    last: Vec<Condition>,
    next: Vec<Condition>,
    generation: i64,
    now: Timestamp,
}

impl Conditions {
    /// Starts from the conditions that the status has now.
    #[must_use]
    pub fn after(last: Option<&[Condition]>, generation: i64, now: Timestamp) -> Self {
        Self {
            last: last.unwrap_or_default().to_vec(),
            next: Vec::new(),
            generation,
            now,
        }
    }

    /// Sets Ready, Reconciling and Stalled as the class of the reason requires. `ready` decides about Ready for
    /// [`Class::HeldByChoice`]. The conditions of other writers stay.
    #[must_use]
    pub fn verdict(mut self, reason: Reason, ready: bool, message: &str) -> Self {
        let ready = match reason.class() {
            Class::Done => true,
            Class::HeldByChoice => ready,
            Class::InProgress | Class::Waiting | Class::NeedsPerson => false,
        };
        self.set(READY, ready, reason, message);
        match reason.class() {
            Class::InProgress | Class::Waiting => self.set(RECONCILING, true, reason, message),
            Class::NeedsPerson => self.set(STALLED, true, reason, message),
            Class::Done | Class::HeldByChoice => {}
        }
        let others = |condition: &&Condition| !OWN.contains(&condition.type_.as_str());
        self.next.extend(self.last.iter().filter(others).cloned());
        self
    }

    /// Adds a condition as it was.
    #[must_use]
    pub fn unchanged(mut self, type_: &str) -> Self {
        self.next
            .extend(condition(Some(&self.last), type_).cloned());
        self
    }

    /// Adds a condition that only informs.
    #[must_use]
    pub fn with(mut self, type_: &str, status: bool, reason: Reason, message: &str) -> Self {
        self.set(type_, status, reason, message);
        self
    }

    /// Returns the list to store in the status.
    #[must_use]
    pub fn build(self) -> Vec<Condition> {
        self.next
    }

    fn set(&mut self, type_: &str, status: bool, reason: Reason, message: &str) {
        let status = if status { "True" } else { "False" };
        let since = self
            .last
            .iter()
            .find(|condition| condition.type_ == type_ && condition.status == status)
            .map_or(Time(self.now), |condition| {
                condition.last_transition_time.clone()
            });
        self.next.push(Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.as_str().to_owned(),
            message: message.chars().take(MESSAGE_LIMIT).collect(),
            observed_generation: Some(self.generation),
            last_transition_time: since,
        });
    }
}

/// Maximum length of a message in characters; a longer one is cut. The API server refuses a status with one of more
/// than 32768.
const MESSAGE_LIMIT: usize = 2000;

/// Returns the condition of a type.
#[must_use]
pub fn condition<'a>(conditions: Option<&'a [Condition]>, type_: &str) -> Option<&'a Condition> {
    conditions?
        .iter()
        .find(|condition| condition.type_ == type_)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn ready_is_always_there_and_the_abnormal_ones_only_while_true() {
        for reason in Reason::ALL {
            let built = Conditions::after(None, 1, at(0))
                .verdict(*reason, true, "m")
                .build();
            let of = |type_| condition(Some(&built), type_).map(|c| c.status.as_str());
            assert!(of("Ready").is_some());
            assert!(of("Reconciling").is_none() || of("Stalled").is_none());
            match reason.class() {
                Class::Done => assert_eq!((of("Ready"), built.len()), (Some("True"), 1)),
                Class::HeldByChoice => assert_eq!(built.len(), 1),
                Class::InProgress | Class::Waiting => assert_eq!(of("Reconciling"), Some("True")),
                Class::NeedsPerson => assert_eq!(of("Stalled"), Some("True")),
            }
        }
    }

    #[test]
    fn conditions_of_other_writers_stay_and_ours_do_not() {
        let first = Conditions::after(None, 1, at(10))
            .verdict(Reason::SecretNotFound, false, "a")
            .with("Approved", true, Reason::Synced, "theirs")
            .build();
        let second = Conditions::after(Some(&first), 2, at(20))
            .verdict(Reason::Synced, true, "c")
            .build();
        let types: Vec<&str> = second.iter().map(|it| it.type_.as_str()).collect();
        assert_eq!(types, ["Ready", "Approved"]);
        assert_eq!(second[1], first[2]);
    }

    #[test]
    fn last_transition_time_moves_only_with_the_status() {
        let first = Conditions::after(None, 1, at(10))
            .verdict(Reason::SecretNotFound, false, "a")
            .build();
        let second = Conditions::after(Some(&first), 2, at(20))
            .verdict(Reason::RemoteUnavailable, false, "b")
            .build();
        let third = Conditions::after(Some(&second), 2, at(30))
            .verdict(Reason::Synced, true, "c")
            .build();
        assert_eq!(second[0].last_transition_time, Time(at(10)));
        assert_eq!(third[0].last_transition_time, Time(at(30)));
    }
}
