//! Cases: why, a capture's recipe, what must come out and what must not.
//!
//! A file of `tests/cases` holds `[[case]]` tables. What happens to the capture on its way is applied in this order:
//! `skip`, `only`, `recut`, `duplicate`, `swap`, `loss`, `fragment`, `ipv6`, `wrap`.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::conversation::Side;
use crate::recipe::{self, With};
use crate::recut::recut;
use crate::trace::Trace;
use crate::wrap::Wrap;

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique among all cases.
    pub name: String,
    /// The sentence that a failing case is read with.
    pub why: String,
    /// Name of the recipe ([`recipe::RECIPES`]).
    pub recipe: String,
    /// The recipe's parameters.
    #[serde(default)]
    pub with: toml::Table,
    /// The first frames that the capture missed.
    #[serde(default)]
    pub skip: usize,
    /// The one side captured: `client` or `server`.
    #[serde(default)]
    pub only: Option<String>,
    /// TCP segments cut anew with this seed.
    #[serde(default)]
    pub recut: Option<u64>,
    /// Frames captured twice, in percent.
    #[serde(default)]
    pub duplicate: u8,
    /// Neighbours exchanged, in percent.
    #[serde(default)]
    pub swap: u8,
    /// Frames missed, in percent.
    #[serde(default)]
    pub loss: u8,
    /// IP fragments of this many bytes.
    #[serde(default)]
    pub fragment: Option<usize>,
    /// Carried in IPv6.
    #[serde(default)]
    pub ipv6: bool,
    /// Layers around each packet, innermost first ([`Wrap::named`]); Ethernet is added where no link layer is
    /// named, and `raw` says that none is wanted.
    #[serde(default)]
    pub wrap: Vec<String>,
    /// What must be among the verdicts.
    #[serde(default)]
    pub expect: Vec<Expected>,
    /// What must not be among them, at any moment.
    #[serde(default)]
    pub absent: Vec<Absent>,
}

/// A verdict that must come out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The app's name.
    pub app: String,
    /// The role's name.
    pub role: String,
    /// The number of flows that end so; at least one where it is not given.
    pub flows: Option<usize>,
    /// The kind of evidence; any where it is not given.
    pub confidence: Option<String>,
    /// At the latest with this packet with payload of the flow, counted from 1.
    pub within: Option<usize>,
}

/// A verdict that must not come out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// The app's name; any app where it is not given.
    pub app: Option<String>,
    /// The role's name; any role where it is not given.
    pub role: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    case: Vec<Case>,
}

impl Case {
    /// Builds the case's capture.
    pub fn trace(&self) -> Result<Trace, String> {
        let recipe = recipe::named(&self.recipe).ok_or_else(|| format!("no recipe {}", self.recipe))?;
        let stranger = self.with.keys().find(|k| *k != "seed" && !recipe.takes.contains(&k.as_str()));
        if let Some(key) = stranger {
            return Err(format!("{} does not take {key}, but {}", recipe.name, recipe.takes.join(", ")));
        }
        let with: With = self.with.clone().try_into().map_err(|e: toml::de::Error| e.to_string())?;
        let seed = with.seed;
        let mut trace = (recipe.build)(&with).skip(self.skip);
        trace = match self.only.as_deref() {
            None => trace,
            Some("client") => trace.only(Side::Client),
            Some("server") => trace.only(Side::Server),
            Some(other) => return Err(format!("only: client or server, not {other}")),
        };
        if let Some(seed) = self.recut {
            trace = recut(&trace, seed);
        }
        trace = trace.duplicate(seed, self.duplicate).swap(seed, self.swap).lose(seed, self.loss);
        if let Some(bytes) = self.fragment {
            trace = trace.fragment(bytes);
        }
        if self.ipv6 {
            trace = trace.to_ipv6();
        }
        for name in self.wrap.iter().filter(|name| *name != "raw") {
            trace = trace.wrap(Wrap::named(name).ok_or_else(|| format!("no wrap {name}"))?);
        }
        let bare = trace.frames().next().is_some_and(|(_, link, _)| link == crate::packet::link::RAW);
        let raw_wanted = self.wrap.iter().any(|w| w == "raw");
        Ok(if bare && !raw_wanted { trace.wrap(Wrap::Ethernet) } else { trace })
    }
}

/// Every case of a folder, in the order of file names; an error names the file.
pub fn load(folder: &Path) -> Result<Vec<Case>, String> {
    let in_file = |path: &Path, e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let entries = fs::read_dir(folder).map_err(|e| in_file(folder, &e))?;
    let mut paths: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "toml"));
    paths.sort();
    let mut cases: Vec<Case> = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|e| in_file(&path, &e))?;
        let file: CaseFile = toml::from_str(&text).map_err(|e| in_file(&path, &e))?;
        for case in file.case {
            if cases.iter().any(|c| c.name == case.name) {
                return Err(in_file(&path, &format!("a second case {}", case.name)));
            }
            cases.push(case);
        }
    }
    Ok(cases)
}

/// The folder of the cases kept with this crate.
pub fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(text: &str) -> Result<Trace, String> {
        let file: CaseFile = toml::from_str(text).map_err(|e| e.to_string())?;
        file.case[0].trace()
    }

    #[test]
    fn every_case_builds_and_says_what_it_wants() {
        let cases = load(folder()).expect("cases");
        assert!(cases.len() >= 30);
        for case in &cases {
            let trace = case.trace().unwrap_or_else(|e| panic!("{}: {e}", case.name));
            assert!(!trace.is_empty(), "{}", case.name);
            assert!(case.why.len() > 20, "{}", case.name);
            assert!(!case.expect.is_empty() || !case.absent.is_empty(), "{}", case.name);
        }
    }

    #[test]
    fn a_parameter_of_another_recipe_is_refused() {
        let text = "[[case]]\nname = \"a\"\nwhy = \"b\"\nrecipe = \"turn\"\nwith = { host = \"x\" }\n";
        assert!(case(text).unwrap_err().contains("does not take host"));
        assert!(case("[[case]]\nname = \"a\"\nwhy = \"b\"\nrecipe = \"turn\"\nwrong = 1\n").is_err());
        assert!(case("[[case]]\nname = \"a\"\nwhy = \"b\"\nrecipe = \"turn\"\nwrap = [\"sack\"]\n").is_err());
    }

    #[test]
    fn layers_are_put_around_from_the_inside() {
        let text = "[[case]]\nname = \"a\"\nwhy = \"b\"\nrecipe = \"turn\"\nwrap = [\"gtp-u\", \"vlan\"]\n";
        let trace = case(text).unwrap();
        let (_, link, bytes) = trace.frames().next().unwrap();
        assert_eq!(
            (link, &bytes[12..14], &bytes[36 + 4..38 + 4]),
            (1, &[0x81, 0][..], &2152u16.to_be_bytes()[..])
        );
    }
}
