//! The one instruction a flow table wants that safe Rust does not have: asking for a cache line that will be needed. A room of
//! its own, so that the engine can forbid `unsafe`.
#![no_std]
#![allow(unsafe_code)]

/// Bytes of a cache line.
pub const LINE_BYTES: usize = 64;

/// Asks for the cache line in which `place` begins, without waiting for it. Where the processor has no such instruction, or
/// none is known here, nothing happens.
#[inline(always)]
pub fn prefetch<T>(place: &T) {
    prefetch_lines(place, 1);
}

/// Asks for so many lines from the one in which `place` begins.
#[inline(always)]
pub fn prefetch_lines<T>(place: &T, lines: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in 0..lines {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = core::ptr::from_ref(place).cast::<i8>();
        // SAFETY: a prefetch reads nothing the program can see and never faults; SSE is part of x86_64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line * LINE_BYTES)) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (place, lines, LINE_BYTES);
}
