//! Items of a list that can't be decoded: too deep, too large or malformed.
//!
//! Anybody who can write to an instance can put such an object into it. If every search waited for it to be repaired, one
//! object would stop all creates and deletions; if it were skipped, an object of ours that became unreadable would be created
//! twice. So its text decides: the marker of an object, an import or an export holds the uid of its resource, and the uid of
//! the namespace with the resource's name, by which a restored backup finds what its predecessor left; the note of an import
//! holds the resource's name. An item that mentions none of them is not ours. One that does may be, and then nothing is
//! concluded. Ids, uids and names are shorter than the strings that an item lacks because it was too large for its list.

use super::records;
use crate::plan::ownership::Owner;
use metorial::Unreadable;
use std::collections::BTreeSet;

/// The number of texts of one name that are read from one item. Our own marker holds one of each; what others may put
/// next to it is limited.
const MOST_TEXTS: usize = 1000;
/// The length of a uid or a name.
const LONGEST_TEXT: usize = 253;

/// The parts of an unreadable item of a search that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The id of the object.
    pub id: String,
    uids: BTreeSet<String>,
    namespaces: BTreeSet<String>,
    /// Only where there is a namespace that they may belong to.
    names: BTreeSet<String>,
}

impl Suspect {
    /// Reads every text in an item that may be part of a marker.
    #[must_use]
    pub fn new(item: &Unreadable) -> Self {
        Self::read(&item.id, item.text())
    }

    fn read(id: &str, item: &str) -> Self {
        let namespaces = texts(item, "\"namespaceUid\"");
        Self {
            id: id.to_owned(),
            uids: texts(item, "\"uid\""),
            names: if namespaces.is_empty() {
                BTreeSet::new()
            } else {
                texts(item, "\"name\"")
            },
            namespaces,
        }
    }

    /// Returns whether the object may carry the marker of this resource, or where that counts, of its predecessor of the
    /// same name in the same namespace.
    #[must_use]
    pub fn may_belong_to(&self, owner: &Owner, predecessor_counts: bool) -> bool {
        let of_predecessor = predecessor_counts
            && !owner.namespace_uid.is_empty()
            && self.namespaces.contains(&owner.namespace_uid)
            && self.names.contains(&owner.name);
        of_predecessor || self.uids.contains(&owner.uid)
    }
}

/// Returns the texts of all members of this name, which is given with its quotation marks.
fn texts(item: &str, name: &str) -> BTreeSet<String> {
    let names = item.match_indices(name).take(MOST_TEXTS);
    let texts = names.filter_map(|(at, name)| text(&item[at + name.len()..]));
    texts.map(str::to_owned).collect()
}

/// Returns the text that follows the name of a member.
fn text(rest: &str) -> Option<&str> {
    let value = rest.trim_start().strip_prefix(':')?.trim_start();
    let (text, _) = value.strip_prefix('"')?.split_once('"')?;
    (text.len() <= LONGEST_TEXT).then_some(text)
}

/// Returns whether a record may be of the owner or its predecessor, or of its value.
#[must_use]
pub fn may_be_record_of(item: &Unreadable, owner: &Owner) -> bool {
    // The note of an import may be one of the strings that a shortened item lacks.
    let mentions = item.mentions(&records::prefix(owner)) || item.is_shortened();
    mentions || Suspect::new(item).may_belong_to(owner, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ownership::{MARKER_KEY, Marker};
    use crate::plan::tests::fixture::owner;
    use serde_json::json;

    #[test]
    fn a_text_is_read_wherever_it_is() {
        for (rest, expected) in [
            (r#": "u-1", "x": 1"#, Some("u-1")),
            (r#":"u-1"}"#, Some("u-1")),
            (r#" : {"#, None),
            (r#", "#, None),
            (r#": "u"#, None),
        ] {
            assert_eq!(text(rest), expected, "{rest}");
        }
        let long = format!(r#": "{}""#, "u".repeat(254));
        assert_eq!(text(&long), None);
    }

    #[test]
    fn an_item_may_be_of_the_resource_that_its_marker_names_or_of_a_restored_one() {
        let of = |change: fn(&mut Owner)| {
            let mut other = owner("uid");
            change(&mut other);
            let marker = Marker {
                owner: other,
                fingerprint: None,
                keys: Vec::new(),
            };
            let item =
                json!({"id": "bad_1", "name": "mine", "metadata": {MARKER_KEY: marker.to_json()}});
            let suspect = Suspect::read("bad_1", &item.to_string());
            [false, true].map(|counts| suspect.may_belong_to(&owner("uid"), counts))
        };
        assert_eq!(of(|_| {}), [true, true]);
        assert_eq!(of(|it| it.uid = "former".to_owned()), [false, true]);
        let of_another_name = of(|it| {
            it.uid = "former".to_owned();
            it.name = "slack".to_owned();
        });
        assert_eq!(of_another_name, [false, false]);
        let of_another_namespace = of(|it| {
            it.uid = "former".to_owned();
            it.namespace_uid = "former-team".to_owned();
        });
        assert_eq!(of_another_namespace, [false, false]);
    }
}
