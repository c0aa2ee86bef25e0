#!/bin/sh
# Builds the C library and installs it, in the layout of `cargo cinstall -p wiremark-ffi`, without cargo-c.
#
#   DESTDIR=/tmp/stage PREFIX=/usr LIBDIR=lib/x86_64-linux-gnu ffi/install.sh
#
# PREFIX is /usr/local where not set, LIBDIR (below it) is lib, PROFILE is release. With BUILT=FOLDER nothing is built: the
# libraries are there already.
set -eu
cd "$(dirname "$0")/.."
prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-lib}
cargo=${CARGO:-cargo}
target=${CARGO_TARGET_DIR:-target}
profile=${PROFILE:-release}
to=${DESTDIR:-}$prefix

# From one crate into another calls go straight to the function. For this target rustc would take each from a table (GOT): an indirect
# jump, which a processor that has just run a host's code does not foresee. RELRO stays full, by the linker's own option.
straight='target.x86_64-unknown-linux-gnu.rustflags=["-Crelro-level=partial", "-Clink-arg=-Wl,-z,relro,-z,now"]'

# No fat LTO here: two Rust static libraries with it do not link into one program.
[ -n "${BUILT:-}" ] || "$cargo" build --quiet --profile "$profile" --locked --config "$straight" -p wiremark-ffi --lib

case $profile in
    dev | test) built=$target/debug ;;
    *) built=$target/$profile ;;
esac
built=${BUILT:-$built}
version=$(sed -n 's/^#define WIREMARK_VERSION "\(.*\)"$/\1/p' include/wiremark.h)
case $version in
    0.*) soname=libwiremark.so.${version%.*} ;;
    *) soname=libwiremark.so.${version%%.*} ;;
esac

install -d "$to/include" "$to/$libdir/pkgconfig"
install -m 644 include/wiremark.h "$to/include/wiremark.h"
install -m 644 "$built/libwiremark.a" "$to/$libdir/libwiremark.a"
install -m 755 "$built/libwiremark.so" "$to/$libdir/libwiremark.so.$version"
ln -sf "libwiremark.so.$version" "$to/$libdir/$soname"
ln -sf "libwiremark.so.$version" "$to/$libdir/libwiremark.so"
# What Rust's own library wants of the system, as rustc names it (--print native-static-libs).
sed -e "s|@PREFIX@|$prefix|" -e "s|@LIBDIR@|$libdir|" -e "s|@VERSION@|$version|" \
    -e 's|@LIBS_PRIVATE@|-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc|' \
    ffi/wiremark.pc.in > "$to/$libdir/pkgconfig/wiremark.pc"
chmod 644 "$to/$libdir/pkgconfig/wiremark.pc"
echo "installed wiremark $version in $to"
