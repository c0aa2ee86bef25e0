//! Verdicts, and their words.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::compiled::Compiled;

/// What is known of a flow after a packet.
#[pyclass(frozen, module = "wiremark")]
pub(crate) struct Verdict {
    pub(crate) verdict: wiremark::Verdict,
    pub(crate) compiled: Arc<Compiled>,
}

#[pymethods]
impl Verdict {
    /// The app, in lower case; None where none was found.
    #[getter]
    fn app(&self) -> Option<&str> {
        let words = &self.compiled.words;
        words.places(self.verdict).map(|(app, _)| words.apps[app as usize].as_str())
    }

    /// What the flow is for, in the app's own words; None without an app.
    #[getter]
    fn role(&self) -> Option<&str> {
        let words = &self.compiled.words;
        words.places(self.verdict)?.1.map(|role| words.roles[role as usize].as_str())
    }

    /// What carries it: dns, http, tls, quic, stun, rtp, raw or unknown.
    #[getter]
    fn carrier(&self) -> &'static str {
        self.verdict.carrier.name()
    }

    /// The kind of evidence: payload, name, related or address; None without an app.
    #[getter]
    fn confidence(&self) -> Option<&'static str> {
        self.verdict.is_match().then(|| self.verdict.confidence.name())
    }

    /// Name of the signature that decided; None without an app.
    #[getter]
    fn signature(&self) -> Option<&str> {
        let set = self.compiled.classifier.set();
        set.signature(self.verdict.signature).filter(|_| self.verdict.is_match()).map(|row| row.name.as_str())
    }

    /// Number of that signature, which never changes; None without an app.
    #[getter]
    fn signature_id(&self) -> Option<u16> {
        self.verdict.is_match().then_some(self.verdict.signature.0)
    }

    /// Whether no later packet can change the verdict.
    #[getter]
    fn r#final(&self) -> bool {
        self.verdict.is_final()
    }

    /// Whether the packet changed it: act now, once.
    #[getter]
    fn changed(&self) -> bool {
        self.verdict.is_changed()
    }

    fn __repr__(&self) -> String {
        let state = if self.verdict.is_final() { "final" } else { "provisional" };
        match (self.app(), self.role(), self.confidence(), self.signature()) {
            (Some(app), Some(role), Some(confidence), Some(signature)) => {
                format!("<wiremark.Verdict: {app} {role} ({confidence}, {signature}), {state}>")
            }
            _ => format!("<wiremark.Verdict: no app, {}, {state}>", self.carrier()),
        }
    }
}

/// What is known of a frame's flow after it.
#[pyclass(frozen, get_all, module = "wiremark")]
pub(crate) struct Seen {
    /// The flow's verdict.
    pub(crate) verdict: Py<Verdict>,
    /// Number of the flow, from 1 in the order of first packets.
    pub(crate) flow: u64,
    /// Number of the packet in its flow, from 1.
    pub(crate) packet: u64,
    /// Whether the end that opened the flow sent it.
    pub(crate) to_server: bool,
    /// Bytes of transport payload.
    pub(crate) payload_bytes: usize,
}
