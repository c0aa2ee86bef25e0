//! Help texts: grouped, no line wrapped; the manual and the completions.

use std::process::Command;

use crate::traces::*;

const COMMANDS: [&str; 11] = [
    "classify",
    "explain",
    "calls",
    "tasks",
    "annotate",
    "anonymize",
    "shard",
    "audit",
    "infer",
    "locality",
    "signatures",
];

/// What a command's help says on a terminal so wide.
fn help(command: &str, columns: &str) -> String {
    let mut run = Command::new(env!("CARGO_BIN_EXE_wiremark"));
    run.args(command.split_whitespace()).arg("--help").env("COLUMNS", columns);
    String::from_utf8(run.output().unwrap().stdout).unwrap()
}

#[test]
fn the_manual_and_completions_name_every_command() {
    for (arguments, what) in [(["completions", "bash"].as_slice(), "_wiremark"), (&["man"], ".TH wiremark 1")]
    {
        let output = wiremark(arguments);
        let said = stdout(&output);
        for command in ["classify", "explain", "annotate", "anonymize", "calls", "tasks", "signatures"] {
            assert!(said.contains(command) && said.contains(what), "{command} in {arguments:?}");
        }
    }
}

#[test]
fn commands_are_grouped_by_what_they_are_for() {
    let said = help("", "80");
    let mut groups = said.split("\n\n").filter(|part| part.contains(":\n  ") && !part.starts_with("Options"));
    let titles = ["What is in a capture", "Captures to hand on", "Studies", "Signatures, and this command"];
    for (title, group) in titles.iter().zip(&mut groups) {
        assert!(group.starts_with(&format!("{title}:\n")), "{group}");
    }
    for command in COMMANDS.iter().chain(&["completions", "man"]) {
        assert_eq!(said.matches(&format!("\n  {command} ")).count(), 1, "{command}: {said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
}

#[test]
fn options_are_grouped() {
    for (command, titles) in [
        ("classify", &["Input", "Output", "Flows", "Signatures", "Interfaces (Linux)"][..]),
        ("calls", &["Input", "Output", "Countries", "Flows", "Signatures", "Interfaces (Linux)"]),
        ("tasks", &["Input", "Output", "Users", "Flows", "Signatures", "Interfaces (Linux)"]),
        ("locality", &["Servers in captures", "Measured paths", "Countries", "Regions and groups", "Output"]),
    ] {
        let said = help(command, "100");
        for title in
            titles.iter().filter(|title| cfg!(target_os = "linux") || !title.starts_with("Interfaces"))
        {
            assert!(said.contains(&format!("\n{title}:\n")), "{command}: {title}");
        }
        // What has no title of its own is the help itself.
        let rest = said.split("\nOptions:\n").nth(1).unwrap().split("\n\n").next().unwrap();
        assert!(rest.trim_start().starts_with("-h, --help"), "{command}: {rest}");
    }
}

/// What stands behind the options is written for a terminal of 80 columns: an example that wraps cannot be copied.
#[test]
fn what_is_not_wrapped_by_itself_fits_the_narrowest_terminal() {
    let parts = ["", "signatures check", "signatures list"];
    for command in COMMANDS.iter().chain(&parts) {
        let said = help(command, "1000");
        let Some(start) = said.find("\nExamples:\n").or(said.find("\nExit codes:\n")) else {
            assert_eq!(*command, "signatures");
            continue;
        };
        for line in said[start..].lines() {
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
        let Some(examples) = said.split("\nExamples:\n").nth(1) else { continue };
        for line in examples.split("\n\n").next().unwrap().lines() {
            let first = line.split_whitespace().next().unwrap();
            let is_command =
                ["wiremark", "tcpdump", "tshark", "wireshark", "zcat", "mkdir", "duckdb", "KEY=$(openssl"]
                    .contains(&first);
            assert!(
                line.starts_with("  ") && (is_command || line.starts_with("      ")),
                "{command}: {line}"
            );
        }
    }
}
