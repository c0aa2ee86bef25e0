//! The rows' file: `cgi_path, functype, longlink_cmdid, service, task, direction_hint, source, confidence`.

use std::sync::Arc;

use super::error::LoadError;
use super::task_name::{Names, TaskId};

const HEADER: [&str; 8] =
    ["cgi_path", "functype", "longlink_cmdid", "service", "task", "direction_hint", "source", "confidence"];

/// One known request.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Path of the CGI; none where the request exists on the long link alone.
    pub(crate) cgi: Option<Arc<str>>,
    pub(crate) request_type: Option<u32>,
    /// Whether only servers send it.
    pub(crate) is_push: bool,
    pub(crate) task: TaskId,
}

pub(super) struct Read {
    pub(super) row: Row,
    pub(super) command: Option<u32>,
}

pub(super) fn read(file: &str, text: &str, names: &mut Names) -> Result<Vec<Read>, LoadError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(1, csv::Position::line);
            wrong(file, line, 1, &format!("expected {} comma-separated fields: {error}", HEADER.len()))
        })?;
        let line = record.position().map_or(1, csv::Position::line);
        if record.len() != HEADER.len() {
            let problem = format!("expected {} fields, found {}", HEADER.len(), record.len());
            return Err(wrong(file, line, record.len(), &problem));
        }
        if line == 1 {
            let odd = HEADER.iter().zip(&record).position(|(expected, found)| *expected != found);
            match odd {
                None => continue,
                Some(at) => {
                    let problem = format!("expected the title {}, found \"{}\"", HEADER[at], &record[at]);
                    return Err(wrong(file, line, at + 1, &problem));
                }
            }
        }
        rows.push(row(file, line, &record, names)?);
    }
    if rows.is_empty() { Err(wrong(file, 1, 1, "expected at least one row")) } else { Ok(rows) }
}

fn row(file: &str, line: u64, record: &csv::StringRecord, names: &mut Names) -> Result<Read, LoadError> {
    let [path, kind, command, service, task, hint, source, _] = std::array::from_fn(|at| record[at].trim());
    let number = |at: usize, text: &str| match text {
        "" => Ok(None),
        text => text.parse::<u32>().map(Some).map_err(|_| {
            wrong(
                file,
                line,
                at,
                &format!("{}: expected a number or nothing, found \"{text}\"", HEADER[at - 1]),
            )
        }),
    };
    let (request_type, command) = (number(2, kind)?, number(3, command)?);
    for (at, text) in [(4, service), (5, task), (7, source)] {
        if text.is_empty() {
            return Err(wrong(file, line, at, &format!("{}: expected a word", HEADER[at - 1])));
        }
    }
    let cgi = match path {
        path if path.starts_with('/') => Some(path.into()),
        path if path.starts_with("(no cgi)") => None,
        _ => {
            let problem = format!("cgi_path: expected a path or \"(no cgi) NAME\", found \"{path}\"");
            return Err(wrong(file, line, 1, &problem));
        }
    };
    if cgi.is_none() && command.is_none() && request_type.is_none() {
        return Err(wrong(file, line, 2, "functype: expected a number here or in the next field"));
    }
    let is_push = hint.starts_with("server push");
    Ok(Read { row: Row { cgi, request_type, is_push, task: names.id(service, task) }, command })
}

fn wrong(file: &str, line: u64, column: usize, problem: &str) -> LoadError {
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    LoadError { file: file.to_owned(), line, column, problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(row: &str) -> String {
        let text = format!("{}\n/cgi-bin/a,1,,Service,Task,,source,sure\n{row}\n", HEADER.join(","));
        match read("t.csv", &text, &mut Names::default()) {
            Ok(_) => panic!("{row} was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn errors_name_file_line_and_field() {
        assert!(
            refusal("/cgi-bin/b,x,,Service,Task,,source,sure")
                .starts_with("t.csv:3:2: functype: expected a number")
        );
        assert!(refusal("/cgi-bin/b,1,2,,Task,,source,sure").starts_with("t.csv:3:4: service"));
        assert!(refusal("cgi-bin/b,1,2,Service,Task,,source,sure").starts_with("t.csv:3:1: cgi_path"));
        assert!(refusal("/cgi-bin/b,1,2").starts_with("t.csv:3:"));
        let title = read(
            "t.csv",
            "cgi,functype,longlink_cmdid,service,task,direction_hint,source,confidence\n",
            &mut Names::default(),
        );
        assert!(title.is_err_and(|error| error.to_string().starts_with("t.csv:1:1: ")));
    }
}
