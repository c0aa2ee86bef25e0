//! The compiled look-up: from bytes, a name or a fact to the few rows worth a full comparison.

use super::model::{Anchor, Block, Conditions, HostPattern, Signature, Teaches};
use super::pattern::{Match, Pattern};
use super::{App, LoadError};
use crate::five_tuple::{Address, Direction, Transport};
use crate::verdict::{AppId, Confidence, Role, SignatureId, Verdict};
use aho_corasick::AhoCorasick;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::ops::Range;

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
    pub(crate) teaches: Option<Teaches>,
    /// `every` group as a bit; 0 is none.
    pub(crate) group: u8,
    /// Set in `FlowState::seen` when the row matched: for a packet of the originator, of the responder.
    pub(crate) marks: [u64; 2],
    /// One of these must be set before a packet of the originator, of the responder concludes; 0 is no condition.
    pub(crate) needs: [u64; 2],
    /// None of these may be set.
    pub(crate) unless: u64,
    /// Rows that wait for this one in the other direction.
    pub(crate) awaited_by: Vec<RowIndex>,
}

/// A row worth trying, and what tells at a glance that it cannot fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CandidateRow {
    pub(crate) row: RowIndex,
    /// Payload lengths outside these never fit.
    pub(crate) shortest: u16,
    pub(crate) longest: u16,
    pub(crate) transport: Option<Transport>,
    pub(crate) direction: Option<Direction>,
    /// There are conditions on ports or addresses, or several ranges of lengths.
    pub(crate) asks_for_more: bool,
}

impl CandidateRow {
    fn new(row: RowIndex, conditions: &Conditions) -> Self {
        Self {
            row,
            shortest: conditions.length.iter().map(|range| *range.start()).min().unwrap_or(0),
            longest: conditions.length.iter().map(|range| *range.end()).max().unwrap_or(u16::MAX),
            transport: conditions.transport,
            direction: conditions.direction,
            asks_for_more: conditions.length.len() > 1
                || !conditions.ports.is_empty()
                || !conditions.addresses.is_empty(),
        }
    }
}

/// A row to be found by the first bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaskedPrefix {
    value: u128,
    mask: u128,
    /// So many leading bytes `value` and `mask` decide alone.
    decided: u8,
    /// They decide the whole pattern.
    is_whole: bool,
    pub(crate) candidate: CandidateRow,
}

impl MaskedPrefix {
    fn new(candidate: CandidateRow, pattern: &Pattern) -> Self {
        let (value, mask) = pattern.head();
        let (decided, is_whole) = pattern.decided();
        Self { value, mask, decided, is_whole, candidate }
    }

    /// What is known of the pattern without walking it, for bytes that it may fit by their first.
    #[inline]
    pub(crate) fn prefilter(&self, length: usize) -> Prefiltered {
        let decided = usize::from(self.decided);
        match self.is_whole {
            true if length >= decided => Prefiltered::Decided(Match::Yes),
            false if length > decided => Prefiltered::FitsUpTo(decided),
            _ => Prefiltered::Decided(Match::NeedMore),
        }
    }
}

/// What is known of a row's prefix before it is walked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Prefiltered {
    /// All of it.
    Decided(Match),
    /// The bytes before this offset fit.
    FitsUpTo(usize),
    /// Nothing.
    NotTried,
}

/// Rows with a prefix, in one list for each first byte.
#[derive(Debug)]
pub(crate) struct PrefixIndex {
    bounds: Box<[u32; 257]>,
    entries: Vec<MaskedPrefix>,
}

/// The first bytes of a payload, ready to be compared with entries.
#[derive(Clone, Copy)]
pub(crate) struct FirstBytes {
    pub(crate) first: u8,
    bytes: u128,
    /// Which bytes there are.
    present: u128,
}

impl FirstBytes {
    #[inline]
    pub(crate) fn new(bytes: &[u8]) -> Option<FirstBytes> {
        let first = *bytes.first()?;
        if let Some(head) = bytes.first_chunk::<16>() {
            return Some(FirstBytes { first, bytes: u128::from_be_bytes(*head), present: u128::MAX });
        }
        let mut head = [0u8; 16];
        head[..bytes.len()].copy_from_slice(bytes);
        let present = !(u128::MAX >> (8 * bytes.len() as u32));
        Some(FirstBytes { first, bytes: u128::from_be_bytes(head), present })
    }
}

impl PrefixIndex {
    fn new(rows: &[(CandidateRow, &Pattern)]) -> Self {
        let (mut bounds, mut entries) = (Box::new([0; 257]), Vec::new());
        for byte in 0..=255u8 {
            let here = rows.iter().filter(|(_, pattern)| pattern.may_begin_with(byte));
            entries.extend(here.map(|(candidate, pattern)| MaskedPrefix::new(*candidate, pattern)));
            bounds[usize::from(byte) + 1] = entries.len() as u32;
        }
        Self { bounds, entries }
    }

    /// Rows whose fixed first bytes fit as far as there are bytes.
    #[inline]
    pub(crate) fn find(&self, first_bytes: FirstBytes) -> impl Iterator<Item = &MaskedPrefix> + '_ {
        let first = usize::from(first_bytes.first);
        self.entries[self.bounds[first] as usize..self.bounds[first + 1] as usize]
            .iter()
            .filter(move |one| (first_bytes.bytes ^ one.value) & one.mask & first_bytes.present == 0)
    }
}

/// Names by their fixed last labels.
#[derive(Debug)]
pub(crate) struct HostIndex {
    /// A bit for each length a suffix has: most labels of most names end at none of them.
    lengths: [u64; 4],
    /// Open addressing by [`suffix_hash`]; a power of two of places.
    places: Vec<Option<Range<u32>>>,
    /// Grouped by suffix, within a suffix by falling rank.
    entries: Vec<(HostPattern, RowIndex)>,
}

/// Of a name's end: its length and its first eight bytes, whatever their case. Hardly two suffixes share them.
#[inline]
fn suffix_hash(suffix: &[u8]) -> usize {
    let first = suffix.first_chunk::<8>().copied().unwrap_or_else(|| {
        let mut short = [0; 8];
        short[..suffix.len()].copy_from_slice(suffix);
        short
    });
    let caseless = u64::from_le_bytes(first) | 0x2020_2020_2020_2020;
    ((caseless ^ suffix.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

/// Longest name looked up (RFC 1035, 2.3.4).
const NAME_BYTES: usize = 255;

impl HostIndex {
    fn new(mut entries: Vec<(HostPattern, RowIndex)>) -> Self {
        entries.sort_by(|(a, row_a), (b, row_b)| {
            a.suffix.cmp(&b.suffix).then(b.rank().cmp(&a.rank())).then(row_a.cmp(row_b))
        });
        let places = (2 * entries.len()).next_power_of_two().max(2);
        let mut hosts = Self { lengths: [0; 4], places: alloc::vec![None; places], entries };
        let mut begin = 0;
        while begin < hosts.entries.len() {
            let suffix = &hosts.entries[begin].0.suffix;
            let end =
                begin + hosts.entries[begin..].iter().take_while(|(host, _)| host.suffix == *suffix).count();
            hosts.lengths[suffix.len() >> 6 & 3] |= 1 << (suffix.len() & 63);
            let mut place = suffix_hash(suffix.as_bytes()) & (places - 1);
            while hosts.places[place].is_some() {
                place = (place + 1) & (places - 1);
            }
            hosts.places[place] = Some(begin as u32..end as u32);
            begin = end;
        }
        hosts
    }

    fn by_suffix(&self, suffix: &[u8]) -> &[(HostPattern, RowIndex)] {
        let mut place = suffix_hash(suffix) & (self.places.len() - 1);
        while let Some(range) = &self.places[place] {
            let entries = &self.entries[range.start as usize..range.end as usize];
            if entries[0].0.suffix.as_bytes().eq_ignore_ascii_case(suffix) {
                return entries;
            }
            place = (place + 1) & (self.places.len() - 1);
        }
        &[]
    }

    /// The row with the most specific pattern that matches, among those `accept` takes. Case does not count.
    pub(crate) fn find(&self, name: &[u8], accept: impl Fn(RowIndex) -> bool) -> Option<RowIndex> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        if name.is_empty() || name.len() > NAME_BYTES {
            return None;
        }
        let mut best = None;
        let starts = core::iter::once(0).chain(memchr::memchr_iter(b'.', name).map(|dot| dot + 1));
        for start in starts {
            let length = name.len() - start;
            if self.lengths[length >> 6 & 3] >> (length & 63) & 1 == 0 {
                continue;
            }
            let front = name[..start].strip_suffix(b".").unwrap_or_default();
            let matching = |(host, row): &&(HostPattern, RowIndex)| host.fits_before(front) && accept(*row);
            if let Some((host, row)) = self.by_suffix(&name[start..]).iter().find(matching)
                && best.is_none_or(|(rank, _)| host.rank() > rank)
            {
                best = Some((host.rank(), *row));
            }
        }
        best.map(|(_, row)| row)
    }
}

/// Every index over one set.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    /// For each id up to the largest, where its row is; `RowIndex::MAX` where there is none.
    by_id: Vec<RowIndex>,
    pub(crate) tcp: PrefixIndex,
    pub(crate) tcp_segments: PrefixIndex,
    pub(crate) udp: PrefixIndex,
    pub(crate) hosts: HostIndex,
    /// Rows about HTTP requests, by the first bytes of the path; a row with several paths may be found twice.
    pub(crate) requests_by_path: PrefixIndex,
    /// Rows about HTTP requests to any path.
    pub(crate) requests: Vec<CandidateRow>,
    pub(crate) responses: Vec<CandidateRow>,
    /// By message type.
    stun: Vec<(u16, CandidateRow)>,
    /// Rows for any type, by the type of an attribute they ask for.
    stun_attributes: Vec<(u16, CandidateRow)>,
    /// Rows for any type that ask for no attribute.
    stun_any: Vec<CandidateRow>,
    pub(crate) rtp: Vec<CandidateRow>,
    /// A bit for each RTP payload type that some row speaks of.
    payload_types: u128,
    addresses: AddressIndex,
    pub(crate) contains: Option<(AhoCorasick, Vec<CandidateRow>)>,
    /// Depends on what the bits in `FlowState` mean: flows that bring other bits start over.
    pub(crate) generation: u16,
}

impl Table {
    pub(crate) fn new(apps: &[App], signatures: &[Signature]) -> Result<Self, LoadError> {
        let all = || {
            (0..).zip(signatures).map(|(row, signature)| {
                let conditions = &signature.conditions;
                (CandidateRow::new(row, conditions), conditions)
            })
        };
        let candidates_where = |test: &dyn Fn(&Conditions) -> bool| -> Vec<CandidateRow> {
            all().filter(|(_, conditions)| test(conditions)).map(|(candidate, _)| candidate).collect()
        };
        let prefixes = |transport, any_segment| {
            let rows: Vec<_> = all()
                .filter(|(_, conditions)| {
                    conditions.transport == Some(transport) && conditions.any_segment == any_segment
                })
                .filter_map(|(candidate, conditions)| Some((candidate, conditions.prefix.as_ref()?)))
                .collect();
            PrefixIndex::new(&rows)
        };
        let requests: Vec<_> = all()
            .filter_map(|(candidate, conditions)| Some((candidate, conditions.http.as_ref()?)))
            .filter(|(_, http)| http.disposition.is_none())
            .collect();
        let paths: Vec<(CandidateRow, Pattern)> = requests
            .iter()
            .flat_map(|(candidate, http)| {
                http.urls.iter().map(|url| (*candidate, Pattern::from_literal(url.as_bytes())))
            })
            .collect();
        let paths: Vec<_> = paths.iter().map(|(candidate, pattern)| (*candidate, pattern)).collect();
        let found_by = |conditions: &Conditions, anchor| conditions.anchor() == Some(anchor);
        let about_stun: Vec<_> = all()
            .filter(|(_, conditions)| found_by(conditions, Anchor::Stun))
            .filter_map(|(candidate, conditions)| Some((candidate, conditions.stun.as_ref()?)))
            .collect();
        let mut stun: Vec<_> = about_stun
            .iter()
            .flat_map(|(candidate, stun)| stun.types.iter().map(|kind| (*kind, *candidate)))
            .collect();
        stun.sort_by_key(|(kind, candidate)| (*kind, candidate.row));
        let mut stun_attributes: Vec<_> = about_stun
            .iter()
            .filter(|(_, stun)| stun.types.is_empty())
            .filter_map(|(candidate, stun)| Some((stun.attributes.first()?.kind, *candidate)))
            .collect();
        stun_attributes.sort_by_key(|(kind, candidate)| (*kind, candidate.row));
        let hosts = all()
            .filter(|(_, conditions)| found_by(conditions, Anchor::Host))
            .flat_map(|(candidate, conditions)| {
                conditions.hosts.iter().map(move |host| (host.clone(), candidate.row))
            })
            .collect();
        let addresses = all()
            .filter(|(_, conditions)| found_by(conditions, Anchor::Address))
            .flat_map(|(candidate, conditions)| {
                conditions.addresses.iter().map(move |block| (*block, candidate.row))
            })
            .collect();
        let rows = rows(apps, signatures)?;
        Ok(Self {
            generation: generation(&rows),
            by_id: by_id(&rows),
            rows,
            tcp: prefixes(Transport::Tcp, false),
            tcp_segments: prefixes(Transport::Tcp, true),
            udp: prefixes(Transport::Udp, false),
            hosts: HostIndex::new(hosts),
            requests_by_path: PrefixIndex::new(&paths),
            requests: requests
                .iter()
                .filter(|(_, http)| http.urls.is_empty())
                .map(|(candidate, _)| *candidate)
                .collect(),
            responses: candidates_where(&|conditions| {
                conditions.http.as_ref().is_some_and(|http| http.disposition.is_some())
            }),
            stun,
            stun_attributes,
            stun_any: about_stun
                .iter()
                .filter(|(_, stun)| stun.types.is_empty() && stun.attributes.is_empty())
                .map(|(candidate, _)| *candidate)
                .collect(),
            payload_types: all()
                .filter(|(_, conditions)| found_by(conditions, Anchor::Rtp))
                .filter_map(|(_, conditions)| conditions.rtp.as_ref())
                .fold(0, |types, rtp| match rtp.payload_types.as_slice() {
                    [] => u128::MAX,
                    some => some.iter().fold(types, |types, kind| types | 1 << kind),
                }),
            rtp: candidates_where(&|conditions| conditions.rtp.is_some()),
            addresses: AddressIndex::new(addresses),
            contains: contains(apps, signatures)?,
        })
    }

    /// The row with this id.
    #[inline]
    pub(crate) fn row(&self, id: SignatureId) -> Option<&Row> {
        self.rows.get(usize::from(*self.by_id.get(usize::from(id.0))?))
    }

    /// The row behind a verdict.
    #[inline]
    pub(crate) fn row_of(&self, verdict: &Verdict) -> Option<&Row> {
        if verdict.is_match() { self.row(verdict.signature) } else { None }
    }

    /// Rows about a STUN message of this type.
    pub(crate) fn by_stun_type(&self, kind: u16) -> impl Iterator<Item = CandidateRow> + '_ {
        of_kind(&self.stun, kind).chain(self.stun_any.iter().copied())
    }

    /// Rows about any STUN message with such an attribute.
    pub(crate) fn by_stun_attribute(&self, kind: u16) -> impl Iterator<Item = CandidateRow> + '_ {
        of_kind(&self.stun_attributes, kind)
    }

    /// Whether some row speaks of this RTP payload type.
    #[inline]
    pub(crate) fn has_payload_type(&self, kind: u8) -> bool {
        self.payload_types >> (kind & 0x7f) & 1 != 0
    }

    /// The row with the longest block around `address`.
    #[inline]
    pub(crate) fn by_address(&self, address: Address) -> Option<RowIndex> {
        self.addresses.find(address)
    }
}

/// The rows under this number, of a list sorted by number.
#[inline]
fn of_kind(list: &[(u16, CandidateRow)], kind: u16) -> impl Iterator<Item = CandidateRow> + '_ {
    let begin = list.partition_point(|(its, _)| *its < kind);
    list[begin..].iter().take_while(move |(its, _)| *its == kind).map(|(_, candidate)| *candidate)
}

/// Address blocks, the longest first.
#[derive(Debug)]
struct AddressIndex {
    blocks: Vec<(Block, RowIndex)>,
    /// A bit for each first byte of an IPv4 address that lies in some block: most addresses lie in none.
    first_bytes: [u64; 4],
}

impl AddressIndex {
    fn new(mut blocks: Vec<(Block, RowIndex)>) -> Self {
        blocks.sort_by_key(|(block, row)| (core::cmp::Reverse(block.bits), block.first, *row));
        let mut first_bytes = [0; 4];
        for byte in 0..=255u8 {
            let ends = [Address::v4([byte, 0, 0, 0]), Address::v4([byte, 255, 255, 255])];
            let touches = |block: &Block| {
                ends.iter().any(|end| block.contains(*end))
                    || block.first.to_v4().is_some_and(|first| first[0] == byte)
            };
            if blocks.iter().any(|(block, _)| touches(block)) {
                first_bytes[usize::from(byte >> 6)] |= 1 << (byte & 63);
            }
        }
        Self { blocks, first_bytes }
    }

    #[inline]
    fn find(&self, address: Address) -> Option<RowIndex> {
        if let Some([first, ..]) = address.to_v4()
            && self.first_bytes[usize::from(first >> 6)] >> (first & 63) & 1 == 0
        {
            return None;
        }
        self.blocks.iter().find(|(block, _)| block.contains(address)).map(|(_, row)| *row)
    }
}

/// Where the row of each id is.
fn by_id(rows: &[Row]) -> Vec<RowIndex> {
    let largest = rows.last().map_or(0, |row| usize::from(row.id.0));
    let mut places = alloc::vec![RowIndex::MAX; largest + 1];
    for (index, row) in (0..).zip(rows) {
        places[usize::from(row.id.0)] = index;
    }
    places
}

/// Gives veto rows and `reverse` pairs their bits.
fn rows(apps: &[App], signatures: &[Signature]) -> Result<Vec<Row>, LoadError> {
    let index_of = |id: SignatureId| signatures.binary_search_by_key(&id, |row| row.id).unwrap_or_default();
    let mut marks = alloc::vec![[0u64; 2]; signatures.len()];
    let mut next = 0u32;
    for (index, row) in signatures.iter().enumerate() {
        let is_pair = row.conditions.reverse.is_some()
            || signatures.iter().any(|other| other.conditions.reverse == Some(row.id));
        let width = if is_pair { 2 } else { u32::from(row.is_veto) };
        if width > 0 && next + width > 64 {
            return Err(refused(
                apps,
                row,
                "reverse",
                "no more veto rows and reverse pairs: a flow keeps 64 bits for them",
            ));
        }
        marks[index] = match width {
            0 => [0, 0],
            1 => [1 << next, 1 << next],
            _ => [1 << next, 2 << next],
        };
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
            unless: row
                .conditions
                .unless
                .iter()
                .map(|id| all(marks[index_of(*id)]))
                .fold(0, |sum, bits| sum | bits),
            awaited_by: (0..signatures.len())
                .filter(|other| signatures[*other].conditions.reverse == Some(row.id))
                .map(|other| other as RowIndex)
                .collect(),
        })
        .collect())
}

fn contains(
    apps: &[App],
    signatures: &[Signature],
) -> Result<Option<(AhoCorasick, Vec<CandidateRow>)>, LoadError> {
    let texts: Vec<(&Signature, CandidateRow)> = (0..)
        .zip(signatures)
        .filter(|(_, row)| row.conditions.anchor() == Some(Anchor::Text))
        .map(|(index, row)| (row, CandidateRow::new(index, &row.conditions)))
        .collect();
    let Some((first, _)) = texts.first() else { return Ok(None) };
    let automaton = AhoCorasick::new(texts.iter().map(|(row, _)| &row.conditions.contains))
        .map_err(|error| refused(apps, first, "contains", &error.to_string()))?;
    Ok(Some((automaton, texts.into_iter().map(|(_, candidate)| candidate).collect())))
}

fn refused(apps: &[App], row: &Signature, key: &str, expected: &str) -> LoadError {
    LoadError {
        file: apps.iter().find(|app| app.id == row.app).map(|app| app.file.clone()).unwrap_or_default(),
        line: row.line,
        key: alloc::format!("signature \"{}\", {key}", row.name),
        expected: expected.to_string(),
    }
}

/// A number from 1 that changes when the bits that rows set in a flow change their meaning.
fn generation(rows: &[Row]) -> u16 {
    let bits = rows.iter().filter(|row| row.group != 0 || row.marks != [0, 0]);
    let words = bits.flat_map(|row| [u64::from(row.id.0), row.marks[0], row.marks[1], u64::from(row.group)]);
    // FNV-1a.
    let hash = words.flat_map(u64::to_le_bytes).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ hash >> 16 ^ hash >> 32 ^ hash >> 48) as u16 | 1
}
