//! Streams of records: what captures hold, as Arrow record batches.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::arrow::{data_frame, import, schema_capsule};
use crate::attach::attached;
use crate::error::CaptureError;
use crate::source::{Job, Message, Shared, run};

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

impl Records {
    /// What this job is going to read.
    pub(crate) fn of(job: Job, schema: SchemaRef, progress: Option<Py<PyAny>>) -> Self {
        let (shared, raised) = Default::default();
        Self { job: Some(job), schema, shared, raised, progress }
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

    /// As a ``pandas.DataFrame``; needs pandas and pyarrow. Dictionaries become categories, times ``datetime64[us, UTC]``; lists of
    /// texts stay Arrow's (``pandas.ArrowDtype``).
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        data_frame(slf.py(), |arrow| read(slf, &arrow.getattr("table")?))
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
