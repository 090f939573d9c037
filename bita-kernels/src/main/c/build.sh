#!/bin/sh
# Compiles the kernels with the machine's C compiler, once for each instruction set, into one library.
#   build.sh TARGET_DIR      -> TARGET_DIR/native/<os>-<arch>/libbita_kernels.<so|dylib>
# Without a compiler it says so and succeeds: the library is optional, the program then runs on the Vector API.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cc=${CC:-cc}
if ! command -v "$cc" >/dev/null 2>&1; then
    echo "warning: no C compiler ($cc) found; the native kernels are not built and decoding will be several times slower" >&2
    exit 0
fi
case $(uname -s) in
    Darwin) os=macos suffix=dylib ;;
    *) os=linux suffix=so ;;
esac
case $(uname -m) in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) arch=$(uname -m) ;;
esac
out=$1/native/$os-$arch
library=$out/libbita_kernels.$suffix
if [ -f "$library" ] && [ -z "$(find "$here" -newer "$library" -type f)" ]; then
    exit 0
fi
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# -ffp-contract=off and no fast-math: every rounding is one that the definition asks for.
flags="-std=gnu11 -O3 -fPIC -fvisibility=hidden -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra -Werror"
unit() { # instruction set, its number, flags
    isa=$1 number=$2
    shift 2
    for part in kernels training; do
        "$cc" $flags "$@" -DBITA_ISA="$number" -DBITA_ISA_NAME="$isa" -c "$here/$part.c" -o "$work/$part-$isa.o"
    done
}
started=
start() {
    unit "$@" &
    started="$started $!"
}
start generic BITA_GENERIC
case $arch in
    x64)
        start avx2 BITA_AVX2 -mavx2 -mfma -mf16c
        start avx512 BITA_AVX512 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma -mf16c
        ;;
    arm64) start neon BITA_NEON -march=armv8.2-a+dotprod+fp16 ;;
esac
for process in $started; do
    wait "$process"
done
for part in dispatch memory; do
    "$cc" $flags -D_DEFAULT_SOURCE -D_DARWIN_C_SOURCE -c "$here/$part.c" -o "$work/$part.o"
done
"$cc" -shared "$work"/*.o -lm -o "$work/library"
mv "$work/library" "$library"
