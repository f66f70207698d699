//! Messages and alerts link to the sections of docs/troubleshooting.md, so each reason and each alert has one.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use documentation::{Page, pages, root};
use std::collections::BTreeSet;
use std::path::Path;

fn troubleshooting() -> Page {
    let mut pages = pages().unwrap().into_iter();
    pages
        .find(|page| page.path == Path::new("docs/troubleshooting.md"))
        .unwrap()
}

/// The headings of level three below a heading of level two.
fn sections(page: &Page, below: &str) -> BTreeSet<String> {
    let headings = page.headings();
    let after = headings
        .iter()
        .skip_while(|(level, title)| (*level, title.as_str()) != (2, below));
    let inside = after.skip(1).take_while(|(level, _)| *level > 2);
    inside
        .filter(|(level, _)| *level == 3)
        .map(|(_, title)| title.clone())
        .collect()
}

/// The reasons as their list in the source code has them; the operator itself is not compiled for this test.
fn reasons() -> BTreeSet<String> {
    let source = std::fs::read_to_string(root().join("src/resources/reason.rs")).unwrap();
    let (_, list) = source.split_once("\nreasons! {").unwrap();
    let entry = |line: &str| {
        let (name, class) = line.trim().split_once(" => ")?;
        class.ends_with(',').then(|| name.to_owned())
    };
    list.lines()
        .take_while(|line| *line != "}")
        .filter_map(entry)
        .collect()
}

fn alerts() -> BTreeSet<String> {
    let template = root().join("deploy/chart/templates/prometheusrule.yaml");
    let template = std::fs::read_to_string(template).unwrap();
    let names = template
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    names.map(str::to_owned).collect()
}

#[test]
fn every_reason_has_its_section_and_no_section_is_of_another() {
    let reasons = reasons();
    assert!(
        reasons.len() > 30 && reasons.contains("Synced"),
        "{reasons:?}"
    );
    assert_eq!(sections(&troubleshooting(), "By reason"), reasons);
}

#[test]
fn every_alert_has_its_section_and_no_section_is_of_another() {
    let alerts = alerts();
    assert!(alerts.contains("MetorialOperatorHasNoLeader"), "{alerts:?}");
    assert_eq!(sections(&troubleshooting(), "By alert"), alerts);
}

#[test]
fn the_anchor_of_a_reason_or_alert_is_its_name_in_lower_case() {
    let anchors = troubleshooting().anchors();
    for name in reasons().iter().chain(&alerts()) {
        assert!(anchors.contains(&name.to_lowercase()), "{name}");
    }
}
