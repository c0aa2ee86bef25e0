//! Batches into an Arrow IPC stream.

use std::io::{self, Write};

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;

use super::{Addresses, Column, schema};

/// An IPC stream: schema, batches, end.
pub struct StreamFile<W: Write> {
    writer: StreamWriter<W>,
}

impl<W: Write> StreamFile<W> {
    /// Begins a stream of batches of these columns.
    ///
    /// # Errors
    /// What could not be written.
    pub fn new(to: W, columns: &[Column]) -> io::Result<Self> {
        let writer = StreamWriter::try_new(to, &schema(columns, Addresses::Text)).map_err(explained)?;
        Ok(Self { writer })
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// What could not be written.
    pub fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.writer.write(batch).and_then(|()| self.writer.flush()).map_err(explained)
    }

    /// Writes the end of the stream.
    ///
    /// # Errors
    /// What could not be written.
    pub fn finish(self) -> io::Result<W> {
        self.writer.into_inner().map_err(explained)
    }
}

fn explained(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}

impl<W: Write> std::fmt::Debug for StreamFile<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamFile").finish_non_exhaustive()
    }
}
