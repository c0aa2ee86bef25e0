//! QUIC Initials: opened, and their CRYPTO frames joined over packets and datagrams until there is a hello.

use super::findings::Findings;
use crate::classifier::Classifier;
use crate::context::Context;
use crate::dissect::{Dissection, quic, tls};
use crate::flow::{FlowState, Side};
use crate::observer::{Event, Observer};
use crate::packet_view::PacketView;
use crate::verdict::{Carrier, Verdict};

/// Most work spent on one side's Initials, in packets opened. A hello may come in dozens of them, some sent again.
const WORK_MAX: u8 = 64;
/// What a packet costs that cannot be opened: a server's, or one whose keys come from a packet that was not seen.
const FAILED: u8 = 16;

impl Classifier {
    #[expect(clippy::too_many_arguments, reason = "one step of inspect_quic")]
    pub(super) fn open_initial(
        &self,
        view: &PacketView<'_>,
        header: &quic::LongHeader<'_>,
        context: &mut Context,
        flow: &mut FlowState,
        side: Side,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        if flow.opened(side) >= WORK_MAX {
            return;
        }
        let Context { pool, scratch, initial_keys, .. } = context;
        let key = view.packet.five_tuple.key();
        let destination = header.destination_id;
        // The keys stay those of the first id when the client goes on to write to the server's (RFC 9001, 5.2).
        let mut first_id = [0; 20];
        let first_id = flow
            .slot(side)
            .and_then(|number| pool.get(number, &key, side))
            .map(|slot| slot.id())
            .filter(|id| !id.is_empty() && *id != destination)
            .and_then(|id| {
                let place = first_id.get_mut(..id.len())?;
                place.copy_from_slice(id);
                Some(&*place)
            });
        // Two attempts need two places.
        let (one, other) = scratch.split_at_mut(scratch.len() / 2);
        let frames = match first_id.and_then(|id| initial_keys.decrypt(header, id, one)) {
            Some(frames) => Some(frames),
            None => initial_keys.decrypt(header, destination, other),
        };
        flow.count_opened(side, if frames.is_some() { 1 } else { FAILED });
        let Some(frames) = frames else { return };
        for frame in quic::crypto_frames(frames) {
            if flow.slot(side).is_some_and(|number| pool.get(number, &key, side).is_none()) {
                flow.unpark(side, 0);
                flow.verdict.flags |= Verdict::LOST;
                observer.event(Event::Lost);
            }
            let offset = usize::try_from(frame.offset).unwrap_or(usize::MAX);
            if let Some(number) = flow.slot(side) {
                flow.park(side, pool.grow(number, offset.saturating_add(frame.bytes.len())));
            }
            let parked = flow.slot(side).and_then(|number| pool.get(number, &key, side));
            let joined = match parked {
                Some(slot) => {
                    slot.insert(offset, frame.bytes);
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
                    let end = offset.saturating_add(frame.bytes.len());
                    if let Some((number, slot)) = pool.take(key, side, 0, end) {
                        slot.insert(offset, frame.bytes);
                        slot.set_id(destination);
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
