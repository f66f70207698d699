//! The differences between the desired object and the existing one, field by field, compared by meaning.

use super::desired::Desired;
use super::fields::{Blank, Compare, Field, Remedy, is_blank};
use super::observed::RemoteView;
use super::ownership::{MARKER_FIELD, Marker};
use super::record::Record;
use crate::resources::{DriftEntry, cut_to};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// The differing fields, how they can be applied, and a description for users.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Differences {
    /// Names of the differing fields, write-only ones included.
    pub fields: Vec<&'static str>,
    /// True if our metadata or the owner in the marker differs.
    pub metadata: bool,
    /// True if the fingerprint in the marker differs.
    pub fingerprint: bool,
    /// True if a value has to be imported, unless the list of imports shows that it is there.
    pub needs_import: bool,
    /// True if others may have imported a value that no list shows yet: a PATCH of these must not hide that they wrote.
    pub keeps_write_time: bool,
    /// True if the object has to be replaced.
    pub needs_replacement: bool,
    /// Names of the differing fields that nothing can change.
    pub fixed: Vec<&'static str>,
    /// The same, for users.
    pub entries: Vec<DriftEntry>,
}

impl Differences {
    /// Returns true if nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && !self.sends_metadata()
    }

    /// Returns true if the metadata has to be sent.
    #[must_use]
    pub fn sends_metadata(&self) -> bool {
        self.metadata || self.fingerprint
    }

    /// Returns the names of the fields, for messages.
    #[must_use]
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.entries.iter().map(|e| e.field.as_str()).collect();
        names.join(", ")
    }

    /// Returns true if a PATCH applies some of them.
    #[must_use]
    pub fn patches(&self, desired: &Desired) -> bool {
        let by_patch =
            |name: &&'static str| desired.remedy(name).and_then(Remedy::patch_key).is_some();
        self.sends_metadata() || self.fields.iter().any(by_patch)
    }

    /// Returns the fields that the API refuses to change for some objects.
    #[must_use]
    pub fn refusable(&self, desired: &Desired) -> Vec<&'static str> {
        let refusable =
            |name: &&'static str| matches!(desired.remedy(name), Some(Remedy::PatchOrReplace(_)));
        self.fields.iter().copied().filter(refusable).collect()
    }

    /// Returns true if the object has everything that only a replacement may be able to apply.
    #[must_use]
    pub fn is_without_replacement(&self, desired: &Desired) -> bool {
        !self.needs_replacement && self.refusable(desired).is_empty()
    }

    /// Removes a field, with what users see of it. Returns true if it differed.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.fields.len();
        self.fields.retain(|field| *field != name);
        self.entries.retain(|entry| entry.field != name);
        self.fields.len() < before
    }

    /// Returns the names of the differing fields that some builds ignore in a PATCH.
    #[must_use]
    pub fn possibly_ignored(&self, desired: &Desired) -> Vec<&'static str> {
        let is_tried =
            |name: &&'static str| matches!(desired.remedy(name), Some(Remedy::TryPatch(_)));
        self.fields.iter().copied().filter(is_tried).collect()
    }

    fn add(&mut self, field: &str, desired: &str, observed: &str) {
        self.entries.push(DriftEntry {
            field: field.to_owned(),
            desired: desired.to_owned(),
            observed: observed.to_owned(),
        });
    }
}

/// The characters of a value in a status, at most.
const LONGEST_VALUE: usize = 200;
/// A value that is not shown.
pub const HIDDEN: &str = "<hidden>";

/// Returns the difference, for users, of a field whose value is not shown.
#[must_use]
pub fn hidden(field: &str) -> DriftEntry {
    DriftEntry {
        field: field.to_owned(),
        desired: HIDDEN.to_owned(),
        observed: HIDDEN.to_owned(),
    }
}

/// Compares the desired object with the existing one.
///
/// A field that can't be read back counts as different when the fingerprint in the marker, or for imports the one in the
/// status, is another one, or when somebody wrote the object after us. That a readable field differs, too, proves nothing: they
/// may have written several, and a PATCH of that field alone would hide that they did.
#[must_use]
pub fn differences(desired: &Desired, remote: &RemoteView, record: &Record) -> Differences {
    let mut found = Differences::default();
    if desired.source.external().is_none() {
        compare_readable_fields(desired, remote, record, &mut found);
        compare_metadata(desired, remote, record, &mut found);
    }
    let as_created = found.is_empty() && is_as_created(desired, remote, record);
    let written_after = record.written_after(remote) && !as_created;
    compare_fingerprints_in_marker(desired, remote, record, written_after, &mut found);
    compare_imported_values(desired, remote, record, written_after, &mut found);
    found
}

/// Returns true if nobody but the server wrote the object after our create, provided that nothing differs that can be read.
#[must_use]
pub fn is_as_created(desired: &Desired, remote: &RemoteView, record: &Record) -> bool {
    let sent = |marker: &Marker| {
        let wanted = &desired.marker;
        marker.owner == wanted.owner && marker.fingerprint == wanted.fingerprint
    };
    record.written_just_after_create(remote) && remote.marker.as_ref().is_some_and(sent)
}

/// Compares write-only fields whose fingerprint is in the marker, written in the same request.
fn compare_fingerprints_in_marker(
    desired: &Desired,
    remote: &RemoteView,
    record: &Record,
    written_after: bool,
    found: &mut Differences,
) {
    let fields: Vec<&Field> = write_only(desired, |remedy| remedy != Remedy::Import).collect();
    let patched = fields
        .iter()
        .any(|field| field.rule.remedy.patch_key().is_some());
    let recorded = record.id.as_ref() == Some(&remote.id);
    let explained = !found.is_empty();
    // Where the object has everything that is desired, but not acknowledged, the last write was ours, and its response was lost.
    let sent_again =
        patched && recorded && written_after && (record.acknowledged(desired) || explained);
    let fingerprint = |marker: &Marker| marker.fingerprint.clone();
    let fingerprint_differs =
        remote.marker.as_ref().and_then(fingerprint) != fingerprint(&desired.marker);
    if fields.is_empty() || !(fingerprint_differs || sent_again) {
        return;
    }
    // Nobody wrote since our last write, so the object has exactly what is recorded.
    let exact = recorded && record.remote_updated_at.is_some() && !written_after;
    for field in fields {
        let name = field.rule.name;
        let same = !changed(desired, record, name);
        let present = match field.rule.remedy {
            // The recorded state says that the object has this value: only the marker is not what it was, and a PATCH
            // restores that. A replacement for it would be for nothing.
            Remedy::Replace => recorded && same,
            // A PATCH of the same value would do no harm, so it is left out only where that is certain.
            _ => exact && equal(desired, record, name),
        };
        if present {
            continue;
        }
        found.fields.push(name);
        found.needs_replacement |= field.rule.remedy == Remedy::Replace;
        // What is the recorded value is reported only where nothing else shows that the object was changed.
        if !(same && (fingerprint_differs || explained)) {
            found.entries.push(hidden(name));
        }
    }
    found.fingerprint = fingerprint_differs;
}

/// Compares write-only fields that are imported, with the recorded state of the last import. Where nothing is recorded, or
/// somebody wrote after us, the list of imports decides.
fn compare_imported_values(
    desired: &Desired,
    remote: &RemoteView,
    record: &Record,
    written_after: bool,
    found: &mut Differences,
) {
    if is_imported_for_good(desired, &remote.id, record) {
        return;
    }
    for field in write_only(desired, |remedy| remedy == Remedy::Import) {
        let name = field.rule.name;
        let of_another_object = record.id.as_ref().is_some_and(|id| *id != remote.id);
        let changed_here = of_another_object || changed(desired, record, name);
        let explained = !found.is_empty();
        // A value may have been imported, unnoticed, that is not desired any more.
        if changed_here || written_after || record.lost_import {
            found.fields.push(name);
            found.needs_import = true;
            if changed_here || !explained {
                found.entries.push(hidden(name));
            }
        }
    }
}

/// Returns true if a value was imported into the object of this id, and no later one is to be.
#[must_use]
pub fn is_imported_for_good(desired: &Desired, into: &str, record: &Record) -> bool {
    let once = desired.source.imports().is_some_and(|imports| imports.once);
    let here = record.id.as_deref() == Some(into) && !record.imports.is_empty();
    once && here && !record.lost_import
}

/// Returns true if a write-only field differs from the recorded one.
///
/// A fingerprint under another MAC key says nothing: the key was lost, and the values are taken to be unchanged, since an import
/// or a replacement for that reason would be for nothing.
pub fn changed(desired: &Desired, record: &Record, name: &str) -> bool {
    let wanted = desired.input(name);
    match (wanted, record.input(name)) {
        (Some(wanted), Some(known)) => {
            known.same_key(&wanted.fingerprint) && *known != wanted.fingerprint
        }
        (wanted, known) => wanted.is_some() || known.is_some(),
    }
}

/// Returns true if a write-only field is known to be the recorded one.
fn equal(desired: &Desired, record: &Record, name: &str) -> bool {
    let wanted = desired.input(name);
    wanted.is_some_and(|wanted| record.input(name) == Some(&wanted.fingerprint))
}

fn write_only(desired: &Desired, by: impl Fn(Remedy) -> bool) -> impl Iterator<Item = &Field> {
    let fields = desired.fields.iter().filter(|field| field.is_write_only());
    fields.filter(move |field| by(field.rule.remedy))
}

/// Returns the time since which writes are not ours after a PATCH, where that is not the time of the PATCH itself: somebody
/// else's write came between our read and our PATCH (▲: the server's PATCH is a read-modify-write), or before that, and it is
/// not known yet what it changed.
#[must_use]
pub fn others_since(
    desired: &Desired,
    sent: &Differences,
    before: &RemoteView,
    answer: &RemoteView,
    record: &Record,
) -> Option<Timestamp> {
    match record.remote_updated_at.filter(|_| sent.keeps_write_time) {
        Some(ours) => Some(ours),
        None => others_wrote_meanwhile(desired, sent, answer).then_some(before.updated_at),
    }
}

/// Returns true if the response to a PATCH shows a difference that the PATCH did not contain.
fn others_wrote_meanwhile(desired: &Desired, sent: &Differences, answer: &RemoteView) -> bool {
    let recorded = Record {
        id: Some(answer.id.clone()),
        revision: Some(desired.revision.clone()),
        inputs: desired
            .all_inputs()
            .map(|input| (input.field.to_owned(), input.fingerprint.clone()))
            .collect(),
        ..Record::default()
    };
    let left = differences(desired, answer, &recorded);
    let unsent = |field: &&'static str| !sent.fields.contains(field);
    left.fields.iter().any(unsent) || (left.sends_metadata() && !sent.sends_metadata())
}

fn compare_readable_fields(
    desired: &Desired,
    remote: &RemoteView,
    record: &Record,
    found: &mut Differences,
) {
    for field in &desired.fields {
        let (rule, wanted) = (field.rule, field.expose());
        let partly = rule.compare == Compare::PartlyReadable;
        if rule.compare != Compare::Readable && !partly {
            continue;
        }
        let unreadable = |observed: &&Value| partly && is_blank(observed) && !is_blank(wanted);
        let read = remote.fields.get(rule.name);
        // A field that the response leaves out can't be compared (▲: some builds omit fields): the recorded state says
        // whether it was sent.
        let (differs, observed) = match read.filter(|observed| !unreadable(observed)) {
            Some(observed) => (observed != wanted, observed),
            None if partly => (
                unread_differs(desired, remote, record, rule.name),
                read.unwrap_or(&Value::Null),
            ),
            None => (!record.acknowledged(desired), &Value::Null),
        };
        let fixed = field.rule.remedy == Remedy::Fixed;
        // What nothing can change is compared only where both sides say something.
        let unsaid = fixed && (is_blank(field.expose()) || observed.is_null());
        let can_not_clear = field.rule.blank == Blank::Ignored && is_blank(field.expose());
        if differs && !can_not_clear && !unsaid {
            found.needs_replacement |= field.rule.remedy == Remedy::Replace;
            found.fixed.extend(fixed.then_some(field.rule.name));
            found.fields.push(field.rule.name);
            found.add(field.rule.name, &shown(field.expose()), &shown(observed));
        }
    }
}

/// Returns true if a field that this server does not show differs. Where nothing is recorded of an object that we created, it
/// was created with what is desired, as far as anybody knows.
fn unread_differs(desired: &Desired, remote: &RemoteView, record: &Record, name: &str) -> bool {
    let owner = remote.marker.as_ref().map(|marker| &marker.owner);
    match record.input(name) {
        Some(_) => changed(desired, record, name),
        None if owner == Some(&desired.marker.owner) => {
            record.revision.is_some() && !record.acknowledged(desired)
        }
        None => true,
    }
}

fn compare_metadata(
    desired: &Desired,
    remote: &RemoteView,
    record: &Record,
    found: &mut Differences,
) {
    for (key, value) in &desired.metadata {
        let observed = remote.metadata.get(key);
        if observed != Some(value) {
            found.metadata = true;
            let observed = observed.map_or_else(|| "absent".to_owned(), shown);
            found.add(&metadata_field(key), &shown(value), &observed);
        }
    }
    // The marker also lists those of a request whose response was lost, or that was only a part of what was to be applied.
    let sent = remote.keys_of(&desired.marker.owner);
    let former: BTreeSet<&String> = record.metadata_keys.iter().chain(sent).collect();
    for key in former {
        if let (false, Some(observed)) =
            (desired.metadata.contains_key(key), remote.metadata.get(key))
        {
            found.metadata = true;
            found.add(&metadata_field(key), "absent", &shown(observed));
        }
    }
    if remote.marker.as_ref().map(|marker| &marker.owner) != Some(&desired.marker.owner) {
        found.metadata = true;
        found.add(MARKER_FIELD, "this resource", "something else");
    }
}

/// Returns a key of the metadata as a field. Any text is a key, even the empty one: what could be misread is quoted.
fn metadata_field(key: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    if !key.is_empty() && key.chars().all(is_plain) {
        format!("metadata.{key}")
    } else {
        format!("metadata.{key:?}")
    }
}

/// Returns a readable value for a status: as JSON, shortened.
#[must_use]
pub fn shown(value: &Value) -> String {
    cut_to(&value.to_string(), LONGEST_VALUE)
}
