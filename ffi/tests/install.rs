//! An empty DESTDIR, an install, and a C file compiled with nothing but pkg-config.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use crate::common::{install, is_there, must, repository, scratch, skip};

const PROGRAM: &str = r#"
#include <stdio.h>
#include <string.h>
#include <wiremark.h>
int main(void) {
    wiremark_classifier *classifier = NULL;
    if (WIREMARK_CHECK_ABI() != WIREMARK_OK || wiremark_classifier_new(NULL, &classifier) != WIREMARK_OK)
        return 1;
    wiremark_classifier_free(classifier);
    printf("%s\n", wiremark_version());
    return strcmp(wiremark_version(), WIREMARK_VERSION);
}
"#;

#[test]
fn an_installed_library_is_found_by_pkg_config() {
    if !is_there("pkg-config") {
        return skip("pkg-config is not here");
    }
    let folder = scratch("install");
    let destination = folder.join("destination");
    let _ = fs::remove_dir_all(&destination);
    if Command::new(env!("CARGO"))
        .args(["cinstall", "--version"])
        .output()
        .is_ok_and(|output| output.status.success())
    {
        let mut install = Command::new(env!("CARGO"));
        install.current_dir(repository()).args(["cinstall", "--release", "--locked", "-p", "wiremark-ffi"]);
        install.args(["--prefix", "/usr", "--libdir", "lib", "--includedir", "include"]);
        must(install.arg("--destdir").arg(&destination).env("CARGO_TARGET_DIR", crate::common::target()));
    } else {
        skip("cargo-c is not here; installed by ffi/install.sh instead of cargo cinstall");
        must(install().env("DESTDIR", &destination).env("PREFIX", "/usr"));
    }

    let library = destination.join("usr/lib");
    let version = env!("CARGO_PKG_VERSION");
    for file in ["lib/libwiremark.a", "lib/libwiremark.so", "lib/pkgconfig/wiremark.pc", "include/wiremark.h"]
    {
        assert!(destination.join("usr").join(file).exists(), "{file} is not installed");
    }
    assert!(library.join(format!("libwiremark.so.{version}")).is_file());
    let soname = soname(&library.join("libwiremark.so"));
    let (major, minor) = (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"));
    let expected = if major == "0" { format!("0.{minor}") } else { major.to_owned() };
    assert_eq!(soname, format!("libwiremark.so.{expected}"));
    assert!(library.join(&soname).exists(), "{soname} is not installed");

    let source = folder.join("program.c");
    fs::write(&source, PROGRAM).unwrap();
    let pkg_config = || {
        let mut command = Command::new("pkg-config");
        command
            .env("PKG_CONFIG_LIBDIR", library.join("pkgconfig"))
            .env("PKG_CONFIG_SYSROOT_DIR", &destination);
        command
    };
    assert_eq!(must(pkg_config().args(["--modversion", "wiremark"])).trim(), version);
    let flags = must(pkg_config().args(["--cflags", "--libs", "wiremark"]));
    let program = folder.join("program");
    must(Command::new("cc").arg(&source).args(flags.split_whitespace()).arg("-o").arg(&program));
    let said = must(Command::new(&program).env("LD_LIBRARY_PATH", &library));
    assert_eq!(said.trim(), version);

    // Static: the archive by name, and what the file says the archive needs.
    let flags = must(pkg_config().args(["--cflags", "--libs", "--static", "wiremark"]));
    let flags = flags.replace("-lwiremark", "-l:libwiremark.a");
    must(Command::new("cc").arg(&source).args(flags.split_whitespace()).arg("-o").arg(&program));
    assert_eq!(must(&mut Command::new(&program)).trim(), version);
}

fn soname(library: &Path) -> String {
    let text = must(Command::new("readelf").arg("-d").arg(library));
    let line = text.lines().find(|line| line.contains("(SONAME)")).expect("there is a soname");
    line.split(['[', ']']).nth(1).unwrap().to_owned()
}
