//! The arguments of `wiremark locality`, and the small files among them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wiremark_locality::Day;
use wiremark_locality::servers::PORTS_IGNORED;

use crate::countries::CountryArguments;
use crate::exit_codes::{EXIT_CODES, exit_codes};
use crate::headings::OUTPUT;
use crate::inputs::{FlowArguments, SignatureArguments};
use crate::output::Overwrite;

/// Tells where messages travel: servers of messengers, countries on the way, and who can listen there
///
/// From captures: the servers each app uses, how it learned of them, and, with --events and --background, which of them move
/// with the messages. From measured paths (traceroute, mtr --json, scamper, RIPE Atlas): the countries on the way from node to
/// node and from node to server; how often traffic leaves its region, and which interest groups can access it. The two tables
/// are those of MATAdOR, and count as it does: all n(n+1)/2 pairs of nodes, each with itself included.
#[derive(Args)]
#[command(after_help = EXIT_CODES, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Captures: pcap or pcapng, plain or packed with gzip or zstd; `-` is standard input
    #[arg(value_name = "CAPTURE", required_unless_present = "paths")]
    pub(super) captures: Vec<PathBuf>,

    /// When messages were sent and received: CSV with the columns time, phone, event (sent or received), and perhaps app
    #[arg(long, value_name = "CSV", requires = "captures", help_heading = "Servers in captures")]
    pub(super) events: Option<PathBuf>,

    /// A capture of an empty measurement: its servers are no back ends
    #[arg(long, value_name = "CAPTURE", requires = "events", help_heading = "Servers in captures")]
    pub(super) background: Vec<PathBuf>,

    /// Leave out servers on these ports
    #[arg(long, value_name = "PORT", value_delimiter = ',', default_values_t = PORTS_IGNORED, help_heading = "Servers in captures")]
    pub(super) ignore_port: Vec<u16>,

    /// Measured paths: a file of traceroute, mtr --json, scamper (sc_warts2json) or RIPE Atlas, or a CSV list of such files with the columns
    /// file, and perhaps from, to, app, with
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "nodes", help_heading = "Measured paths")]
    pub(super) paths: Vec<PathBuf>,

    /// Where paths are measured from: CSV with the columns node, country, and perhaps aliases (addresses, host names, RIPE Atlas probe
    /// numbers, with blanks between them)
    #[arg(long, value_name = "CSV", requires = "paths", help_heading = "Measured paths")]
    pub(super) nodes: Option<PathBuf>,

    /// Which addresses are whose servers: CSV with the columns app and address; servers.csv of --format csv is one. Back ends found in
    /// captures are added
    #[arg(long, value_name = "CSV", requires = "paths", help_heading = "Measured paths")]
    pub(super) servers: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) countries: CountryArguments,

    /// Leave out hops that light could not have reached in the time their answers took
    #[arg(long, help_heading = "Measured paths")]
    pub(super) physics: bool,

    /// Rows of the tables: matador, or a TOML file (see analysis/locality/README.md)
    #[arg(long, value_name = "STUDY", conflicts_with_all = ["region", "group"], help_heading = "Regions and groups")]
    pub(super) study: Option<String>,

    /// A row for this region; default: each continent with a node
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Regions and groups")]
    pub(super) region: Vec<String>,

    /// Rows for this interest group; default: 5-eyes, eu, arab-league, russia, china
    #[arg(long, value_name = "GROUP", value_delimiter = ',', help_heading = "Regions and groups")]
    pub(super) group: Vec<String>,

    /// Other regions than those of UN M49: CSV with the columns region, country
    #[arg(long, value_name = "CSV", help_heading = "Regions and groups")]
    pub(super) regions: Option<PathBuf>,

    /// Other groups than the shipped: CSV with the columns group, country, and perhaps name, since, until, source
    #[arg(long, value_name = "CSV", help_heading = "Regions and groups")]
    pub(super) groups: Option<PathBuf>,

    /// Memberships as of this day, e.g. 2015-09-30; default: that of the last path that tells its time, else today
    #[arg(long, value_name = "DAY", value_parser = day, help_heading = "Regions and groups")]
    pub(super) day: Option<Day>,

    /// How to report
    #[arg(long, value_enum, default_value = "table", help_heading = OUTPUT)]
    pub(super) format: Format,

    /// Write to this file instead of standard output; for csv: into this folder
    #[arg(short, long, value_name = "OUT", required_if_eq("format", "csv"), help_heading = OUTPUT)]
    pub(super) output: Option<PathBuf>,

    #[command(flatten)]
    pub(super) overwrite: Overwrite,

    #[command(flatten)]
    pub(super) networks: FlowArguments,

    #[command(flatten)]
    pub(super) signatures: SignatureArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Tables for people
    Table,
    /// leaving.csv, accessible.csv, servers.csv, hops.csv and contradictions.csv in the folder named with -o
    Csv,
    /// JSON lines, a record a row
    Json,
    /// A page with a map of the world and the tables, that needs no network
    Html,
}

const EXAMPLES: &str = concat!(
    "\
Examples:
  wiremark locality phone.pcap
      the servers of each messenger in a capture, and how it learned of them
  wiremark locality --events events.csv --background empty.pcap phones-*.pcap
      which servers move with the messages
  wiremark locality --nodes nodes.csv --db country.mmdb --paths atlas.json
      both tables, from RIPE Atlas results; probes are aliases of nodes
  wiremark locality --nodes n.csv --paths l.csv --db c.mmdb --format html
      the same from a list of files, as a page with a map, on standard output
  wiremark locality --study matador --nodes n.csv --paths list.csv --db c.mmdb
      with the rows, groups, day and corrections of the paper

Files:
  events.csv    time,phone,event,app    1443628800.25,10.0.0.2,sent,whatsapp
      times also as 2015-09-30T16:00:01Z; events: sent, received
  nodes.csv     node,country,aliases    zurich,CH,192.33.90.66 6001
  servers.csv   app,address             threema,5.148.175.201
  list.csv      file,from,to,app,with   a.txt,zurich,tokyo,,
      from node to node; b.json,zurich,,threema, is from node to server, and
      c.json,zurich,,wechat,tokyo the same, for one pair only
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

",
    exit_codes!()
);

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write a day as 2015-09-30".into())
}
