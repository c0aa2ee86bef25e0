//! Verdicts of a block of packets, as columns.

use std::sync::Arc;

use arrow_array::types::{ArrowDictionaryKeyType, Int8Type, Int16Type};
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Int32Array, Int64Array, PrimitiveArray, RecordBatch, StringArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{ArrowError, Field, Schema};
use wiremark::{Carrier, Confidence, Direction, Seen, Verdict};

use crate::words::Words;

/// Columns that are being filled, a value a packet.
pub(crate) struct Columns<'w> {
    words: &'w Words,
    flow: Vec<i64>,
    packet: Vec<i64>,
    payload_bytes: Vec<i32>,
    app: Vec<i8>,
    role: Vec<i16>,
    carrier: Vec<i8>,
    confidence: Vec<i8>,
    signature_id: Vec<i32>,
    flags: Vec<u8>,
}

/// Bits of a packet's flags.
const SEEN: u8 = 1;
const TO_SERVER: u8 = 2;
const HAS_APP: u8 = 4;
const HAS_ROLE: u8 = 8;
const FINAL: u8 = 16;
const CHANGED: u8 = 32;

impl<'w> Columns<'w> {
    pub(crate) fn new(words: &'w Words, packets: usize) -> Self {
        Self {
            words,
            flow: Vec::with_capacity(packets),
            packet: Vec::with_capacity(packets),
            payload_bytes: Vec::with_capacity(packets),
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
        let flag = |is_so: bool, flag: u8| if is_so { flag } else { 0 };
        let verdict = seen.map_or_else(Verdict::default, |seen| seen.verdict);
        let places = self.words.places(verdict);
        let role = places.and_then(|(_, role)| role);
        self.flow.push(seen.map_or(0, |seen| seen.flow_number as i64));
        self.packet.push(seen.map_or(0, |seen| seen.packet_number as i64));
        self.payload_bytes.push(seen.map_or(0, |seen| seen.payload_bytes as i32));
        // Where there is none the first word's number stands: it is not looked at.
        self.app.push(places.map_or(0, |(app, _)| app));
        self.role.push(role.unwrap_or(0));
        self.carrier.push(verdict.carrier as i8);
        self.confidence.push(places.map_or(0, |_| verdict.confidence as i8));
        self.signature_id.push(places.map_or(0, |_| verdict.signature.0.into()));
        self.flags.push(
            flag(seen.is_some(), SEEN)
                | flag(seen.is_some_and(|seen| seen.direction == Direction::Originator), TO_SERVER)
                | flag(places.is_some(), HAS_APP)
                | flag(role.is_some(), HAS_ROLE)
                | flag(verdict.is_final(), FINAL)
                | flag(verdict.is_changed(), CHANGED),
        );
    }

    pub(crate) fn finish(self) -> Result<RecordBatch, ArrowError> {
        let Self { flags, .. } = &self;
        let bits = |flag: u8| BooleanBuffer::collect_bool(flags.len(), |number| flags[number] & flag != 0);
        let seen = NullBuffer::new(bits(SEEN));
        let (has_app, has_role) = (NullBuffer::new(bits(HAS_APP)), NullBuffer::new(bits(HAS_ROLE)));
        let flag = |flag: u8| Arc::new(BooleanArray::new(bits(flag), Some(seen.clone()))) as ArrayRef;
        let (to_server, is_final, is_changed) = (flag(TO_SERVER), flag(FINAL), flag(CHANGED));
        let carriers = Carrier::ALL.map(Carrier::name);
        let confidences = Confidence::ALL.map(Confidence::name);
        let columns: [(&str, ArrayRef); 11] = [
            ("flow", Arc::new(Int64Array::new(self.flow.into(), Some(seen.clone())))),
            ("packet", Arc::new(Int64Array::new(self.packet.into(), Some(seen.clone())))),
            ("to_server", to_server),
            ("payload_bytes", Arc::new(Int32Array::new(self.payload_bytes.into(), Some(seen.clone())))),
            ("app", dictionary::<Int8Type>(self.app, &has_app, &self.words.apps)?),
            ("role", dictionary::<Int16Type>(self.role, &has_role, &self.words.roles)?),
            ("carrier", dictionary::<Int8Type>(self.carrier, &seen, &carriers)?),
            ("confidence", dictionary::<Int8Type>(self.confidence, &has_app, &confidences)?),
            ("signature_id", Arc::new(Int32Array::new(self.signature_id.into(), Some(has_app)))),
            ("final", is_final),
            ("changed", is_changed),
        ];
        let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
        let schema = Schema::new(fields.collect::<Vec<_>>());
        RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(_, array)| array).collect())
    }
}

/// Numbers as words, where there is one.
fn dictionary<K: ArrowDictionaryKeyType>(
    numbers: Vec<K::Native>,
    is_there: &NullBuffer,
    words: &[impl AsRef<str>],
) -> Result<ArrayRef, ArrowError> {
    let words = StringArray::from_iter_values(words.iter().map(AsRef::as_ref));
    let numbers = PrimitiveArray::<K>::new(numbers.into(), Some(is_there.clone()));
    Ok(Arc::new(DictionaryArray::try_new(numbers, Arc::new(words))?))
}
