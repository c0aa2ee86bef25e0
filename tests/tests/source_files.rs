//! Source files stay short, and none uses a file that uses it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

const LINES_MAX: usize = 450;

/// A path within a crate, without `crate`.
type Names = Vec<String>;
type Uses = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap();
        if entry.is_dir() && !name.starts_with('.') && name != "target" {
            found.append(&mut files(&entry, ending));
        } else if name.ends_with(ending) {
            found.push(entry);
        }
    }
    found
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// What a file names of its own crate; modules called `tests` are left out.
struct Reader<'c> {
    files: &'c BTreeMap<Names, PathBuf>,
    /// Of the line being read.
    module: Names,
    used: BTreeSet<Names>,
    /// `pub use`: who names the one uses the other.
    aliases: BTreeMap<Names, Names>,
}

impl Reader<'_> {
    /// From the crate's root on; `None` for what is of another crate, or of this file.
    fn resolve(&self, path: &[String]) -> Option<Names> {
        let of = |module: &[String], skipped: usize| Some([module, &path[skipped..]].concat());
        match path.first()?.as_str() {
            "crate" => of(&[], 1),
            "self" => of(&self.module, 1),
            "super" => {
                let up = path.iter().take_while(|one| *one == "super").count();
                of(&self.module[..self.module.len().checked_sub(up)?], up)
            }
            child => {
                let is_module = self.files.contains_key(&[&self.module[..], &[child.to_owned()]].concat());
                of(&self.module, 0).filter(|_| is_module && path.len() > 1)
            }
        }
    }

    fn import(&mut self, path: &[String], tree: &syn::UseTree, is_public: bool) {
        let with = |name: &syn::Ident| [path, &[name.to_string()]].concat();
        let (path, name) = match tree {
            syn::UseTree::Path(more) => return self.import(&with(&more.ident), &more.tree, is_public),
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(path, tree, is_public));
            }
            syn::UseTree::Name(name) => (with(&name.ident), Some(&name.ident)),
            syn::UseTree::Rename(name) => (with(&name.ident), Some(&name.rename)),
            syn::UseTree::Glob(_) => (path.to_vec(), None),
        };
        let Some(target) = self.resolve(&path) else { return };
        match name.filter(|_| is_public) {
            Some(name) => {
                self.aliases.insert([&self.module[..], &[name.to_string()]].concat(), target);
            }
            None => drop(self.used.insert(target)),
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&[], &item.tree, !matches!(item.vis, syn::Visibility::Inherited));
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            self.module.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    /// `pub(super)` uses nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Names = path.segments.iter().map(|one| one.ident.to_string()).collect();
        self.used.extend(self.resolve(&names));
        visit::visit_path(self, path);
    }
}

/// Which file uses which, of those under a crate's `src` or `tests`.
fn uses(root: &Path) -> Uses {
    let mut modules = BTreeMap::new();
    for file in files(root, ".rs") {
        let path = file.strip_prefix(root).unwrap().with_extension("");
        let mut module: Names = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        module.pop_if(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
        modules.insert(module, file);
    }
    let (mut used, mut aliases) = (Vec::new(), BTreeMap::new());
    for (module, file) in &modules {
        let module = module.clone();
        let mut reader = Reader { files: &modules, module, used: BTreeSet::new(), aliases: BTreeMap::new() };
        reader.visit_file(&syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap());
        used.push((file.clone(), reader.used));
        aliases.append(&mut reader.aliases);
    }
    let file_of = |mut path: Names| {
        // An alias may stand for an alias.
        for _ in 0..8 {
            let alias = |n: &usize| aliases.contains_key(&path[..*n]);
            let Some(n) = (0..=path.len()).rev().find(alias) else { break };
            path = [&aliases[&path[..n]][..], &path[n..]].concat();
        }
        (0..=path.len()).rev().find_map(|n| modules.get(&path[..n])).cloned()
    };
    used.into_iter().map(|(file, used)| (file, used.into_iter().filter_map(file_of).collect())).collect()
}

/// The shortest way from a file over others back to it.
fn circle(uses: &Uses, start: &PathBuf) -> Option<Vec<PathBuf>> {
    let (mut ways, mut seen) = (VecDeque::from([vec![start.clone()]]), BTreeSet::new());
    while let Some(way) = ways.pop_front() {
        for next in uses.get(way.last()?)?.iter().filter(|next| Some(*next) != way.last()) {
            let longer = [&way[..], std::slice::from_ref(next)].concat();
            if next == start {
                return Some(longer);
            } else if seen.insert(next) {
                ways.push_back(longer);
            }
        }
    }
    None
}

#[test]
fn no_file_uses_a_file_that_uses_it() {
    let (repository, mut circles) = (repository(), Vec::new());
    let roots = files(&repository, "Cargo.toml");
    let roots = roots.iter().flat_map(|file| ["src", "tests"].map(|folder| file.with_file_name(folder)));
    for uses in roots.filter(|root| root.is_dir()).map(|root| uses(&root)) {
        for way in uses.keys().filter_map(|file| circle(&uses, file)) {
            let names = way.iter().map(|file| file.strip_prefix(&repository).unwrap().to_string_lossy());
            circles.push(names.collect::<Vec<_>>().join(" -> "));
        }
    }
    assert!(circles.is_empty(), "move what both need to a file below them:\n{}", circles.join("\n"));
}

#[test]
fn no_file_is_long() {
    let lines = |file: &PathBuf| fs::read_to_string(file).unwrap().lines().count();
    let mut long = files(&repository(), ".rs");
    long.retain(|file| lines(file) > LINES_MAX);
    assert!(long.is_empty(), "more than {LINES_MAX} lines, to be split by subject: {long:#?}");
}

/// rustdoc need not look through a library whose comments hold no code to run; where they do, it must.
#[test]
fn examples_in_comments_are_run_where_there_are_any() {
    let manifests = files(&repository(), "Cargo.toml");
    let skips = |file: &&PathBuf| fs::read_to_string(file).unwrap().contains("doctest = false");
    let skipped: Vec<_> = manifests.iter().filter(skips).collect();
    assert!(skipped.len() > 10, "{skipped:?}");
    for file in skipped.iter().flat_map(|manifest| files(&manifest.with_file_name("src"), ".rs")) {
        let text = fs::read_to_string(&file).unwrap();
        let fences = text.lines().filter(|line| line.trim_start().starts_with("//") && line.contains("```"));
        // The opening one of each two.
        let code: Vec<_> = fences.step_by(2).filter(|line| !line.ends_with("```text")).collect();
        assert!(code.is_empty(), "{}: {code:?}: `doctest = false` of its manifest must go", file.display());
    }
}
