//! Notes the compiler for the records; builds the shim around nDPI where it is wanted.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| String::from("rustc"));
    let version = Command::new(rustc).arg("--version").output().ok();
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    println!("cargo::rustc-env=RUSTC_VERSION={}", version.trim());
    #[cfg(feature = "ndpi")]
    {
        println!("cargo::rerun-if-changed=ndpi/shim.c");
        cc::Build::new()
            .file("ndpi/shim.c")
            .include("/usr/include/ndpi")
            .opt_level(3)
            .warnings(false)
            .compile("ndpi-shim");
        println!("cargo::rustc-link-lib=ndpi");
    }
}
