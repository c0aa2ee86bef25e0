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
        let mut buffer = dns::NameBuffer::new();
        for question in message.questions() {
            self.note_name(question.name.read_bytes(&mut buffer), Carrier::Dns, findings, observer);
        }
        if !message.response {
            return;
        }
        let mut row = findings.named.map(|(row, _)| row);
        for answer in message.answers() {
            let now_us = view.packet.time_us;
            let mut stands_for = |address: Address| match row {
                Some(row) => {
                    let signature = self.set.table.rows[usize::from(row)].id;
                    evidence.name_address(address, signature, Relation::DnsAnswer, now_us);
                }
                None => evidence.forget_address(address),
            };
            match answer.record {
                dns::Record::V4(ip) => stands_for(Address::from(ip)),
                dns::Record::V6(ip) => stands_for(Address::v6(ip.octets())),
                // The name asked for says most; where it has no row, an alias may.
                dns::Record::Alias(target) => {
                    if row.is_none() {
                        row = self.find_name(target.read_bytes(&mut buffer), Carrier::Dns);
                    }
                }
                dns::Record::Service(service) => {
                    service.v4_hints().for_each(|ip| stands_for(Address::from(ip)));
                    service.v6_hints().for_each(|ip| stands_for(Address::v6(ip.octets())));
                }
            }
        }
    }
}
