//! Texts of a server that are shown in a status, an event or a message.

/// Longest text of a server that is shown, in characters.
pub const LONGEST_TEXT: usize = 256;

/// Cuts a text of a server to [`LONGEST_TEXT`] characters: a name of megabytes must not fill a status that others read.
#[must_use]
pub fn cut(text: &str) -> String {
    cut_to(text, LONGEST_TEXT)
}

/// Cuts a text to `max` characters.
#[must_use]
pub fn cut_to(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(max - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_of_more_than_256_characters_is_cut() {
        let longest = "ä".repeat(256);
        assert_eq!(cut(&longest), longest);
        let shown = cut(&"ä".repeat(900_000));
        assert_eq!(shown.chars().count(), 256);
        assert!(shown.ends_with("ä…"));
    }
}
