//! Rows into record batches.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, FixedSizeBinaryBuilder, Float64Builder, Int32Builder, Int64Builder, ListBuilder,
    StringBuilder, StringDictionaryBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};

use super::{Addresses, Cell, Column, Kind, schema};

/// Rows that wait to become a record batch.
///
/// Dictionaries grow from batch to batch: an index means the same word in all of them.
pub struct Rows {
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: usize,
}

enum Builder {
    Text(StringBuilder),
    Word(Words),
    Int(Int32Builder),
    Long(Int64Builder),
    Flag(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Binary(FixedSizeBinaryBuilder),
    Double(Float64Builder),
    Texts(ListBuilder<StringBuilder>),
}

impl Rows {
    /// For rows of flat columns, lists of texts among them; none where there are other lists or records, which are
    /// [`nested`](super::nested)'s.
    pub fn of_flat(columns: &[Column], addresses: Addresses) -> Option<Self> {
        let builders =
            columns.iter().map(|column| Builder::new(column.kind, addresses)).collect::<Option<_>>()?;
        Some(Self { schema: schema(columns, addresses), builders, rows: 0 })
    }

    /// Adds a row, a cell a column.
    ///
    /// # Panics
    /// A cell of another kind than its column, or another number of cells: the definition of the columns is wrong then.
    pub fn push(&mut self, cells: &[Cell<'_>]) {
        assert_eq!(cells.len(), self.builders.len(), "a cell a column");
        for (builder, cell) in self.builders.iter_mut().zip(cells) {
            builder.push(*cell);
        }
        self.rows += 1;
    }

    /// How many rows wait.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether no row waits.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What every batch looks like.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows that wait, as a batch.
    ///
    /// # Errors
    /// A null in a column that has none.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), self.builders.iter_mut().map(Builder::take).collect())
    }
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("schema", &self.schema).field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// Words; the same comes many times in a row, and is looked up once for all of them.
#[derive(Default)]
struct Words {
    to: StringDictionaryBuilder<Int32Type>,
    last: String,
    /// How often the last is still to be added.
    times: usize,
}

impl Words {
    fn push(&mut self, word: &str) {
        if self.times == 0 || self.last != word {
            self.add();
            self.last.clear();
            self.last.push_str(word);
        }
        self.times += 1;
    }

    fn push_null(&mut self) {
        self.add();
        self.to.append_null();
    }

    fn add(&mut self) {
        if self.times > 0 {
            self.to.append_values(&self.last, std::mem::take(&mut self.times));
        }
    }

    fn take(&mut self) -> ArrayRef {
        self.add();
        Arc::new(self.to.finish_preserve_values())
    }
}

impl Builder {
    fn new(kind: Kind, addresses: Addresses) -> Option<Self> {
        Some(match kind {
            Kind::Address if addresses == Addresses::Binary => Self::Binary(FixedSizeBinaryBuilder::new(16)),
            Kind::Text | Kind::Address => Self::Text(StringBuilder::new()),
            Kind::Word => Self::Word(Words::default()),
            Kind::Int => Self::Int(Int32Builder::new()),
            Kind::Long => Self::Long(Int64Builder::new()),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
            Kind::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Double => Self::Double(Float64Builder::new()),
            Kind::List(Kind::Text) => Self::Texts(ListBuilder::new(StringBuilder::new())),
            Kind::List(_) | Kind::Record(_) => return None,
        })
    }

    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(to), Cell::Text(text)) => to.append_value(text),
            (Self::Text(to), Cell::None) => to.append_null(),
            (Self::Text(to), Cell::Address(address)) => {
                // Its writer takes any text.
                let _ = write!(to, "{address}");
                to.append_value("");
            }
            (Self::Word(to), Cell::Text(text)) => to.push(text),
            (Self::Word(to), Cell::None) => to.push_null(),
            (Self::Int(to), Cell::Int(number)) => to.append_value(number),
            (Self::Int(to), Cell::None) => to.append_null(),
            (Self::Long(to), Cell::Long(number)) => to.append_value(number),
            (Self::Long(to), Cell::Int(number)) => to.append_value(number.into()),
            (Self::Long(to), Cell::None) => to.append_null(),
            (Self::Flag(to), Cell::Flag(flag)) => to.append_value(flag),
            (Self::Flag(to), Cell::None) => to.append_null(),
            (Self::Time(to), Cell::Time(time_us)) => to.append_value(time_us),
            (Self::Time(to), Cell::None) => to.append_null(),
            (Self::Binary(to), Cell::Address(address)) => {
                let bytes = match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    IpAddr::V6(address) => address.octets(),
                };
                // 16 bytes are what it takes.
                let _ = to.append_value(bytes);
            }
            (Self::Binary(to), Cell::None) => to.append_null(),
            (Self::Double(to), Cell::Double(number)) => to.append_value(number),
            (Self::Double(to), Cell::None) => to.append_null(),
            (Self::Texts(to), Cell::Texts(texts)) => to.append_value(texts.iter().map(Some)),
            (Self::Texts(to), Cell::None) => to.append_null(),
            (_, cell) => unreachable!("{cell:?} is not of its column's kind"),
        }
    }

    fn take(&mut self) -> ArrayRef {
        match self {
            Self::Text(from) => Arc::new(from.finish()),
            Self::Word(from) => from.take(),
            Self::Int(from) => Arc::new(from.finish()),
            Self::Long(from) => Arc::new(from.finish()),
            Self::Flag(from) => Arc::new(from.finish()),
            Self::Time(from) => Arc::new(from.finish()),
            Self::Binary(from) => Arc::new(from.finish()),
            Self::Double(from) => Arc::new(from.finish()),
            Self::Texts(from) => Arc::new(from.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    use super::*;

    #[test]
    fn a_word_has_one_index_in_all_batches() {
        let mut rows = Rows::of_flat(&[Column::optional("word", Kind::Word)], Addresses::Text).unwrap();
        let mut batch = |words: &[Option<&str>]| {
            words.iter().for_each(|word| rows.push(&[Cell::from_option(*word)]));
            let batch = rows.take().unwrap();
            let words = batch.column(0).as_dictionary::<Int32Type>();
            (words.keys().iter().collect::<Vec<_>>(), words.values().len())
        };
        let told = [Some("a"), Some("a"), None, Some("a"), Some("b"), Some("b"), Some("a"), None];
        let keys = vec![Some(0), Some(0), None, Some(0), Some(1), Some(1), Some(0), None];
        assert_eq!(batch(&told), (keys, 2));
        assert_eq!(batch(&[Some("a"), Some("c"), Some("b")]), (vec![Some(0), Some(2), Some(1)], 3));
    }
}
