//! What C holds of wiremark's: a box with a mark on it, by which wrong and freed handles are told.

use std::any::Any;
use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::pointer;
use crate::status::Error;
use crate::status::wiremark_status::{WIREMARK_BAD_HANDLE, WIREMARK_BUSY};

const BAD_HANDLE: Error =
    Error::new(WIREMARK_BAD_HANDLE, c"the handle was freed, or is of another type than this call takes");
const BUSY: Error = Error::new(
    WIREMARK_BUSY,
    c"the handle is in use, by another thread or by the call whose callback this is",
);

/// The mark of a freed handle.
const FREED: u64 = 0x6465_6572_6621_6d77;
/// So many boxes of freed handles are kept, emptied, so that using one is found out and not somebody else's memory.
const KEPT: usize = 64;

static FREED_BOXES: Mutex<VecDeque<Box<dyn Any + Send>>> = Mutex::new(VecDeque::new());

/// A type that C knows by pointer only.
pub(crate) trait Opaque: Send + Sized + 'static {
    /// Its mark, unlike all others'.
    const MARK: u64;
}

/// What a pointer to an opaque type really points to.
#[repr(C)]
struct Handle<T> {
    mark: AtomicU64,
    busy: AtomicBool,
    /// Of a context: [`Classifier::pulse`](engine::Classifier::pulse) after the last packet. The header's `wiremark_wants_now` reads it.
    pulse: AtomicU32,
    value: UnsafeCell<Option<T>>,
}

const _: () = assert!(std::mem::offset_of!(Handle<u64>, pulse) == 12);

/// Moves a value to where C can hold it.
pub(crate) fn give<T: Opaque>(value: T) -> *mut T {
    let handle = Handle {
        mark: AtomicU64::new(T::MARK),
        busy: AtomicBool::new(false),
        pulse: AtomicU32::new(0),
        value: UnsafeCell::new(Some(value)),
    };
    Box::into_raw(Box::new(handle)).cast()
}

/// # Safety
/// The pointer is NULL, misaligned, points to other memory of at least 8 bytes, or is from [`give`].
unsafe fn find<'a, T: Opaque>(pointer: *const T) -> Result<&'a Handle<T>, Error> {
    let handle = pointer.cast::<Handle<T>>();
    pointer::check(handle)?;
    // SAFETY: neither NULL nor misaligned, so by contract 8 bytes are there; those of a freed handle are kept a while.
    let mark = unsafe { &*handle.cast::<AtomicU64>() };
    if mark.load(Ordering::Acquire) != T::MARK {
        return Err(BAD_HANDLE);
    }
    // SAFETY: the mark is that of a live handle of this type.
    Ok(unsafe { &*handle })
}

/// What a handle holds, for types that any number of threads may use at the same time.
///
/// # Safety
/// As [`find`]; nobody frees the handle during `'a`.
#[inline]
pub(crate) unsafe fn share<'a, T: Opaque + Sync>(pointer: *const T) -> Result<&'a T, Error> {
    // SAFETY: the same contract.
    let handle = unsafe { find(pointer)? };
    // SAFETY: shared types are never borrowed by `hold`, and by contract not freed during 'a.
    unsafe { (*handle.value.get()).as_ref() }.ok_or(BAD_HANDLE)
}

/// The only use of a handle's value, for as long as this lives.
pub(crate) struct HandleGuard<'a, T> {
    value: &'a mut T,
    busy: &'a AtomicBool,
    pulse: &'a AtomicU32,
}

impl<T> HandleGuard<'_, T> {
    /// Lets the header's `wiremark_wants_now` see it.
    #[inline]
    pub(crate) fn show_pulse(&self, pulse: u32) {
        self.pulse.store(pulse, Ordering::Relaxed);
    }
}

impl<T> Deref for HandleGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> DerefMut for HandleGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
    }
}

impl<T> Drop for HandleGuard<'_, T> {
    fn drop(&mut self) {
        self.busy.store(false, Ordering::Release);
    }
}

/// What a handle holds, for types that one thread at a time may use.
///
/// # Safety
/// As [`find`]; nobody frees the handle during `'a`, and no other thread uses it.
#[inline]
pub(crate) unsafe fn hold<'a, T: Opaque>(pointer: *mut T) -> Result<HandleGuard<'a, T>, Error> {
    // SAFETY: the same contract.
    let handle = unsafe { find(pointer.cast_const())? };
    enter(&handle.busy)?;
    // SAFETY: `busy` was not set before and is now, so nobody else has a reference to the value; by contract no other thread
    // came in between.
    match unsafe { (*handle.value.get()).as_mut() } {
        Some(value) => Ok(HandleGuard { value, busy: &handle.busy, pulse: &handle.pulse }),
        None => Err(BAD_HANDLE),
    }
}

/// Notes a use. By contract one thread at a time comes here, so that no locked instruction is needed, which would cost as much
/// as looking at most packets: a callback's call is always found out, another thread's but for the same few nanoseconds.
#[inline]
fn enter(busy: &AtomicBool) -> Result<(), Error> {
    if busy.load(Ordering::Acquire) {
        return Err(BUSY);
    }
    busy.store(true, Ordering::Relaxed);
    Ok(())
}

fn take(busy: &AtomicBool) -> Result<(), Error> {
    busy.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).map(|_| ()).map_err(|_| BUSY)
}

/// Ends a handle. NULL is fine, and nothing happens.
///
/// # Safety
/// As [`find`]; no shared use of the handle is under way.
pub(crate) unsafe fn free<T: Opaque>(pointer: *mut T) -> Result<(), Error> {
    if pointer.is_null() {
        return Ok(());
    }
    // SAFETY: the same contract.
    let handle = unsafe { find(pointer.cast_const())? };
    take(&handle.busy)?;
    if handle.mark.compare_exchange(T::MARK, FREED, Ordering::AcqRel, Ordering::Acquire).is_err() {
        return Err(BAD_HANDLE);
    }
    // SAFETY: made by `give`; of all calls, only the one that set FREED comes here.
    let mut handle = unsafe { Box::from_raw(pointer.cast::<Handle<T>>()) };
    *handle.value.get_mut() = None;
    let mut boxes = FREED_BOXES.lock().unwrap_or_else(PoisonError::into_inner);
    boxes.push_back(handle);
    if boxes.len() > KEPT {
        boxes.pop_front();
    }
    Ok(())
}
