//! All measured paths of a study, as sets of countries: from node to node, and from node to an app's servers.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::country::{Country, CountrySet};
use crate::locate::{Located, Locator};
use crate::network::{Network, NetworkTable};
use crate::path::Trace;
use crate::physics::Flagged;
use crate::sheet::{FileError, Sheet};

/// Most different flagged hops kept; what is beyond is only counted.
const FLAGS_KEPT: usize = 10_000;

/// A place paths are measured from.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub country: Country,
}

/// Which of the two kinds a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// From node to node.
    Network,
    /// From node to a server of the app with this number.
    Application(usize),
}

/// What is known of the paths of a file beside what stands in it.
#[derive(Clone, Debug, Default)]
pub struct Hint {
    /// The node that measured.
    pub from: Option<String>,
    /// The node measured to.
    pub to: Option<String>,
    /// The app whose server was measured to.
    pub app: Option<String>,
    /// The node at the other end of the measurement: the path counts for this pair only.
    pub with: Option<String>,
}

/// Between two countries, on paths of a kind.
pub type Leg = (Kind, Country, Country);

/// A hop that physics flags.
#[derive(Clone, Debug)]
pub struct FlaggedHop {
    /// Whose answers.
    pub address: IpAddr,
    /// Where it is said to be.
    pub country: Country,
    /// What is the matter; of the first such path.
    pub flagged: Flagged,
    /// File and line of the first such path.
    pub at: (String, u64),
    /// On how many paths.
    pub paths: u64,
}

/// What became of the paths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Paths read.
    pub paths: u64,
    /// What was malformed.
    pub malformed: u64,
    /// Paths of nobody's node.
    pub without_source: u64,
    /// Paths that lead to no node and no server.
    pub without_target: u64,
    /// Paths whose target did not answer.
    pub incomplete: u64,
    /// Paths without any hop that answered.
    pub empty: u64,
    /// Hops: with a country, of special addresses, of unknown country, silent.
    pub hops: [u64; 4],
    /// Hops flagged as impossible, and as leaps.
    pub flagged: [u64; 2],
}

/// The paths.
#[derive(Debug, Default)]
pub struct Survey {
    /// Where paths are measured from.
    pub nodes: Vec<Node>,
    /// Whose servers they lead to.
    pub apps: Vec<String>,
    /// What became of the paths.
    pub counts: Counts,
    /// Seconds since 1970 of the first and last path that tells its time.
    pub times_s: Option<(u64, u64)>,
    /// How often paths go from a country to the next.
    pub legs: BTreeMap<Leg, u64>,
    aliases: HashMap<String, usize>,
    servers: NetworkTable<Vec<usize>>,
    /// Node to node, in the order measured.
    network: HashMap<(usize, usize), CountrySet>,
    /// Node to an app's servers, for pairs with the other node or for all.
    application: HashMap<(usize, usize, Option<usize>), CountrySet>,
    flagged: BTreeMap<(IpAddr, Country, &'static str), FlaggedHop>,
}

impl Survey {
    /// Nodes from a CSV file: columns `node`, `country`, and perhaps `aliases`: addresses, host names and RIPE Atlas probe
    /// numbers under which the node stands in path files, with blanks between them.
    ///
    /// # Errors
    /// What the file says that cannot be, and where.
    pub fn with_nodes(file: &str, text: &str) -> Result<Self, FileError> {
        let sheet = Sheet::open(file, text, &["node", "country"], &["aliases"])?;
        let mut survey = Self::default();
        for row in sheet.rows() {
            let row = row?;
            let (name, country) = (row.need("node")?, row.country()?);
            let number = survey.nodes.len();
            survey.nodes.push(Node { name: name.to_owned(), country });
            for alias in std::iter::once(name).chain(row.get("aliases").split_whitespace()) {
                if let Some(other) =
                    survey.aliases.insert(known_as(alias), number).filter(|other| *other != number)
                {
                    let other = &survey.nodes[other].name;
                    return Err(row.error(format!("{alias} already stands for the node {other}")));
                }
            }
        }
        if survey.nodes.is_empty() {
            return Err(FileError {
                file: file.into(),
                line: 1,
                problem: "names no node; a row is node,country,aliases".into(),
            });
        }
        Ok(survey)
    }

    /// Servers from a CSV file: columns `app` and `address` (or a network); of other columns only `moves` is looked at: `false` is none.
    ///
    /// # Errors
    /// What the file says that cannot be, and where.
    pub fn add_servers(&mut self, file: &str, text: &str) -> Result<(), FileError> {
        let more = [
            "name",
            "learned",
            "transport",
            "port",
            "sent",
            "received",
            "events",
            "moves",
            "verdict",
            "country",
            "captures",
        ];
        let sheet = Sheet::open(file, text, &["app", "address"], &more)?;
        for row in sheet.rows() {
            let row = row?;
            // Of servers found in captures, those that do not move with the messages.
            if row.get("moves") == "false" {
                continue;
            }
            let network = Network::parse(row.get("address"));
            let network =
                network.ok_or_else(|| row.error(format!("{:?} is no address", row.get("address"))))?;
            let app = row.need("app")?.to_owned();
            self.add_server(&app, network);
        }
        Ok(())
    }

    /// A server of an app.
    pub fn add_server(&mut self, app: &str, network: Network) {
        let app = self.app(app);
        let mut apps = self.servers.insert(network, Vec::new()).unwrap_or_default();
        if !apps.contains(&app) {
            apps.push(app);
        }
        self.servers.insert(network, apps);
    }

    /// The number of an app, which it gets here if it has none.
    pub fn app(&mut self, name: &str) -> usize {
        let known = self.apps.iter().position(|app| app == name);
        known.unwrap_or_else(|| {
            self.apps.push(name.to_owned());
            self.apps.len() - 1
        })
    }

    /// The node of a name, address or other alias.
    pub fn node(&self, alias: &str) -> Option<usize> {
        self.aliases.get(&known_as(alias)).copied()
    }

    /// Takes one path of a file.
    pub fn add(&mut self, trace: &Trace, hint: &Hint, file: &str, locator: &mut Locator) {
        self.counts.paths += 1;
        if let Some(time_s) = trace.time_s {
            let (first, last) = self.times_s.unwrap_or((time_s, time_s));
            self.times_s = Some((first.min(time_s), last.max(time_s)));
        }
        let Some(node) =
            hint.from.as_deref().or(trace.source.as_deref()).and_then(|source| self.node(source))
        else {
            self.counts.without_source += 1;
            return;
        };
        let kinds = self.kinds(trace, hint);
        if kinds.is_empty() {
            self.counts.without_target += 1;
            return;
        }
        let located = locator.locate(trace, Some(self.nodes[node].country));
        self.count(&located, trace);
        self.flag(&located, file, trace.line);
        let with = hint.with.as_deref().and_then(|with| self.node(with));
        for (kind, peer) in kinds {
            for stay in located.stays.windows(2) {
                *self.legs.entry((kind, stay[0], stay[1])).or_default() += 1;
            }
            let countries = match (kind, peer) {
                (Kind::Network, Some(peer)) => self.network.entry((node, peer)).or_default(),
                (Kind::Network, None) => continue,
                (Kind::Application(app), _) => self.application.entry((node, app, with)).or_default(),
            };
            countries.extend(&located.countries);
        }
    }

    /// What a path leads to: a node, or servers.
    fn kinds(&mut self, trace: &Trace, hint: &Hint) -> Vec<(Kind, Option<usize>)> {
        if let Some(app) = hint.app.as_deref() {
            return vec![(Kind::Application(self.app(app)), None)];
        }
        let target = trace.target.map(|target| target.to_string());
        let names = [hint.to.as_deref(), target.as_deref(), trace.target_name.as_deref()];
        let names = if hint.to.is_some() { &names[..1] } else { &names[1..] };
        if let Some(peer) = names.iter().flatten().find_map(|name| self.node(name)) {
            return vec![(Kind::Network, Some(peer))];
        }
        let apps = trace.target.and_then(|target| self.servers.get(target));
        apps.into_iter().flatten().map(|app| (Kind::Application(*app), None)).collect()
    }

    fn count(&mut self, located: &Located, trace: &Trace) {
        let more = [
            located.claims.len() as u64,
            located.special.into(),
            located.unknown.into(),
            located.silent.into(),
        ];
        self.counts.hops.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        self.counts.incomplete += u64::from(!trace.is_complete());
        self.counts.empty += u64::from(!trace.hops.iter().any(|hop| hop.answers().next().is_some()));
        for flagged in &located.flagged {
            self.counts.flagged[usize::from(!flagged.flag.is_impossible())] += 1;
        }
    }

    fn flag(&mut self, located: &Located, file: &str, line: u64) {
        for flagged in &located.flagged {
            let claim = &located.claims[flagged.at];
            let word = match flagged.flag {
                crate::physics::Flag::Leap => "leap",
                _ => "impossible",
            };
            let key = (claim.address, claim.country, word);
            if let Some(known) = self.flagged.get_mut(&key) {
                known.paths += 1;
            } else if self.flagged.len() < FLAGS_KEPT {
                let at = (file.to_owned(), line);
                let flagged = flagged.clone();
                let hop =
                    FlaggedHop { address: claim.address, country: claim.country, flagged, at, paths: 1 };
                self.flagged.insert(key, hop);
            }
        }
    }

    /// The flagged hops, those that cannot be first, then by how many paths they are on.
    pub fn flagged(&self) -> Vec<&FlaggedHop> {
        let mut hops: Vec<&FlaggedHop> = self.flagged.values().collect();
        hops.sort_by_key(|hop| {
            (!hop.flagged.flag.is_impossible(), std::cmp::Reverse(hop.paths), hop.address)
        });
        hops
    }

    /// The countries between two nodes on paths of a kind: none where it was not measured. A node's own country is always on
    /// the path; so is the other's.
    ///
    /// A network path is what was measured either way; from a node to itself it is the node's country. An application path
    /// leads from one node to the servers, and from them to the other: both must have been measured.
    pub fn between(&self, kind: Kind, a: usize, b: usize) -> Option<CountrySet> {
        let mut countries: CountrySet = [a, b].map(|node| self.nodes[node].country).into_iter().collect();
        match kind {
            Kind::Network => {
                let ways = [self.network.get(&(a, b)), self.network.get(&(b, a))];
                ways.iter().flatten().for_each(|way| countries.extend(way));
                (a == b || ways.iter().any(Option::is_some)).then_some(countries)
            }
            Kind::Application(app) => {
                for (node, with) in [(a, b), (b, a)] {
                    let of_pair = self.application.get(&(node, app, Some(with)));
                    countries.extend(of_pair.or_else(|| self.application.get(&(node, app, None)))?);
                }
                Some(countries)
            }
        }
    }

    /// Whether a network path was measured in one direction only.
    pub fn is_one_way(&self, a: usize, b: usize) -> bool {
        a != b && self.network.contains_key(&(a, b)) != self.network.contains_key(&(b, a))
    }

    /// Network paths, then those of each app.
    pub fn kinds_known(&self) -> Vec<Kind> {
        std::iter::once(Kind::Network).chain((0..self.apps.len()).map(Kind::Application)).collect()
    }

    /// What a kind of path is called.
    pub fn kind_name(&self, kind: Kind) -> &str {
        match kind {
            Kind::Network => "network path",
            Kind::Application(app) => self.apps.get(app).map_or("", String::as_str),
        }
    }
}

/// Aliases in one spelling: addresses in their shortest, names in lower case.
fn known_as(alias: &str) -> String {
    match alias.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => alias.trim_end_matches('.').to_ascii_lowercase(),
    }
}

/// A row of a list of path files.
#[derive(Clone, Debug)]
pub struct PathFile {
    /// The file.
    pub file: String,
    /// The list's line.
    pub line: u64,
    /// What is said of its paths.
    pub hint: Hint,
}

/// A list of path files: columns `file`, and perhaps `from`, `to`, `app`, `with`.
///
/// # Errors
/// What the list says that cannot be, and where.
pub fn path_files(file: &str, text: &str, survey: &Survey) -> Result<Vec<PathFile>, FileError> {
    let sheet = Sheet::open(file, text, &["file"], &["from", "to", "app", "with"])?;
    let mut files = Vec::new();
    for row in sheet.rows() {
        let row = row?;
        let word = |column| Some(row.get(column).to_owned()).filter(|word| !word.is_empty());
        let hint = Hint { from: word("from"), to: word("to"), app: word("app"), with: word("with") };
        if let Some(unknown) =
            [&hint.from, &hint.to, &hint.with].into_iter().flatten().find(|name| survey.node(name).is_none())
        {
            return Err(row.error(format!("no node {unknown:?}; add it to the file of nodes")));
        }
        if hint.to.is_some() && hint.app.is_some() {
            return Err(row.error("to names a node and app means servers: give one of the two"));
        }
        if hint.with.is_some() && hint.app.is_none() {
            return Err(row.error("with goes with app: the node at the other end of the measurement"));
        }
        files.push(PathFile { file: row.need("file")?.to_owned(), line: row.line(), hint });
    }
    Ok(files)
}
