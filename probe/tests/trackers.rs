//! Trackers of the command have keys that nobody can know beforehand.

use std::path::Path;

/// Every tracker gets its sizes from [`tracker_config`].
#[test]
fn nothing_else_here_makes_a_configuration() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![house.join("probe/src"), house.join("capture/src")];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("replay.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let of_sizes = text.matches("TrackerConfig::default().capacity").count();
                assert_eq!(text.matches("TrackerConfig::default()").count(), of_sizes, "{path:?}");
                let returned = text.matches("-> TrackerConfig {").count();
                assert_eq!(text.matches("TrackerConfig {").count(), returned, "{path:?}");
                let asked = ["tracker_config(", ".usual(", "networks.config("];
                found += asked.map(|words| text.matches(words).count()).iter().sum::<usize>();
            }
        }
    }
    assert!(found >= 6, "{found} places that ask for one");
}
