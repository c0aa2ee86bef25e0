//! Python's buffers, borrowed.
//!
//! Python 3.9 and 3.10 have the buffer protocol, but not in their limited API; its functions and its struct have been the same
//! since 3.3, so they are declared here.
#![allow(unsafe_code, reason = "the buffer protocol is one of C pointers")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::{ptr, slice};

use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::ffi::PyObject;
use pyo3::prelude::*;

/// `Py_buffer` (Python's C API, "Buffer Protocol").
#[repr(C)]
struct View {
    buf: *mut c_void,
    obj: *mut PyObject,
    len: isize,
    itemsize: isize,
    readonly: c_int,
    ndim: c_int,
    format: *mut c_char,
    shape: *mut isize,
    strides: *mut isize,
    suboffsets: *mut isize,
    internal: *mut c_void,
}

/// `PyBUF_FULL_RO`: whatever its layout is; what is not taken is told in words.
const FULL_READ_ONLY: c_int = 0x0100 | 0x0018 | 0x0004;

unsafe extern "C" {
    fn PyObject_GetBuffer(object: *mut PyObject, view: *mut View, flags: c_int) -> c_int;
    fn PyBuffer_Release(view: *mut View);
}

/// A contiguous buffer of one dimension, held until it is dropped, which has to be while attached to the interpreter.
pub(crate) struct Buffer {
    view: Box<View>,
}

impl Buffer {
    /// Bytes of any kind.
    pub(crate) fn of_bytes(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        Self::of(object, name, 1, b"Bbc", "bytes (numpy: uint8)")
    }

    /// Signed 64-bit numbers.
    pub(crate) fn of_longs(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        Self::of(object, name, 8, b"lq", "signed 64-bit integers (numpy: int64)")
    }

    fn of(
        object: &Bound<'_, PyAny>,
        name: &str,
        item_bytes: isize,
        formats: &[u8],
        wanted: &str,
    ) -> PyResult<Self> {
        let mut view = Box::new(View {
            buf: ptr::null_mut(),
            obj: ptr::null_mut(),
            len: 0,
            itemsize: 0,
            readonly: 0,
            ndim: 0,
            format: ptr::null_mut(),
            shape: ptr::null_mut(),
            strides: ptr::null_mut(),
            suboffsets: ptr::null_mut(),
            internal: ptr::null_mut(),
        });
        // SAFETY: the object is alive, and the view is one to be filled.
        if unsafe { PyObject_GetBuffer(object.as_ptr(), &raw mut *view, FULL_READ_ONLY) } != 0 {
            let cause = PyErr::take(object.py());
            let error = PyTypeError::new_err(format!("{name}: is no buffer; give {wanted}"));
            error.set_cause(object.py(), cause);
            return Err(error);
        }
        let buffer = Self { view };
        let View { itemsize, ndim, format, strides, suboffsets, .. } = *buffer.view;
        let format = if format.is_null() {
            b"B".as_slice()
        } else {
            // SAFETY: a format is a C string that lives as long as the view.
            unsafe { CStr::from_ptr(format) }.to_bytes()
        };
        let (order, format) = match format {
            [order @ (b'@' | b'=' | b'<' | b'>' | b'!'), format @ ..] => (*order, format),
            format => (b'@', format),
        };
        let is_native = match order {
            b'<' => cfg!(target_endian = "little"),
            b'>' | b'!' => cfg!(target_endian = "big"),
            _ => true,
        };
        let is_kind = matches!(format, [kind] if formats.contains(kind));
        if itemsize != item_bytes || !is_kind || !is_native {
            let format = String::from_utf8_lossy(format);
            return Err(PyTypeError::new_err(format!(
                "{name}: has items of {itemsize} bytes in the format {format:?}; give {wanted}"
            )));
        }
        // SAFETY: what was asked for has a stride a dimension.
        let is_contiguous = ndim == 1
            && suboffsets.is_null()
            && (strides.is_null() || unsafe { *strides } == itemsize || buffer.view.len <= itemsize);
        if !is_contiguous {
            return Err(PyBufferError::new_err(format!(
                "{name}: is not contiguous in one dimension; give numpy.ascontiguousarray({name}).ravel()"
            )));
        }
        if !buffer.view.buf.addr().is_multiple_of(item_bytes as usize) && buffer.view.len > 0 {
            return Err(PyBufferError::new_err(format!("{name}: is not aligned; give a copy of it")));
        }
        Ok(buffer)
    }

    /// The bytes. Who writes to them from another thread meanwhile gets results of some mixture.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: checked to be contiguous bytes; the view keeps them where they are.
        unsafe { self.slice() }
    }

    /// The numbers of a buffer [`of_longs`](Self::of_longs).
    pub(crate) fn longs(&self) -> &[i64] {
        debug_assert_eq!(self.view.itemsize, 8);
        // SAFETY: checked to be contiguous, aligned and of 64 bits each.
        unsafe { self.slice() }
    }

    /// # Safety
    /// Items of the type's size and alignment, any bits of which are a value.
    unsafe fn slice<T>(&self) -> &[T] {
        let count = usize::try_from(self.view.len).unwrap_or_default() / size_of::<T>();
        if count == 0 || self.view.buf.is_null() {
            return &[];
        }
        // SAFETY: as the caller promises; the view says how long it is.
        unsafe { slice::from_raw_parts(self.view.buf.cast(), count) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the view was filled, and is released once; buffers live in calls from Python only.
        unsafe { PyBuffer_Release(&raw mut *self.view) };
    }
}
