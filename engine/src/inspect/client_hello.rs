//! Client hellos: TLS's, from a TCP stream or out of QUIC's CRYPTO frames, and Google's QUIC's.

use super::findings::Findings;
use crate::classifier::Classifier;
use crate::dissect::{quic, tls};
use crate::observer::Observer;
use crate::verdict::Carrier;

impl Classifier {
    pub(super) fn inspect_hello(
        &self,
        hello: &tls::ClientHello<'_>,
        carrier: Carrier,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        findings.recognise(carrier, observer);
        findings.conclusive = hello.sni.is_some() || hello.complete;
        findings.need_more |= !findings.conclusive;
        if let Some(name) = hello.sni {
            self.note_name(name, carrier, findings, observer);
        }
    }

    pub(super) fn inspect_google_hello(
        &self,
        hello: &quic::google::Hello<'_>,
        findings: &mut Findings,
        observer: &mut impl Observer,
    ) {
        findings.conclusive = true;
        if let Some(name) = hello.sni() {
            self.note_name(name, Carrier::Quic, findings, observer);
        }
    }
}
