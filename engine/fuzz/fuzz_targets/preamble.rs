#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wiremark_fuzz::targets::preamble(bytes));
