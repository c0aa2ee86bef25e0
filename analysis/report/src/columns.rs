//! Records as columns: one definition of a record's columns gives its Arrow schema, its record batches ([`Rows`], or
//! [`nested::batch`] for records with lists in them), and its Parquet and Arrow IPC files.
//!
//! Numbers are signed, as not every reader has unsigned ones; times are microseconds since 1970, UTC; words that repeat are
//! dictionaries.

mod cell;
pub mod nested;
#[cfg(feature = "parquet")]
mod parquet_file;
mod rows;
#[cfg(feature = "parquet")]
mod stream;
mod words;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

pub use arrow_array::{RecordBatch, RecordBatchReader};
pub use arrow_schema::ArrowError;
pub use arrow_schema::SchemaRef as BatchSchema;
pub use cell::Cell;
#[cfg(feature = "parquet")]
pub use parquet_file::{Layout, ParquetFile};
pub use rows::Rows;
#[cfg(feature = "parquet")]
pub use stream::StreamFile;

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// UTF-8 of few different values: a dictionary with 32-bit indices.
    Word,
    /// 32 bits, signed.
    Int,
    /// 64 bits, signed.
    Long,
    /// 64 bits, floating.
    Double,
    /// True or false.
    Flag,
    /// Microseconds since 1970, UTC.
    Time,
    /// An IP address; see [`Addresses`].
    Address,
    /// Any number of the same.
    List(&'static Kind),
    /// A record within the record.
    Record(&'static [Column]),
}

/// One column of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The field's name in JSON.
    pub name: &'static str,
    /// What stands in it.
    pub kind: Kind,
    /// Whether there may be nothing in it.
    pub is_optional: bool,
}

impl Column {
    /// A column with a value in every row.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, is_optional: false }
    }

    /// A column that is null in some rows.
    pub const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, is_optional: true }
    }

    fn field(&self, addresses: Addresses) -> Field {
        Field::new(self.name, self.kind.data_type(addresses), self.is_optional)
    }
}

/// How addresses stand in columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addresses {
    /// As people write them: `192.0.2.1`, `2001:db8::1`.
    #[default]
    Text,
    /// 16 bytes in network order; IPv4 as `::ffff:192.0.2.1`.
    Binary,
}

impl Kind {
    fn data_type(self, addresses: Addresses) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Word => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Self::Int => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Flag => DataType::Boolean,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Address if addresses == Addresses::Binary => DataType::FixedSizeBinary(16),
            Self::Address => DataType::Utf8,
            Self::List(kind) => DataType::List(Arc::new(Field::new("item", kind.data_type(addresses), true))),
            Self::Record(columns) => DataType::Struct(fields(columns, addresses)),
        }
    }
}

fn fields(columns: &[Column], addresses: Addresses) -> Fields {
    columns.iter().map(|column| column.field(addresses)).collect()
}

/// The Arrow schema of these columns.
pub fn schema(columns: &[Column], addresses: Addresses) -> SchemaRef {
    Arc::new(Schema::new(fields(columns, addresses)))
}
