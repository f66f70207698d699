//! Remote name and description, as several kinds have them.

use crate::plan::fields::{Blank, Compare, Field, FieldRule, Remedy, Role};
use crate::resources::Naming;
use serde_json::Value;

/// The remote name.
pub const NAME: FieldRule = FieldRule {
    name: "name",
    role: Role::Other,
    create: &["name"],
    compare: Compare::Readable,
    remedy: Remedy::Patch("name"),
    blank: Blank::Clears,
};

/// A description that can be cleared.
pub const DESCRIPTION: FieldRule = FieldRule {
    name: "description",
    create: &["description"],
    remedy: Remedy::Patch("description"),
    ..NAME
};

/// A description that, once set, the API never clears.
pub const LASTING_DESCRIPTION: FieldRule = FieldRule {
    blank: Blank::Ignored,
    ..DESCRIPTION
};

/// Returns name and description; the name is by default that of the resource.
#[must_use]
pub fn fields(
    naming: &Naming,
    own: Option<&String>,
    description: &'static FieldRule,
) -> [Field; 2] {
    let name = naming.name.as_ref().or(own);
    [
        Field::plain(&NAME, text(name.map(String::as_str))),
        Field::plain(description, text(naming.description.as_deref())),
    ]
}

/// Returns text as the API keeps it: trimmed (▲), and absent as empty. To JavaScript, in which the API's clients are written, a
/// byte order mark is white space.
#[must_use]
pub fn text(text: Option<&str>) -> Value {
    let blank = |character: char| character.is_whitespace() || character == '\u{feff}';
    Value::from(text.unwrap_or_default().trim_matches(blank))
}
