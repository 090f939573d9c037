#!/bin/sh
# Compiles the kernels with the machine's C compiler into a library for this machine.
#   build.sh TARGET_DIR      -> TARGET_DIR/native/<platform>/libbita_kernels.<so|dylib>
# Without a compiler it says so and succeeds: the library is optional, the program then runs on the Vector API.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cc=${CC:-cc}
if ! command -v "$cc" >/dev/null 2>&1; then
    echo "warning: no C compiler ($cc) found; the native kernels are not built and decoding will be several times slower" >&2
    exit 0
fi
# The names of NativePlatform.java.
case $(uname -s) in
    Darwin) os=macos suffix=dylib ;;
    *) os=linux suffix=so ;;
esac
case $(uname -m) in
    x86_64 | amd64) arch=x86_64 ;;
    aarch64 | arm64) arch=aarch64 ;;
    *) arch=$(uname -m) ;;
esac
case $("$cc" -dumpmachine 2>/dev/null || true) in
    *musl*) libc=-musl ;;
    *) libc= ;;
esac
out=$1/native/$os-$arch$libc
file=$out/libbita_kernels.$suffix
if [ -f "$file" ] && [ -z "$(find "$here" -newer "$file" -type f)" ]; then
    exit 0
fi
mkdir -p "$out"
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

. "$here/flags.sh"
. "$here/library.sh"
library "$cc" "$os" "$arch" "" "$temporary" "$file"
