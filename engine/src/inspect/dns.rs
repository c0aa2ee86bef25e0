//! A DNS message: the names asked for, and what the answers say of addresses.

use super::findings::Findings;
use crate::classifier::Classifier;
use crate::context::evidence::{Evidence, Relation};
use crate::dissect::dns;
use crate::five_tuple::Address;
use crate::observer::Observer;
use crate::packet_view::PacketView;
use crate::verdict::Carrier;

/// The port of DNS (RFC 1035, 4.2), in clear over UDP and TCP. Multicast DNS (5353) and LLMNR (5355) name neighbours
/// and are left alone.
pub(super) const DNS_PORT: u16 = 53;

impl Classifier {
    pub(super) fn inspect_dns(
        &self,
        message: &dns::Message<'_>,
        view: &PacketView<'_>,
        evidence: &mut Evidence,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        findings.recognise(Carrier::Dns, observer);
        let tuple = &view.packet.five_tuple;
        let client = evidence.client(if message.response { tuple.dst } else { tuple.src }, tuple);
        let mut asked = None;
        let is_curious = observer.is_curious();
        let is_nobodys = |labels: Option<&[u8]>| {
            !is_curious && labels.is_some_and(|labels| self.is_nobodys_name(labels, message))
        };
        let only = message.plain_labels();
        let questions = (!is_nobodys(only)).then(|| message.questions());
        evidence.prefetch_asking_entry(client);
        for question in questions.into_iter().flatten() {
            if only.is_none() && is_nobodys(question.name.plain_labels()) {
                continue;
            }
            let mut buffer = dns::NameBuffer::new();
            let name = question.name.read_bytes(&mut buffer);
            let found = self.find_name(name, Carrier::Dns);
            asked = asked.or(found);
            match asked.is_none().then(|| self.before_search_suffix(name, message)).flatten() {
                Some(known) => self.note_name(known, Carrier::Dns, findings, observer),
                None => self.note_found(name, Carrier::Dns, found, findings, observer),
            }
        }
        let mut row = asked;
        let hosts = &self.set.table.hosts;
        for answer in message.response.then(|| message.answers()).into_iter().flatten() {
            let now_us = view.packet.time_us;
            let mut stands_for = |address: Address| {
                let signature = row.map(|row| self.set.table.rows[usize::from(row)].id);
                evidence.name_address(client, address, signature, Relation::DnsAnswer, now_us);
            };
            match answer.record {
                dns::Record::V4(ip) => stands_for(Address::from(ip)),
                dns::Record::V6(ip) => stands_for(Address::v6(ip.octets())),
                // The name asked for says most; where it has no row, an alias may.
                dns::Record::Alias(target) => {
                    if row.is_none() && target.may_end_in(|label, length| hosts.may_hold(label, length)) {
                        row = self.find_name(target.read_bytes(&mut dns::NameBuffer::new()), Carrier::Dns);
                    }
                }
                dns::Record::Service(service) => {
                    service.v4_hints().for_each(|ip| stands_for(Address::from(ip)));
                    service.v6_hints().for_each(|ip| stands_for(Address::v6(ip.octets())));
                }
            }
        }
        evidence.note_asking(client, view.packet.time_us);
    }

    /// Whether no row is about a name, with a search suffix or without: for most names their bytes in the message tell, and
    /// they are not read.
    #[inline]
    fn is_nobodys_name(&self, labels: &[u8], message: &dns::Message<'_>) -> bool {
        let mut last: &[u8] = &[];
        for (start, label) in label_starts(labels) {
            last = label;
            if self.set.table.hosts.may_hold(label, labels.len() - start - 1) {
                return false;
            }
        }
        let is_unknown = message.response && message.rcode == NAME_ERROR;
        !(is_unknown || dns::may_be_private_label(last))
            || !label_starts(labels).any(|(cut, _)| self.may_be_known(&labels[..cut]))
    }

    /// Whether a row may be about a name with these labels, each behind its length.
    fn may_be_known(&self, labels: &[u8]) -> bool {
        label_starts(labels)
            .any(|(start, label)| self.set.table.hosts.may_hold(label, labels.len() - start - 1))
    }

    /// A name with a row in front of a resolver's search suffix: of names nobody can register always, of others where
    /// the resolver says that there is no such name. (RFC 1535; resolv.conf, `search`.)
    fn before_search_suffix<'n>(&self, name: &'n [u8], message: &dns::Message<'_>) -> Option<&'n [u8]> {
        let is_unknown = message.response && message.rcode == NAME_ERROR;
        if !is_unknown && !dns::may_be_private(name) {
            return None;
        }
        memchr::memrchr_iter(b'.', name).take(SUFFIX_LABELS).find_map(|dot| {
            let (front, suffix) = (&name[..dot], &name[dot + 1..]);
            ((is_unknown || dns::is_private_suffix(suffix)) && self.find_name(front, Carrier::Dns).is_some())
                .then_some(front)
        })
    }
}

/// Each of a name's labels, and where it begins, with its length.
#[inline]
fn label_starts(labels: &[u8]) -> impl Iterator<Item = (usize, &[u8])> + '_ {
    let mut next = 0;
    core::iter::from_fn(move || {
        let start = next;
        next += 1 + usize::from(*labels.get(start)?);
        Some((start, labels.get(start + 1..next)?))
    })
}

/// Most labels of a search suffix.
const SUFFIX_LABELS: usize = 5;
/// The name does not exist (RFC 1035, 4.1.1).
const NAME_ERROR: u8 = 3;
