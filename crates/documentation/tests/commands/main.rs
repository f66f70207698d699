//! Every command in the documentation can be run as it is written: the shell accepts it, the program knows its flags, and what
//! it names in the repository exists. Nothing is run that changes anything; `stories` runs whole pages.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod programs;

use documentation::{Block, Page, commands, pages};
use programs::Programs;
use std::process::{Command, Output, Stdio};

/// The blocks of shell that people are meant to run, and the commands whose output is shown after a prompt.
fn blocks(page: &Page) -> impl Iterator<Item = Block> {
    page.blocks().into_iter().filter_map(|mut block| {
        if block.is("console") {
            let typed = block
                .text
                .lines()
                .filter_map(|line| line.strip_prefix("$ "));
            block.text = typed.map(|line| format!("{line}\n")).collect();
            return Some(block);
        }
        let shell = block.is("sh") || block.is("bash") || block.is("shell");
        shell.then_some(block)
    })
}

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn every_block_of_shell_is_marked_with_words_that_the_tests_know() {
    for page in pages().unwrap() {
        for block in blocks(&page) {
            for mark in &block.marks[1..] {
                let known =
                    matches!(mark.as_str(), "background" | "cluster") || mark.starts_with("input=");
                assert!(known, "{}:{}: {mark}", page.path.display(), block.line);
            }
        }
    }
}

#[test]
fn the_shell_accepts_every_block() {
    for page in pages().unwrap() {
        for block in blocks(&page) {
            let checked = output(Command::new("bash").args(["-n", "-c", &block.text]));
            let place = format!("{}:{}", page.path.display(), block.line);
            let said = String::from_utf8_lossy(&checked.stderr).into_owned();
            assert!(
                checked.status.success() && said.is_empty(),
                "{place}: {said}"
            );
        }
    }
}

#[test]
fn every_program_knows_the_arguments_that_it_is_given() {
    let programs = Programs::find();
    let mut problems = Vec::new();
    let mut checked = 0;
    for page in pages().unwrap() {
        let mut functions = Vec::new();
        for block in blocks(&page) {
            for command in commands(&block.text) {
                if block.text.contains(&format!("{}() {{", command.words[0])) {
                    functions.push(command.words[0].clone());
                }
                if functions.contains(&command.words[0]) {
                    continue;
                }
                checked += 1;
                if let Err(problem) = programs.check(&command.words) {
                    let place = format!("{}:{}", page.path.display(), block.line);
                    problems.push(format!("{place}: {}: {problem}", command.words.join(" ")));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(checked > 50, "only {checked} commands were found");
}

#[test]
fn what_does_not_exist_is_refused() {
    let programs = Programs::find();
    for wrong in [
        "kubectl get pods --al-namespaces",
        "curl --header Bearer:$METORIAL_API_KEY https://api.metorial.com",
        "curl --header ${METORIAL_API_KEY} https://api.metorial.com",
        "kubectl apply --filename examples/agent-provider",
        "kubectl delete -f deploy/kustomize/",
        "kubectl annotat pacred/github a=b",
        "helm install a deploy/chart --set image.repository=a --set nosuch.value=1",
        "helm install a deploy/chart --set image.repository=a --set replicaCount=many",
        "helm upgrad a deploy/chart",
        "make nothing",
        "cargo run --package nothing",
        "cargo install --path crates/nothing",
        "docker build --target nothing .",
        "metorial-operator run --nothing",
        "tools/nothing",
        "kubctl get pods",
    ] {
        let words: Vec<String> = wrong.split(' ').map(str::to_owned).collect();
        assert!(programs.check(&words).is_err(), "{wrong} was accepted");
    }
}
