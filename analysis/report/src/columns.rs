//! Rows into Parquet files.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

pub use parquet::errors::ParquetError as ColumnError;

/// Rows kept before they are written.
const ROWS: usize = 65_536;

/// A value of a row; `None` where there is none.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// 32 bits.
    Int(i32),
    /// 64 bits.
    Long(Option<i64>),
    /// True or false.
    Flag(bool),
    /// True, false or unknown.
    OptionalFlag(Option<bool>),
    /// UTF-8.
    Text(Option<&'a str>),
}

/// One file and the rows that wait for it.
#[derive(Debug)]
pub struct ColumnFile {
    writer: SerializedFileWriter<File>,
    columns: Vec<Column>,
    rows: usize,
}

#[derive(Debug, Default)]
struct Column {
    ints: Vec<i32>,
    longs: Vec<i64>,
    flags: Vec<bool>,
    texts: Vec<ByteArray>,
    /// 1 where there is a value, 0 where there is none.
    present: Vec<i16>,
    last: Option<(String, ByteArray)>,
}

impl Column {
    fn push(&mut self, cell: Cell<'_>) {
        let is_present = !matches!(cell, Cell::Long(None) | Cell::Text(None) | Cell::OptionalFlag(None));
        self.present.push(is_present.into());
        match cell {
            Cell::Int(int) => self.ints.push(int),
            Cell::Long(long) => self.longs.extend(long),
            Cell::Flag(flag) => self.flags.push(flag),
            Cell::OptionalFlag(flag) => self.flags.extend(flag),
            Cell::Text(None) => {}
            // Words repeat from row to row: the bytes are then shared.
            Cell::Text(Some(text)) => match &self.last {
                Some((last, bytes)) if last == text => self.texts.push(bytes.clone()),
                _ => {
                    let bytes = ByteArray::from(text.as_bytes().to_vec());
                    self.texts.push(bytes.clone());
                    self.last = Some((text.to_owned(), bytes));
                }
            },
        }
    }
}

impl ColumnFile {
    /// Makes the file; `schema` in Parquet's message text.
    ///
    /// # Errors
    /// A file that cannot be made, a schema that cannot be read.
    pub fn create(path: &Path, schema: &str) -> io::Result<Self> {
        let file = File::create(path)?;
        let schema = parse_message_type(schema).map_err(io::Error::other)?;
        let columns = schema.get_fields().iter().map(|_| Column::default()).collect();
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties));
        Ok(Self { writer: writer.map_err(io::Error::other)?, columns, rows: 0 })
    }

    /// Adds a row, a cell a column.
    ///
    /// # Errors
    /// What could not be written.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(*cell);
        }
        self.rows += 1;
        if self.rows >= ROWS { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            write_column(&mut group, &std::mem::take(column))?;
        }
        group.close()?;
        Ok(())
    }

    /// Writes what waits, and the end of the file.
    ///
    /// # Errors
    /// What could not be written.
    pub fn finish(mut self) -> Result<()> {
        self.write()?;
        self.writer.close()?;
        Ok(())
    }
}

fn write_column(group: &mut SerializedRowGroupWriter<'_, File>, column: &Column) -> Result<()> {
    let Some(mut writer) = group.next_column()? else { return Ok(()) };
    let present = Some(column.present.as_slice());
    match writer.untyped() {
        ColumnWriter::Int32ColumnWriter(typed) => typed.write_batch(&column.ints, present, None)?,
        ColumnWriter::Int64ColumnWriter(typed) => typed.write_batch(&column.longs, present, None)?,
        ColumnWriter::BoolColumnWriter(typed) => typed.write_batch(&column.flags, present, None)?,
        ColumnWriter::ByteArrayColumnWriter(typed) => typed.write_batch(&column.texts, present, None)?,
        _ => return Err(ParquetError::General("a column of a type that is not written here".into())),
    };
    writer.close()
}
