//! Records with lists and records in them, as JSON has them, into a record batch.

use std::sync::Arc;

use arrow_array::builder::{StringDictionaryBuilder, TimestampMicrosecondBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, Field};
use serde_json::Value;

use super::{Addresses, Column, Kind, fields, schema};

/// A batch of these records; a field that a record does not have is null. Times are numbers of microseconds.
///
/// # Errors
/// A null, or a value of another kind, in a column that has none.
pub fn batch(columns: &[Column], records: &[Value]) -> Result<RecordBatch, ArrowError> {
    let records: Vec<Option<&Value>> = records.iter().map(Some).collect();
    let arrays = children(columns, &records)?;
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(records.len()));
    RecordBatch::try_new_with_options(schema(columns, Addresses::Text), arrays, &options)
}

fn children(columns: &[Column], records: &[Option<&Value>]) -> Result<Vec<ArrayRef>, ArrowError> {
    columns
        .iter()
        .map(|column| {
            let values: Vec<_> =
                records.iter().map(|record| record.and_then(|record| record.get(column.name))).collect();
            array(column.kind, &values)
        })
        .collect()
}

fn array(kind: Kind, values: &[Option<&Value>]) -> Result<ArrayRef, ArrowError> {
    let longs = || values.iter().map(|value| value.and_then(long));
    let texts = || values.iter().map(|value| value.and_then(Value::as_str));
    Ok(match kind {
        Kind::Text | Kind::Address => Arc::new(texts().collect::<StringArray>()),
        Kind::Word => {
            let mut words = StringDictionaryBuilder::<Int32Type>::new();
            words.extend(texts());
            Arc::new(words.finish())
        }
        Kind::Int => {
            let ints = longs().map(|number| number.and_then(|number| i32::try_from(number).ok()));
            Arc::new(ints.collect::<Int32Array>())
        }
        Kind::Long => Arc::new(longs().collect::<Int64Array>()),
        Kind::Double => {
            Arc::new(values.iter().map(|value| value.and_then(Value::as_f64)).collect::<Float64Array>())
        }
        Kind::Flag => {
            Arc::new(values.iter().map(|value| value.and_then(Value::as_bool)).collect::<BooleanArray>())
        }
        Kind::Time => {
            let mut times = TimestampMicrosecondBuilder::new().with_timezone("UTC");
            longs().for_each(|time| times.append_option(time));
            Arc::new(times.finish())
        }
        Kind::List(kind) => {
            let lists: Vec<Option<&Vec<Value>>> =
                values.iter().map(|value| value.and_then(Value::as_array)).collect();
            let items: Vec<Option<&Value>> =
                lists.iter().flatten().flat_map(|list| list.iter().map(Some)).collect();
            let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.map_or(0, Vec::len)));
            let field = Arc::new(Field::new("item", kind.data_type(Addresses::Text), true));
            let nulls = NullBuffer::from_iter(lists.iter().map(Option::is_some));
            Arc::new(ListArray::try_new(field, offsets, array(*kind, &items)?, Some(nulls))?)
        }
        Kind::Record(columns) => {
            let records: Vec<_> =
                values.iter().map(|value| value.filter(|value| value.is_object())).collect();
            let nulls = NullBuffer::from_iter(records.iter().map(Option::is_some));
            let arrays = children(columns, &records)?;
            let array = StructArray::try_new_with_length(
                fields(columns, Addresses::Text),
                arrays,
                Some(nulls),
                records.len(),
            )?;
            assert_eq!(array.len(), records.len());
            Arc::new(array)
        }
    })
}

/// A whole number; unsigned ones beyond the signed end there.
fn long(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_u64().map(|_| i64::MAX))
}
