//! Record batches for Python: the Arrow PyCapsule interface, and conveniences that import what they need when asked.

use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_schema::SchemaRef;
use pyo3::exceptions::{PyImportError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyTuple};

/// One Arrow record batch. ``pyarrow.record_batch``, ``polars.DataFrame`` and whatever else knows ``__arrow_c_array__`` take it
/// without a copy.
#[pyclass(frozen, module = "wiremark")]
pub(crate) struct Batch(pub(crate) RecordBatch);

#[pymethods]
impl Batch {
    /// The Arrow PyCapsule interface: a schema and a struct array.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let _ = requested_schema;
        let array = FFI_ArrowArray::new(&StructArray::from(self.0.clone()).to_data());
        let array = PyCapsule::new_with_value(py, array, c"arrow_array")?;
        PyTuple::new(py, [schema_capsule(py, &self.0.schema())?, array])
    }

    /// The Arrow PyCapsule interface: the schema.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.0.schema())
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    /// As a ``pyarrow.RecordBatch``; needs pyarrow.
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        import(slf.py(), "pyarrow", "to_arrow")?.call_method1("record_batch", (slf,))
    }

    /// As a ``pandas.DataFrame``; needs pandas and pyarrow.
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        data_frame(slf.py(), |arrow| arrow.call_method1("record_batch", (slf,)))
    }

    /// As a ``polars.DataFrame``; needs polars.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        import(slf.py(), "polars", "to_polars")?.call_method1("DataFrame", (slf,))
    }

    fn __repr__(&self) -> String {
        let columns: Vec<_> = self.0.schema().fields().iter().map(|field| field.name().clone()).collect();
        format!("<wiremark.Batch: {} rows of {}>", self.0.num_rows(), columns.join(", "))
    }
}

/// A schema, for Python.
pub(crate) fn schema_capsule<'py>(py: Python<'py>, schema: &SchemaRef) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(Arc::as_ref(schema))
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

/// The ``pandas.DataFrame`` of what is read by pyarrow. Lists of texts stay Arrow's: an object a row takes pandas twice as long as all
/// other columns.
pub(crate) fn data_frame<'py>(
    py: Python<'py>,
    read: impl FnOnce(&Bound<'py, PyModule>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let pandas = import(py, "pandas", "to_pandas")?;
    let arrow = import(py, "pyarrow", "to_pandas")?;
    let texts = arrow.call_method1("list_", (arrow.call_method0("string")?,))?;
    let types = PyDict::new(py);
    types.set_item(&texts, pandas.call_method1("ArrowDtype", (&texts,))?)?;
    let options = PyDict::new(py);
    options.set_item("types_mapper", types.getattr("get")?)?;
    read(&arrow)?.call_method("to_pandas", (), Some(&options))
}

/// A library that is needed for this convenience alone.
pub(crate) fn import<'py>(py: Python<'py>, library: &str, method: &str) -> PyResult<Bound<'py, PyModule>> {
    py.import(library).map_err(|error| {
        let told = PyImportError::new_err(format!("{method}() needs {library}: pip install {library}"));
        told.set_cause(py, Some(error));
        told
    })
}
