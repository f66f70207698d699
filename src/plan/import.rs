//! Values that go in by imports: records in somebody's audit log that can't be taken back, so exactly one for each
//! change. The tag in the note of each tells a lost answer from a lost request.

use super::desired::ImportSeen;
use super::differences::changed;
use super::{Desired, Happening, Plan, RemoteView, Situation, Step, Verdict, differences, synced};
use crate::resources::{DriftPolicy, Reason};

/// The field that imports bring in.
const VALUE: &str = "value";

/// What the list of imports says about the wanted value.
enum Finding<'a> {
    /// It is in: by this import of ours, or since the object was made.
    In(Option<&'a ImportSeen>),
    /// It is not in: bring it in after this import of ours.
    Out(Option<&'a str>),
}

/// Decides about a value that may have to go in.
pub(super) fn import(
    situation: &Situation,
    desired: &Desired,
    remote: &RemoteView,
    mut plan: Plan,
) -> Plan {
    let seen = situation.seen.imports.as_deref().unwrap_or_default();
    match finding(situation, desired, remote, seen) {
        Finding::In(record) => {
            // First: the answer to a PATCH is younger than what is seen here.
            let bind = Step::Bind {
                remote: Box::new(remote.clone()),
                import: record.cloned().map(Box::new),
            };
            plan.steps.insert(0, bind);
            plan.verdict = synced(desired);
            let once = desired.importing.as_ref().is_some_and(|it| it.once);
            let known = situation.ledger.input(VALUE).is_some();
            if once && known && changed(desired, situation.ledger, VALUE) {
                // Another value is no news to the books: it was not sent.
                plan.acknowledges = false;
                plan.verdict.message =
                    "the first value was brought in; when: Once keeps every other out".to_owned();
            }
            plan
        }
        Finding::Out(previous) => {
            let changed_here = !situation.ledger.acknowledged(desired);
            if !changed_here && situation.policy.drift == DriftPolicy::Report {
                let found = differences(desired, remote, situation.ledger);
                plan.verdict = synced(desired);
                plan.verdict.drift = found.entries;
                return plan;
            }
            if !situation.ledger.certain && !situation.ledger.settled && situation.ledger.finalizer
            {
                let message =
                    "an import may have reached Metorial: looking for it before another is made";
                return Verdict::new(Reason::Importing, message).alone();
            }
            let Some(importing) = &desired.importing else {
                return plan;
            };
            plan.steps.push(Step::Import {
                id: remote.id.clone(),
                tag: importing.tag(previous),
            });
            if changed_here {
                let note = format!("brought a value into {}", remote.id);
                plan.verdict = synced(desired).with(Happening::Imported, note);
            }
            plan
        }
    }
}

fn finding<'a>(
    situation: &'a Situation,
    desired: &Desired,
    remote: &RemoteView,
    seen: &'a [ImportSeen],
) -> Finding<'a> {
    let Some(importing) = &desired.importing else {
        return Finding::In(None);
    };
    let mut newest: Vec<&ImportSeen> = seen.iter().collect();
    newest.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    let tagged: Vec<&ImportSeen> = newest
        .iter()
        .filter(|import| import.tag.is_some())
        .copied()
        .collect();
    let here = situation.ledger.id.as_ref() == Some(&remote.id);
    let recorded = situation.ledger.imports.first().filter(|_| here);
    if importing.once && (recorded.is_some() || !tagged.is_empty()) {
        return Finding::In(tagged.first().copied().filter(|_| recorded.is_none()));
    }
    let by = |previous: Option<&str>| {
        let tag = importing.tag(previous);
        tagged
            .iter()
            .find(|import| import.tag.as_ref() == Some(&tag))
            .copied()
    };
    if let Some(last) = recorded {
        return match by(Some(last)) {
            Some(import) => Finding::In(Some(import)),
            None if written_by_us_last(situation, desired, &newest) => Finding::In(None),
            None => Finding::Out(Some(last)),
        };
    }
    let previous = tagged.get(1).map(|import| import.id.as_str());
    match tagged.first() {
        Some(last) if last.tag.as_deref() == Some(&importing.tag(previous)) => {
            Finding::In(Some(last))
        }
        Some(last) => Finding::Out(Some(&last.id)),
        None if since_the_create(situation, desired, remote, &newest) => Finding::In(None),
        None => Finding::Out(None),
    }
}

/// Whether the value that the books say is in is still the last one that was brought in by anybody.
fn written_by_us_last(situation: &Situation, desired: &Desired, newest: &[&ImportSeen]) -> bool {
    let ours = |import: &&ImportSeen| situation.ledger.imports.contains(&import.id);
    situation.ledger.acknowledged(desired) && newest.first().is_none_or(ours)
}

/// Whether the object was made with the wanted value, and nobody imported another one since.
fn since_the_create(
    situation: &Situation,
    desired: &Desired,
    remote: &RemoteView,
    newest: &[&ImportSeen],
) -> bool {
    if desired.borrowed().is_some() {
        return false;
    }
    let made_with = remote
        .marker
        .as_ref()
        .and_then(|marker| marker.fingerprint.as_ref());
    let known =
        made_with == desired.marker.fingerprint.as_ref() || situation.ledger.acknowledged(desired);
    known && newest.first().is_none_or(|import| import.of_create)
}
