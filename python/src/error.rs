//! Exceptions: the command's sentences.

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};

create_exception!(
    wiremark,
    CaptureError,
    PyException,
    "A capture could not be read (to its end). What was read before is in the records. Its text names file, place and remedy."
);
create_exception!(
    wiremark,
    SignatureError,
    PyValueError,
    "A folder of signatures could not be loaded. Its text names file, line, key and what was expected."
);
