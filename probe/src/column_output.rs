//! Records as Parquet files and Arrow streams.

use std::io::{self, Write};

use wiremark_report::columns::{
    Addresses, ArrowError, Cell, Column, Layout, ParquetFile, RecordBatch, Rows, StreamFile,
};

use crate::output::Output;
use crate::stop::Stop;

/// Rows of a batch in an Arrow stream.
const BATCH_ROWS: usize = 16_384;

/// Takes records, row by row or batch by batch.
pub(crate) struct ColumnOutput {
    name: String,
    file: File,
}

enum File {
    Parquet(Box<ParquetFile<Bytes>>),
    Arrow { file: Box<StreamFile<Bytes>>, rows: Option<Rows>, batch_rows: usize },
}

impl ColumnOutput {
    /// A Parquet file, with its rows laid out in this way.
    pub(crate) fn parquet(output: Output, columns: &[Column], layout: Layout) -> Result<Self, Stop> {
        let name = named(&output, "parquet")?;
        let file =
            ParquetFile::new(Bytes(output), columns, layout).map_err(|error| Stop::writing(&name, &error))?;
        Ok(Self { name, file: File::Parquet(Box::new(file)) })
    }

    /// An Arrow IPC stream, with a batch a row where rows are wanted at once.
    pub(crate) fn arrow(output: Output, columns: &[Column], at_once: bool) -> Result<Self, Stop> {
        let name = named(&output, "arrow")?;
        let file = StreamFile::new(Bytes(output), columns).map_err(|error| Stop::writing(&name, &error))?;
        let rows = Rows::of_flat(columns, Addresses::Text);
        let batch_rows = if at_once { 1 } else { BATCH_ROWS };
        Ok(Self { name, file: File::Arrow { file: Box::new(file), rows, batch_rows } })
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Stop> {
        let written = match &mut self.file {
            File::Parquet(file) => file.row(cells),
            File::Arrow { file, rows: Some(rows), batch_rows } => {
                rows.push(cells);
                if rows.len() >= *batch_rows { write(file, rows) } else { Ok(()) }
            }
            File::Arrow { rows: None, .. } => Err(io::ErrorKind::Unsupported.into()),
        };
        written.map_err(|error| Stop::writing(&self.name, &error))
    }

    /// Adds records with lists in them.
    #[cfg(feature = "calls")]
    pub(crate) fn batch(&mut self, batch: Result<RecordBatch, ArrowError>) -> Result<(), Stop> {
        let written = batch.map_err(io::Error::other).and_then(|batch| match &mut self.file {
            File::Parquet(file) => file.batch(&batch),
            File::Arrow { file, .. } => file.batch(&batch),
        });
        written.map_err(|error| Stop::writing(&self.name, &error))
    }

    /// Writes what is left to write.
    pub(crate) fn finish(self) -> Result<(), Stop> {
        let output = match self.file {
            File::Parquet(file) => file.finish(),
            File::Arrow { mut file, rows, .. } => {
                let last = rows.filter(|rows| !rows.is_empty());
                last.map_or(Ok(()), |mut rows| write(&mut file, &mut rows)).and_then(|()| file.finish())
            }
        };
        let Bytes(mut output) = output.map_err(|error| Stop::writing(&self.name, &error))?;
        output.finish()
    }
}

fn write(file: &mut StreamFile<Bytes>, rows: &mut Rows) -> io::Result<()> {
    file.batch(&rows.take().map_err(io::Error::other)?)
}

/// The output's name, unless it is a terminal.
fn named(output: &Output, format: &str) -> Result<String, Stop> {
    if output.is_terminal() {
        return Err(Stop::Usage(format!(
            "--format {format} is not for a terminal; name a file with -o, or send standard output elsewhere"
        )));
    }
    Ok(output.name().to_owned())
}

/// An output that takes bytes as they come: there are no records to cut between.
struct Bytes(Output);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.write(bytes)?;
        self.0.flush()?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
