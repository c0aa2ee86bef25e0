//! What the C ABI promises: no misuse that can be told ends the host, old headers serve, and the tools find nothing.

use std::fs;
use std::process::Command;

use crate::common::{
    BOTH, Link, Program, demo, ffi, has_pcap, installed, is_there, must, run, scratch, skip,
};

#[test]
fn misuse_is_answered() {
    for link in BOTH {
        let walk = Program::new("tests/c/walk.c", "c11", link, &[]).make("walk");
        must(&mut Command::new(walk));
    }
    let source = fs::read_to_string(ffi().join("tests/c/walk.c")).unwrap();
    for name in exports() {
        assert!(source.contains(&format!("{name}(")) || name == "wiremark_check_abi", "{name} is not walked");
    }
}

/// The functions of the shared library.
fn exports() -> Vec<String> {
    let text =
        must(Command::new("nm").args(["-D", "--defined-only"]).arg(installed().join("lib/libwiremark.so")));
    text.lines().filter_map(|line| line.rsplit(' ').next()).map(str::to_owned).collect()
}

#[test]
fn only_wiremark_is_visible() {
    let exports = exports();
    assert!(exports.len() > 20);
    for name in exports {
        assert!(name.starts_with("wiremark_"), "{name}");
    }
}

/// `tests/old/wiremark.h` is a copy of the first header; some structs have grown since. It is never changed.
#[test]
fn an_old_header_works_with_the_new_library() {
    let old = ffi().join("tests/old");
    let mut walk = Program::new("tests/c/walk.c", "c11", Link::Shared, &["-DOLD_HEADER"]);
    walk.include = Some(old.clone());
    must(&mut Command::new(walk.make("walk-old")));
    if !has_pcap() {
        return;
    }
    let probe = |name: &str, include| {
        let mut program = Program::new("examples/probe.c", "c11", Link::Shared, &["-lpcap"]);
        program.include = include;
        must(Command::new(program.make(name)).arg("-a").arg(demo()))
    };
    assert_eq!(probe("probe-old", Some(old)), probe("probe-new", None));
}

#[test]
fn valgrind_finds_nothing() {
    if !is_there("valgrind") {
        return skip("valgrind is not here");
    }
    if !has_pcap() {
        return;
    }
    let probe = Program::new("examples/probe.c", "c11", Link::Shared, &["-lpcap"]).make("probe-valgrind");
    let walk = Program::new("tests/c/walk.c", "c11", Link::Shared, &[]).make("walk-valgrind");
    let memcheck = || {
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
        // Emptied boxes of freed handles are kept within reach on purpose.
        command.args([
            "--show-leak-kinds=definite,indirect,possible",
            "--errors-for-leak-kinds=definite,indirect,possible",
        ]);
        command
    };
    must(memcheck().arg(probe).arg("-a").arg(demo()));
    must(memcheck().arg(walk));
}

/// `REPLACEMENTS=10000 cargo test -p wiremark-ffi --test all -- misuse::signatures_replaced --nocapture`
#[test]
fn signatures_replaced_under_load_are_whole_and_hold_nobody_up() {
    let replace = Program::new("tests/c/replace.c", "c11", Link::Shared, &["-pthread"]).make("replace");
    let count = std::env::var("REPLACEMENTS").unwrap_or_else(|_| "200".to_owned());
    print!("{}", must(Command::new(replace).arg(count)));
}

/// Compiles and runs with a sanitizer; says so where this machine cannot.
fn sanitized(sanitizer: &str, environment: (&str, &str)) {
    if !has_pcap() {
        return;
    }
    let empty = scratch("sanitizers").join(format!("{sanitizer}.c"));
    fs::write(&empty, "int main(void) { return 0; }\n").unwrap();
    let flag = format!("-fsanitize={sanitizer}");
    let out = empty.with_extension("out");
    let able = run(Command::new("cc").arg(&flag).arg(&empty).arg("-o").arg(&out)).status.success()
        && run(&mut Command::new(&out)).status.success();
    if !able {
        return skip(&format!("programs with -fsanitize={sanitizer} do not compile or run here"));
    }
    let with = ["-lpcap", "-pthread", flag.as_str()];
    let swap = Program::new("tests/c/swap.c", "c11", Link::Shared, &with).make(&format!("swap-{sanitizer}"));
    must(Command::new(swap).arg(demo()).env(environment.0, environment.1));
    let replace = Program::new("tests/c/replace.c", "c11", Link::Shared, &["-pthread", flag.as_str()])
        .make(&format!("replace-{sanitizer}"));
    must(Command::new(replace).arg("50").env(environment.0, environment.1));
}

#[test]
fn the_address_sanitizer_finds_nothing() {
    sanitized("address", ("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1"));
    if !has_pcap() {
        return;
    }
    let with = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let walk = Program::new("tests/c/walk.c", "c11", Link::Shared, &with).make("walk-address");
    must(&mut Command::new(walk));
    // `tests/c/fuzz.sh` does this with a fuzzer, and with the Rust side under the sanitizer too.
    let with = [&with[..], &["-DLOOP"]].concat();
    let fuzz = Program::new("tests/c/fuzz.c", "c11", Link::Shared, &with).make("fuzz-address");
    print!("{}", must(Command::new(fuzz).arg("5000").arg(demo())));
}

/// The Rust side is not instrumented, which takes a nightly compiler: races are found on the C side only, such as
/// wiremark handing the same memory to two threads that then read and write it.
#[test]
fn the_thread_sanitizer_finds_nothing_on_the_c_side() {
    let suppressions = format!("halt_on_error=1:suppressions={}", ffi().join("tests/c/tsan.supp").display());
    sanitized("thread", ("TSAN_OPTIONS", &suppressions));
    skip(
        "races within the Rust side are for a sanitized Rust compiler (nightly) to find; it is safe code but for ffi",
    );
}
