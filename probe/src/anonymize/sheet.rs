//! A payload being rewritten: everything is blank but what is said to stay.

use std::ops::Range;

use super::identifiers::Within;
use super::layers::place_of;
use super::rules::Rules;

/// The bytes of a datagram or of a connection's side, and what becomes of them.
pub(super) struct Sheet<'a> {
    /// As they were.
    pub(super) bytes: &'a [u8],
    out: Vec<u8>,
    /// What is written last: pseudonyms, over which nothing else may go.
    last: Vec<(usize, Vec<u8>)>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, out: vec![0; bytes.len()], last: Vec::new() }
    }

    /// Bytes from a place on.
    pub(super) fn from(&self, at: usize) -> &'a [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    /// Where a part borrowed from the bytes stands.
    pub(super) fn place(&self, part: &[u8]) -> Range<usize> {
        place_of(self.bytes, part)
    }

    /// Keeps bytes as they are, as far as there are any.
    pub(super) fn keep(&mut self, range: Range<usize>) {
        let range = range.start..range.end.min(self.bytes.len());
        if let (Some(to), Some(from)) = (self.out.get_mut(range.clone()), self.bytes.get(range)) {
            to.copy_from_slice(from);
        }
    }

    /// Keeps other bytes in their place.
    pub(super) fn replace(&mut self, at: usize, bytes: &[u8]) {
        for (to, from) in self.out.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    }

    /// Keeps bytes but for what of them is text.
    pub(super) fn keep_textless(&mut self, range: Range<usize>, rules: &Rules<'_>) {
        let range = range.start..range.end.min(self.bytes.len());
        let kept = rules.identifiers.textless(self.bytes.get(range.clone()).unwrap_or_default());
        self.replace(range.start, &kept);
    }

    /// Keeps text but for identifiers in it.
    pub(super) fn keep_text(&mut self, range: Range<usize>, rules: &Rules<'_>) {
        let text = self.bytes.get(range.clone()).unwrap_or_default();
        self.replace(range.start, &rules.identifiers.blanked(Within::Text, text));
    }

    /// Keeps a host name, or what stands for it.
    pub(super) fn keep_host(&mut self, range: Range<usize>, rules: &Rules<'_>) {
        let host = rules.host(self.bytes.get(range.clone()).unwrap_or_default());
        self.replace(range.start, &host);
    }

    /// Writes a pseudonym.
    pub(super) fn put(&mut self, at: usize, bytes: Vec<u8>) {
        self.last.push((at, bytes));
    }

    /// What the payload becomes.
    pub(super) fn finish(mut self, rules: &Rules<'_>) -> Vec<u8> {
        for range in rules.identifiers.find(Within::Payload, self.bytes) {
            let kept = self.out.get_mut(range).unwrap_or_default();
            kept.iter_mut().for_each(|byte| *byte = super::identifiers::blank(*byte));
        }
        rules.blank_originals(&mut self.out);
        for (at, bytes) in self.last {
            for (to, from) in self.out.iter_mut().skip(at).zip(bytes) {
                *to = from;
            }
        }
        self.out
    }
}
