//! What differs between the wanted object and the one that is there: field by field, by meaning.

use super::Ledger;
use super::desired::{Blank, Compare, Desired, Field, Remedy, RemoteView, is_blank};
use crate::resources::DriftEntry;
use serde_json::Value;

/// What to bring in by one PATCH, and how to tell people about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Differences {
    /// Names of the differing fields, write-only ones included.
    pub fields: Vec<&'static str>,
    /// Whether the metadata has to be sent: ours differs in it, or the fingerprint in the marker does.
    pub metadata: bool,
    /// Whether a value has to go in by an import.
    pub imports: bool,
    /// Whether only another object in its place brings them in.
    pub replaces: bool,
    /// The same for people.
    pub entries: Vec<DriftEntry>,
}

impl Differences {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && !self.metadata
    }

    /// The fields in words, for messages.
    #[must_use]
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.entries.iter().map(|e| e.field.as_str()).collect();
        names.join(", ")
    }

    /// Whether there is something that a PATCH brings in.
    #[must_use]
    pub fn patches(&self, desired: &Desired) -> bool {
        let by_patch = |name: &&'static str| {
            desired
                .field(name)
                .is_some_and(|field| matches!(field.rule.remedy, Remedy::Patch(_)))
        };
        self.metadata || self.fields.iter().any(by_patch)
    }

    fn add(&mut self, field: &str, desired: &str, observed: &str) {
        self.entries.push(DriftEntry {
            field: field.to_owned(),
            desired: desired.to_owned(),
            observed: observed.to_owned(),
        });
    }
}

const HIDDEN: &str = "<hidden>";

/// Compares. A field that can't be read back counts as different when the fingerprint beside it is another one, or
/// when somebody wrote the object after us and nothing readable tells what.
#[must_use]
pub fn differences(desired: &Desired, remote: &RemoteView, ledger: &Ledger) -> Differences {
    let mut found = Differences::default();
    if desired.borrowed().is_none() {
        readable_fields(desired, remote, ledger, &mut found);
        metadata(desired, remote, ledger, &mut found);
    }
    beside_the_marker(desired, remote, ledger, &mut found);
    imported(desired, remote, ledger, &mut found);
    found
}

/// Write-only fields whose digest travels in the marker, in the same request as they.
fn beside_the_marker(
    desired: &Desired,
    remote: &RemoteView,
    ledger: &Ledger,
    found: &mut Differences,
) {
    let fields: Vec<&Field> = write_only(desired, |remedy| remedy != Remedy::Import).collect();
    let patched = fields
        .iter()
        .any(|field| matches!(field.rule.remedy, Remedy::Patch(_)));
    let written_by_others = patched && ledger.acknowledged(desired) && ledger.written_after(remote);
    let fingerprint = |marker: &super::Marker| marker.fingerprint.clone();
    let other_values = remote.marker.as_ref().and_then(fingerprint) != fingerprint(&desired.marker);
    if fields.is_empty() || !(other_values || (written_by_others && found.is_empty())) {
        return;
    }
    let recorded = ledger.id.as_ref() == Some(&remote.id);
    for field in fields {
        let name = field.rule.name;
        let same = !changed(desired, ledger, name);
        // By the books it has this value: only the marker is not what it was.
        if field.rule.remedy == Remedy::Replace && recorded && same {
            continue;
        }
        found.fields.push(name);
        found.replaces |= field.rule.remedy == Remedy::Replace;
        if !(other_values && same) {
            found.add(name, HIDDEN, HIDDEN);
        }
    }
    found.metadata |= other_values;
}

/// Write-only fields that go in by imports: the books tell what went in last. Without books, or where somebody wrote
/// after us, the list of imports has to tell.
fn imported(desired: &Desired, remote: &RemoteView, ledger: &Ledger, found: &mut Differences) {
    for field in write_only(desired, |remedy| remedy == Remedy::Import) {
        let name = field.rule.name;
        let elsewhere = ledger.id.as_ref().is_some_and(|id| *id != remote.id);
        let other = elsewhere || changed(desired, ledger, name);
        let maybe_theirs = desired.borrowed().is_none()
            && ledger.acknowledged(desired)
            && ledger.written_after(remote)
            && found.is_empty();
        if other || maybe_theirs {
            found.fields.push(name);
            found.imports = true;
            found.add(name, HIDDEN, HIDDEN);
        }
    }
}

/// Whether a write-only field is another one than the books say. A digest under another key says nothing: the key was
/// lost, and the values are taken to be what they were.
pub(super) fn changed(desired: &Desired, ledger: &Ledger, name: &str) -> bool {
    let wanted = desired.inputs.iter().find(|input| input.field == name);
    match (wanted, ledger.input(name)) {
        (Some(wanted), Some(known)) => {
            known.same_key(&wanted.fingerprint) && *known != wanted.fingerprint
        }
        (wanted, known) => wanted.is_some() || known.is_some(),
    }
}

fn write_only(desired: &Desired, by: impl Fn(Remedy) -> bool) -> impl Iterator<Item = &Field> {
    let fields = desired.fields.iter().filter(|field| field.is_write_only());
    fields.filter(move |field| by(field.rule.remedy))
}

/// Whether the answer to a PATCH shows a difference that the PATCH did not speak of: then somebody else's change came
/// in between our look and our PATCH.
#[must_use]
pub fn overtaken(desired: &Desired, sent: &Differences, answer: &RemoteView) -> bool {
    let books = Ledger {
        id: Some(answer.id.clone()),
        revision: Some(desired.revision.clone()),
        inputs: desired
            .inputs
            .iter()
            .map(|input| (input.field.to_owned(), input.fingerprint.clone()))
            .collect(),
        ..Ledger::default()
    };
    let left = differences(desired, answer, &books);
    let unsent = |field: &&'static str| !sent.fields.contains(field);
    left.fields.iter().any(unsent) || (left.metadata && !sent.metadata)
}

fn readable_fields(
    desired: &Desired,
    remote: &RemoteView,
    ledger: &Ledger,
    found: &mut Differences,
) {
    for field in &desired.fields {
        if field.rule.compare != Compare::Readable {
            continue;
        }
        // A field that the answer doesn't speak of can't be compared: the books tell whether it was sent.
        let (differs, observed) = match remote.fields.get(field.rule.name) {
            Some(observed) => (observed != field.expose(), observed),
            None => (!ledger.acknowledged(desired), &Value::Null),
        };
        let can_not_clear = field.rule.blank == Blank::Ignored && is_blank(field.expose());
        if differs && !can_not_clear {
            found.replaces |= field.rule.remedy == Remedy::Replace;
            found.fields.push(field.rule.name);
            found.add(field.rule.name, &shown(field.expose()), &shown(observed));
        }
    }
}

fn metadata(desired: &Desired, remote: &RemoteView, ledger: &Ledger, found: &mut Differences) {
    for (key, value) in &desired.metadata {
        let observed = remote.metadata.get(key);
        if observed != Some(value) {
            found.metadata = true;
            let observed = observed.map_or_else(|| "absent".to_owned(), shown);
            found.add(&format!("metadata.{key}"), &shown(value), &observed);
        }
    }
    for key in &ledger.metadata_keys {
        if let (false, Some(observed)) =
            (desired.metadata.contains_key(key), remote.metadata.get(key))
        {
            found.metadata = true;
            found.add(&format!("metadata.{key}"), "absent", &shown(observed));
        }
    }
    if remote.marker.as_ref().map(|marker| &marker.owner) != Some(&desired.marker.owner) {
        found.metadata = true;
        found.add("metadata.kubernetes", "this resource", "something else");
    }
}

/// A readable value in a status: short, and as JSON.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 200 {
        text.chars().take(199).chain(['…']).collect()
    } else {
        text
    }
}
