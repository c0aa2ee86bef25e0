//! Status codes, and the message of a thread's last error.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::{CStr, CString};

/// What came of a call. The numbers are fixed: none is ever reused, new ones are added at the end.
///
/// wiremark_last_error() has the sentence for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum wiremark_status {
    /// All well.
    WIREMARK_OK = 0,
    /// A pointer that must not be NULL is.
    WIREMARK_NULL = 1,
    /// A pointer is not aligned as its type asks.
    WIREMARK_MISALIGNED = 2,
    /// struct_bytes is not the size of any version of the struct, or a newer struct asks for what this library lacks.
    WIREMARK_BAD_SIZE = 3,
    /// An argument, or a field of a struct, is out of its range.
    WIREMARK_BAD_VALUE = 4,
    /// The handle was freed, or is none of this type.
    WIREMARK_BAD_HANDLE = 5,
    /// The handle is in use: by another thread, or by the call whose callback this is.
    WIREMARK_BUSY = 6,
    /// The header is of another ABI version than the library.
    WIREMARK_BAD_ABI = 7,
    /// A folder or file cannot be read, or has no signatures in it.
    WIREMARK_UNREADABLE = 8,
    /// A signature file says what cannot be. The message names file, line, key and what was expected.
    WIREMARK_REFUSED = 9,
    /// There is not enough memory.
    WIREMARK_NO_MEMORY = 10,
    /// The index is beyond the end of the list.
    WIREMARK_NOT_FOUND = 11,
    /// No packet: the frame was cut before its headers ended.
    WIREMARK_TRUNCATED = 12,
    /// No packet: the frame's headers contradict themselves.
    WIREMARK_MALFORMED = 13,
    /// No packet: there is neither TCP nor UDP in the frame, or the link type is not read here.
    WIREMARK_UNSUPPORTED = 14,
    /// A fault in wiremark, of which it also says a line on standard error. Handles involved may be used on, or freed.
    WIREMARK_INTERNAL = 15,
}

use wiremark_status::*;

/// Every status with its name.
pub(crate) const STATUSES: [(wiremark_status, &CStr); 16] = [
    (WIREMARK_OK, c"WIREMARK_OK"),
    (WIREMARK_NULL, c"WIREMARK_NULL"),
    (WIREMARK_MISALIGNED, c"WIREMARK_MISALIGNED"),
    (WIREMARK_BAD_SIZE, c"WIREMARK_BAD_SIZE"),
    (WIREMARK_BAD_VALUE, c"WIREMARK_BAD_VALUE"),
    (WIREMARK_BAD_HANDLE, c"WIREMARK_BAD_HANDLE"),
    (WIREMARK_BUSY, c"WIREMARK_BUSY"),
    (WIREMARK_BAD_ABI, c"WIREMARK_BAD_ABI"),
    (WIREMARK_UNREADABLE, c"WIREMARK_UNREADABLE"),
    (WIREMARK_REFUSED, c"WIREMARK_REFUSED"),
    (WIREMARK_NO_MEMORY, c"WIREMARK_NO_MEMORY"),
    (WIREMARK_NOT_FOUND, c"WIREMARK_NOT_FOUND"),
    (WIREMARK_TRUNCATED, c"WIREMARK_TRUNCATED"),
    (WIREMARK_MALFORMED, c"WIREMARK_MALFORMED"),
    (WIREMARK_UNSUPPORTED, c"WIREMARK_UNSUPPORTED"),
    (WIREMARK_INTERNAL, c"WIREMARK_INTERNAL"),
];

/// Why a call failed: its status and the sentence for it.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) status: wiremark_status,
    /// Borrowed where the error is an everyday one, so that it costs no allocation.
    message: Cow<'static, CStr>,
}

impl Error {
    pub(crate) const fn new(status: wiremark_status, message: &'static CStr) -> Self {
        Self { status, message: Cow::Borrowed(message) }
    }

    /// With a sentence made for the occasion. Bytes of zero in it are left out.
    pub(crate) fn saying(status: wiremark_status, message: impl ToString) -> Self {
        let mut bytes = message.to_string().into_bytes();
        bytes.retain(|byte| *byte != 0);
        Self { status, message: Cow::Owned(CString::new(bytes).unwrap_or_default()) }
    }
}

thread_local! {
    /// The sentence for this thread's last error.
    pub(crate) static LAST_ERROR: RefCell<Cow<'static, CStr>> = const { RefCell::new(Cow::Borrowed(c"")) };
}

/// Keeps the error's message for the thread, and gives back its status.
pub(crate) fn remember(error: Error) -> wiremark_status {
    // A thread that is ending has no such memory any more; the status is all it gets.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = error.message);
    error.status
}
