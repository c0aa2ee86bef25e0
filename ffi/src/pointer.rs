//! Pointers from C: checked, then read or written.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::{ptr, slice};

use crate::status::Error;
use crate::status::wiremark_status::{
    WIREMARK_BAD_SIZE, WIREMARK_BAD_VALUE, WIREMARK_MISALIGNED, WIREMARK_NULL,
};

const NULL: Error = Error::new(WIREMARK_NULL, c"a pointer that must not be NULL is NULL");
const MISALIGNED: Error = Error::new(WIREMARK_MISALIGNED, c"a pointer is not aligned as its type asks");
const BAD_SIZE: Error = Error::new(
    WIREMARK_BAD_SIZE,
    c"struct_bytes is not the size of any version of the struct: set it to sizeof",
);
const NEWER: Error = Error::new(
    WIREMARK_BAD_SIZE,
    c"the struct is of a newer header and sets a field that this library does not know",
);
const TOO_LONG: Error = Error::new(WIREMARK_BAD_VALUE, c"a length is more than memory can hold");
const NOT_UTF8: Error = Error::new(WIREMARK_BAD_VALUE, c"a text is not UTF-8");

/// No struct of any version will be longer; what claims to be is not initialised.
const MOST_BYTES: usize = 512;

/// A struct of the header that may grow: its first field says how long the caller's version of it is.
///
/// # Safety
/// `repr(C)`, the first field is `struct_bytes: u32`, no padding, and any bytes are a valid value.
pub(crate) unsafe trait Sized32: Copy {
    /// Its size in the first version of the ABI.
    const FIRST_BYTES: usize;
}

/// Not NULL and aligned.
pub(crate) fn check<T>(pointer: *const T) -> Result<(), Error> {
    if pointer.is_null() {
        Err(NULL)
    } else if !pointer.is_aligned() {
        Err(MISALIGNED)
    } else {
        Ok(())
    }
}

/// How long the caller's version of the struct is.
///
/// # Safety
/// The pointer is NULL, misaligned, or points to a struct that begins with its size.
unsafe fn struct_bytes<T: Sized32>(pointer: *const T) -> Result<usize, Error> {
    check(pointer)?;
    // SAFETY: neither NULL nor misaligned, so by contract the four bytes of the size are there.
    let bytes = unsafe { pointer.cast::<u32>().read() } as usize;
    if (T::FIRST_BYTES..=MOST_BYTES).contains(&bytes) { Ok(bytes) } else { Err(BAD_SIZE) }
}

/// The caller's struct, whatever version its header is of: fields it does not have are zero.
///
/// # Safety
/// The pointer is NULL, misaligned, or points to as many bytes as the struct says.
#[inline]
pub(crate) unsafe fn read<T: Sized32>(pointer: *const T) -> Result<T, Error> {
    // SAFETY: the same contract.
    let bytes = unsafe { struct_bytes(pointer)? };
    if bytes == size_of::<T>() {
        // SAFETY: the caller's struct is as long as ours, and any bytes are a valid value.
        return Ok(unsafe { pointer.read() });
    }
    let mut value = MaybeUninit::<T>::zeroed();
    let known = bytes.min(size_of::<T>());
    // SAFETY: `known` bytes are there on both sides; the two do not overlap, one of them being new.
    unsafe { ptr::copy_nonoverlapping(pointer.cast::<u8>(), value.as_mut_ptr().cast::<u8>(), known) };
    if bytes > known {
        // SAFETY: the struct says that it goes on up to `bytes`.
        let rest = unsafe { slice::from_raw_parts(pointer.cast::<u8>().add(known), bytes - known) };
        if rest.iter().any(|byte| *byte != 0) {
            return Err(NEWER);
        }
    }
    // SAFETY: all bytes are initialised, and any bytes are a valid value.
    Ok(unsafe { value.assume_init() })
}

/// The caller's struct where it lies, if it is as long as ours: nothing is copied. `None` of another version, for [`read`].
///
/// # Safety
/// As [`read`], and nobody changes the struct while the result is used.
#[inline]
pub(crate) unsafe fn in_place<'a, T: Sized32>(pointer: *const T) -> Result<Option<&'a T>, Error> {
    // SAFETY: the same contract.
    let is_ours = unsafe { struct_bytes(pointer)? } == size_of::<T>();
    // SAFETY: neither NULL nor misaligned, as long as ours, any bytes are a valid value, and nobody changes it.
    Ok(is_ours.then(|| unsafe { &*pointer }))
}

/// As [`read`]; NULL is `None`.
///
/// # Safety
/// As [`read`].
pub(crate) unsafe fn read_optional<T: Sized32>(pointer: *const T) -> Result<Option<T>, Error> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the same contract.
    unsafe { read(pointer) }.map(Some)
}

/// Whether the caller's struct can be written to: to be asked before anything is done for it.
///
/// # Safety
/// As [`read`].
pub(crate) unsafe fn check_struct<T: Sized32>(pointer: *const T) -> Result<(), Error> {
    // SAFETY: the same contract.
    unsafe { struct_bytes(pointer) }.map(|_| ())
}

/// Fills the caller's struct as far as its version goes; its size stays as it is.
///
/// # Safety
/// As [`read`], and the bytes may be written.
#[inline]
pub(crate) unsafe fn write<T: Sized32>(pointer: *mut T, value: &T) -> Result<(), Error> {
    // SAFETY: the same contract.
    let bytes = unsafe { struct_bytes(pointer)? }.min(size_of::<T>());
    let skipped = size_of::<u32>();
    // SAFETY: `bytes` are there on both sides, and more than the size, which every version has.
    unsafe {
        let (from, to) = (ptr::from_ref(value).cast::<u8>(), pointer.cast::<u8>());
        ptr::copy(from.add(skipped), to.add(skipped), bytes - skipped);
    }
    Ok(())
}

/// Writes a value of fixed size.
///
/// # Safety
/// The pointer is NULL, misaligned, or may be written to.
#[inline]
pub(crate) unsafe fn put<T>(pointer: *mut T, value: T) -> Result<(), Error> {
    check(pointer)?;
    // SAFETY: neither NULL nor misaligned, so by contract it may be written to. What was there is not a Rust value.
    unsafe { pointer.write(value) };
    Ok(())
}

/// Bytes of the caller's; NULL stands for none where the length is 0, else `missing` says which field it is in.
///
/// # Safety
/// The pointer is NULL or points to `length` bytes that nobody changes during `'a`.
#[inline]
pub(crate) unsafe fn bytes<'a>(
    pointer: *const u8,
    length: usize,
    missing: &'static CStr,
) -> Result<&'a [u8], Error> {
    check_bytes(pointer, length, missing)?;
    // SAFETY: checked, and by contract readable and unchanged during 'a.
    Ok(unsafe { checked_bytes(pointer, length) })
}

/// Whether there can be such bytes at all.
#[inline]
pub(crate) fn check_bytes(pointer: *const u8, length: usize, missing: &'static CStr) -> Result<(), Error> {
    if pointer.is_null() && length != 0 {
        Err(Error::new(WIREMARK_NULL, missing))
    } else if isize::try_from(length).is_err() {
        Err(TOO_LONG)
    } else {
        Ok(())
    }
}

/// Bytes that were [checked](check_bytes).
///
/// # Safety
/// They were, and where `length` is not 0 that many bytes are there which nobody changes during `'a`.
#[inline]
pub(crate) unsafe fn checked_bytes<'a>(pointer: *const u8, length: usize) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: not NULL and of a possible length, as was checked; by contract readable and unchanged during 'a.
    unsafe { slice::from_raw_parts(pointer, length) }
}

/// An array of the caller's; NULL stands for an empty one.
///
/// # Safety
/// The pointer is NULL, misaligned, or points to `count` values that nobody changes during `'a`.
pub(crate) unsafe fn array<'a, T>(pointer: *const T, count: usize) -> Result<&'a [T], Error> {
    if count == 0 {
        return Ok(&[]);
    }
    check(pointer)?;
    if count.checked_mul(size_of::<T>()).is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        return Err(TOO_LONG);
    }
    // SAFETY: not NULL, aligned, of a possible length, and by contract readable and unchanged during 'a.
    Ok(unsafe { slice::from_raw_parts(pointer, count) })
}

/// A text of the caller's that ends with a zero byte.
///
/// # Safety
/// The pointer is NULL or points to such a text, which nobody changes during `'a`.
pub(crate) unsafe fn text<'a>(pointer: *const c_char) -> Result<&'a str, Error> {
    check(pointer)?;
    // SAFETY: not NULL, so by contract a text with its end, unchanged during 'a.
    unsafe { CStr::from_ptr(pointer) }.to_str().map_err(|_| NOT_UTF8)
}
