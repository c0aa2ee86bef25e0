//! What is needed of a row while packets are classified, and the bits that its conditions set in a flow.

use super::load_error::LoadError;
use super::model::{Anchor, App, Signature, Teaches};
use crate::five_tuple::Transport;
use crate::verdict::{AppId, Confidence, Role, SignatureId};
use alloc::string::ToString;
use alloc::vec::Vec;

/// Position of a row in its set.
pub(crate) type RowIndex = u16;

/// What is needed of a row once its conditions hold, without following its `Signature`.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: SignatureId,
    pub(crate) app: AppId,
    pub(crate) role: Role,
    /// The role where the row's name was looked up in DNS.
    pub(crate) lookup_role: Role,
    pub(crate) confidence: Confidence,
    pub(crate) is_veto: bool,
    /// Some row's `unless` names this one.
    pub(crate) is_feared: bool,
    pub(crate) teaches: Option<Teaches>,
    /// `every` group as a bit; 0 is none.
    pub(crate) group: u8,
    /// Set in `FlowState::seen` when the row matched: for a packet of the originator, of the responder.
    pub(crate) marks: [u64; 2],
    /// One of these must be set before a packet of the originator, of the responder concludes; 0 is no condition.
    pub(crate) needs: [u64; 2],
    /// One of these must be set before a packet of the originator, of the responder concludes; 0 is no condition.
    pub(crate) after: [u64; 2],
    /// The row counts only for flows of the client of a call of its app.
    pub(crate) joins_call: bool,
    /// Where the row is about a name: transport of the flows to its address.
    pub(crate) transport: Option<Transport>,
    /// How the row is found.
    pub(crate) anchor: Option<Anchor>,
    /// None of these may be set.
    pub(crate) unless: u64,
    /// Rows that wait for this one in the other direction.
    pub(crate) awaited_by: Vec<RowIndex>,
}

/// Gives veto rows and `reverse` pairs their bits.
pub(super) fn compile(apps: &[App], signatures: &[Signature]) -> Result<Vec<Row>, LoadError> {
    let index_of = |id: SignatureId| signatures.binary_search_by_key(&id, |row| row.id).unwrap_or_default();
    let mut marks = alloc::vec![[0u64; 2]; signatures.len()];
    let mut next = 0u32;
    // Vetoes that the same rows name stand for each other: one bit is enough for all of them.
    let mut vetoes: Vec<(Vec<SignatureId>, [u64; 2])> = Vec::new();
    for (index, row) in signatures.iter().enumerate() {
        let is_pair = waits(row)
            || signatures.iter().any(|other| {
                other.conditions.reverse == Some(row.id) || other.conditions.after.contains(&row.id)
            });
        let named_by = signatures.iter().filter(|other| other.conditions.unless.contains(&row.id));
        let named_by: Vec<SignatureId> = named_by.map(|other| other.id).collect();
        let is_feared = row.is_veto && !named_by.is_empty();
        if let Some((_, shared)) =
            vetoes.iter().find(|(others, _)| is_feared && !is_pair && *others == named_by)
        {
            marks[index] = *shared;
            continue;
        }
        let width = if is_pair { 2 } else { u32::from(is_feared) };
        if width > 0 && next + width > 64 {
            return Err(refused(
                apps,
                row,
                "reverse",
                "fewer veto rows and rows that wait for others: a flow keeps 64 bits for them, two for a row of a `reverse` or \
                 `after`, one for all vetoes that the same rows name",
            ));
        }
        marks[index] = match width {
            0 => [0, 0],
            1 => [1 << next, 1 << next],
            _ => [1 << next, 2 << next],
        };
        if is_feared && !is_pair {
            vetoes.push((named_by, marks[index]));
        }
        next += width;
    }
    let all = |[originator, responder]: [u64; 2]| originator | responder;
    Ok(signatures
        .iter()
        .enumerate()
        .map(|(index, row)| Row {
            id: row.id,
            app: row.app,
            role: row.role,
            lookup_role: apps
                .iter()
                .find(|app| app.id == row.app)
                .and_then(|app| app.lookup_role)
                .unwrap_or(row.role),
            confidence: row.confidence,
            is_veto: row.is_veto,
            is_feared: signatures.iter().any(|other| other.conditions.unless.contains(&row.id)),
            // A name in clear shows what runs on a server as well as any bytes do.
            teaches: row
                .teaches
                .or((row.conditions.anchor() == Some(Anchor::Host)).then_some(Teaches::Server)),
            group: row.conditions.every.map_or(0, |group| 1 << group),
            marks: marks[index],
            needs: row.conditions.reverse.map_or([0, 0], |id| {
                let [originator, responder] = marks[index_of(id)];
                [responder, originator]
            }),
            after: row
                .conditions
                .after
                .iter()
                .map(|id| marks[index_of(*id)])
                .fold([0, 0], |[originator, responder], marks| [originator | marks[0], responder | marks[1]]),
            joins_call: row.conditions.joins_call,
            transport: row.conditions.transport,
            anchor: row.conditions.anchor(),
            unless: row
                .conditions
                .unless
                .iter()
                .map(|id| all(marks[index_of(*id)]))
                .fold(0, |sum, bits| sum | bits),
            awaited_by: (0..signatures.len())
                .filter(|other| {
                    waits(&signatures[*other]) && signatures[*other].conditions.reverse == Some(row.id)
                })
                .map(|other| other as RowIndex)
                .collect(),
        })
        .collect())
}

/// Whether a row that matched may conclude later, when its `reverse` does. One about later datagrams matches again.
fn waits(row: &Signature) -> bool {
    row.conditions.reverse.is_some() && row.conditions.ordinal.is_empty()
}

pub(super) fn refused(apps: &[App], row: &Signature, key: &str, expected: &str) -> LoadError {
    LoadError {
        file: apps.iter().find(|app| app.id == row.app).map(|app| app.file.clone()).unwrap_or_default(),
        line: row.line,
        key: alloc::format!("signature \"{}\", {key}", row.name),
        expected: expected.to_string(),
    }
}

/// Where the row of each id is.
pub(super) fn by_id(rows: &[Row]) -> Vec<RowIndex> {
    let largest = rows.last().map_or(0, |row| usize::from(row.id.0));
    let mut places = alloc::vec![RowIndex::MAX; largest + 1];
    for (index, row) in (0..).zip(rows) {
        places[usize::from(row.id.0)] = index;
    }
    places
}

/// A number from 1 that changes when the bits that rows set in a flow change their meaning.
pub(super) fn generation(rows: &[Row]) -> u16 {
    let bits = rows.iter().filter(|row| row.group != 0 || row.marks != [0, 0]);
    let words = bits.flat_map(|row| [u64::from(row.id.0), row.marks[0], row.marks[1], u64::from(row.group)]);
    // FNV-1a.
    let hash = words.flat_map(u64::to_le_bytes).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ hash >> 16 ^ hash >> 32 ^ hash >> 48) as u16 | 1
}
