//! What C asks after a call that failed.

use std::ffi::c_char;

use crate::panic_boundary::value_of;
use crate::status::{LAST_ERROR, STATUSES};

/// The sentence for this thread's last error, in English, UTF-8; empty before the first. Calls that succeed leave it.
///
/// The text is wiremark's, and good until the next call on this thread that fails. Never NULL. Cost: none to speak of.
#[unsafe(no_mangle)]
pub extern "C" fn wiremark_last_error() -> *const c_char {
    value_of(c"".as_ptr(), || LAST_ERROR.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr()))
}

/// The status' own name, such as "WIREMARK_OK"; empty for other numbers. Good for ever, for any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wiremark_status_name(status: i32) -> *const c_char {
    value_of(c"".as_ptr(), || {
        STATUSES.iter().find(|(one, _)| *one as i32 == status).map_or(c"", |(_, name)| name).as_ptr()
    })
}
