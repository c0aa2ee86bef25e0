//! The hello of a QUIC flow.

use super::findings::Findings;
use crate::classifier::Classifier;
use crate::context::Context;
use crate::dissect::{Dissection, quic};
use crate::flow::{FlowState, Side};
use crate::observer::Observer;
use crate::packet_view::PacketView;
use crate::verdict::Carrier;

impl Classifier {
    /// The hello of a QUIC flow: opened, joined over packets and datagrams, read.
    pub(super) fn inspect_quic(
        &self,
        view: &PacketView<'_>,
        context: &mut Context,
        flow: &mut FlowState,
        side: Side,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        if let Dissection::Found(packet) = quic::google::packet(view.bytes) {
            findings.recognise(Carrier::Quic, observer);
            if let Some(hello) = packet.hello() {
                self.inspect_google_hello(&hello, findings, observer);
            }
            return;
        }
        for header in quic::packets(view.bytes) {
            findings.recognise(Carrier::Quic, observer);
            #[cfg(feature = "quic")]
            if header.kind == quic::PacketKind::Initial {
                self.open_initial(view, &header, context, flow, side, findings, observer);
            }
            #[cfg(not(feature = "quic"))]
            let _ = (header, &context, &flow, side);
            if findings.conclusive {
                break;
            }
        }
    }
}
