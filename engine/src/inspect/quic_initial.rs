//! QUIC Initials: opened, and their CRYPTO frames joined over packets and datagrams until there is a hello.

use super::findings::Findings;
use crate::classifier::Classifier;
use crate::context::Context;
use crate::dissect::{Dissection, quic, tls};
use crate::five_tuple::Direction;
use crate::flow::{FlowState, Side};
use crate::observer::{Event, Observer};
use crate::packet_view::PacketView;
use crate::verdict::{Carrier, Verdict};

/// Most QUIC Initials opened for the originator of a flow (a hello with large key shares takes two or three), and for
/// the responder, whose packets cannot be opened unless it is the client after all.
const OPENED_MAX: [u8; 2] = [8, 2];

impl Classifier {
    #[expect(clippy::too_many_arguments, reason = "one step of inspect_quic")]
    pub(super) fn open_initial(
        &self,
        view: &PacketView<'_>,
        packet: &[u8],
        context: &mut Context,
        flow: &mut FlowState,
        side: Side,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        if flow.count_opened(side) >= OPENED_MAX[usize::from(flow.direction_of(side) == Direction::Responder)]
        {
            return;
        }
        let Context { pool, scratch, .. } = context;
        let Some(frames) = quic::decrypt_initial(packet, scratch) else { return };
        let key = view.packet.five_tuple.key();
        for frame in quic::crypto_frames(frames) {
            if flow.slot(side).is_some_and(|number| pool.get(number, &key, side).is_none()) {
                flow.unpark(side, 0);
                flow.verdict.flags |= Verdict::LOST;
                observer.event(Event::Lost);
            }
            let parked = flow.slot(side).and_then(|number| pool.get(number, &key, side));
            let joined = match parked {
                Some(slot) => {
                    slot.insert(usize::try_from(frame.offset).unwrap_or(usize::MAX), frame.bytes);
                    slot.contiguous()
                }
                None if frame.offset == 0 => frame.bytes,
                None => &[],
            };
            match tls::hello_message(joined) {
                Dissection::Found(hello) => self.inspect_hello(&hello, Carrier::Quic, findings, observer),
                Dissection::NotMine => match quic::google::hello_message(joined) {
                    Dissection::Found(hello) => self.inspect_google_hello(&hello, findings, observer),
                    Dissection::NeedMore | Dissection::NotMine => {}
                },
                Dissection::NeedMore if flow.slot(side).is_none() => {
                    if let Some((number, slot)) = pool.take(key, side, 0) {
                        slot.insert(usize::try_from(frame.offset).unwrap_or(usize::MAX), frame.bytes);
                        flow.park(side, number);
                        observer.event(Event::NeedMore(frame.bytes.len()));
                    }
                }
                Dissection::NeedMore => {}
            }
            if findings.conclusive {
                break;
            }
        }
        if findings.conclusive
            && let Some(number) = flow.slot(side)
        {
            if pool.get(number, &key, side).is_some() {
                pool.free(number);
            }
            flow.unpark(side, 0);
        }
    }
}
