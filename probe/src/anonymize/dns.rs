//! DNS messages (RFC 1035): questions and answers stay, with pseudonyms for addresses.

use std::ops::Range;

use super::headers::octets;
use super::rules::Rules;
use super::sheet::Sheet;

const HEADER: usize = 12;
/// Most compression pointers followed in one name, most labels of one.
const POINTERS_MAX: usize = 32;
const LABELS_MAX: usize = 128;
/// Record types (IANA's list).
const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const MX: u16 = 15;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const DNAME: u16 = 39;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
/// Parameters of service bindings (RFC 9460, 14.3) that stay: mandatory, protocols, no default, port.
const PARAMETERS: [u16; 4] = [0, 1, 2, 3];
const V4_HINTS: u16 = 4;
const V6_HINTS: u16 = 6;

/// One message, in `range` of the sheet. What comes behind the first thing that does not parse is blanked.
pub(super) fn message(sheet: &mut Sheet<'_>, range: Range<usize>, rules: &mut Rules<'_>) {
    let mut walk = Walk {
        message: sheet.bytes.get(range.clone()).unwrap_or_default(),
        start: range.start,
        names: Vec::new(),
    };
    _ = walk.records(sheet, rules);
    walk.keep_names(sheet, rules);
}

struct Walk<'a> {
    message: &'a [u8],
    /// Where the message begins in the sheet.
    start: usize,
    /// Each name's labels, by their places in the message.
    names: Vec<Vec<Range<usize>>>,
}

impl<'a> Walk<'a> {
    fn u16(&self, at: usize) -> Option<u16> {
        self.message.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    fn records(&mut self, sheet: &mut Sheet<'_>, rules: &mut Rules<'_>) -> Option<()> {
        let start = self.start;
        sheet.keep(start..start + HEADER.min(self.message.len()));
        let questions = self.u16(4)?;
        let records =
            [6, 8, 10].into_iter().try_fold(0u32, |sum, at| Some(sum + u32::from(self.u16(at)?)))?;
        let mut at = HEADER;
        for _ in 0..questions {
            let end = self.name(sheet, at)?;
            self.message.get(end..end + 4)?;
            sheet.keep(start + end..start + end + 4);
            at = end + 4;
        }
        for _ in 0..records {
            let end = self.name(sheet, at)?;
            let (kind, length) = (self.u16(end)?, usize::from(self.u16(end + 8)?));
            sheet.keep(start + end..start + end + 10);
            let content = end + 10..end + 10 + length;
            self.message.get(content.clone())?;
            at = content.end;
            _ = self.content(sheet, kind, content, rules);
        }
        Some(())
    }

    /// A record's content, as far as it is of use; the rest stays blank.
    fn content(
        &mut self,
        sheet: &mut Sheet<'_>,
        kind: u16,
        range: Range<usize>,
        rules: &mut Rules<'_>,
    ) -> Option<()> {
        let Range { start: at, end } = range;
        let start = self.start;
        match (kind, end - at) {
            (A, 4) | (AAAA, 16) => self.address(sheet, at, kind == AAAA, rules),
            (NS | CNAME | PTR | DNAME, _) => self.name(sheet, at).map(|_| ()),
            (MX, 3..) => {
                sheet.keep(start + at..start + at + 2);
                self.name(sheet, at + 2).map(|_| ())
            }
            (SRV, 7..) => {
                sheet.keep(start + at..start + at + 6);
                self.name(sheet, at + 6).map(|_| ())
            }
            (SOA, _) => {
                // The second name is a mail address.
                let behind = self.name(sheet, at)?;
                let mail = behind..self.skip(behind)?;
                let lengths: Vec<usize> =
                    labels(self.message, mail.start)?.0.iter().map(|label| label.start).collect();
                lengths
                    .into_iter()
                    .filter(|at| mail.contains(at))
                    .for_each(|at| sheet.keep(start + at - 1..start + at));
                // Times; the serial number before them is mostly a date.
                sheet.keep(start + mail.end + 4..start + end);
                Some(())
            }
            (SVCB | HTTPS, 3..) => {
                sheet.keep(start + at..start + at + 2);
                let parameters = self.name(sheet, at + 2)?;
                self.parameters(sheet, parameters..end, rules)
            }
            _ => Some(()),
        }
    }

    fn address(&self, sheet: &mut Sheet<'_>, at: usize, is_v6: bool, rules: &mut Rules<'_>) -> Option<()> {
        let bytes = self.message.get(at..)?;
        let address =
            if is_v6 { (*bytes.first_chunk::<16>()?).into() } else { (*bytes.first_chunk::<4>()?).into() };
        sheet.put(self.start + at, octets(rules.addresses.ip(address)));
        Some(())
    }

    fn parameters(&self, sheet: &mut Sheet<'_>, range: Range<usize>, rules: &mut Rules<'_>) -> Option<()> {
        let mut at = range.start;
        while at < range.end {
            let (key, length) = (self.u16(at)?, usize::from(self.u16(at + 2)?));
            sheet.keep(self.start + at..self.start + at + 4);
            let value = at + 4..(at + 4 + length).min(range.end);
            at = at + 4 + length;
            match key {
                V4_HINTS | V6_HINTS => {
                    let is_v6 = key == V6_HINTS;
                    for at in value.step_by(if is_v6 { 16 } else { 4 }) {
                        self.address(sheet, at, is_v6, rules)?;
                    }
                }
                key if PARAMETERS.contains(&key) => {
                    sheet.keep(self.start + value.start..self.start + value.end)
                }
                _ => {}
            }
        }
        Some(())
    }

    /// Takes note of the name at a place, keeps what of it is no letter, and gives back where it ends.
    fn name(&mut self, sheet: &mut Sheet<'_>, at: usize) -> Option<usize> {
        let (labels, end) = labels(self.message, at)?;
        // Lengths, a pointer, the root's zero.
        let mut place = at;
        while place < end {
            let first = *self.message.get(place)?;
            let step = if first < 64 { 1 } else { 2 };
            sheet.keep(self.start + place..self.start + place + step);
            place += if first < 64 { 1 + usize::from(first) } else { 2 };
        }
        self.names.push(labels);
        Some(end)
    }

    fn skip(&self, at: usize) -> Option<usize> {
        labels(self.message, at).map(|(_, end)| end)
    }

    /// Writes the names' letters. Where two names share labels, those of a known app's name stay.
    fn keep_names(self, sheet: &mut Sheet<'_>, rules: &Rules<'_>) {
        let text = |labels: &[Range<usize>]| {
            let label = |range: &Range<usize>| self.message.get(range.clone()).unwrap_or_default();
            labels.iter().map(label).collect::<Vec<_>>().join(&b'.')
        };
        let (known, others): (Vec<_>, Vec<_>) =
            self.names.iter().partition(|labels| rules.is_known(&text(labels).to_ascii_lowercase()));
        for (labels, name) in others.iter().map(|labels| (labels, rules.searched_host(&text(labels)))) {
            let mut rest = &name[..];
            for label in labels.iter() {
                let (new, behind) = rest.split_at_checked(label.len()).unwrap_or((rest, &[]));
                sheet.replace(self.start + label.start, new);
                rest = behind.get(1..).unwrap_or_default();
            }
        }
        for label in known.into_iter().flatten() {
            sheet.keep(self.start + label.start..self.start + label.end);
        }
    }
}

/// The labels of the name at a place, wherever they stand, and where the name ends.
fn labels(message: &[u8], mut at: usize) -> Option<(Vec<Range<usize>>, usize)> {
    let (mut labels, mut end, mut pointers) = (Vec::new(), None, 0);
    loop {
        let first = usize::from(*message.get(at)?);
        match first {
            0 => return Some((labels, end.unwrap_or(at + 1))),
            1..64 => {
                message.get(at + 1..at + 1 + first)?;
                labels.push(at + 1..at + 1 + first);
                at += 1 + first;
            }
            192.. => {
                end = end.or(Some(at + 2));
                at = (first & 63) << 8 | usize::from(*message.get(at + 1)?);
                pointers += 1;
            }
            _ => return None,
        }
        if pointers > POINTERS_MAX || labels.len() > LABELS_MAX {
            return None;
        }
    }
}
