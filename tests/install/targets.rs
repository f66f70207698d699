//! `make image` and `make gitops` run the stories that `make test` leaves out. They name them by a filter, and a filter that no
//! longer fits would run nothing and succeed.

use crate::evaluator::read;
use std::fs;
use std::path::Path;

/// How a story says which target runs it, but for the target.
const LEFT_OUT: &str = "#[ignore = \"needs the ";

/// The recipe of a target in the Makefile.
fn recipe(target: &str) -> String {
    let makefile = read("Makefile");
    let start = format!("\n{target}: ");
    let (_, after) = makefile.split_once(&start).unwrap();
    after.split("\n\n").next().unwrap().to_owned()
}

#[test]
fn a_target_runs_the_stories_that_name_it() {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/install");
    let mut targets = Vec::new();
    for module in fs::read_dir(modules).unwrap() {
        let module = module.unwrap().path();
        let files = fs::read_dir(&module).into_iter().flatten();
        for file in files {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let marks = text.lines().filter_map(|line| line.strip_prefix(LEFT_OUT));
            for mark in marks {
                let (_, after) = mark.split_once(" that make ").unwrap();
                let target = after.split(' ').next().unwrap();
                let name = module.file_name().unwrap().to_str().unwrap();
                let recipe = recipe(target);
                let (_, options) = recipe.split_once("--test install -- ").unwrap();
                let chosen = options.contains("--ignored");
                assert!(
                    chosen && options.ends_with(&format!(" {name}::")),
                    "{target}: {name}"
                );
                targets.push(target.to_owned());
            }
        }
    }
    targets.sort();
    targets.dedup();
    assert_eq!(targets, ["gitops", "image"]);
}
