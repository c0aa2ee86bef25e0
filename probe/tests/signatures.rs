//! Signature files as their authors see them: what is added to what, what is refused, and in which words.

use std::path::Path;

use crate::traces::*;
use serde_json::Value;

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn sample() -> String {
    text(&write(&folder(), "sample.pcap", &pcap(1, &frames())))
}

/// The test's app, and what more the file says.
fn own(more: &str) -> String {
    let folder = folder();
    write(&folder, "example.toml", (SIGNATURES.to_owned() + more).as_bytes());
    text(&folder)
}

#[test]
fn a_broken_signature_file_is_named_with_line_and_key() {
    let folder = folder();
    let broken = SIGNATURES.replace("prefix = \"de ad be ef\"", "prefix = \"de ad be zz\"");
    let file = text(&write(&folder, "broken.toml", broken.as_bytes()));
    let output = wiremark(&["classify", "--only-signatures", &text(&folder), &sample()]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), ""));
    let line = stderr(&output);
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with(&format!("{file}:")), "{line}");
    assert!(line.contains("prefix") && line.contains("expected"), "{line}");
    let number: usize = line[file.len() + 1..].split(':').next().unwrap().parse().unwrap();
    assert!((7..=16).contains(&number), "within the row: {line}");
}

#[test]
fn a_folder_without_signatures_is_an_error() {
    for folder in [text(&folder()), "/nowhere/at/all".to_owned()] {
        for arguments in [
            ["signatures", "check", &folder].as_slice(),
            &["signatures", "list", "--only-signatures", &folder],
        ] {
            let output = wiremark(arguments);
            assert_eq!(output.status.code(), Some(1));
            assert!(stderr(&output).contains(&folder), "{}", stderr(&output));
            assert_eq!(stderr(&output).lines().count(), 1);
        }
    }
}

#[test]
fn check_runs_the_examples_of_every_file() {
    let folder = folder();
    write(&folder, "good.toml", SIGNATURES.as_bytes());
    let output = wiremark(&["signatures", "check", &text(&folder)]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    assert!(stdout(&output).starts_with("ok"), "{}", stdout(&output));
    assert!(stdout(&output).contains("1 signatures, 2 examples"));

    let other = SIGNATURES.replace("id = 9", "id = 8").replace("\"example\"", "\"other\"");
    let other = other.replace("be ef", "be aa");
    write(&folder, "unloadable.toml", other.replace("why = ", "whi = ").as_bytes());
    let failing = other.replace("id = 801", "id = 701").replace("id = 8\n", "id = 7\n");
    let failing = failing.replace("\"other\"", "\"third\"").replace("hit = [\"de", "hit = [\"00");
    write(&folder, "wrong-example.toml", failing.as_bytes());
    let output = wiremark(&["signatures", "check", &text(&folder)]);
    assert_eq!(output.status.code(), Some(1));
    let report = stdout(&output);
    let verdict = |file: &str| {
        let line = report.lines().find(|line| line.contains(file)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(verdict("good.toml"), "ok");
    assert_eq!(verdict("unloadable.toml"), "failed");
    assert_eq!(verdict("wrong-example.toml"), "failed");
    assert_eq!(stderr(&output).lines().count(), 2, "{}", stderr(&output));
    assert!(stderr(&output).lines().all(|line| line.contains(".toml:")), "{}", stderr(&output));
}

#[test]
fn a_folder_adds_to_the_built_in_signatures_or_stands_alone() {
    let folder = own("");
    let apps = |option: &str| -> Vec<Value> {
        let output = wiremark(&["signatures", "list", "--format", "json", option, &folder]);
        stdout(&output)
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["app"].clone())
            .collect()
    };
    assert_eq!(apps("--only-signatures"), ["example"]);
    let both = apps("--signatures");
    assert!(both.contains(&"example".into()) && both.contains(&"whatsapp".into()) && both.len() > 100);
    let output = wiremark(&["classify", "--format", "json", "--signatures", &folder, &sample()]);
    assert!(stdout(&output).contains("\"app\":\"example\""), "{}", stdout(&output));
    let output = wiremark(&["classify", "--signatures", &folder, "--only-signatures", &folder, &sample()]);
    assert_eq!(output.status.code(), Some(2));
    // A copy of a built-in file cannot be added to it.
    let copy = crate::traces::folder();
    write(&copy, "whatsapp.toml", include_bytes!("../../signatures/whatsapp.toml"));
    let output = wiremark(&["classify", "--signatures", &text(&copy), &sample()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--only-signatures"), "{}", stderr(&output));
}

#[test]
fn check_tells_which_byte_fails_and_whose_name_it_is() {
    let folder = own("");
    let wrong = SIGNATURES.replace("hit = [\"de", "hit = [\"00");
    write(Path::new(&folder), "example.toml", wrong.as_bytes());
    let output = wiremark(&["signatures", "check", &folder]);
    assert!(stderr(&output).contains("prefix: byte 0 is 00"), "{}", stderr(&output));
    let name = "\n[[signature]]\nid = 902\nname = \"names\"\nrole = \"files\"\nwhy = \"w\"\nsource = \"s\"\nhost = \"g.whatsapp.net\"\n\
                hit = [\"name g.whatsapp.net\"]\nmiss = [\"name a.example\"]\n";
    let output = wiremark(&["signatures", "check", &own(name)]);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(told.contains("example.toml:") && told.contains("whatsapp.net is in"), "{told}");
    assert!(told.contains("of whatsapp of the built-in signatures"), "{told}");
}

#[test]
fn files_that_contradict_each_other_fail_the_check() {
    let folder = folder();
    write(&folder, "one.toml", SIGNATURES.as_bytes());
    write(&folder, "two.toml", SIGNATURES.as_bytes());
    let output = wiremark(&["signatures", "check", &text(&folder)]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output).lines().filter(|line| line.starts_with("failed")).count(), 1);
    assert!(stderr(&output).contains("expected"), "{}", stderr(&output));
}

#[test]
fn list_prints_reasons_and_sources() {
    let signatures = own("");
    let output = wiremark(&["signatures", "list", "--format", "json", "--only-signatures", &signatures]);
    assert_eq!(output.status.code(), Some(0));
    let row: Value = serde_json::from_str(stdout(&output).trim_end()).unwrap();
    assert_eq!((&row["id"], &row["app"], &row["role"]), (&901.into(), &"example".into(), &"files".into()));
    assert_eq!(row["source"], "made up for a test");
    let output = wiremark(&["signatures", "list"]);
    assert_eq!(output.status.code(), Some(0), "the built-in signatures load");
}
