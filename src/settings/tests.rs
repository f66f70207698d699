//! The flags and their documentation.

use super::*;
use clap::CommandFactory;
use std::collections::BTreeSet;

/// The first two cells of each row of the table of flags, without what a flag takes.
fn documented() -> BTreeSet<(String, String)> {
    let page = include_str!("../../docs/operations.md");
    let (_, table) = page.split_once("| Flag | Environment variable |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| !line.is_empty());
    let row = |row: &str| -> (String, String) {
        let mut spans = row.split('`').skip(1).step_by(2);
        let flag = spans.next().unwrap().split(' ').next().unwrap();
        (flag.to_owned(), spans.next().unwrap().to_owned())
    };
    rows.map(row).collect()
}

#[test]
fn the_documentation_lists_every_flag_with_its_environment_variable() {
    let command = Args::command();
    let flags = command.get_arguments().filter_map(|flag| {
        let env = flag.get_env()?.to_str()?;
        Some((format!("--{}", flag.get_long()?), env.to_owned()))
    });
    assert_eq!(documented(), flags.collect());
}

#[test]
fn a_request_that_may_be_in_flight_for_longer_takes_longer_to_settle() {
    let settle = |flags: &[&str]| {
        let flags = [&["metorial-operator", "--reconcile-timeout=5m"], flags].concat();
        let settings = Args::parse_from(flags).run.settings().unwrap();
        settings.timing.settle.as_secs()
    };
    assert_eq!(settle(&[]), 45);
    assert_eq!(settle(&["--request-timeout=10s"]), 45);
    assert_eq!(settle(&["--request-timeout=60s"]), 75);
}

#[test]
fn no_flag_is_accepted_before_a_command_which_would_ignore_it() {
    for command in ["run", "check"] {
        let flag = "--watch-namespaces=team-a";
        assert!(Args::try_parse_from(["metorial-operator", flag, command]).is_err());
        assert!(Args::try_parse_from(["metorial-operator", command, flag]).is_ok());
    }
    let alone = Args::parse_from(["metorial-operator", "--watch-namespaces=team-a"]);
    assert_eq!(alone.run.watch_namespaces, ["team-a"]);
}
