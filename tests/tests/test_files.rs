//! No test file lies about without being run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Rooms whose tests are one program: a file that its `main.rs` does not name is not compiled at all.
const ROOMS: [&str; 4] = ["engine", "ffi", "probe", "tests"];

#[test]
fn every_test_file_belongs_to_a_program() {
    for room in ROOMS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(room);
        let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
        let (main, manifest) = (text("tests/main.rs"), text("Cargo.toml"));
        let named: BTreeSet<&str> = main
            .lines()
            .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
            .chain(manifest.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')))
            .collect();
        for entry in fs::read_dir(folder.join("tests")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let is_rust = path.extension().is_some_and(|extension| extension == "rs");
            if is_rust && name != "main" {
                assert!(named.contains(name.as_str()), "{room}/tests/{name}.rs: main.rs lacks `mod {name};`");
            }
        }
    }
}
