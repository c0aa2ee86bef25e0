//! The interpreter's lock, for calls that come from readers of a stream.
//!
//! A reader may have given up the lock that one of our own calls took, further up on the same thread: PyO3 counts such calls, and would
//! take the lock for held. The interpreter itself knows.
#![allow(unsafe_code, reason = "the interpreter's own count is C's")]

use pyo3::ffi;
use pyo3::prelude::*;

/// Does this with the lock held; not at all where there is no interpreter any more.
pub(crate) fn attached<R>(work: impl FnOnce(Python<'_>) -> R) -> Option<R> {
    // SAFETY: may be asked at any time.
    if unsafe { ffi::Py_IsInitialized() } == 0 {
        return None;
    }
    // SAFETY: the interpreter runs; what is taken here is given back below, on the same thread.
    let state = unsafe { ffi::PyGILState_Ensure() };
    let done = Python::try_attach(work);
    // SAFETY: as above.
    unsafe { ffi::PyGILState_Release(state) };
    done
}
