//! docs/architecture.md says where each question is decided: the files and functions that it names exist. docs/security.md says
//! which test is about each promise: the files that it names have tests.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use documentation::root;
use std::fs::{read_dir, read_to_string};
use std::path::{Path, PathBuf};

/// The last cells of the rows of a page's table with this head, each as its code spans.
fn answers(page: &str, head: &str) -> Vec<Vec<String>> {
    let page = read_to_string(root().join(page)).unwrap();
    let (_, table) = page.split_once(&format!("{head}\n")).unwrap();
    let rows = table.lines().skip(1).take_while(|line| !line.is_empty());
    let answer = |row: &str| -> Vec<String> {
        let (_, answer) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        let spans = answer.split('`').skip(1).step_by(2);
        spans.map(str::to_owned).collect()
    };
    rows.map(answer).collect()
}

/// The file with this name, which is relative to the source directory or to the root.
fn file(name: &str) -> Option<PathBuf> {
    let [source, other] = [root().join("src").join(name), root().join(name)];
    [source, other].into_iter().find(|path| path.is_file())
}

fn is_in_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Whether the text has the name of a function that it defines, or of anything else.
fn defines(text: &str, name: &str) -> bool {
    let of_function = name.starts_with(char::is_lowercase);
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        let whole = !before.ends_with(is_in_name) && !after.starts_with(is_in_name);
        whole && (!of_function || before.ends_with("fn "))
    })
}

#[test]
fn every_file_and_function_that_answers_a_question_exists() {
    let answers = answers("docs/architecture.md", "| Question | File (function) |");
    assert!(answers.len() > 40, "{answers:?}");
    let mut wrong = Vec::new();
    for answer in answers {
        let mut current = None;
        for span in answer {
            if span.ends_with(".rs") {
                current = file(&span).map(|path| read_to_string(path).unwrap());
                wrong.extend(current.is_none().then_some(span));
                continue;
            }
            let name = span.rsplit("::").next().unwrap();
            let known = current.as_ref().is_some_and(|text| defines(text, name));
            let checked = name.chars().all(is_in_name);
            wrong.extend((checked && !known).then_some(span));
        }
    }
    assert!(wrong.is_empty(), "not in the source: {wrong:?}");
}

/// Whether a file, or one in a directory, has tests.
fn has_tests(path: &Path) -> bool {
    if path.is_dir() {
        let mut files = read_dir(path).unwrap().map(|file| file.unwrap().path());
        return files.any(|file| has_tests(&file));
    }
    let text = read_to_string(path).unwrap_or_default();
    ["#[test]", "#[tokio::test", "mod tests;"]
        .iter()
        .any(|mark| text.contains(mark))
}

#[test]
fn every_file_that_is_named_as_the_test_of_a_promise_has_tests() {
    let promises = answers("docs/security.md", "| Against | Promise | Test |");
    assert!(promises.len() > 25, "{promises:?}");
    let mut wrong = Vec::new();
    for promise in promises {
        let mut directory = PathBuf::new();
        wrong.extend(
            promise
                .is_empty()
                .then(|| "a promise without a test".to_owned()),
        );
        for span in promise {
            // Of files in one directory, only the first is named with it.
            let path = match span.contains('/') {
                true => PathBuf::from(&span),
                false => directory.join(&span),
            };
            directory = path.parent().unwrap_or(Path::new("")).to_owned();
            wrong.extend((!has_tests(&root().join(path))).then_some(span));
        }
    }
    assert!(wrong.is_empty(), "no tests: {wrong:?}");
}
