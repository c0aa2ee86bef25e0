//! The engine knows protocols, the signature files know apps: no app is named under `engine/src`, comments included.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Endings of names under which anyone may register.
const REGISTRIES: [&str; 16] = [
    "com", "net", "org", "cn", "co", "me", "hk", "vc", "cc", "tv", "info", "biz", "link", "art", "group",
    "tube",
];

/// Names of apps and their makers that no signature file need mention. The capital letter is the app's.
const NAMES: [&str; 7] = ["wechat", "whatsapp", "weixin", "tencent", "facebook", "instagram", "Messenger"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry of the folder").path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// The label of a name that its owner registered: `example` of `a.example.net`.
fn registered(name: &str) -> Option<&str> {
    name.split('.').rev().find(|label| !REGISTRIES.contains(label)).filter(|label| label.len() > 2)
}

/// Whether `text` holds `word`, between characters that are neither letters nor digits.
fn has_word(text: &str, word: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
    text.match_indices(word).any(|(at, _)| {
        is_edge(text[..at].chars().next_back()) && is_edge(text[at + word.len()..].chars().next())
    })
}

#[test]
fn no_app_is_named_under_engine_src() {
    let set = wiremark_signatures::embedded().expect("the shipped set");
    let mut words: BTreeSet<&str> = set.apps().iter().map(|app| app.name.as_str()).collect();
    let hosts = set.signatures().iter().flat_map(|row| &row.conditions.hosts);
    words.extend(hosts.filter_map(|host| registered(&host.suffix)));
    // Words for what a flow is for are everyone's, even where somebody registered one.
    words.retain(|word| set.apps().iter().all(|app| app.roles.iter().all(|role| role != word)));
    assert!(words.len() > 10, "words to look for: {words:?}");

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/src");
    let mut paths = Vec::new();
    files(&root, &mut paths);
    assert!(paths.len() > 40);
    let mut complaints = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a text file");
        let shown = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        let path_and_lines = std::iter::once(shown.as_str()).chain(text.lines());
        for (number, line) in path_and_lines.enumerate() {
            let lower = line.to_ascii_lowercase();
            let named = words.iter().filter(|word| has_word(&lower, word));
            let known = NAMES.iter().filter(|name| match name.starts_with(char::is_uppercase) {
                true => line.contains(*name),
                false => lower.contains(*name),
            });
            complaints.extend(named.chain(known).map(|word| format!("engine/src/{shown}:{number}: {word}")));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_search_finds_what_it_is_for() {
    assert!(has_word("of the meta app", "meta"));
    assert!(!has_word("metadata", "meta"));
    assert_eq!(registered("a.example.com.cn"), Some("example"));
    assert_eq!(registered("x.co"), None, "too short to mean anything");
}
