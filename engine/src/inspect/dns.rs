//! A DNS message: the names asked for, and what the answers say of addresses.

use super::findings::Findings;
use crate::classifier::Classifier;
use crate::context::evidence::{Evidence, Relation};
use crate::dissect::dns;
use crate::five_tuple::Address;
use crate::observer::Observer;
use crate::packet_view::PacketView;
use crate::signature::row::RowIndex;
use crate::verdict::{Carrier, SignatureId};

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
        // The only name of most messages is looked up as it stands there; who wants to be told of names has them read.
        let labels = if observer.is_curious() { None } else { message.plain_labels() };
        let mut asked = labels.and_then(|(labels, domain)| self.find_labels(labels, domain));
        evidence.prefetch_asking_entry(client);
        match labels {
            Some(_) if asked.is_some() => {
                findings.named = findings.named.or(asked.map(|row| (row, Carrier::Dns)));
            }
            Some((labels, domain)) if !self.may_have_search_suffix(labels, domain, message) => {}
            _ => asked = self.read_questions(message, findings, observer),
        }
        if message.response && message.answer_count > 0 {
            self.read_answers(message, asked, client, evidence, view.packet.time_us);
        }
        evidence.note_asking(client, view.packet.time_us);
    }

    /// The names asked for, read one by one. The first row of one.
    #[inline(never)] // Room for a name is made only here.
    fn read_questions(
        &self,
        message: &dns::Message<'_>,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) -> Option<RowIndex> {
        let mut asked = None;
        for question in message.questions() {
            let mut buffer = dns::NameBuffer::new();
            let name = question.name.read_bytes(&mut buffer);
            let found = self.find_name(name, Carrier::Dns);
            asked = asked.or(found);
            match asked.is_none().then(|| self.before_search_suffix(name, message)).flatten() {
                Some(known) => self.note_name(known, Carrier::Dns, findings, observer),
                None => self.note_found(name, Carrier::Dns, found, findings, observer),
            }
        }
        asked
    }

    /// What the answers say of addresses, where the name asked for has this row, or none.
    #[inline(never)]
    fn read_answers(
        &self,
        message: &dns::Message<'_>,
        asked: Option<RowIndex>,
        client: Address,
        evidence: &mut Evidence,
        now_us: u64,
    ) {
        let hosts = &self.set.table.hosts;
        let mut row = asked;
        let mut signature = self.signature_of(row);
        let mut stands_for = |address: Address, signature: Option<SignatureId>| {
            evidence.name_address(client, address, signature, Relation::DnsAnswer, now_us);
        };
        message.answers().for_each(|answer| match answer.record {
            dns::Record::V4(ip) => stands_for(Address::from(ip), signature),
            dns::Record::V6(ip) => stands_for(Address::v6(ip.octets()), signature),
            // The name asked for says most; where it has no row, an alias may.
            dns::Record::Alias(target) => {
                if row.is_none() && target.may_end_in(|label, length| hosts.may_hold(label, length)) {
                    row = self.find_name(target.read_bytes(&mut dns::NameBuffer::new()), Carrier::Dns);
                    signature = self.signature_of(row);
                }
            }
            dns::Record::Service(service) => {
                service.v4_hints().for_each(|ip| stands_for(Address::from(ip), signature));
                service.v6_hints().for_each(|ip| stands_for(Address::v6(ip.octets()), signature));
            }
        });
    }

    fn signature_of(&self, row: Option<RowIndex>) -> Option<SignatureId> {
        row.map(|row| self.set.table.rows[usize::from(row)].id)
    }

    /// Whether a row may be about a name in front of a search suffix. Of most names the last two labels say no.
    #[inline]
    fn may_have_search_suffix(&self, labels: &[u8], domain: usize, message: &dns::Message<'_>) -> bool {
        let mut domain_labels = label_starts(&labels[domain..]).map(|(_, label)| label);
        let [before, last] = [domain_labels.next(), domain_labels.next()].map(Option::unwrap_or_default);
        (message.response && message.rcode == NAME_ERROR || dns::may_be_private(before, last))
            && self.has_known_front(labels)
    }

    /// Whether a row is about what stands in front of some of the last labels.
    fn has_known_front(&self, labels: &[u8]) -> bool {
        let behind = label_starts(labels).count().saturating_sub(SUFFIX_LABELS);
        let (mut domain, mut last) = (0, 0);
        label_starts(labels).enumerate().skip(1).any(|(number, (cut, _))| {
            let front_domain = domain;
            (domain, last) = (last, cut);
            number >= behind && self.find_labels(&labels[..cut], front_domain).is_some()
        })
    }

    /// A name with a row in front of a resolver's search suffix: of names nobody can register always, of others where
    /// the resolver says that there is no such name. (RFC 1535; resolv.conf, `search`.)
    fn before_search_suffix<'n>(&self, name: &'n [u8], message: &dns::Message<'_>) -> Option<&'n [u8]> {
        let is_unknown = message.response && message.rcode == NAME_ERROR;
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
