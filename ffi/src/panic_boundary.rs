//! What every export runs in: errors become a status, panics stay inside.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::status::{Error, remember, wiremark_status};

/// Runs the body of an export that returns a status.
///
/// A panic can leave what the body was changing half changed, but nothing worse: there is no `unsafe` below this crate.
#[inline]
pub(crate) fn status_of(body: impl FnOnce() -> Result<(), Error>) -> wiremark_status {
    match catch_unwind(AssertUnwindSafe(|| {
        force_panic();
        body()
    })) {
        Ok(Ok(())) => wiremark_status::WIREMARK_OK,
        Ok(Err(error)) => remember(error),
        Err(panic) => remember(internal(panic)),
    }
}

/// Runs the body of an export that returns a plain value; `fallback` is the value where it panics.
#[inline]
pub(crate) fn value_of<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(|| {
        force_panic();
        body()
    })) {
        Ok(value) => value,
        Err(panic) => {
            remember(internal(panic));
            fallback
        }
    }
}

#[cold]
fn internal(panic: Box<dyn Any + Send>) -> Error {
    let said = match panic.downcast::<&'static str>() {
        Ok(text) => text.to_string(),
        Err(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(other) => {
                // Dropping what it does not know could panic again.
                std::mem::forget(other);
                "a panic without words".to_owned()
            }
        },
    };
    Error::saying(wiremark_status::WIREMARK_INTERNAL, format_args!("a fault in wiremark: {said}"))
}

/// Lets the tests see what a panic in any export comes to.
#[inline]
fn force_panic() {
    #[cfg(test)]
    if FORCED.get() {
        panic!("forced");
    }
}

#[cfg(test)]
thread_local! {
    pub(crate) static FORCED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}
