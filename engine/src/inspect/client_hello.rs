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
        // A hello without a name says nothing against what other flows told.
        findings.conclusive = hello.sni.is_some();
        findings.need_more |= hello.sni.is_none() && !hello.complete;
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
