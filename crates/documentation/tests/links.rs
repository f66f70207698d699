//! Every link in the documentation leads somewhere, and the site has every page.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use documentation::{Page, pages, root};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// Resolves `..` without asking the file system.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// Returns why a relative link of a page leads nowhere.
fn broken(page: &Page, to: &str, anchors: &BTreeMap<PathBuf, Vec<String>>) -> Option<String> {
    let (path, anchor) = to
        .split_once('#')
        .map_or((to, None), |(path, anchor)| (path, Some(anchor)));
    let target = match path {
        "" => page.path.clone(),
        path => normal(&page.path.parent().unwrap_or(Path::new("")).join(path)),
    };
    if !root().join(&target).exists() {
        return Some(format!("{} does not exist", target.display()));
    }
    let anchor = anchor?;
    match anchors.get(&target) {
        None => Some(format!("{} has no anchors", target.display())),
        Some(known) if known.iter().any(|known| known == anchor) => None,
        Some(_) => Some(format!("{} has no heading #{anchor}", target.display())),
    }
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let pages = pages().unwrap();
    let anchors = pages
        .iter()
        .map(|page| (page.path.clone(), page.anchors()))
        .collect();
    let mut problems = Vec::new();
    let mut checked = 0;
    for page in &pages {
        for link in page.links() {
            if link.to.contains("://") || link.to.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            if let Some(problem) = broken(page, &link.to, &anchors) {
                problems.push(format!(
                    "{}:{}: {}: {problem}",
                    page.path.display(),
                    link.line,
                    link.to
                ));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(checked > 100, "only {checked} links were found");
}

#[test]
fn the_site_has_every_page_of_docs_once() {
    let pages = pages().unwrap();
    let summary = pages
        .iter()
        .find(|page| page.path == Path::new("docs/SUMMARY.md"))
        .unwrap();
    let mut listed: Vec<PathBuf> = summary
        .links()
        .iter()
        .map(|link| Path::new("docs").join(&link.to))
        .collect();
    listed.sort();
    let all: Vec<PathBuf> = pages
        .iter()
        .map(|page| page.path.clone())
        .filter(|path| path.starts_with("docs") && *path != summary.path)
        .collect();
    assert_eq!(listed, all);
}

#[test]
fn every_page_of_the_site_is_reached_by_a_link_of_another_one() {
    let pages = pages().unwrap();
    let mut reached = BTreeSet::new();
    for page in pages
        .iter()
        .filter(|page| !page.path.ends_with("SUMMARY.md"))
    {
        for link in page.links() {
            let path = link.to.split('#').next().unwrap_or_default();
            let target = normal(&page.path.parent().unwrap().join(path));
            if target != page.path {
                reached.insert(target);
            }
        }
    }
    let lonely: Vec<_> = pages
        .iter()
        .map(|page| &page.path)
        .filter(|path| {
            path.starts_with("docs") && !path.ends_with("SUMMARY.md") && !reached.contains(*path)
        })
        .collect();
    assert!(lonely.is_empty(), "no page links to {lonely:?}");
}

#[test]
fn every_picture_is_a_file_that_some_page_shows() {
    let pages = pages().unwrap();
    let shown: BTreeSet<PathBuf> = pages
        .iter()
        .flat_map(|page| {
            page.links()
                .into_iter()
                .map(|link| normal(&page.path.parent().unwrap().join(&link.to)))
        })
        .collect();
    for entry in std::fs::read_dir(root().join("docs/images")).unwrap() {
        let path = Path::new("docs/images").join(entry.unwrap().file_name());
        assert!(shown.contains(&path), "no page shows {}", path.display());
    }
}

#[test]
fn the_picture_of_the_dashboard_has_every_panel() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("deploy/chart/files/dashboard.json")).unwrap();
    let picture = read("docs/images/dashboard.svg");
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap().replace('&', "&amp;");
        let drawn = panel["type"] == "row" || picture.contains(&format!(">{title}<"));
        assert!(
            drawn,
            "the picture has no panel {title}: run tools/dashboard-picture"
        );
    }
}
