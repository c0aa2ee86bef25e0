//! The fields of a call's record as typed columns. Times, but for `timestamp`, are microseconds since the call's first packet.

use serde_json::Value;
use wiremark_report::columns::{ArrowError, Column, Kind, RecordBatch, nested};

use super::Record;

const LONGS: Kind = Kind::List(&Kind::Long);
/// Stretches of time: first and last.
const SPANS: Kind = Kind::List(&LONGS);
/// Amounts over time.
const SERIES: Kind =
    Kind::Record(&[long("at_us"), long("width_us"), Column::new("values", Kind::List(&Kind::Long))]);

const fn long(name: &'static str) -> Column {
    Column::new(name, Kind::Long)
}

const fn maybe_long(name: &'static str) -> Column {
    Column::optional(name, Kind::Long)
}

const fn text(name: &'static str) -> Column {
    Column::new(name, Kind::Text)
}

const fn maybe_text(name: &'static str) -> Column {
    Column::optional(name, Kind::Text)
}

const fn maybe_double(name: &'static str) -> Column {
    Column::optional(name, Kind::Double)
}

const fn maybe_flag(name: &'static str) -> Column {
    Column::optional(name, Kind::Flag)
}

const fn longs(name: &'static str) -> Column {
    Column::new(name, LONGS)
}

const fn spans(name: &'static str) -> Column {
    Column::new(name, SPANS)
}

const PARTY: Kind = Kind::Record(&[
    text("name"),
    maybe_text("address"),
    maybe_text("side"),
    maybe_text("side_evidence"),
    text("captured"),
    maybe_flag("behind_nat"),
    maybe_text("country"),
    maybe_long("setup_us"),
    maybe_long("ringing_us"),
    maybe_long("first_media_us"),
    long("relayed_us"),
    long("direct_us"),
    longs("rtcp"),
    long("srtcp"),
    long("compact_rtcp"),
    longs("signalling"),
    spans("signalling_at"),
]);

const RELAY: Kind = Kind::Record(&[
    long("party"),
    text("name"),
    maybe_long("asked"),
    maybe_long("answered"),
    maybe_long("refused"),
    long("at_us"),
    long("packet"),
    maybe_long("rtt_us"),
    maybe_long("min_rtt_us"),
    Column::optional("clock_ahead_us", LONGS),
    long("keepalives"),
    long("probes"),
    maybe_long("released"),
    maybe_text("chosen_by"),
    maybe_text("country"),
    Column::optional("km", LONGS),
    spans("activity"),
]);

const LEG: Kind = Kind::Record(&[
    long("party"),
    text("name"),
    text("kind"),
    long("at_us"),
    long("packet"),
    long("until_us"),
    longs("packets"),
    longs("bytes"),
    longs("media"),
    longs("checks"),
    longs("checked"),
    maybe_long("rtt_us"),
    maybe_text("country"),
    Column::optional("km", LONGS),
    spans("activity"),
    Column::optional("series", SERIES),
]);

const STATE: Kind = Kind::Record(&[
    long("party"),
    text("state"),
    long("at_us"),
    long("packet"),
    text("way"),
    maybe_text("with"),
    text("evidence"),
    maybe_text("signature"),
]);

const STREAM: Kind = Kind::Record(&[
    long("party"),
    text("ssrc"),
    text("way"),
    longs("payload_types"),
    maybe_text("media"),
    maybe_long("clock_hz"),
    Column::new("clock_measured", Kind::Flag),
    long("at_us"),
    long("packet"),
    long("until_us"),
    long("first_sequence"),
    long("packets"),
    long("bytes"),
    long("net_bytes"),
    long("codec_bytes"),
    maybe_double("net_kbit_s"),
    maybe_double("codec_kbit_s"),
    longs("dscp"),
    long("expected"),
    long("lost"),
    long("duplicates"),
    long("reordered"),
    long("markers"),
    long("silent"),
    long("suppressed_us"),
    Column::new("steps", Kind::List(&Kind::Record(&[long("units"), maybe_double("ms"), long("count")]))),
    Column::new(
        "packetisations",
        Kind::List(&Kind::Record(&[long("at_us"), long("packet"), long("units"), maybe_double("ms")])),
    ),
    Column::new(
        "gaps",
        Kind::List(&Kind::Record(&[
            long("at_us"),
            long("from_packet"),
            long("to_packet"),
            long("length_us"),
            long("lost"),
        ])),
    ),
    Column::new("legs", Kind::List(&STREAM_LEG)),
    Column::optional("quality", QUALITY),
    Column::new("series", SERIES),
]);

/// An estimate of the E-model.
const QUALITY: Kind = Kind::Record(&[
    Column::new("delay_ms", Kind::Double),
    Column::new("rating", Kind::Double),
    Column::new("mos", Kind::Double),
]);

const STREAM_LEG: Kind = Kind::Record(&[
    text("with"),
    long("at_us"),
    long("packet"),
    long("until_us"),
    spans("activity"),
    long("packets"),
    long("duplicates"),
    maybe_double("jitter_ms"),
    maybe_double("max_jitter_ms"),
]);

/// The columns, in the order of a JSON line.
pub const COLUMNS: [Column; 14] = [
    Column::optional("timestamp", Kind::Time),
    Column::new("file", Kind::Word),
    Column::new("event_type", Kind::Word),
    long("call_id"),
    Column::optional("app", Kind::Word),
    Column::optional("dialect", Kind::Word),
    Column::new("outcome", Kind::Word),
    long("duration_us"),
    Column::new("parties", Kind::List(&PARTY)),
    Column::new("relays", Kind::List(&RELAY)),
    Column::new("legs", Kind::List(&LEG)),
    Column::new("states", Kind::List(&STATE)),
    Column::new("streams", Kind::List(&STREAM)),
    Column::new("findings", Kind::List(&Kind::Text)),
];

/// A batch of calls, each with the name of its capture.
///
/// # Errors
/// A record that is not as its columns say.
pub fn batch(records: &[(String, Record)]) -> Result<RecordBatch, ArrowError> {
    let values: Result<Vec<Value>, _> = records
        .iter()
        .map(|(file, record)| {
            let mut value = serde_json::to_value(record)?;
            value["file"] = file.as_str().into();
            if record.start_us > 0 {
                value["timestamp"] = record.start_us.into();
            }
            Ok(value)
        })
        .collect();
    let values = values.map_err(|error: serde_json::Error| ArrowError::JsonError(error.to_string()))?;
    nested::batch(&COLUMNS, &values)
}
