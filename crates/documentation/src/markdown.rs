//! A page: its links, the anchors of its headings, and its code blocks.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A Markdown file.
pub struct Page {
    /// Its path from the root of the repository.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// A link or an image.
#[derive(Debug, PartialEq, Eq)]
pub struct Link {
    /// The destination as it is written.
    pub to: String,
    /// The line that it is in.
    pub line: usize,
}

/// A fenced code block.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// The words after the fence: the language, and marks for the tests.
    pub marks: Vec<String>,
    /// The content.
    pub text: String,
    /// The line of the fence.
    pub line: usize,
}

impl Block {
    /// Returns whether the block is in this language.
    #[must_use]
    pub fn is(&self, language: &str) -> bool {
        self.marks.first().is_some_and(|first| first == language)
    }

    /// Returns whether the block has a mark.
    #[must_use]
    pub fn has(&self, mark: &str) -> bool {
        self.marks.iter().skip(1).any(|found| found == mark)
    }

    /// Returns the value of a mark such as `input=NAME`.
    #[must_use]
    pub fn value(&self, mark: &str) -> Option<&str> {
        let mut marks = self.marks.iter().skip(1);
        marks.find_map(|found| found.strip_prefix(mark)?.strip_prefix('='))
    }
}

impl Page {
    /// Returns the page with this content.
    #[must_use]
    pub fn new(path: PathBuf, text: String) -> Self {
        Self { path, text }
    }

    /// Returns its links and images.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        let mut links = Vec::new();
        for (event, range) in self.events() {
            if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event {
                links.push(Link {
                    to: dest_url.into_string(),
                    line: self.line(range.start),
                });
            }
        }
        links
    }

    /// Returns the headings with their levels, in order.
    #[must_use]
    pub fn headings(&self) -> Vec<(usize, String)> {
        let mut headings = Vec::new();
        let mut open: Option<(usize, String)> = None;
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Heading { level, .. }) => {
                    open = Some((level as usize, String::new()));
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some((_, title)) = &mut open {
                        title.push_str(&text);
                    }
                }
                Event::End(TagEnd::Heading(_)) => headings.extend(open.take()),
                _ => {}
            }
        }
        headings
    }

    /// Returns the lines of the headings, in order.
    #[must_use]
    pub fn heading_lines(&self) -> Vec<usize> {
        let is_heading = |event: &Event<'_>| matches!(event, Event::Start(Tag::Heading { .. }));
        let headings = self.events().filter(|(event, _)| is_heading(event));
        headings.map(|(_, range)| self.line(range.start)).collect()
    }

    /// Returns the anchors of the headings, as GitHub and mdBook make them.
    #[must_use]
    pub fn anchors(&self) -> Vec<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut anchors = Vec::new();
        for (_, title) in self.headings() {
            let anchor = anchor(&title);
            let count = seen.entry(anchor.clone()).or_default();
            anchors.push(match *count {
                0 => anchor,
                _ => format!("{anchor}-{count}"),
            });
            *count += 1;
        }
        anchors
    }

    /// Returns its fenced code blocks.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut inside = false;
        for (event, range) in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    inside = true;
                    let marks = info.split([' ', ',']).filter(|word| !word.is_empty());
                    blocks.push(Block {
                        marks: marks.map(str::to_owned).collect(),
                        text: String::new(),
                        line: self.line(range.start),
                    });
                }
                Event::Text(text) if inside => {
                    if let Some(block) = blocks.last_mut() {
                        block.text.push_str(&text);
                    }
                }
                Event::End(TagEnd::CodeBlock) => inside = false,
                _ => {}
            }
        }
        blocks
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, std::ops::Range<usize>)> {
        let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
        Parser::new_ext(&self.text, options).into_offset_iter()
    }

    fn line(&self, offset: usize) -> usize {
        self.text[..offset].matches('\n').count() + 1
    }
}

/// Returns the anchor of a heading: lower case, hyphens for spaces, no other punctuation.
fn anchor(title: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ if c.is_alphanumeric() => Some(c),
        _ => None,
    };
    title.to_lowercase().chars().filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page::new(PathBuf::from("a.md"), text.to_owned())
    }

    #[test]
    fn a_heading_has_the_anchor_that_github_gives_it() {
        let page = page("# A `b` and c's \"d\"\n\n## X, y\n\n## X, y\n");
        assert_eq!(page.anchors(), ["a-b-and-cs-d", "x-y", "x-y-1"]);
    }

    #[test]
    fn links_in_code_are_none() {
        let page = page("[a](b.md#c)\n`[x](y)`\n\n```\n[x](y)\n```\n");
        let links = page.links();
        assert_eq!(links.len(), 1);
        assert_eq!((links[0].to.as_str(), links[0].line), ("b.md#c", 1));
    }

    #[test]
    fn a_block_has_a_language_and_marks() {
        let page = page("1. text\n\n   ```sh background input=KEY\n   a\n   ```\n");
        let blocks = page.blocks();
        assert_eq!(blocks.len(), 1);
        let block = &blocks[0];
        assert!(block.is("sh") && block.has("background"));
        assert_eq!(
            (block.value("input"), block.text.as_str()),
            (Some("KEY"), "a\n")
        );
    }
}
