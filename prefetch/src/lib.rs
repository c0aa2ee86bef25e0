//! What a flow table wants that safe Rust does not have: asking for a cache line that will be needed, and for memory in large
//! pages. A room of its own, so that the engine can forbid `unsafe`.
#![no_std]
#![allow(unsafe_code)]

/// Bytes of a cache line.
pub const LINE_BYTES: usize = 64;
/// Bytes of a large page, on most machines.
pub const LARGE_PAGE_BYTES: usize = 2 << 20;

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

/// Asks the system to keep a large table in large pages, before it is first written to: a look into it then hardly ever waits
/// for its page to be found. Where the system has none, or the table is smaller than one, nothing happens.
pub fn large_pages<T>(table: &[T]) {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        let bytes = size_of_val(table);
        let start = table.as_ptr().addr().next_multiple_of(LARGE_PAGE_BYTES);
        let end = (table.as_ptr().addr() + bytes) / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES;
        if start < end {
            let first = table.as_ptr().cast_mut().cast::<libc::c_void>().with_addr(start);
            // SAFETY: advice about whole pages within the table: what is in them, and whether they may be used, stays.
            unsafe { libc::madvise(first, end - start, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = table;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    extern crate std;

    use std::vec;

    /// Whether the mapping in which `place` lies wants large pages, by /proc/self/smaps; none where that does not say.
    fn wants_large_pages<T>(place: &T) -> Option<bool> {
        let at = core::ptr::from_ref(place).addr();
        let maps = std::fs::read_to_string("/proc/self/smaps").ok()?;
        let mut lines = maps.lines().skip_while(|line| {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            let number = |text| usize::from_str_radix(text, 16).ok();
            let range = range.and_then(|(start, end)| Some(number(start)?..number(end)?));
            !range.is_some_and(|range| range.contains(&at))
        });
        lines
            .find_map(|line| line.strip_prefix("VmFlags:"))
            .map(|flags| flags.split(' ').any(|flag| flag == "hg"))
    }

    #[test]
    fn a_large_table_is_asked_for_in_large_pages_and_stays_as_it_is() {
        let table = vec![7_u64; 1 << 20];
        super::large_pages(&table);
        assert!(table.iter().all(|number| *number == 7));
        let middle = &table[table.len() / 2];
        if std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
            assert_ne!(wants_large_pages(middle), Some(false));
        }
        super::large_pages(&table[..8]);
        super::large_pages::<u64>(&[]);
    }
}
