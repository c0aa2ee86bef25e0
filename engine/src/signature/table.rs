//! The compiled look-up: from bytes, a name or a fact to the few rows worth a full comparison.

use super::address_index::AddressIndex;
use super::candidate::{CandidateRow, WORDS};
use super::first_byte::FirstByteTable;
use super::host_index::HostIndex;
use super::kind_index::KindIndex;
use super::load_error::LoadError;
use super::model::{Anchor, App, Conditions, Signature};
use super::pattern::Pattern;
use super::prefix_index::PrefixIndex;
use super::row::{self, Row, RowIndex};
use super::word_index::WordIndex;
use crate::dissect::stun;
use crate::five_tuple::{Address, Transport};
use crate::verdict::{SignatureId, Verdict};
use aho_corasick::AhoCorasick;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Every index over one set.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    /// For each id up to the largest, where its row is; `RowIndex::MAX` where there is none.
    by_id: Vec<RowIndex>,
    pub(crate) tcp: PrefixIndex,
    pub(crate) tcp_segments: PrefixIndex,
    pub(crate) udp: PrefixIndex,
    pub(crate) first_bytes: FirstByteTable,
    /// A row asks for the number of a datagram that others of no row may come before. Rows of groups do not: such a datagram
    /// ends the group.
    pub(crate) counts_all_datagrams: bool,
    /// Bits of rows that mean something without groups.
    pub(crate) lasting_marks: u64,
    pub(crate) hosts: HostIndex,
    /// Rows about HTTP requests, by the first bytes of the path; a row with several paths may be found twice.
    pub(crate) requests_by_path: PrefixIndex,
    /// Rows about HTTP requests, to any path or some, that ask for words in User-Agent or Referer.
    pub(crate) requests_by_word: Vec<CandidateRow>,
    /// Those that ask for neither a path nor words.
    pub(crate) requests: Vec<CandidateRow>,
    /// Rows by their words in User-Agent; in Referer.
    pub(crate) agents: WordIndex,
    pub(crate) referers: WordIndex,
    pub(crate) responses: Vec<CandidateRow>,
    /// By message type.
    stun: KindIndex,
    /// Rows for any type, by the type of an attribute they ask for.
    stun_attributes: KindIndex,
    /// A bit for each of these attributes, by the low six bits of its type.
    pub(crate) stun_attribute_bits: u64,
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

/// Whether a row stands in a group, as do all rows that name it, so that it means nothing once those groups have ended.
fn ends_with_groups(row: &Signature, signatures: &[Signature]) -> bool {
    let names = |other: &Signature| {
        let Conditions { reverse, after, unless, .. } = &other.conditions;
        *reverse == Some(row.id) || after.contains(&row.id) || unless.contains(&row.id)
    };
    let is_in_group = |row: &Signature| row.conditions.every.is_some();
    is_in_group(row) && signatures.iter().filter(|other| names(other)).all(is_in_group)
}

impl Table {
    pub(crate) fn new<'s>(apps: &[App], signatures: &'s [Signature]) -> Result<Self, LoadError> {
        let rows = row::compile(apps, signatures)?;
        let candidate = |(index, signature): (RowIndex, &'s Signature)| {
            let row = &rows[usize::from(index)];
            let is_plain = row.marks == [0, 0] && row.group == 0;
            let conditions = &signature.conditions;
            (CandidateRow { is_plain, ..CandidateRow::new(index, conditions) }, conditions)
        };
        let all = || (0..).zip(signatures).map(candidate);
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
        let mut requests: Vec<_> = all()
            .filter_map(|(candidate, conditions)| Some((candidate, conditions.http.as_ref()?)))
            .filter(|(_, http)| http.disposition.is_none())
            .collect();
        let with_words = requests.iter_mut().filter(|(candidate, _)| candidate.asks_of_request & WORDS != 0);
        (0..=u8::MAX).zip(with_words).for_each(|(number, (candidate, _))| candidate.word_row = Some(number));
        let by_word = || requests.iter().filter(|(candidate, _)| candidate.word_row.is_some());
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
        let stun_types = about_stun
            .iter()
            .flat_map(|(candidate, stun)| stun.types.iter().map(|kind| (*kind, *candidate)))
            .collect();
        let stun_attributes: Vec<_> = about_stun
            .iter()
            .filter(|(_, stun)| stun.types.is_empty())
            .filter_map(|(candidate, stun)| Some((stun.attributes.first()?.kind, *candidate)))
            .collect();
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
        let [tcp_segments, udp] = [prefixes(Transport::Tcp, true), prefixes(Transport::Udp, false)];
        let contains = contained(apps, signatures, all().map(|(candidate, _)| candidate))?;
        Ok(Self {
            generation: row::generation(&rows),
            by_id: row::by_id(&rows),
            first_bytes: FirstByteTable::new(&udp, &tcp_segments, contains.is_some(), &rows),
            counts_all_datagrams: signatures
                .iter()
                .any(|row| row.conditions.asks_for_history && !ends_with_groups(row, signatures)),
            lasting_marks: rows
                .iter()
                .zip(signatures)
                .filter(|(_, signature)| !ends_with_groups(signature, signatures))
                .fold(0, |sum, (row, _)| sum | row.marks[0] | row.marks[1]),
            tcp: prefixes(Transport::Tcp, false),
            tcp_segments,
            udp,
            hosts: HostIndex::new(hosts),
            requests_by_path: PrefixIndex::new(&paths),
            requests_by_word: by_word().map(|(candidate, _)| *candidate).collect(),
            requests: requests
                .iter()
                .filter(|(candidate, http)| http.urls.is_empty() && candidate.word_row.is_none())
                .map(|(candidate, _)| *candidate)
                .collect(),
            agents: WordIndex::new(by_word().map(|(_, http)| http.user_agents.iter().map(String::as_str))),
            referers: WordIndex::new(by_word().map(|(_, http)| http.referer.as_deref().into_iter())),
            responses: candidates_where(&|conditions| {
                conditions.http.as_ref().is_some_and(|http| http.disposition.is_some())
            }),
            stun: KindIndex::new(stun_types),
            stun_attribute_bits: stun_attributes
                .iter()
                .fold(0, |bits, (kind, _)| bits | stun::attribute_bit(*kind)),
            stun_attributes: KindIndex::new(stun_attributes),
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
            contains,
            rows,
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

    /// Rows about a STUN message of this type, in two lists.
    #[inline]
    pub(crate) fn by_stun_type(&self, kind: u16) -> [&[CandidateRow]; 2] {
        [self.stun.of(kind), &self.stun_any]
    }

    /// Rows about any STUN message with such an attribute.
    #[inline]
    pub(crate) fn by_stun_attribute(&self, kind: u16) -> &[CandidateRow] {
        self.stun_attributes.of(kind)
    }

    /// Whether some row speaks of this RTP payload type.
    #[inline]
    pub(crate) fn has_payload_type(&self, kind: u8) -> bool {
        self.payload_types >> (kind & 0x7f) & 1 != 0
    }

    /// Whether some row is about addresses alone.
    #[inline]
    pub(crate) fn has_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// The row with the longest block around `address`.
    #[inline]
    pub(crate) fn by_address(&self, address: Address) -> Option<RowIndex> {
        self.addresses.find(address)
    }
}

fn contained(
    apps: &[App],
    signatures: &[Signature],
    candidates: impl Iterator<Item = CandidateRow>,
) -> Result<Option<(AhoCorasick, Vec<CandidateRow>)>, LoadError> {
    let texts: Vec<(&Signature, CandidateRow)> = signatures
        .iter()
        .zip(candidates)
        .filter(|(row, _)| row.conditions.anchor() == Some(Anchor::Text))
        .collect();
    let Some((first, _)) = texts.first() else { return Ok(None) };
    let automaton = AhoCorasick::new(texts.iter().map(|(row, _)| &row.conditions.contains))
        .map_err(|error| row::refused(apps, first, "contains", &error.to_string()))?;
    Ok(Some((automaton, texts.into_iter().map(|(_, candidate)| candidate).collect())))
}
