//! Values that expire: when tokens are exported again before they do, and what is reported about a value that expires or has
//! expired.
//!
//! The API reports the expiry by its own clock, which may differ from the operator's. So what counts is the time that was left
//! when the value was exported: it starts when the operator got the value.

use super::backoff::MOMENT;
use super::case::Case;
use super::export_record::{DAY, budget_free_in, exports_within_a_day};
use super::fingerprint::short_digest;
use super::policy::Renewal;
use super::steps::Plan;
use super::verdict::{Expiring, Verdict};
use crate::resources::{Class, Expiration, ExportStatus, Reason, ResourceStatus};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The shortest time before the end of a value that counts as its last part by default, and between an export and its renewal:
/// an export is an audit record.
const LEAST: SignedDuration = SignedDuration::from_mins(5);
/// The longest time before the end of an imported value that counts as its last part: somebody has to provide another one.
const MOST_OF_IMPORTS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The period in which a value is valid, by the operator's clock where the operator recorded its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// When the value was exported or imported.
    pub since: Timestamp,
    /// When it expires.
    pub until: Timestamp,
}

impl Validity {
    /// Returns the period of a value.
    #[must_use]
    pub fn new(expiration: Expiration) -> Self {
        let Expiration {
            expires_at,
            created_at,
            recorded_at,
        } = expiration;
        let since = recorded_at.or(created_at).unwrap_or(expires_at);
        let left = expires_at.duration_since(created_at.unwrap_or(since));
        Self {
            since,
            until: later(since, left),
        }
    }

    /// Returns true if the value has expired.
    #[must_use]
    pub fn is_over(self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// Returns its length, zero for a value that had expired already.
    fn length(self) -> SignedDuration {
        let length = self.until.duration_since(self.since);
        length.max(SignedDuration::ZERO)
    }

    /// Returns the length of its last part, in which the value counts as expiring: as long as wanted, or a third, but never
    /// nearly all of it.
    fn last_part(self, wanted: Option<SignedDuration>) -> SignedDuration {
        let third = self.length() / 3;
        wanted.unwrap_or(third.max(LEAST)).min(third * 2)
    }
}

impl Renewal {
    /// Returns when the tokens of the last export are to be exported again, where their expiry is known. `uid` spreads what
    /// would otherwise happen at the same time.
    ///
    /// Exports that do not bring tokens of a longer validity must not follow each other quickly, and `maxPerDay` must not be
    /// spent long before the day is over: where the last two exports were close to each other, the next one waits for its share
    /// of the day.
    #[must_use]
    pub fn due_at(&self, export: &ExportStatus, uid: &str) -> Option<Timestamp> {
        let validity = Validity::new(export.expiration()?);
        let pause = self.pause(validity);
        let last_part = validity.last_part(self.before);
        let spread =
            last_part.as_secs_f64() / 10.0 * f64::from(short_digest(uid)) / f64::from(u32::MAX);
        let spread = SignedDuration::try_from_secs_f64(spread).unwrap_or_default();
        let early = (pause - spread).max(LEAST);
        let mut recent = export.recent_exports.iter().flatten().skip(1);
        let close = |before: Timestamp| validity.since.duration_since(before) < self.share() * 2;
        let close = recent.next().is_some_and(|before| close(before.0));
        let wait = if close || validity.length().is_zero() {
            early.max(self.share())
        } else {
            early
        };
        Some(later(validity.since, wait))
    }

    /// Returns the time from an export to its renewal, before it is spread.
    fn pause(&self, validity: Validity) -> SignedDuration {
        let pause = validity.length() - validity.last_part(self.before);
        pause.max(LEAST)
    }

    /// Returns the time between two exports that are spread evenly over a day.
    fn share(&self) -> SignedDuration {
        let max_per_day = i32::try_from(self.max_per_day).unwrap_or(i32::MAX);
        DAY / max_per_day.max(1)
    }

    /// Returns why tokens that are valid for so long can't always be renewed in time, with the figures.
    fn shortfall(&self, validity: Validity) -> Option<String> {
        if self.pause(validity) >= validity.length() {
            return Some(format!(
                "they were exported with {} left, and exports follow each other after {} at the earliest, so they expire before they are renewed",
                minutes(validity.length()),
                minutes(LEAST),
            ));
        }
        let pause = self.pause(validity).as_secs();
        let needed = (DAY.as_secs() + pause - 1) / pause;
        let max_per_day = i64::try_from(self.max_per_day).unwrap_or(i64::MAX);
        (needed > max_per_day).then(|| {
            format!(
                "they were exported with {} left and are renewed {} before they expire, which takes {needed} exports within 24 hours, and spec.maxPerDay admits {max_per_day}; set spec.maxPerDay to {needed} or more, or a shorter spec.renewBefore",
                minutes(validity.length()),
                minutes(validity.last_part(self.before)),
            )
        })
    }
}

/// Returns true if the last export has to be renewed now. Where the budget is spent, tokens that are still valid wait.
#[must_use]
pub fn must_renew(case: &Case<'_>, export: &ExportStatus) -> bool {
    is_due(case, export) && (!is_budget_spent(case, export) || has_expired(case, export))
}

/// Returns the time until tokens that are still valid can be renewed, where only the budget prevents that.
#[must_use]
pub fn held_back_for(case: &Case<'_>, export: &ExportStatus) -> Option<Duration> {
    let held_back = is_due(case, export) && is_budget_spent(case, export);
    held_back
        .then(|| budget_free_in(export, case.now))
        .flatten()
}

fn is_due(case: &Case<'_>, export: &ExportStatus) -> bool {
    renewal_at(case, export).is_some_and(|due| due <= case.now)
}

fn is_budget_spent(case: &Case<'_>, export: &ExportStatus) -> bool {
    let renewal = case.policy.lifecycle.renewal.as_ref();
    renewal.is_some_and(|it| exports_within_a_day(export, case.now) >= it.max_per_day)
}

fn renewal_at(case: &Case<'_>, export: &ExportStatus) -> Option<Timestamp> {
    let renewal = case.policy.lifecycle.renewal.as_ref()?;
    renewal.due_at(export, &case.owner.uid)
}

/// Returns true if the tokens of this export have expired.
#[must_use]
pub fn has_expired(case: &Case<'_>, export: &ExportStatus) -> bool {
    let expiration = export.expiration().map(Validity::new);
    expiration.is_some_and(|validity| validity.is_over(case.now))
}

/// A value of the resource that expires: the tokens in its Secret, or the value that it imported.
struct Held<'a> {
    expiration: Expiration,
    validity: Validity,
    /// The Secret, for tokens.
    secret: Option<&'a str>,
    /// The start of the last part.
    last_part: Timestamp,
}

impl<'a> Held<'a> {
    fn find<S: ResourceStatus>(status: &'a S, case: &Case<'_>) -> Option<Self> {
        if case.terminating {
            return None;
        }
        // The value of an export that never reached the Secret concerns nobody.
        let expiration = match status.export() {
            Some(export) => export.times_in_secret()?.expiration()?,
            None => status.expiration()?,
        };
        let validity = Validity::new(expiration);
        let (secret, last_part) = match status.export() {
            Some(export) => {
                let renewal = case.policy.lifecycle.renewal.as_ref();
                let wanted = renewal.and_then(|renewal| renewal.before);
                (export.secret_name.as_deref(), validity.last_part(wanted))
            }
            None => (None, validity.last_part(None).min(MOST_OF_IMPORTS)),
        };
        Some(Self {
            expiration,
            validity,
            secret,
            last_part: earlier(validity.until, last_part),
        })
    }

    /// Returns when the value expires or expired, for messages.
    fn expires(&self, now: Timestamp) -> String {
        let at = self.expiration.expires_at;
        match (self.secret, self.validity.is_over(now)) {
            (Some(secret), false) => format!("the tokens in the Secret {secret} expire at {at}"),
            (Some(secret), true) => format!("the tokens in the Secret {secret} expired at {at}"),
            (None, false) => format!("the imported value expires at {at}"),
            (None, true) => format!("the imported value expired at {at}"),
        }
    }
}

/// Returns when the value that the resource has expires, for metrics.
#[must_use]
pub fn expires_at<S: ResourceStatus>(status: &S, case: &Case<'_>) -> Option<Timestamp> {
    let held = Held::find(status, case)?;
    Some(held.expiration.expires_at)
}

/// Adds to a plan's report that a value expires or has expired, given the status after the plan.
#[must_use]
pub fn with_expiry<S: ResourceStatus>(next: &S, case: &Case<'_>, plan: &Plan) -> Plan {
    let Some(held) = Held::find(next, case) else {
        return plan.clone();
    };
    let is_over = held.validity.is_over(case.now);
    plan.clone().map_verdict(|verdict| match next.export() {
        Some(export) if is_over => expired(case, &held, export, verdict),
        Some(export) => tokens_expire(case, &held, export, verdict),
        None => import_expires(case, &held, verdict),
    })
}

/// Returns the time until tokens are renewed, or until what is reported of an expiry changes. Then the resource is reconciled
/// again, even in a pause: a report asks nothing of the API.
#[must_use]
pub fn changes_in<S: ResourceStatus>(next: &S, case: &Case<'_>) -> Option<Duration> {
    let held = Held::find(next, case)?;
    let renewal = next.export().and_then(|export| renewal_at(case, export));
    let changes = [Some(held.last_part), Some(held.validity.until), renewal];
    let changes = changes.into_iter().flatten();
    let change = changes.filter(|at| *at > case.now).min()?;
    let left = Duration::try_from(change.duration_since(case.now)).ok()?;
    Some(left + MOMENT)
}

/// Reports tokens that have expired, whatever else keeps them from being renewed.
fn expired(
    case: &Case<'_>,
    held: &Held<'_>,
    export: &ExportStatus,
    mut verdict: Verdict,
) -> Verdict {
    let expired = held.expires(case.now);
    if verdict.reason.class() == Class::HeldByChoice {
        verdict.message = format!("{}; {expired}", verdict.message);
        verdict.ready = false;
        return verdict;
    }
    // A failure that passes says no more than what is reported already.
    if verdict.keeps_conditions && case.record.reason.as_deref() == Some(Reason::Expired.as_str()) {
        return verdict;
    }
    let why = if verdict.keeps_conditions {
        "another export is being retried".to_owned()
    } else if verdict.reason.class() != Class::Done {
        verdict.message
    } else if let Some(due) = renewal_at(case, export) {
        format!(
            "Metorial exported none that are still valid; authorize the auth config again, or import another value into it; exporting again after {due:.0}"
        )
    } else {
        ONCE.to_owned()
    };
    verdict.message = format!("{expired}: {why}");
    verdict.reason = Reason::Expired;
    verdict.keeps_conditions = false;
    verdict
}

/// The cause why tokens are not renewed yet.
const SPENT: &str =
    "spec.maxPerDay exports were made within 24 hours; waiting until one of them is older";
/// The cause why tokens are not exported again.
const ONCE: &str = "spec.when is Once, so they are not exported again; set spec.when to OnChange";

/// Reports tokens that expire soon, or that can't be renewed in time.
fn tokens_expire(
    case: &Case<'_>,
    held: &Held<'_>,
    export: &ExportStatus,
    verdict: Verdict,
) -> Verdict {
    let is_last_part = case.now >= held.last_part;
    let renewal = case.policy.lifecycle.renewal.as_ref();
    let shortfall = renewal.and_then(|renewal| renewal.shortfall(held.validity));
    let why = match (renewal, shortfall) {
        (_, Some(shortfall)) => shortfall,
        (None, _) if is_last_part => ONCE.to_owned(),
        (Some(_), None) if is_last_part && is_budget_spent(case, export) => SPENT.to_owned(),
        (Some(_), None) if is_last_part => "not renewed yet; retrying".to_owned(),
        _ => return verdict,
    };
    expiring(case, held, verdict, &why)
}

fn import_expires(case: &Case<'_>, held: &Held<'_>, verdict: Verdict) -> Verdict {
    if case.now >= held.last_part {
        let why = "provide another one in the sources of spec.value";
        expiring(case, held, verdict, why)
    } else {
        verdict
    }
}

fn expiring(case: &Case<'_>, held: &Held<'_>, verdict: Verdict, why: &str) -> Verdict {
    let expiring = Expiring {
        message: format!("{}: {why}", held.expires(case.now)),
        until: held.expiration.expires_at.to_string(),
    };
    Verdict {
        expiring: Some(expiring),
        ..verdict
    }
}

// An error is only possible for calendar units, which a duration has none of.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(at)
}

/// Returns a duration in whole minutes, for messages: `1h20m`.
fn minutes(duration: SignedDuration) -> String {
    let (hours, minutes) = (duration.as_hours(), duration.as_mins() % 60);
    match (hours, minutes) {
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    }
}
