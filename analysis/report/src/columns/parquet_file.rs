//! Batches into Parquet files.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch, UInt32Array};
use arrow_schema::DataType;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::{Addresses, Cell, Column, Rows, schema};

/// Rows of a row group. DuckDB reads a group a thread, in vectors of 2,048: this is 60 of them.
const GROUP_ROWS: usize = 122_880;
/// Rows of a page, the least that readers with a page index read.
const PAGE_ROWS: usize = 4_096;
/// How many different values the filters on addresses are made for, a row group.
const FILTER_VALUES: u64 = 16_384;

/// How the rows of a row group are laid out, so that few pages answer "this client, this day".
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// Columns that the rows of a row group are sorted by, texts and times, the first before the next.
    pub sorted_by: &'static [&'static str],
    /// Columns with a Bloom filter a row group.
    pub filtered: &'static [&'static str],
}

/// One file, and the rows that wait for it.
///
/// A row group is written when it is full: memory does not grow with the number of rows.
pub struct ParquetFile<W: Write + Send> {
    writer: ArrowWriter<W>,
    /// None where records are nested, and come in batches.
    rows: Option<Rows>,
    sorted_by: Vec<usize>,
}

impl<W: Write + Send> ParquetFile<W> {
    /// Begins a file for rows of these columns.
    ///
    /// # Errors
    /// What could not be written.
    pub fn new(to: W, columns: &[Column], layout: Layout) -> io::Result<Self> {
        let schema = schema(columns, Addresses::Text);
        let sorted_by: Vec<usize> =
            layout.sorted_by.iter().filter_map(|name| schema.index_of(name).ok()).collect();
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_write_batch_size(PAGE_ROWS / 4)
            .set_created_by(concat!("wiremark ", env!("CARGO_PKG_VERSION")).to_owned());
        if !sorted_by.is_empty() {
            let sorting = |index: &usize| SortingColumn {
                column_idx: i32::try_from(*index).unwrap_or_default(),
                descending: false,
                nulls_first: true,
            };
            properties = properties.set_sorting_columns(Some(sorted_by.iter().map(sorting).collect()));
        }
        for name in layout.filtered {
            let path = ColumnPath::from(*name);
            properties = properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_max_ndv(path, FILTER_VALUES);
        }
        let writer = ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties.build()));
        Ok(Self {
            writer: writer.map_err(explained)?,
            rows: Rows::of_flat(columns, Addresses::Text),
            sorted_by,
        })
    }

    /// Adds a row, a cell a column.
    ///
    /// # Errors
    /// What could not be written.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let Some(rows) = &mut self.rows else { return Err(io::ErrorKind::Unsupported.into()) };
        rows.push(cells);
        if rows.len() >= GROUP_ROWS { self.write() } else { Ok(()) }
    }

    /// Adds a batch of [`nested`](super::nested) records.
    ///
    /// # Errors
    /// What could not be written.
    pub fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.writer.write(batch).map_err(explained)
    }

    fn write(&mut self) -> io::Result<()> {
        let Some(rows) = self.rows.as_mut().filter(|rows| !rows.is_empty()) else { return Ok(()) };
        let batch = rows.take().map_err(io::Error::other)?;
        let batch = sorted(&batch, &self.sorted_by).map_err(io::Error::other)?;
        self.writer.write(&batch).and_then(|()| self.writer.flush()).map_err(explained)
    }

    /// Writes what waits, and the end of the file.
    ///
    /// # Errors
    /// What could not be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.write()?;
        self.writer.into_inner().map_err(explained)
    }
}

/// The rows in the order of these columns.
fn sorted(batch: &RecordBatch, by: &[usize]) -> Result<RecordBatch, arrow_schema::ArrowError> {
    if by.is_empty() {
        return Ok(batch.clone());
    }
    let keys: Vec<Key<'_>> = by.iter().map(|index| Key::of(batch.column(*index))).collect();
    let mut order: Vec<u32> = (0..batch.num_rows() as u32).collect();
    order.sort_by(|a, b| {
        keys.iter()
            .map(|key| key.compare(*a as usize, *b as usize))
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    arrow_select::take::take_record_batch(batch, &UInt32Array::from(order))
}

/// What rows are compared by.
enum Key<'a> {
    Text(&'a arrow_array::StringArray),
    Time(&'a arrow_array::TimestampMicrosecondArray),
    /// Columns of other kinds are not sorted by.
    Other,
}

impl<'a> Key<'a> {
    fn of(column: &'a arrow_array::ArrayRef) -> Self {
        match column.data_type() {
            DataType::Utf8 => Self::Text(column.as_string()),
            DataType::Timestamp(..) => Self::Time(column.as_primitive::<TimestampMicrosecondType>()),
            _ => Self::Other,
        }
    }

    fn compare(&self, a: usize, b: usize) -> std::cmp::Ordering {
        match self {
            Self::Text(texts) => {
                let text = |row| texts.is_valid(row).then(|| texts.value(row));
                text(a).cmp(&text(b))
            }
            Self::Time(times) => {
                let time = |row| times.is_valid(row).then(|| times.value(row));
                time(a).cmp(&time(b))
            }
            Self::Other => std::cmp::Ordering::Equal,
        }
    }
}

/// The writer's own error where it is one of writing.
fn explained(error: parquet::errors::ParquetError) -> io::Error {
    match error {
        parquet::errors::ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}

impl<W: Write + Send> std::fmt::Debug for ParquetFile<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetFile").field("rows", &self.rows).finish_non_exhaustive()
    }
}
