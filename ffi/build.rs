//! Gives the shared library its soname, the one cargo-c would give it.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let version = |part: &str| env::var(format!("CARGO_PKG_VERSION_{part}")).unwrap_or_default();
    // Before 1.0 every minor version may break, so it is part of the name.
    let suffix = match version("MAJOR").as_str() {
        "0" => format!("0.{}", version("MINOR")),
        major => major.to_owned(),
    };
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux" || os.ends_with("bsd")) {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libwiremark.so.{suffix}");
    }
}
