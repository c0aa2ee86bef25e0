//! Rows into record batches.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, FixedSizeBinaryBuilder, Float64Builder, Int32Builder, Int64Builder, ListBuilder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};

use super::words::Words;
use super::{Addresses, Cell, Column, Kind, schema};

/// A batch has room for as many rows as the one before, up to so many.
const MOST_ROOM: usize = 16_384;
/// Bytes of an address as text, of other texts, about.
const TEXT_BYTES: usize = 16;

/// Rows that wait to become a record batch.
///
/// Dictionaries grow from batch to batch: an index means the same word in all of them.
pub struct Rows {
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: usize,
    /// Rows of the batch before.
    before: usize,
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
        Some(Self { schema: schema(columns, addresses), builders, rows: 0, before: 0 })
    }

    /// Adds a row, a cell a column.
    ///
    /// # Panics
    /// A cell of another kind than its column, or another number of cells: the definition of the columns is wrong then.
    pub fn push(&mut self, cells: &[Cell<'_>]) {
        assert_eq!(cells.len(), self.builders.len(), "a cell a column");
        if self.rows == 0 && self.before > 0 {
            let rows = self.before.min(MOST_ROOM);
            self.builders.iter_mut().for_each(|builder| builder.make_room(rows));
        }
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
        self.before = std::mem::take(&mut self.rows);
        let columns = self.builders.iter_mut().map(Builder::take).collect::<Result<_, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("schema", &self.schema).field("rows", &self.rows).finish_non_exhaustive()
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

    /// Begins anew, with room for so many rows: what was taken left none.
    fn make_room(&mut self, rows: usize) {
        match self {
            Self::Text(to) => *to = StringBuilder::with_capacity(rows, rows * TEXT_BYTES),
            Self::Word(to) => to.make_room(rows),
            Self::Int(to) => *to = Int32Builder::with_capacity(rows),
            Self::Long(to) => *to = Int64Builder::with_capacity(rows),
            Self::Flag(to) => *to = BooleanBuilder::with_capacity(rows),
            Self::Time(to) => {
                *to = TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC");
            }
            Self::Binary(to) => *to = FixedSizeBinaryBuilder::with_capacity(rows, 16),
            Self::Double(to) => *to = Float64Builder::with_capacity(rows),
            Self::Texts(to) => *to = ListBuilder::with_capacity(StringBuilder::new(), rows),
        }
    }

    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(to), Cell::Text(text)) => to.append_value(text),
            (Self::Text(to), Cell::None) => to.append_null(),
            (Self::Text(to), Cell::Address(IpAddr::V4(address))) => {
                let (text, bytes) = dotted(address.octets());
                to.append_value(str::from_utf8(&text[..bytes]).unwrap_or_default());
            }
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

    fn take(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Text(from) => Arc::new(from.finish()),
            Self::Word(from) => return from.take(),
            Self::Int(from) => Arc::new(from.finish()),
            Self::Long(from) => Arc::new(from.finish()),
            Self::Flag(from) => Arc::new(from.finish()),
            Self::Time(from) => Arc::new(from.finish()),
            Self::Binary(from) => Arc::new(from.finish()),
            Self::Double(from) => Arc::new(from.finish()),
            Self::Texts(from) => Arc::new(from.finish()),
        })
    }
}

/// An IPv4 address as text, and the bytes of that: a tenth of what the standard library's takes, for every flow's two.
fn dotted(octets: [u8; 4]) -> ([u8; 15], usize) {
    let (mut text, mut bytes) = ([b'.'; 15], 0);
    for (number, octet) in octets.into_iter().enumerate() {
        bytes += usize::from(number > 0);
        for (least, digit) in [(100, octet / 100), (10, octet / 10 % 10), (0, octet % 10)] {
            if octet >= least {
                text[bytes] = b'0' + digit;
                bytes += 1;
            }
        }
    }
    (text, bytes)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;

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

    #[test]
    fn addresses_are_as_the_standard_library_writes_them() {
        let mut rows = Rows::of_flat(&[Column::new("ip", Kind::Address)], Addresses::Text).unwrap();
        let octets = [0, 1, 9, 10, 11, 99, 100, 101, 199, 200, 255];
        let mut wanted: Vec<IpAddr> =
            octets.iter().map(|octet| Ipv4Addr::new(*octet, 255 - octet, 0, *octet).into()).collect();
        wanted.push("2001:db8::1".parse().unwrap());
        for _ in 0..2 {
            wanted.iter().for_each(|address| rows.push(&[Cell::Address(*address)]));
            let batch = rows.take().unwrap();
            let texts: Vec<_> = batch.column(0).as_string::<i32>().iter().map(Option::unwrap).collect();
            assert_eq!(texts, wanted.iter().map(ToString::to_string).collect::<Vec<_>>());
        }
    }
}
