//! Items of a list that can't be decoded: too deep, too large or malformed.
//!
//! Anybody who can write to an instance can put such an object into it. If every search waited for it to be repaired, one
//! object would stop all creates and deletions; if it were skipped, an object of ours that became unreadable would be created
//! twice. So its text decides: the marker of an object, an import or an export holds the uid of its resource, and the note of
//! an import the resource's name. An item that mentions neither is not ours. One that does may be, and then nothing is
//! concluded.

use super::records;
use crate::plan::ownership::Owner;
use metorial::Unreadable;

/// The number of uids that are read from one item. Our own metadata holds one; what others may put beside it is limited.
const MOST_UIDS: usize = 1000;
/// The length of a uid.
const LONGEST_UID: usize = 64;

/// What is kept of an unreadable item of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The id of the object.
    pub id: String,
    uids: Vec<String>,
}

impl Suspect {
    /// Reads every `"uid": "…"` in an item.
    #[must_use]
    pub fn of(item: &Unreadable) -> Self {
        let names = item.text().match_indices("\"uid\"").take(MOST_UIDS);
        let uids = names.filter_map(|(at, name)| uid(&item.text()[at + name.len()..]));
        Self {
            id: item.id.clone(),
            uids: uids.map(str::to_owned).collect(),
        }
    }

    /// Returns whether the object may belong to the resource with this uid.
    #[must_use]
    pub fn may_belong_to(&self, uid: &str) -> bool {
        self.uids.iter().any(|known| known == uid)
    }
}

/// Returns the text that follows the name of a member.
fn uid(rest: &str) -> Option<&str> {
    let value = rest.trim_start().strip_prefix(':')?.trim_start();
    let (uid, _) = value.strip_prefix('"')?.split_once('"')?;
    (uid.len() <= LONGEST_UID).then_some(uid)
}

/// Returns whether a record may be of the owner, or of its value.
#[must_use]
pub fn may_be_record_of(item: &Unreadable, owner: &Owner) -> bool {
    item.mentions(&owner.uid) || item.mentions(&records::prefix(owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_read_wherever_it_is() {
        for (rest, expected) in [
            (r#": "u-1", "x": 1"#, Some("u-1")),
            (r#":"u-1"}"#, Some("u-1")),
            (r#" : {"#, None),
            (r#", "#, None),
            (r#": "u"#, None),
        ] {
            assert_eq!(uid(rest), expected, "{rest}");
        }
        let long = format!(r#": "{}""#, "u".repeat(65));
        assert_eq!(uid(&long), None);
    }
}
