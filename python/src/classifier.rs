//! Signatures, and what the engine remembers: of one flow, and across flows.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use wiremark::{ContextConfig, FlowState, Packet, ParseError};

use crate::buffer::Buffer;
use crate::compiled::{Compiled, compiled, link_type_of};
use crate::verdict::Verdict;

/// Signatures, compiled: immutable, and shared by any number of threads.
///
/// Parameters
/// ----------
/// signatures : path, optional
///     A folder of signature files (``*.toml``) instead of the built-in ones.
/// without : sequence of {"payload", "name", "related", "address"}
///     Kinds of evidence to do without.
#[pyclass(frozen, module = "wiremark")]
pub(crate) struct Classifier(pub(crate) Arc<Compiled>);

#[pymethods]
impl Classifier {
    #[new]
    #[pyo3(signature = (signatures=None, *, without=Vec::new()))]
    fn new(py: Python<'_>, signatures: Option<PathBuf>, without: Vec<String>) -> PyResult<Self> {
        compiled(py, signatures, &without).map(Self)
    }

    /// Take in a packet of a flow whose state the caller keeps.
    ///
    /// Parameters
    /// ----------
    /// context : Context
    ///     Of this classifier, and made on this thread.
    /// flow : Flow
    ///     The packet's flow, of this classifier; it is changed.
    /// frame : buffer of bytes
    ///     The frame from its link layer on (``link_type=101``: from its IP header on).
    /// time_us : int
    ///     Capture time, microseconds since 1970; 0 where it is not known.
    /// link_type : int
    ///     Number from pcap's LINKTYPE list; 1 is Ethernet, 101 an IP packet.
    ///
    /// Returns
    /// -------
    /// Verdict or None
    ///     None where the frame carries neither TCP nor UDP.
    #[pyo3(signature = (context, flow, frame, time_us=0, link_type=1))]
    fn classify(
        &self,
        mut context: PyRefMut<'_, Context>,
        mut flow: PyRefMut<'_, Flow>,
        frame: &Bound<'_, PyAny>,
        time_us: u64,
        link_type: u32,
    ) -> PyResult<Option<Verdict>> {
        let link_type = link_type_of(link_type)?;
        let frame = Buffer::of_bytes(frame, "frame")?;
        let context = context.open_for(&self.0)?;
        let state = flow.state_for(&self.0)?;
        let packet = match Packet::parse(link_type, time_us, frame.bytes()) {
            Ok(packet) => packet,
            Err(
                ParseError::Unsupported
                | ParseError::Truncated
                | ParseError::Malformed
                | ParseError::Fragment,
            ) => return Ok(None),
        };
        let verdict = self.0.classifier.classify(context, state, &packet);
        Ok(Some(Verdict { verdict, compiled: Arc::clone(&self.0) }))
    }

    fn __repr__(&self) -> String {
        let set = self.0.classifier.set();
        format!("<wiremark.Classifier: {} signatures of {} apps>", set.signatures().len(), set.apps().len())
    }
}

/// What one thread remembers across flows, in fixed memory (some 40 MB).
///
/// It belongs to the thread that made it: elsewhere it raises RuntimeError. One context a thread, for as long as packets come.
/// ``close()``, or the end of a ``with`` block, gives its memory back.
#[pyclass(module = "wiremark")]
pub(crate) struct Context {
    context: Option<Box<wiremark::Context>>,
    compiled: Arc<Compiled>,
    thread: ThreadId,
}

impl Context {
    /// The context, if it may be used here with this classifier.
    pub(crate) fn open_for(&mut self, compiled: &Arc<Compiled>) -> PyResult<&mut wiremark::Context> {
        if self.thread != thread::current().id() {
            return Err(PyRuntimeError::new_err(
                "this context belongs to the thread that made it; make one for each thread",
            ));
        }
        if !Arc::ptr_eq(&self.compiled, compiled) {
            return Err(PyValueError::new_err(
                "this context is another classifier's; make one with Context(classifier)",
            ));
        }
        self.context.as_deref_mut().ok_or_else(|| {
            PyValueError::new_err("this context is closed; make another one with Context(classifier)")
        })
    }
}

#[pymethods]
impl Context {
    #[new]
    fn new(classifier: &Classifier) -> Self {
        let config = ContextConfig { seed: seed(), ..ContextConfig::default() };
        let context = Some(Box::new(wiremark::Context::new(config)));
        Self { context, compiled: Arc::clone(&classifier.0), thread: thread::current().id() }
    }

    /// Give the memory back; the context cannot be used any more.
    fn close(&mut self) {
        self.context = None;
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.context.is_none()
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&mut self, _exception: &Bound<'_, PyTuple>) {
        self.close();
    }
}

/// The state of one flow (64 bytes), which the caller keeps and hands to ``Classifier.classify`` with each of its packets.
#[pyclass(module = "wiremark")]
pub(crate) struct Flow {
    state: FlowState,
    compiled: Arc<Compiled>,
}

impl Flow {
    /// The state, if it is this classifier's.
    pub(crate) fn state_for(&mut self, compiled: &Arc<Compiled>) -> PyResult<&mut FlowState> {
        if !Arc::ptr_eq(&self.compiled, compiled) {
            return Err(PyValueError::new_err(
                "this flow is another classifier's; make one with Flow(classifier)",
            ));
        }
        Ok(&mut self.state)
    }
}

#[pymethods]
impl Flow {
    #[new]
    fn new(classifier: &Classifier) -> Self {
        Self { state: FlowState::default(), compiled: Arc::clone(&classifier.0) }
    }

    /// The verdict after the last packet.
    #[getter]
    fn verdict(&self) -> Verdict {
        Verdict { verdict: self.state.verdict(), compiled: Arc::clone(&self.compiled) }
    }
}

/// A number nobody can know beforehand.
fn seed() -> u64 {
    use std::hash::BuildHasher;
    std::collections::hash_map::RandomState::new().hash_one(0)
}
