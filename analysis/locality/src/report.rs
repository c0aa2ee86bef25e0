//! What is printed: the paper's two tables, the servers, and what to know before they are believed.

mod map;
mod page;

use wiremark_report::Table;

pub use page::page;

use crate::contradiction::Contradiction;
use crate::physics::Flag;
use crate::servers::Server;
use crate::study::Study;
use crate::survey::{FlaggedHop, Survey};
use crate::table::TableRow;

/// Everything there is to report.
#[derive(Debug)]
pub struct Report<'r> {
    /// The study; none where no paths were given.
    pub study: Option<&'r Study>,
    /// Its paths.
    pub survey: &'r Survey,
    /// Table 2.
    pub leaving: &'r [TableRow],
    /// Table 3.
    pub accessible: &'r [TableRow],
    /// The servers, with their countries.
    pub servers: &'r [(Server, Option<crate::Country>)],
    /// What contradicts itself.
    pub contradictions: &'r [Contradiction],
    /// What was used: databases, definitions.
    pub basis: &'r [String],
    /// Whether hops that cannot be where they are said to be were left out.
    pub is_physical: bool,
}

/// A table whose titles depend on the apps.
pub type AppTable = Table<String>;

const NOTE: &str =
    "Pairs of nodes, each with itself included; > and <: a greater or smaller share than the network path's.";

/// All tables that have rows, in order.
pub fn tables(report: &Report<'_>) -> Vec<AppTable> {
    let mut tables = Vec::new();
    if report.study.is_some() {
        tables.push(leaving(report));
        tables.push(accessible(report));
        tables.push(contradictions(report.contradictions));
        let flagged = report.survey.flagged();
        if !flagged.is_empty() {
            tables.push(flags(&flagged, report.is_physical));
        }
    }
    if !report.servers.is_empty() {
        tables.push(servers(report.servers));
    }
    tables
}

fn kinds(survey: &Survey) -> Vec<String> {
    survey.kinds_known().into_iter().map(|kind| survey.kind_name(kind).to_owned()).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn percent(cell: crate::table::Cell) -> String {
    cell.percent().map_or_else(|| "-".into(), |percent| format!("{percent}%"))
}

fn leaving(report: &Report<'_>) -> AppTable {
    let mut columns = words(&["region", ">pairs"]);
    for kind in kinds(report.survey) {
        columns.extend([format!(">{kind}"), ">%".into()]);
    }
    let rows = report.leaving.iter().map(|row| {
        let mut cells = vec![row.region.clone(), row.pairs.to_string()];
        cells.extend(row.cells.iter().flat_map(|cell| counted(*cell, row.cells[0])));
        cells
    });
    let title = "Traffic that leaves its region (MATAdOR, Table 2)".to_owned();
    Table { title, note: NOTE.into(), columns, rows: rows.collect() }
}

fn counted(cell: crate::table::Cell, network: crate::table::Cell) -> [String; 2] {
    let mark = cell.against(network);
    let gap = if mark.is_empty() { "" } else { " " };
    [
        if cell.pairs == 0 { "-".into() } else { cell.count.to_string() },
        format!("{mark}{gap}{}", percent(cell)),
    ]
}

fn accessible(report: &Report<'_>) -> AppTable {
    let mut columns = words(&["region", "interest group", ">pairs"]);
    for kind in kinds(report.survey) {
        columns.extend([format!(">{kind}"), ">%".into()]);
    }
    let rows = report.accessible.iter().map(|row| {
        // A definition that is not the usual one of its name is named.
        let group = row.group.as_ref().map_or_else(String::new, |(id, name)| {
            if id.eq_ignore_ascii_case(&name.replace(' ', "-")) {
                name.clone()
            } else {
                format!("{name} ({id})")
            }
        });
        let mut cells = vec![row.region.clone(), group, row.pairs.to_string()];
        cells.extend(row.cells.iter().flat_map(|cell| counted(*cell, row.cells[0])));
        cells
    });
    let title = "Traffic that interest groups can access (MATAdOR, Table 3)".to_owned();
    Table { title, note: NOTE.into(), columns, rows: rows.collect() }
}

fn contradictions(found: &[Contradiction]) -> AppTable {
    let rows = found.iter().map(|found| vec![found.kind.to_owned(), found.text.clone()]).collect();
    let note = if found.is_empty() { "None found." } else { "" };
    Table {
        title: "Before the tables are believed".into(),
        note: note.into(),
        columns: words(&["kind", "what"]),
        rows,
    }
}

/// A flag in words, with its figures.
pub fn explain(hop: &FlaggedHop) -> String {
    let flagged = &hop.flagged;
    let from = match flagged.from_address {
        Some(address) => format!("{} ({address})", flagged.from),
        None => format!("the node in {}", flagged.from),
    };
    let (km, had, needs) = (flagged.least_km, flagged.had_ms, flagged.needs_ms);
    match flagged.flag {
        Flag::TooFastFromNode => {
            format!(
                "{km:.0} km at least from {from}: a round trip takes {needs:.1} ms or more, this one took {had:.1} ms"
            )
        }
        Flag::TooFastFromHop => {
            format!(
                "{km:.0} km at least from {from}: that adds {needs:.1} ms or more to the round trip, here {had:.1} ms"
            )
        }
        Flag::Leap => format!(
            "{km:.0} km at least from {from} in one step: {had:.1} ms more, and light needs {needs:.1} ms, so the claim may stand; what lies between is not seen"
        ),
    }
}

fn flags(flagged: &[&FlaggedHop], is_physical: bool) -> AppTable {
    const SHOWN: usize = 50;
    let rows = flagged.iter().take(SHOWN).map(|hop| {
        let verdict = if hop.flagged.flag.is_impossible() { "cannot be" } else { "leap" };
        let at = format!("{}:{}", hop.at.0, hop.at.1);
        vec![
            hop.address.to_string(),
            hop.country.to_string(),
            verdict.into(),
            explain(hop),
            hop.paths.to_string(),
            at,
        ]
    });
    let left = if is_physical {
        "Hops that cannot be there were left out."
    } else {
        "All are in the tables; --physics leaves out those that cannot be there."
    };
    let more = flagged.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" {more} more are in the JSON output.") } else { String::new() };
    Table {
        title: "Hops that light could not have reached, and leaps".into(),
        note: format!("{left}{more}"),
        columns: words(&["address", "country", "verdict", "why", ">paths", "first at"]),
        rows: rows.collect(),
    }
}

fn servers(found: &[(Server, Option<crate::Country>)]) -> AppTable {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let of = |[hits, of]: [u32; 2]| if of == 0 { "-".into() } else { format!("{hits}/{of}") };
    let rows = found.iter().map(|(server, country)| {
        let is_back_end = match server.is_back_end {
            Some(true) => "back end",
            Some(false) => "no",
            None => "-",
        };
        vec![
            or_dash(&server.app),
            or_dash(&server.name),
            server.learned.name().into(),
            server.transport.into(),
            server.address.to_string(),
            server.port.to_string(),
            country.map_or_else(|| "-".into(), |country| country.to_string()),
            of(server.sent),
            of(server.received),
            is_back_end.into(),
        ]
    });
    Table {
        title: "Servers".into(),
        note: "sent, received: messages that the server had payload for. A back end moves with the messages and is not in the background.".into(),
        columns: words(&["app", "name", "learned by", "transport", "address", ">port", "country", ">sent", ">received", "moves with messages"]),
        rows: rows.collect(),
    }
}
