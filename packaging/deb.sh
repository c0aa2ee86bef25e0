#!/bin/sh
# Makes a Debian package: the command with all its parts, the C library with header and pkg-config, man page and completions.
#
#   packaging/deb.sh                       # target/debian/wiremark_VERSION_ARCH.deb; needs cargo-deb (cargo install cargo-deb)
#   sudo apt install ./target/debian/wiremark_*.deb
#
# WIREMARK names a command that is built already, with --features full; PROFILE is release (the tests use theirs, to build once); OUT is
# the package's file.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
built=${CARGO_TARGET_DIR:-target}
if [ -z "${WIREMARK:-}" ]; then
    "$cargo" build --quiet --release --locked -p wiremark-probe --features full --bin wiremark
    WIREMARK=$built/release/wiremark
fi

# Where probe/Cargo.toml has the package's files from.
stage=target/deb
rm -rf "$stage"
DESTDIR=$PWD/$stage PREFIX=/usr LIBDIR=lib ffi/install.sh
install -d "$stage/usr/bin" "$stage/usr/share/man/man1"
install -m 755 "$WIREMARK" "$stage/usr/bin/wiremark"
strip --strip-unneeded "$stage/usr/bin/wiremark" "$stage"/usr/lib/libwiremark.so.*.*.*
strip --strip-debug "$stage/usr/lib/libwiremark.a"
"$WIREMARK" man | gzip -9n > "$stage/usr/share/man/man1/wiremark.1.gz"
for shell in bash zsh fish; do
    "$WIREMARK" completions "$shell" > "$stage/wiremark.$shell"
done
set -- --no-build --no-strip --package wiremark-probe
if [ -n "${OUT:-}" ]; then
    set -- "$@" --output "$OUT"
fi
"$cargo" deb "$@"
