//! Verdicts of a block of packets, as columns.

use std::sync::Arc;

use arrow_array::types::{ArrowDictionaryKeyType, Int8Type, Int16Type};
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Int32Array, Int64Array, PrimitiveArray, RecordBatch, StringArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, Field, Schema};
use wiremark::{Carrier, Confidence, Direction, Seen, Verdict};

use crate::words::Words;

/// Columns that are being filled, a value a packet.
pub(crate) struct Columns<'w> {
    words: &'w Words,
    flow: Vec<i64>,
    packet: Vec<i64>,
    payload_bytes: Vec<i32>,
    to_server: Vec<bool>,
    app: Vec<i8>,
    role: Vec<i16>,
    carrier: Vec<i8>,
    confidence: Vec<i8>,
    signature_id: Vec<i32>,
    /// Bit 0: final, bit 1: changed.
    flags: Vec<u8>,
}

impl<'w> Columns<'w> {
    pub(crate) fn new(words: &'w Words, packets: usize) -> Self {
        Self {
            words,
            flow: Vec::with_capacity(packets),
            packet: Vec::with_capacity(packets),
            payload_bytes: Vec::with_capacity(packets),
            to_server: Vec::with_capacity(packets),
            app: Vec::with_capacity(packets),
            role: Vec::with_capacity(packets),
            carrier: Vec::with_capacity(packets),
            confidence: Vec::with_capacity(packets),
            signature_id: Vec::with_capacity(packets),
            flags: Vec::with_capacity(packets),
        }
    }

    /// Adds a packet; none where a frame carries neither TCP nor UDP.
    #[inline]
    pub(crate) fn push(&mut self, seen: Option<&Seen>) {
        let verdict = seen.map_or_else(Verdict::default, |seen| seen.verdict);
        let (app, role) = match self.words.places(verdict) {
            Some((app, role)) => (app, role.unwrap_or(-1)),
            None => (-1, -1),
        };
        self.flow.push(seen.map_or(0, |seen| seen.flow_number as i64));
        self.packet.push(seen.map_or(0, |seen| seen.packet_number as i64));
        self.payload_bytes.push(seen.map_or(0, |seen| seen.payload_bytes as i32));
        self.to_server.push(seen.is_some_and(|seen| seen.direction == Direction::Originator));
        self.app.push(app);
        self.role.push(role);
        self.carrier.push(if seen.is_some() { verdict.carrier as i8 } else { -1 });
        self.confidence.push(if app < 0 { -1 } else { verdict.confidence as i8 });
        self.signature_id.push(if app < 0 { 0 } else { verdict.signature.0.into() });
        self.flags.push(u8::from(verdict.is_final()) | u8::from(verdict.is_changed()) << 1);
    }

    pub(crate) fn finish(self) -> Result<RecordBatch, ArrowError> {
        let seen = NullBuffer::new(self.flow.iter().map(|flow| *flow > 0).collect());
        let matched = NullBuffer::new(self.app.iter().map(|app| *app >= 0).collect());
        let flag = |bit: u8| {
            let bits: BooleanBuffer = self.flags.iter().map(|flags| flags & bit != 0).collect();
            Arc::new(BooleanArray::new(bits, Some(seen.clone()))) as ArrayRef
        };
        let carriers = Carrier::ALL.map(Carrier::name);
        let confidences = Confidence::ALL.map(Confidence::name);
        let (is_final, is_changed) = (flag(1), flag(2));
        let to_server = BooleanArray::new(BooleanBuffer::from(self.to_server), Some(seen.clone()));
        let columns: [(&str, ArrayRef); 11] = [
            ("flow", Arc::new(Int64Array::new(ScalarBuffer::from(self.flow), Some(seen.clone())))),
            ("packet", Arc::new(Int64Array::new(ScalarBuffer::from(self.packet), Some(seen.clone())))),
            ("to_server", Arc::new(to_server)),
            ("payload_bytes", Arc::new(Int32Array::new(ScalarBuffer::from(self.payload_bytes), Some(seen)))),
            ("app", dictionary::<Int8Type>(self.app, &self.words.apps)?),
            ("role", dictionary::<Int16Type>(self.role, &self.words.roles)?),
            ("carrier", dictionary::<Int8Type>(self.carrier, &carriers)?),
            ("confidence", dictionary::<Int8Type>(self.confidence, &confidences)?),
            ("signature_id", Arc::new(Int32Array::new(ScalarBuffer::from(self.signature_id), Some(matched)))),
            ("final", is_final),
            ("changed", is_changed),
        ];
        let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
        let schema = Schema::new(fields.collect::<Vec<_>>());
        RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(_, array)| array).collect())
    }
}

/// Numbers as words; negative ones are null.
fn dictionary<K: ArrowDictionaryKeyType>(
    numbers: Vec<K::Native>,
    words: &[impl AsRef<str>],
) -> Result<ArrayRef, ArrowError> {
    let nulls = NullBuffer::new(numbers.iter().map(|number| *number >= K::Native::default()).collect());
    let words = StringArray::from_iter_values(words.iter().map(AsRef::as_ref));
    let numbers = PrimitiveArray::<K>::new(ScalarBuffer::from(numbers), Some(nulls));
    Ok(Arc::new(DictionaryArray::try_new(numbers, Arc::new(words))?))
}
