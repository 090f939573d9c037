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

. "$here/flags.sh"
unit() { # parts, instruction set, its number, flags
    parts=$1 isa=$2 number=$3
    shift 3
    for part in $parts; do
        "$cc" $flags "$@" -DBITA_ISA="$number" -DBITA_ISA_NAME="$isa" -c "$here/$part.c" -o "$work/$part-$isa.o"
    done
}
started=
start() {
    unit "$@" &
    started="$started $!"
}
all="kernels training"
has=
start "$all" generic BITA_GENERIC
case $arch in
    x64)
        start "$all" avx2 BITA_AVX2 $flags_avx2
        start "$all" avx512 BITA_AVX512 $flags_avx512
        if compiles_amx "$cc" "$work/probe"; then
            start kernels amx BITA_AMX $flags_amx # tuning has no products of codes, and takes AVX-512
            has=-DHAS_AMX
        fi
        ;;
    arm64) start "$all" neon BITA_NEON $flags_neon ;;
esac
for process in $started; do
    wait "$process"
done
for part in dispatch memory; do
    "$cc" $flags $has -D_DEFAULT_SOURCE -D_DARWIN_C_SOURCE -c "$here/$part.c" -o "$work/$part.o"
done
"$cc" -shared "$work"/*.o -lm -o "$work/library"
mv "$work/library" "$library"
