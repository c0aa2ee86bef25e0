//! The fields of a flow record as typed columns: of Parquet files, Arrow streams and data frames.

#[cfg(feature = "parquet")]
use wiremark_report::columns::Layout;
use wiremark_report::columns::{Cell, Column, Kind};

use super::FlowRecord;

/// One client's day is few pages: flows end in order of time, so a row group is a stretch of time; in it rows are sorted by
/// the originator's address.
#[cfg(feature = "parquet")]
pub const LAYOUT: Layout = Layout { sorted_by: &["src_ip", "timestamp"], filtered: &["src_ip", "dest_ip"] };

/// The columns, in the order of [`FlowRecord::FIELDS`].
pub const COLUMNS: [Column; 36] = [
    Column::optional("timestamp", Kind::Time),
    Column::new("event_type", Kind::Word),
    Column::new("src_ip", Kind::Address),
    Column::new("src_port", Kind::Int),
    Column::new("dest_ip", Kind::Address),
    Column::new("dest_port", Kind::Int),
    Column::new("proto", Kind::Word),
    Column::optional("app", Kind::Word),
    Column::optional("role", Kind::Word),
    Column::new("carrier", Kind::Word),
    Column::optional("confidence", Kind::Word),
    Column::optional("signature", Kind::Word),
    Column::optional("signature_id", Kind::Int),
    Column::new("final", Kind::Flag),
    Column::optional("decided_at_packet", Kind::Long),
    Column::new("packets_toserver", Kind::Long),
    Column::new("packets_toclient", Kind::Long),
    Column::new("bytes_toserver", Kind::Long),
    Column::new("bytes_toclient", Kind::Long),
    Column::new("community_id", Kind::Text),
    Column::optional("vlan", Kind::Int),
    Column::optional("inner_vlan", Kind::Int),
    Column::optional("tunnel", Kind::Word),
    Column::optional("tunnel_id", Kind::Long),
    Column::optional("process", Kind::Word),
    Column::optional("file", Kind::Word),
    Column::new("flow", Kind::Long),
    Column::optional("end", Kind::Time),
    Column::new("duration", Kind::Double),
    Column::new("names", Kind::List(&Kind::Text)),
    Column::new("truncated", Kind::Flag),
    Column::optional("frame", Kind::Long),
    Column::new("flow_id", Kind::Long),
    Column::new("app_proto", Kind::Word),
    Column::new("originator_by", Kind::Word),
    Column::optional("direction", Kind::Word),
];

/// A record's cells, one a column of [`COLUMNS`].
pub fn cells<'a>(record: &'a FlowRecord<'_>) -> [Cell<'a>; COLUMNS.len()] {
    [
        Cell::time(record.timestamp.map_or(0, |time| time.0)),
        Cell::Text(record.event_type),
        Cell::Address(record.src_ip),
        record.src_port.into(),
        Cell::Address(record.dest_ip),
        record.dest_port.into(),
        Cell::Text(record.proto),
        Cell::from_option(record.app),
        Cell::from_option(record.role),
        Cell::Text(record.carrier),
        Cell::from_option(record.confidence),
        Cell::from_option(record.signature),
        Cell::from_option(record.signature_id),
        Cell::Flag(record.is_final),
        Cell::from_option(record.decided_at_packet),
        record.packets_toserver.into(),
        record.packets_toclient.into(),
        record.bytes_toserver.into(),
        record.bytes_toclient.into(),
        Cell::Text(record.community_id.as_str()),
        Cell::from_option(record.vlan),
        Cell::from_option(record.inner_vlan),
        Cell::from_option(record.tunnel),
        Cell::from_option(record.tunnel_id),
        Cell::from_option(record.process.as_deref()),
        Cell::from_option(record.file),
        record.flow.into(),
        Cell::time(record.end.map_or(0, |time| time.0)),
        Cell::Double(record.duration),
        Cell::Texts(&record.names),
        Cell::Flag(record.truncated),
        Cell::from_option(record.frame),
        record.flow_id.into(),
        Cell::Text(record.app_proto),
        Cell::Text(record.originator_by),
        Cell::from_option(record.direction),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_the_fields() {
        assert_eq!(COLUMNS.map(|column| column.name), FlowRecord::FIELDS);
    }
}
