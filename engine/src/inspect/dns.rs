//! A DNS message: the names asked for, and what the answers say of addresses.

use super::findings::Findings;
use crate::classifier::Classifier;
use crate::context::evidence::{Evidence, Relation};
use crate::dissect::{banner, dns};
use crate::five_tuple::Address;
use crate::flow::FlowState;
use crate::observer::Observer;
use crate::packet::Packet;
use crate::packet_view::PacketView;
use crate::signature::row::RowIndex;
use crate::verdict::{Carrier, SignatureId};

/// The port of DNS (RFC 1035, 4.2), in clear over UDP and TCP. Multicast DNS (5353) and LLMNR (5355) name neighbours
/// and are left alone.
pub(crate) const DNS_PORT: u16 = 53;

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
        let client = evidence.client(asking(message, view.packet), tuple);
        // The only name of most messages is looked up as it stands there; who wants to be told of names has them read.
        let labels = if observer.is_curious() { None } else { message.plain_labels() };
        let mut asked = labels.and_then(|(labels, domain)| self.find_labels(labels, domain));
        evidence.prefetch_asking_entry(client);
        let named = match labels {
            Some(_) if asked.is_some() => asked,
            Some((labels, domain)) => self.find_before_suffix(labels, domain, message),
            None => {
                asked = self.read_questions(message, findings, observer);
                None
            }
        };
        findings.named = findings.named.or(named.map(|row| (row, Carrier::Dns)));
        if message.response && message.answer_count > 0 {
            self.read_answers(message, asked, client, evidence, view.packet.time_us);
        }
        evidence.note_asking(client, view.packet.time_us);
    }

    /// Whether a message tells nothing but who asks: with no row for the name asked for, nor maybe for an alias, and about addresses
    /// that have no name with one.
    #[inline(never)] // Most packets are no DNS.
    pub(super) fn is_mere_dns(
        &self,
        message: &dns::Message<'_>,
        packet: &Packet<'_>,
        evidence: &Evidence,
    ) -> bool {
        let Some((labels, domain)) = message.plain_labels() else { return false };
        let hosts = &self.set.table.hosts;
        if hosts.may_hold_domain(labels, domain) {
            return false;
        }
        evidence.prefetch_asking(evidence.client(asking(message, packet), &packet.five_tuple));
        let has_no_name = |address: Address| !evidence.ways(address).has_name();
        self.find_before_suffix(labels, domain, message).is_none()
            && (!message.response
                || message.answers().all(|answer| match answer.record {
                    dns::Record::V4(ip) => has_no_name(Address::from(ip)),
                    dns::Record::V6(ip) => has_no_name(Address::v6(ip.octets())),
                    dns::Record::Alias(name) => {
                        !name.may_end_in(|label, length| hosts.may_hold(label, length))
                    }
                    dns::Record::Service(service) => {
                        service.v4_hints().all(|ip| has_no_name(Address::from(ip)))
                            && service.v6_hints().all(|ip| has_no_name(Address::v6(ip.octets())))
                    }
                }))
    }

    /// What such a message tells: who asks; and, early in a flow, that this is another protocol.
    pub(crate) fn note_mere_dns(
        &self,
        message: &dns::Message<'_>,
        flow: &mut FlowState,
        packet: &Packet<'_>,
        evidence: &mut Evidence,
    ) {
        let client = evidence.client(asking(message, packet), &packet.five_tuple);
        evidence.note_asking(client, packet.time_us);
        if flow.packets <= banner::FIRST_DATAGRAMS {
            flow.note_foreign();
        }
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

    /// The row of what stands in front of a resolver's search suffix, of a name by its labels, the last two of which begin at
    /// `domain`: see [`before_search_suffix`](Self::before_search_suffix).
    #[inline]
    fn find_before_suffix(
        &self,
        labels: &[u8],
        domain: usize,
        message: &dns::Message<'_>,
    ) -> Option<RowIndex> {
        let mut last_two = label_starts(&labels[domain..]).map(|(_, label)| label);
        let [before, last] = [last_two.next(), last_two.next()].map(Option::unwrap_or_default);
        let is_unknown = message.response && message.rcode == NAME_ERROR;
        (is_unknown || dns::may_be_private(before, last))
            .then(|| self.find_front(labels, is_unknown))
            .flatten()
    }

    #[inline(never)]
    fn find_front(&self, labels: &[u8], is_unknown: bool) -> Option<RowIndex> {
        // Where the last labels begin.
        let (mut starts, mut count) = ([0; SUFFIX_LABELS + 2], 0);
        for (start, _) in label_starts(labels) {
            starts[count % starts.len()] = start;
            count += 1;
        }
        let start_of = |number: usize| starts[number % starts.len()];
        (1..count).rev().take(SUFFIX_LABELS).find_map(|number| {
            let (front, suffix) = labels.split_at_checked(start_of(number))?;
            let row = self.find_labels(front, start_of(number.saturating_sub(2)))?;
            (is_unknown || dns::is_private_in_message(suffix)).then_some(row)
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

/// Who asks a resolver.
fn asking(message: &dns::Message<'_>, packet: &Packet<'_>) -> Address {
    if message.response { packet.five_tuple.dst } else { packet.five_tuple.src }
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
