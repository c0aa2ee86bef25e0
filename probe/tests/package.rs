//! The Debian package: made, installed into a folder of its own, and used from there.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::traces::*;

const PROGRAM: &str = r#"
#include <stdio.h>
#include <wiremark.h>
int main(void) {
    printf("%s\n", wiremark_version());
    return WIREMARK_CHECK_ABI() != WIREMARK_OK;
}
"#;

fn is_there(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// What a program says; it must succeed.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_debian_package_installs_command_library_and_manual() {
    for (program, arguments) in
        [(env!("CARGO"), &["deb", "--version"][..]), ("dpkg", &["--version"]), ("pkg-config", &["--version"])]
    {
        if !is_there(program, arguments) {
            let what = if arguments[0] == "deb" { "cargo-deb" } else { program };
            return wiremark_tests::skipped(format!("the Debian package: {what} is not here"));
        }
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = folder();
    let package = folder.join("wiremark.deb");
    // Where this program lies: in `deps` of the profile's folder of the target folder.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    said(
        Command::new(repository.join("packaging/deb.sh"))
            .env("CARGO", env!("CARGO"))
            .env("CARGO_TARGET_DIR", target)
            .env("PROFILE", "test")
            .env("WIREMARK", env!("CARGO_BIN_EXE_wiremark"))
            .env("OUT", &package),
    );
    let contents = said(Command::new("dpkg-deb").arg("--contents").arg(&package));
    let is_roots = |line: &str| [" root/root ", " 0/0 "].iter().any(|owner| line.contains(owner));
    assert!(contents.lines().all(is_roots), "{contents}");
    let root = folder.join("root");
    fs::create_dir(&root).unwrap();
    said(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&root));
    for file in [
        "bin/wiremark",
        "include/wiremark.h",
        "lib/libwiremark.a",
        "lib/libwiremark.so",
        "lib/pkgconfig/wiremark.pc",
        "share/man/man1/wiremark.1.gz",
        "share/bash-completion/completions/wiremark",
        "share/zsh/vendor-completions/_wiremark",
        "share/fish/vendor_completions.d/wiremark.fish",
        "share/doc/wiremark/copyright",
    ] {
        assert!(root.join("usr").join(file).exists(), "{file} is not in the package:\n{contents}");
    }
    // A link as it was, not the library again.
    assert!(root.join("usr/lib/libwiremark.so").is_symlink(), "{contents}");
    let demo = repository.join("tests/demo.pcap");
    let table = said(Command::new(root.join("usr/bin/wiremark")).arg("classify").arg(&demo));
    assert_eq!(table, stdout(&wiremark(&["classify", demo.to_str().unwrap()])));

    let library = root.join("usr/lib");
    let flags = said(
        Command::new("pkg-config")
            .args(["--cflags", "--libs", "wiremark"])
            .env("PKG_CONFIG_LIBDIR", library.join("pkgconfig"))
            .env("PKG_CONFIG_SYSROOT_DIR", &root),
    );
    let (source, program) = (write(&folder, "program.c", PROGRAM.as_bytes()), folder.join("program"));
    said(Command::new("cc").arg(&source).args(flags.split_whitespace()).arg("-o").arg(&program));
    let version = said(Command::new(&program).env("LD_LIBRARY_PATH", &library));
    assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
}
