//! Every page is written so that any Markdown renderer reads it the same way.

use documentation::pages;

#[test]
fn every_heading_has_an_empty_line_before_and_after_it() {
    let mut problems = Vec::new();
    for page in pages().unwrap() {
        let lines: Vec<&str> = page.text.lines().collect();
        for line in page.heading_lines() {
            let before = line.checked_sub(2).and_then(|index| lines.get(index));
            let parted = before.is_none_or(|text| text.is_empty() || text.starts_with("<!--"));
            let after = lines.get(line);
            if !parted || after.is_some_and(|text| !text.is_empty()) {
                problems.push(format!("{}:{line}", page.path.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
