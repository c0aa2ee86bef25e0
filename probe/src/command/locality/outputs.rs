//! What `locality` prints.

use std::io::Write;

use serde::Serialize;
use serde_json::json;
use wiremark_locality::report::{Report, explain, page, tables};
use wiremark_locality::table::{Cell, TableRow};
use wiremark_probe::record::harmless;

use super::arguments::{Arguments, Format};
use crate::output::Output;
use crate::stop::{Stop, printable};
use crate::table::{table, text};

/// The files of `--format csv`.
pub(super) const FILES: [&str; 5] =
    ["leaving.csv", "accessible.csv", "servers.csv", "hops.csv", "contradictions.csv"];

/// All that was found.
pub(super) struct Found<'r> {
    pub(super) report: &'r Report<'r>,
    pub(super) title: String,
}

impl Found<'_> {
    pub(super) fn write(&self, arguments: &Arguments, output: Option<Output>) -> Result<(), Stop> {
        let Some(mut output) = output else { return self.csv(arguments) };
        match arguments.format {
            Format::Html => output.text(&page(&self.title, self.report))?,
            Format::Json => self.json(&mut output)?,
            Format::Table | Format::Csv => {
                let is_terminal = output.is_terminal();
                for found in tables(self.report) {
                    let titles: Vec<&str> = found.columns.iter().map(String::as_str).collect();
                    let mut lines = table(is_terminal, &titles);
                    // Names come from captures.
                    lines.add_rows(found.rows.iter().map(|row| row.iter().map(|cell| printable(cell))));
                    let note =
                        if found.note.is_empty() { String::new() } else { format!("{}\n", found.note) };
                    output.text(&format!("{}\n{}{note}\n", found.title, text(&lines)))?;
                }
                for line in self.report.basis {
                    output.text(&format!("{line}\n"))?;
                }
            }
        }
        output.finish()
    }

    fn cells<'a>(&'a self, row: &'a TableRow) -> impl Iterator<Item = (String, Cell)> + 'a {
        let survey = self.report.survey;
        survey
            .kinds_known()
            .into_iter()
            .map(|kind| survey.kind_name(kind).to_owned())
            .zip(row.cells.iter().copied())
    }

    fn json(&self, output: &mut Output) -> Result<(), Stop> {
        let report = self.report;
        let paths = |row: &TableRow| -> Vec<serde_json::Value> {
            let path = |(path, cell): (String, Cell)| json!({"path": path, "pairs": cell.pairs, "count": cell.count, "percent": cell.percent()});
            self.cells(row).map(path).collect()
        };
        for row in report.leaving {
            let record = json!({"event_type": "leaving", "region": row.region, "pairs": row.pairs, "paths": paths(row)});
            line(output, &record)?;
        }
        for row in report.accessible {
            let (id, name) = row.group.clone().unwrap_or_default();
            let record = json!({
                "event_type": "accessible", "region": row.region, "group": id, "group_name": name, "pairs": row.pairs, "paths": paths(row)
            });
            line(output, &record)?;
        }
        for (server, country) in report.servers {
            #[derive(Serialize)]
            struct Record<'s> {
                event_type: &'static str,
                #[serde(flatten)]
                server: &'s wiremark_locality::servers::Server,
                country: &'s Option<wiremark_locality::Country>,
            }
            line(output, &Record { event_type: "server", server, country })?;
        }
        for hop in report.survey.flagged() {
            let flagged = &hop.flagged;
            let record = json!({
                "event_type": "hop", "address": hop.address, "country": hop.country, "flag": flagged.flag, "from": flagged.from,
                "from_address": flagged.from_address, "least_km": flagged.least_km.round(), "had_ms": flagged.had_ms,
                "needs_ms": flagged.needs_ms, "why": explain(hop), "paths": hop.paths, "file": hop.at.0, "line": hop.at.1
            });
            line(output, &record)?;
        }
        for found in report.contradictions {
            line(output, &json!({"event_type": "contradiction", "kind": found.kind, "text": found.text}))?;
        }
        let counts = &report.survey.counts;
        let [located, special, unknown, silent] = counts.hops;
        let record = json!({
            "event_type": "locality", "day": report.study.map(|study| study.day.to_string()),
            "paths": counts.paths, "malformed": counts.malformed, "without_source": counts.without_source,
            "without_target": counts.without_target, "incomplete": counts.incomplete, "empty": counts.empty,
            "hops": {"located": located, "special": special, "unknown": unknown, "silent": silent,
                     "impossible": counts.flagged[0], "leaps": counts.flagged[1]},
            "basis": report.basis
        });
        line(output, &record)
    }

    fn csv(&self, arguments: &Arguments) -> Result<(), Stop> {
        let report = self.report;
        let folder = arguments.output.clone().unwrap_or_default();
        std::fs::create_dir_all(&folder)
            .map_err(|error| Stop::writing(&folder.display().to_string(), &error))?;
        let write = |name: &str, columns: &[&str], rows: Vec<Vec<String>>| {
            let path = folder.join(name);
            let fail =
                |error: csv::Error| Stop::writing(&path.display().to_string(), &std::io::Error::other(error));
            let mut writer = csv::Writer::from_path(&path).map_err(fail)?;
            writer.write_record(columns).map_err(fail)?;
            let cells = |row: &Vec<String>| row.iter().map(|cell| harmless(cell)).collect::<Vec<_>>();
            rows.iter().try_for_each(|row| writer.write_record(cells(row))).map_err(fail)?;
            writer.flush().map_err(|error| Stop::writing(&path.display().to_string(), &error))
        };
        let percent = |cell: Cell| cell.percent().map_or_else(String::new, |percent| percent.to_string());
        let counted = |cell: Cell| [cell.pairs.to_string(), cell.count.to_string(), percent(cell)];
        if report.study.is_some() {
            let rows = report.leaving.iter().flat_map(|row| {
                self.cells(row)
                    .map(|(path, cell)| [vec![row.region.clone(), path], counted(cell).to_vec()].concat())
            });
            write("leaving.csv", &["region", "path", "pairs", "count", "percent"], rows.collect())?;
            let rows = report.accessible.iter().flat_map(|row| {
                let group = row.group.as_ref().map_or_else(String::new, |(id, _)| id.clone());
                let lead = move |path| vec![row.region.clone(), group.clone(), path];
                self.cells(row).map(move |(path, cell)| [lead(path), counted(cell).to_vec()].concat())
            });
            write(
                "accessible.csv",
                &["region", "group", "path", "pairs", "count", "percent"],
                rows.collect(),
            )?;
            let rows =
                report.contradictions.iter().map(|found| vec![found.kind.to_owned(), found.text.clone()]);
            write("contradictions.csv", &["kind", "text"], rows.collect())?;
            let rows = report.survey.flagged().into_iter().map(|hop| {
                let flag = serde_json::to_value(hop.flagged.flag).ok();
                let flag = flag.as_ref().and_then(|flag| flag.as_str()).unwrap_or_default().to_owned();
                let (file, at) = (hop.at.0.clone(), hop.at.1.to_string());
                vec![
                    hop.address.to_string(),
                    hop.country.to_string(),
                    flag,
                    explain(hop),
                    hop.paths.to_string(),
                    file,
                    at,
                ]
            });
            write(
                "hops.csv",
                &["address", "country", "flag", "why", "paths", "file", "line"],
                rows.collect(),
            )?;
        }
        let of = |[hits, of]: [u32; 2]| if of == 0 { String::new() } else { format!("{hits}/{of}") };
        let rows = report.servers.iter().map(|(server, country)| {
            let moves = server.is_back_end.map_or_else(String::new, |moves| moves.to_string());
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            vec![
                text(&server.app),
                text(&server.name),
                server.learned.name().into(),
                server.transport.into(),
                server.address.to_string(),
                server.port.to_string(),
                country.map_or_else(String::new, |country| country.to_string()),
                of(server.sent),
                of(server.received),
                moves,
            ]
        });
        if !arguments.captures.is_empty() {
            let columns = [
                "app",
                "name",
                "learned",
                "transport",
                "address",
                "port",
                "country",
                "sent",
                "received",
                "moves",
            ];
            write("servers.csv", &columns, rows.collect())?;
        }
        Ok(())
    }
}

fn line(output: &mut Output, record: &impl Serialize) -> Result<(), Stop> {
    let written = serde_json::to_writer(&mut *output, record)
        .map_err(Into::into)
        .and_then(|()| output.write_all(b"\n"))
        .and_then(|()| output.flush());
    output.explain(written)
}
