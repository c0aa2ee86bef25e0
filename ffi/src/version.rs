//! Which library this is, and whether it and the header go together.

use std::ffi::{CStr, c_char};

use crate::classify::wiremark_flow;
use crate::panic_boundary::{status_of, value_of};
use crate::status::Error;
use crate::status::wiremark_status::{self, WIREMARK_BAD_ABI};
use crate::verdict::wiremark_verdict;

/// Changes only where a program made with an older header would no longer work. Additions do not change it.
pub const WIREMARK_ABI_VERSION: u32 = 1;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// The library's version, such as "0.1.0". Good for ever, for any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wiremark_version() -> *const c_char {
    value_of(c"".as_ptr(), || VERSION.as_ptr())
}

/// The library's WIREMARK_ABI_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn wiremark_abi_version() -> u32 {
    value_of(0, || WIREMARK_ABI_VERSION)
}

/// Whether the library and the header go together. Call it by its macro, WIREMARK_CHECK_ABI().
///
/// Sizes are those of wiremark_flow and wiremark_verdict, the two structs of fixed size; all others say theirs themselves.
/// Errors: WIREMARK_BAD_ABI.
#[unsafe(no_mangle)]
pub extern "C" fn wiremark_check_abi(
    abi_version: u32,
    flow_bytes: usize,
    verdict_bytes: usize,
) -> wiremark_status {
    status_of(|| {
        let theirs = (abi_version, flow_bytes, verdict_bytes);
        let ours = (WIREMARK_ABI_VERSION, size_of::<wiremark_flow>(), size_of::<wiremark_verdict>());
        if theirs == ours {
            return Ok(());
        }
        Err(Error::saying(
            WIREMARK_BAD_ABI,
            format_args!(
                "the header has ABI {}, flow of {} bytes, verdict of {}; the library ABI {}, {}, {}",
                theirs.0, theirs.1, theirs.2, ours.0, ours.1, ours.2
            ),
        ))
    })
}
