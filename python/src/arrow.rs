//! Record batches for Python: the Arrow PyCapsule interface, and conveniences that import what they need when asked.

use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_schema::SchemaRef;
use pyo3::exceptions::{PyImportError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

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
        import(slf.py(), "pandas", "to_pandas")?;
        let batch = import(slf.py(), "pyarrow", "to_pandas")?.call_method1("record_batch", (slf,))?;
        batch.call_method0("to_pandas")
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

/// A library that is needed for this convenience alone.
pub(crate) fn import<'py>(py: Python<'py>, library: &str, method: &str) -> PyResult<Bound<'py, PyModule>> {
    py.import(library).map_err(|error| {
        let told = PyImportError::new_err(format!("{method}() needs {library}: pip install {library}"));
        told.set_cause(py, Some(error));
        told
    })
}
