//! Small CSV files that people write: `#` begins a comment line, the first row names the columns, in any order.

use std::fmt;

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong there, and the remedy.
    pub problem: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.file, self.line, self.problem)
    }
}

impl std::error::Error for FileError {}

/// One row.
#[derive(Debug)]
pub(crate) struct Row<'s> {
    sheet: &'s Sheet<'s>,
    record: csv::StringRecord,
    line: u64,
}

/// A file under reading.
#[derive(Debug)]
pub(crate) struct Sheet<'s> {
    file: &'s str,
    columns: Vec<String>,
    text: &'s str,
}

impl<'s> Sheet<'s> {
    /// Checks the columns: all of `needed` must be there; those of neither list are refused.
    pub(crate) fn open(
        file: &'s str,
        text: &'s str,
        needed: &[&str],
        optional: &[&str],
    ) -> Result<Self, FileError> {
        let fail = |line: u64, problem: String| FileError { file: file.to_owned(), line, problem };
        let list = || needed.iter().chain(optional).copied().collect::<Vec<_>>().join(", ");
        let mut reader = reader(text);
        let mut header = csv::StringRecord::new();
        let has_header = reader.read_record(&mut header).map_err(|error| fail(1, error.to_string()))?;
        let line = header.position().map_or(1, csv::Position::line);
        if !has_header {
            return Err(fail(line, format!("is empty; the first row names the columns: {}", list())));
        }
        let columns: Vec<String> = header.iter().map(|name| name.to_ascii_lowercase()).collect();
        if let Some(missing) = needed.iter().find(|name| !columns.iter().any(|column| column == *name)) {
            return Err(fail(
                line,
                format!("no column {missing}; the first row names the columns: {}", list()),
            ));
        }
        if let Some(unknown) =
            columns.iter().find(|column| !needed.iter().chain(optional).any(|name| name == column))
        {
            return Err(fail(line, format!("unknown column {unknown:?}; there may be: {}", list())));
        }
        Ok(Self { file, columns, text })
    }

    /// The rows, in order.
    pub(crate) fn rows(&'s self) -> impl Iterator<Item = Result<Row<'s>, FileError>> {
        let mut reader = reader(self.text);
        let mut is_over = false;
        std::iter::from_fn(move || {
            let mut record = csv::StringRecord::new();
            if is_over {
                return None;
            }
            let read = reader.read_record(&mut record);
            let line = record.position().map_or(0, csv::Position::line);
            match read {
                Ok(true) => Some(Ok(Row { sheet: self, record, line })),
                Ok(false) => None,
                Err(error) => {
                    is_over = true;
                    let line = error.position().map_or(line, csv::Position::line);
                    let problem = match error.kind() {
                        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                            format!("{len} fields where the first row names {expected_len} columns")
                        }
                        _ => error.to_string(),
                    };
                    Some(Err(FileError { file: self.file.to_owned(), line, problem }))
                }
            }
        })
        .skip(1)
    }
}

fn reader(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes())
}

impl Row<'_> {
    /// A field; empty where there is no such column.
    pub(crate) fn get(&self, column: &str) -> &str {
        let at = self.sheet.columns.iter().position(|name| name == column);
        at.and_then(|at| self.record.get(at)).unwrap_or_default()
    }

    /// The line it stands on.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// An error here.
    pub(crate) fn error(&self, problem: impl Into<String>) -> FileError {
        FileError { file: self.sheet.file.to_owned(), line: self.line, problem: problem.into() }
    }

    /// A field that must not be empty.
    pub(crate) fn need(&self, column: &str) -> Result<&str, FileError> {
        match self.get(column) {
            "" => Err(self.error(format!("{column} is empty"))),
            field => Ok(field),
        }
    }

    /// A country.
    pub(crate) fn country(&self) -> Result<crate::Country, FileError> {
        let code = self.get("country");
        crate::Country::parse(code).ok_or_else(|| {
            self.error(format!("{code:?} is no country; give two letters of ISO 3166-1, e.g. CH"))
        })
    }
}
