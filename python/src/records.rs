//! Streams of records: what captures hold, as Arrow record batches.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use wiremark_report::columns::{Addresses, schema};

use crate::arrow::{import, schema_capsule};
use crate::attach::attached;
use crate::classifier::Classifier;
use crate::compiled::compiled;
use crate::error::CaptureError;
use crate::source::{Job, Message, Shared, What, run};
use crate::tracker::config;

/// How long the interpreter waits between two looks at signals and progress.
const LOOK: Duration = Duration::from_millis(50);
/// Batches ready at the same time.
const AHEAD: usize = 4;

/// Records of captures: a stream of Arrow record batches that is read once.
///
/// ``pyarrow.table(records)``, ``polars.DataFrame(records)``, ``duckdb.sql("select ... from records")`` and whatever else knows
/// ``__arrow_c_stream__`` take it without a copy; ``to_pandas()``, ``to_polars()`` and ``to_arrow()`` import what they need.
/// Reading begins with the first of these, on a thread of its own.
#[pyclass(module = "wiremark")]
pub(crate) struct Records {
    job: Option<Job>,
    schema: SchemaRef,
    shared: Arc<Shared>,
    raised: Arc<Raised>,
    progress: Option<Py<PyAny>>,
}

/// What ended a stream early, for those who can say it better than Arrow's C interface can.
#[derive(Default)]
struct Raised {
    error: Mutex<Option<PyErr>>,
    /// Whether who reads will look here.
    is_ours: std::sync::atomic::AtomicBool,
}

impl Raised {
    fn take(&self) -> Option<PyErr> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[pymethods]
impl Records {
    /// The Arrow PyCapsule interface: the stream, once.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &mut self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let job = self.job.take().ok_or_else(|| {
            PyRuntimeError::new_err(
                "these records were read already; ask for them anew, or keep what they were read into",
            )
        })?;
        let (to, from) = sync_channel(AHEAD);
        let total = job.files.iter().map(|file| std::fs::metadata(file).map_or(0, |file| file.len())).sum();
        let shared = Arc::clone(&self.shared);
        std::thread::Builder::new()
            .name("wiremark".into())
            .spawn(move || run(&job, &shared, to))
            .map_err(|error| PyRuntimeError::new_err(format!("no thread to read on: {error}")))?;
        let reader = Reader {
            schema: Arc::clone(&self.schema),
            shared: Arc::clone(&self.shared),
            raised: Arc::clone(&self.raised),
            progress: self.progress.as_ref().map(|progress| progress.clone_ref(py)),
            total,
            looked: Instant::now(),
            from: Some(from),
        };
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), c"arrow_array_stream")
    }

    /// The Arrow PyCapsule interface: the schema, without reading anything.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    /// The columns' names, without reading anything.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// What was wrong with captures: (file, sentence), known once the records were read.
    #[getter]
    fn errors(&self) -> Vec<(String, String)> {
        self.shared.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What captures hold that was not looked into: (file, sentence), known once the records were read.
    #[getter]
    fn notes(&self) -> Vec<(String, String)> {
        self.shared.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As a ``pyarrow.Table``; needs pyarrow.
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        read(slf, &import(slf.py(), "pyarrow", "to_arrow")?.getattr("table")?)
    }

    /// As a ``pandas.DataFrame``; needs pandas and pyarrow. Dictionaries become categories, times ``datetime64[us, UTC]``.
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        import(slf.py(), "pandas", "to_pandas")?;
        let table = read(slf, &import(slf.py(), "pyarrow", "to_pandas")?.getattr("table")?)?;
        table.call_method0("to_pandas")
    }

    /// As a ``polars.DataFrame``; needs polars.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        read(slf, &import(slf.py(), "polars", "to_polars")?.getattr("DataFrame")?)
    }

    fn __repr__(&self) -> String {
        let state = if self.job.is_some() { "not read yet" } else { "read" };
        format!("<wiremark.Records, {state}: {}>", self.columns().join(", "))
    }
}

/// Reads the records with this function; what ends them is raised as what it is.
fn read<'py>(records: &Bound<'py, Records>, with: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let raised = Arc::clone(&records.borrow().raised);
    raised.is_ours.store(true, Ordering::Relaxed);
    with.call1((records,)).map_err(|error| raised.take().unwrap_or(error))
}

/// The reading end.
struct Reader {
    schema: SchemaRef,
    shared: Arc<Shared>,
    raised: Arc<Raised>,
    progress: Option<Py<PyAny>>,
    total: u64,
    looked: Instant,
    from: Option<Receiver<Message>>,
}

impl Reader {
    /// Signals, and progress.
    fn look(&mut self, is_due: bool) -> Result<(), PyErr> {
        if !is_due && self.looked.elapsed() < LOOK {
            return Ok(());
        }
        self.looked = Instant::now();
        let read = self.shared.bytes.load(Ordering::Relaxed);
        let looked = attached(|py| {
            py.check_signals()?;
            let Some(progress) = &self.progress else { return Ok(()) };
            progress.call1(py, (read, self.total)).map(drop)
        });
        looked.unwrap_or(Ok(()))
    }

    /// Ends the stream with an exception: raised by us, or told by whoever reads, in its own words.
    fn fail(&mut self, error: PyErr) -> ArrowError {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.from = None;
        let is_ours = self.raised.is_ours.load(Ordering::Relaxed);
        let sentence = attached(|py| {
            if !is_ours && error.is_instance_of::<pyo3::exceptions::PyKeyboardInterrupt>(py) {
                // Arrow's C interface has no word for it: the interpreter is interrupted once more, as soon as it is back.
                let _ = py.import("_thread").and_then(|thread| thread.call_method0("interrupt_main"));
            }
            error.to_string()
        });
        *self.raised.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        ArrowError::ExternalError(sentence.unwrap_or_default().into())
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let message = self.from.as_ref()?.recv_timeout(LOOK);
            let is_end = matches!(message, Ok(Message::Done | Message::Failed(_)));
            if let Err(error) = self.look(is_end) {
                return Some(Err(self.fail(error)));
            }
            match message {
                Ok(Message::Batch(batch)) => return Some(Ok(batch)),
                Ok(Message::Done) => {
                    self.from = None;
                    return None;
                }
                Ok(Message::Failed(sentence)) => {
                    return Some(Err(self.fail(CaptureError::new_err(sentence))));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let error =
                        PyRuntimeError::new_err("the reading thread ended unexpectedly; please report it");
                    return Some(Err(self.fail(error)));
                }
            }
        }
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(progress) = self.progress.take() {
            attached(|_| drop(progress));
        }
    }
}

/// What all kinds of records are asked for with.
struct Request<'py> {
    files: &'py Bound<'py, PyAny>,
    classifier: Option<&'py Bound<'py, Classifier>>,
    max_flows: Option<usize>,
    ignore_tags: bool,
    addresses: Addresses,
    with_addresses: bool,
    on_error: &'py str,
    progress: Option<Py<PyAny>>,
}

impl Request<'_> {
    fn records(self, py: Python<'_>, what: What) -> PyResult<Records> {
        let raise = match self.on_error {
            "raise" => true,
            "keep" => false,
            _ => return Err(PyValueError::new_err("on_error: give \"raise\" or \"keep\"")),
        };
        let compiled = match self.classifier {
            Some(classifier) => Arc::clone(&classifier.get().0),
            None => compiled(py, None, &[])?,
        };
        let job = Job {
            what,
            files: paths(self.files)?,
            compiled,
            config: config(self.max_flows, self.ignore_tags)?,
            addresses: self.addresses,
            with_addresses: self.with_addresses,
            raise,
        };
        let schema = schema(what.columns(), self.addresses);
        let (shared, raised) = Default::default();
        Ok(Records { job: Some(job), schema, shared, raised, progress: self.progress })
    }
}

/// One path or several.
fn paths(files: &Bound<'_, PyAny>) -> PyResult<Vec<PathBuf>> {
    if let Ok(file) = files.extract::<PathBuf>() {
        return Ok(vec![file]);
    }
    let told = |_| PyTypeError::new_err("files: give a path, or a sequence of paths");
    let files: Vec<PathBuf> =
        files.try_iter().map_err(told)?.map(|file| file?.extract()).collect::<PyResult<_>>().map_err(told)?;
    if files.is_empty() {
        return Err(PyValueError::new_err("files: there is none; give the path of a capture"));
    }
    Ok(files)
}

fn addresses(word: &str) -> PyResult<Addresses> {
    match word {
        "text" => Ok(Addresses::Text),
        "binary" => Ok(Addresses::Binary),
        _ => Err(PyValueError::new_err("addresses: give \"text\" or \"binary\"")),
    }
}

/// Every flow of captures, with its verdict.
///
/// Each file is read on its own, as ``wiremark classify`` does; flows come in the order in which they end.
///
/// Parameters
/// ----------
/// files : path or sequence of paths
///     pcap, pcapng, snoop or ERF, plain or packed with gzip, zstd, xz, lz4 or bzip2.
/// classifier : Classifier, optional
///     The built-in signatures where none is given.
/// max_flows : int
///     Flows followed at the same time; the quietest makes room for a new one.
/// ignore_tags : bool
///     Packets with the same addresses and ports are one flow whatever VLAN or tunnel they come in.
/// addresses : {"text", "binary"}
///     As text, or as 16 bytes in network order (IPv4 as ``::ffff:a.b.c.d``).
/// on_error : {"raise", "keep"}
///     A capture that cannot be read to its end raises CaptureError once its flows have come; or, with "keep", goes to
///     ``Records.errors``, and the next one is read.
/// progress : callable, optional
///     Called with the bytes read and the bytes of all files, some 20 times a second; what it raises ends the reading.
///
/// Returns
/// -------
/// Records
///     A row a flow, columns as the fields of ``wiremark classify --format json``: timestamp (UTC, us), src_ip, src_port,
///     dest_ip, dest_port, proto, app, role, carrier, confidence, signature, signature_id, final, decided_at_packet,
///     packets_toserver, packets_toclient, bytes_toserver, bytes_toclient (int64; frame bytes on the wire), community_id, ...
#[pyfunction]
#[pyo3(signature = (files, *, classifier=None, max_flows=None, ignore_tags=false, addresses="text", on_error="raise", progress=None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
pub(crate) fn flows(
    py: Python<'_>,
    files: &Bound<'_, PyAny>,
    classifier: Option<&Bound<'_, Classifier>>,
    max_flows: Option<usize>,
    ignore_tags: bool,
    addresses: &str,
    on_error: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<Records> {
    let (addresses, with_addresses) = (self::addresses(addresses)?, true);
    let request =
        Request { files, classifier, max_flows, ignore_tags, addresses, with_addresses, on_error, progress };
    request.records(py, What::Flows)
}

/// Every frame of captures, with what was known of its flow after it.
///
/// Parameters are those of ``flows``.
///
/// Returns
/// -------
/// Records
///     A row a frame: capture (int32, number of the file, from 1), frame (int64, number in it, from 1), timestamp (UTC, us),
///     wire_bytes, flow and packet (int64, from 1), src_ip, src_port, dest_ip, dest_port, proto, to_server, payload_bytes,
///     app, role, carrier, confidence, signature_id, final, changed; null from flow on where it carries neither TCP nor UDP.
#[pyfunction]
#[pyo3(signature = (files, *, classifier=None, max_flows=None, ignore_tags=false, addresses="text", on_error="raise", progress=None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
pub(crate) fn packets(
    py: Python<'_>,
    files: &Bound<'_, PyAny>,
    classifier: Option<&Bound<'_, Classifier>>,
    max_flows: Option<usize>,
    ignore_tags: bool,
    addresses: &str,
    on_error: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<Records> {
    let (addresses, with_addresses) = (self::addresses(addresses)?, true);
    let request =
        Request { files, classifier, max_flows, ignore_tags, addresses, with_addresses, on_error, progress };
    request.records(py, What::Packets)
}

/// What people do on WeChat, task by task.
///
/// Parameters are those of ``flows``, and:
///
/// show_addresses : bool
///     Users by their addresses instead of pseudonyms.
///
/// Returns
/// -------
/// Records
///     A row a task, columns as the fields of ``wiremark tasks --format json``: timestamp (UTC, us), service, task, cgi,
///     bytes_up and bytes_down (int64), completion_us (int64), user, ...
#[pyfunction]
#[pyo3(signature = (files, *, classifier=None, max_flows=None, show_addresses=false, on_error="raise", progress=None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
pub(crate) fn tasks(
    py: Python<'_>,
    files: &Bound<'_, PyAny>,
    classifier: Option<&Bound<'_, Classifier>>,
    max_flows: Option<usize>,
    show_addresses: bool,
    on_error: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<Records> {
    let (addresses, with_addresses, ignore_tags) = (Addresses::Text, show_addresses, false);
    let request =
        Request { files, classifier, max_flows, ignore_tags, addresses, with_addresses, on_error, progress };
    request.records(py, What::Tasks)
}

/// The calls in captures.
///
/// Parameters are those of ``tasks``.
///
/// Returns
/// -------
/// Records
///     A row a call, columns as the fields of ``wiremark calls --format json``: timestamp (UTC, us), call_id, app, outcome,
///     duration_us (int64); parties, relays, legs, states, streams (lists of records, times in microseconds since the call's
///     first packet), findings.
#[pyfunction]
#[pyo3(signature = (files, *, classifier=None, max_flows=None, show_addresses=false, on_error="raise", progress=None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
pub(crate) fn calls(
    py: Python<'_>,
    files: &Bound<'_, PyAny>,
    classifier: Option<&Bound<'_, Classifier>>,
    max_flows: Option<usize>,
    show_addresses: bool,
    on_error: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<Records> {
    let (addresses, with_addresses, ignore_tags) = (Addresses::Text, show_addresses, false);
    let request =
        Request { files, classifier, max_flows, ignore_tags, addresses, with_addresses, on_error, progress };
    request.records(py, What::Calls)
}
