//! `wiremark locality`: where messages travel.

mod captures;
mod outputs;
mod paths;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use wiremark_locality::servers::PORTS_IGNORED;
use wiremark_locality::{
    Corrections, Database, Day, Group, Locator, MATADOR, MATADOR_CORRECTIONS, Region, Study, Survey,
    contradictions, find_group, find_region, groups, known_groups, m49, regions, table,
};

use crate::inputs::SignatureArguments;
use crate::output::{Output, Overwrite};
use crate::signal::Interrupt;
use crate::stop::{Outcome, Stop};
use outputs::Found;

/// Tells where messages travel: servers of messengers, countries on the way, and who can listen there
///
/// From captures: the servers each app uses, how it learned of them, and, with --events and --background, which of them move
/// with the messages. From measured paths (traceroute, mtr --json, scamper, RIPE Atlas): the countries on the way from node to
/// node and from node to server; how often traffic leaves its region, and which interest groups can access it. The two tables
/// are those of MATAdOR, and count as it does: all n(n+1)/2 pairs of nodes, each with itself included.
#[derive(Args)]
#[command(after_help = crate::EXIT_CODES, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Captures: pcap or pcapng, plain or packed with gzip or zstd; `-` is standard input
    #[arg(value_name = "CAPTURE", required_unless_present = "paths")]
    captures: Vec<PathBuf>,

    /// When messages were sent and received: CSV with the columns time, phone, event (sent or received), and perhaps app
    #[arg(long, value_name = "CSV", requires = "captures")]
    events: Option<PathBuf>,

    /// A capture of an empty measurement: its servers are no back ends
    #[arg(long, value_name = "CAPTURE", requires = "events")]
    background: Vec<PathBuf>,

    /// Leave out servers on these ports
    #[arg(long, value_name = "PORT", value_delimiter = ',', default_values_t = PORTS_IGNORED)]
    ignore_port: Vec<u16>,

    /// Measured paths: a file of traceroute, mtr --json, scamper (sc_warts2json) or RIPE Atlas, or a CSV list of such files with the columns
    /// file, and perhaps from, to, app, with
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "nodes")]
    paths: Vec<PathBuf>,

    /// Where paths are measured from: CSV with the columns node, country, and perhaps aliases (addresses, host names, RIPE Atlas probe
    /// numbers, with blanks between them)
    #[arg(long, value_name = "CSV", requires = "paths")]
    nodes: Option<PathBuf>,

    /// Which addresses are whose servers: CSV with the columns app and address; servers.csv of --format csv is one. Back ends found in
    /// captures are added
    #[arg(long, value_name = "CSV", requires = "paths")]
    servers: Vec<PathBuf>,

    /// A MaxMind database file with countries, of any vendor
    #[arg(long, value_name = "MMDB")]
    db: Option<PathBuf>,

    /// Where the database has the country, e.g. location.country; without it the usual places are tried
    #[arg(long, value_name = "KEY", requires = "db")]
    db_key: Option<String>,

    /// What is known better than the database: CSV with the columns network, country, reason, source; or matador-2015
    #[arg(long, value_name = "CSV")]
    corrections: Vec<String>,

    /// Leave out hops that light could not have reached in the time their answers took
    #[arg(long)]
    physics: bool,

    /// Rows of the tables: matador, or a TOML file (see analysis/locality/README.md)
    #[arg(long, value_name = "STUDY", conflicts_with_all = ["region", "group"])]
    study: Option<String>,

    /// A row for this region; default: each continent with a node
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    region: Vec<String>,

    /// Rows for this interest group; default: 5-eyes, eu, arab-league, russia, china
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    group: Vec<String>,

    /// Other regions than those of UN M49: CSV with the columns region, country
    #[arg(long, value_name = "CSV")]
    regions: Option<PathBuf>,

    /// Other groups than the shipped: CSV with the columns group, country, and perhaps name, since, until, source
    #[arg(long, value_name = "CSV")]
    groups: Option<PathBuf>,

    /// Memberships as of this day, e.g. 2015-09-30; default: that of the last path that tells its time, else today
    #[arg(long, value_name = "DAY", value_parser = day)]
    day: Option<Day>,

    /// How to report
    #[arg(long, value_enum, default_value = "table")]
    format: Format,

    /// Write to this file instead of standard output; for csv: into this folder
    #[arg(short, long, value_name = "OUT", required_if_eq("format", "csv"))]
    output: Option<PathBuf>,

    #[command(flatten)]
    overwrite: Overwrite,

    #[command(flatten)]
    signatures: SignatureArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for people
    Table,
    /// leaving.csv, accessible.csv, servers.csv, hops.csv and contradictions.csv in the folder named with -o
    Csv,
    /// JSON lines, a record a row
    Json,
    /// A page with a map of the world and the tables, that needs no network
    Html,
}

const EXAMPLES: &str = "\
Examples:
  wiremark locality phone.pcap
      the servers of each messenger in a capture, and how it learned of them
  wiremark locality --events events.csv --background empty.pcap --db country.mmdb phones-*.pcap
      which servers move with the messages
  wiremark locality --nodes nodes.csv --servers servers.csv --db country.mmdb --paths atlas.json
      both tables, from RIPE Atlas results; probes are aliases of nodes
  wiremark locality --nodes nodes.csv --paths list.csv --db country.mmdb --physics --format html -o map.html
      the same from a list of files, as a page with a map
  wiremark locality --study matador --nodes nodes.csv --paths list.csv --db country.mmdb
      with the rows, groups, day and corrections of the paper

Files:
  events.csv    time,phone,event,app    1443628800.25,10.0.0.2,sent,whatsapp
                                        2015-09-30T16:00:01Z,10.0.0.3,received,whatsapp
  nodes.csv     node,country,aliases    zurich,CH,192.33.90.66 6001
  servers.csv   app,address             threema,5.148.175.201
  list.csv      file,from,to,app,with   a.txt,zurich,tokyo,,         from node to node
                                        b.json,zurich,,threema,      from node to server
                                        c.json,zurich,,wechat,tokyo  the same, for one pair only
  corrections   network,country,reason,source
                                        4.69.142.0/24,CH,reverse name says Zurich,me

A path counts for the countries of its node, of its hops, and of its target,
whether that answers or not. Private and shared addresses are nowhere. An
application path leads from one node to the servers, and from them to the
other. What is malformed is told with file and line, and left out.

A database that is wrong about a hop is found out by the speed of light: a
round trip must take at least twice the great circle at two thirds of light's
speed, from the node, and from the hop before. Such hops are told; --physics
leaves them out.

Fields (json): event_type is \"leaving\" or \"accessible\" (region, group, pairs,
paths: path, pairs, count, percent), \"server\", \"hop\" (a hop that physics flags),
\"contradiction\", and at the end \"locality\" with the counts.

Exit codes:
  0    all done
  1    some input failed (one line each on standard error); results of all other input are complete
  2    wrong usage
  130  stopped by SIGINT, 143 by SIGTERM (a line on standard error); what was decided until then is complete
  141  the reader of the output went away";

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write a day as 2015-09-30".into())
}

/// What regions, groups and rows there are.
struct Definitions {
    regions: Vec<Region>,
    groups: Vec<Group>,
    today: Day,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let definitions = definitions(arguments)?;
    // Wrong rows are told before hours of reading.
    let study = study(arguments, &definitions, None, None)?;
    let mut basis = Vec::new();
    let mut locator = locator(arguments, &study, &mut basis)?;
    let mut survey = survey(arguments)?;
    let inputs: Vec<PathBuf> = arguments.captures.iter().chain(&arguments.paths).cloned().collect();
    let output = match arguments.format {
        Format::Csv => {
            let folder = arguments.output.clone().unwrap_or_default();
            outputs::FILES.iter().try_for_each(|name| arguments.overwrite.allows(&folder.join(name)))?;
            None
        }
        _ => Some(Output::open(arguments.output.as_deref(), &inputs, arguments.overwrite)?),
    };
    let interrupt = Interrupt::listen();
    let (servers, mut failed) = captures::servers(arguments, &interrupt)?;
    let servers: Vec<_> = servers
        .into_iter()
        .map(|server| (locator.country(server.address), server))
        .map(|(at, server)| (server, at))
        .collect();
    paths::add_servers(&mut survey, &servers);
    failed |= paths::read(arguments, &mut survey, &mut locator, &interrupt)?;
    let has_paths = !arguments.paths.is_empty();
    let study = study_of(arguments, &definitions, &survey)?;
    if has_paths {
        let groups: Vec<String> =
            study.groups.iter().map(|group| format!("{} ({})", group.name, group.id)).collect();
        basis.push(format!("Memberships as of {}. Groups: {}.", study.day, groups.join(", ")));
        basis.push(paths::counts(&survey));
    }
    let leaving = if has_paths { table::leaving(&survey, &study) } else { Vec::new() };
    let accessible = if has_paths { table::accessible(&survey, &study) } else { Vec::new() };
    let contradictions =
        if has_paths { contradictions(&survey, &study, &definitions.groups) } else { Vec::new() };
    let report = wiremark_locality::report::Report {
        study: has_paths.then_some(&study),
        survey: &survey,
        leaving: &leaving,
        accessible: &accessible,
        servers: &servers,
        contradictions: &contradictions,
        basis: &basis,
        is_physical: arguments.physics,
    };
    Found { report: &report, title: title(&study) }.write(arguments, output)?;
    if let Some(outcome) = interrupt.outcome(&format!("after {} paths", survey.counts.paths)) {
        return Ok(outcome);
    }
    Ok(Outcome::failed_if(failed))
}

fn title(study: &Study) -> String {
    if study.name.is_empty() {
        "Where messages travel".into()
    } else {
        format!("Where messages travel: {}", study.name)
    }
}

/// A small file as text, with its name.
fn read(path: &std::path::Path) -> Result<(String, String), Stop> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(error) => {
            Err(Stop::Failed(format!("{name}: cannot be read: {error}; check path and permissions")))
        }
    }
}

fn refused(error: wiremark_locality::FileError) -> Stop {
    Stop::Failed(error.to_string())
}

fn definitions(arguments: &Arguments) -> Result<Definitions, Stop> {
    let regions = match &arguments.regions {
        Some(path) => read(path).and_then(|(name, text)| regions(&name, &text).map_err(refused))?,
        None => m49(),
    };
    let groups = match &arguments.groups {
        Some(path) => read(path).and_then(|(name, text)| groups(&name, &text).map_err(refused))?,
        None => known_groups(),
    };
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(Definitions { regions, groups, today: Day::of_time(now_s) })
}

/// The study asked for, once the paths have told their time.
fn study_of(arguments: &Arguments, definitions: &Definitions, survey: &Survey) -> Result<Study, Stop> {
    study(arguments, definitions, survey.times_s.map(|(_, last)| Day::of_time(last)), Some(survey))
}

fn study(
    arguments: &Arguments,
    definitions: &Definitions,
    measured: Option<Day>,
    survey: Option<&Survey>,
) -> Result<Study, Stop> {
    let Definitions { regions, groups, today } = definitions;
    let day = arguments.day.or(measured).unwrap_or(*today);
    if let Some(name) = &arguments.study {
        let (name, text) = match name.as_str() {
            "matador" => (name.clone(), MATADOR.to_owned()),
            path => read(std::path::Path::new(path))?,
        };
        return Study::parse(&text, regions, groups, arguments.day, day)
            .map_err(|error| Stop::Failed(format!("{name}: {error}")));
    }
    let has_node = |region: &Region| survey.is_none_or(|survey| !table::nodes_in(survey, region).is_empty());
    let continents = ["Africa", "Americas", "Asia", "Europe", "Oceania"];
    let is_row = |region: &&Region| arguments.regions.is_some() || continents.contains(&region.name.as_str());
    let rows: Vec<Region> = if arguments.region.is_empty() {
        regions.iter().filter(is_row).filter(|region| has_node(region)).cloned().collect()
    } else {
        arguments
            .region
            .iter()
            .map(|name| find_region(regions, name))
            .collect::<Result<_, _>>()
            .map_err(Stop::Usage)?
    };
    let usual = ["5-eyes", "eu", "arab-league", "russia", "china"].map(str::to_owned);
    let ids: Vec<String> = match (&arguments.group, &arguments.groups) {
        (asked, _) if !asked.is_empty() => asked.clone(),
        (_, Some(_)) => groups.iter().map(|group| group.id.clone()).collect(),
        _ => usual.to_vec(),
    };
    let groups = ids
        .iter()
        .map(|id| find_group(groups, id, day))
        .collect::<Result<Vec<_>, _>>()
        .map_err(Stop::Usage)?;
    Ok(Study {
        name: String::new(),
        day,
        leaving: rows.clone(),
        accessible: rows,
        groups,
        defined: Vec::new(),
        corrections: Vec::new(),
    })
}

fn locator(arguments: &Arguments, study: &Study, basis: &mut Vec<String>) -> Result<Locator, Stop> {
    let mut corrections = Corrections::default();
    let mut count = 0;
    for word in arguments.corrections.iter().chain(&study.corrections) {
        count += match word.as_str() {
            MATADOR_CORRECTIONS => corrections.add_matador().map_err(refused)?,
            path => read(std::path::Path::new(path))
                .and_then(|(name, text)| corrections.add(&name, &text).map_err(refused))?,
        };
    }
    let database = match &arguments.db {
        Some(path) => {
            let opened = Database::open(path, arguments.db_key.as_deref());
            Some(opened.map_err(|error| Stop::Failed(format!("{}: {error}", path.display())))?)
        }
        None => None,
    };
    if !arguments.paths.is_empty() && database.is_none() && count == 0 {
        return Err(Stop::Usage(
            "without a database no hop is anywhere; give a MaxMind database of countries with --db".into(),
        ));
    }
    if let Some(database) = &database {
        basis.push(format!("Countries: {}; {count} corrections.", database.describe()));
    }
    Ok(Locator::new(database, corrections, arguments.physics))
}

fn survey(arguments: &Arguments) -> Result<Survey, Stop> {
    let Some(path) = &arguments.nodes else { return Ok(Survey::default()) };
    let (name, text) = read(path)?;
    let mut survey = Survey::with_nodes(&name, &text).map_err(refused)?;
    for path in &arguments.servers {
        let (name, text) = read(path)?;
        survey.add_servers(&name, &text).map_err(refused)?;
    }
    Ok(survey)
}
