//! Where `unsafe` stands: in the C ABI, in the rooms of interfaces and of two hints, and in the measuring tool; how often is written down here, so that more is noticed.

use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry of the folder").path();
        match path.is_dir() {
            true if !path.ends_with("target") => sources(&path, found),
            false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            _ => {}
        }
    }
}

/// What follows each word `unsafe` outside comments: `{`, `fn`, `impl`, `extern`, or `(` of an attribute.
fn unsafe_kinds(text: &str) -> Vec<&'static str> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.match_indices("unsafe")
        .filter(|(at, word)| !code[..*at].ends_with(is_word) && !code[at + word.len()..].starts_with(is_word))
        .map(|(at, word)| {
            let rest = code[at + word.len()..].trim_start();
            let kinds = ["{", "fn", "impl", "trait", "extern \"C\" fn", "extern", "("];
            kinds.into_iter().find(|kind| rest.starts_with(kind)).unwrap_or("?")
        })
        .collect()
}

fn count(room: &str) -> Vec<(&'static str, usize)> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(room), &mut files);
    assert!(!files.is_empty(), "{room} has sources");
    let kinds: Vec<&str> = files
        .iter()
        .flat_map(|path| {
            // This file speaks of the word.
            let text = std::fs::read_to_string(path).expect("a text file");
            if path.ends_with("unsafe_code.rs") { Vec::new() } else { unsafe_kinds(&text) }
        })
        .collect();
    let of = |kind: &'static str| (kind, kinds.iter().filter(|one| **one == kind).count());
    ["{", "fn", "extern \"C\" fn", "extern", "impl", "trait", "(", "?"]
        .map(of)
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[test]
fn unsafe_code_is_where_it_must_be_and_nowhere_else() {
    let analyses = ["calls", "inference", "linkage", "locality", "report", "tasks"]
        .map(|name| format!("analysis/{name}"));
    let rooms = ["engine", "signatures", "capture", "probe", "tests"].map(str::to_owned);
    for room in rooms.into_iter().chain(analyses) {
        let room = room.as_str();
        assert_eq!(count(room), [], "{room}");
        let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(room).join("src/lib.rs");
        let text = std::fs::read_to_string(lib).expect("a library");
        assert!(text.contains("#![forbid(unsafe_code)]"), "{room} forbids it");
    }
    // Blocks; functions, exports and types of callbacks; implementations and a trait; `no_mangle`. A new one wants a reason in its SAFETY
    // comment, and this line changed.
    assert_eq!(
        count("ffi"),
        [("{", 101), ("fn", 23), ("extern \"C\" fn", 28), ("impl", 10), ("trait", 1), ("(", 34)],
        "ffi"
    );
    // System calls, and memory that the kernel writes to; libpcap's functions.
    assert_eq!(count("live"), [("{", 24), ("extern \"C\" fn", 5), ("impl", 1)], "live");
    // A prefetch; advice about the pages of a table.
    assert_eq!(count("prefetch"), [("{", 2)], "prefetch");
    // Prefetching, a file mapped into memory, nDPI's C functions, and wiremark's own as a C program finds them: measured, never shipped.
    assert_eq!(count("bench"), [("{", 17), ("extern \"C\" fn", 3), ("extern", 1)], "bench");
    // Python's buffers, which the bindings do not have before 3.11's interface, and the interpreter's lock.
    assert_eq!(count("python"), [("{", 10), ("fn", 1), ("extern", 1)], "python");
}

#[test]
fn the_count_counts() {
    let text =
        "unsafe { } // unsafe {\n#[unsafe(no_mangle)]\nunsafe fn f() {} #![forbid(unsafe_code)] not_unsafe {";
    assert_eq!(unsafe_kinds(text), ["{", "(", "fn"]);
}
