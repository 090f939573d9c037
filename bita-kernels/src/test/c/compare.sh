#!/bin/sh
# Compares the kernels of each instruction set with the generic ones, bit by bit (compare.c): where the processor has the
# set, on it; otherwise AVX-512 with SIMDe, AMX with that and tiles in C, and NEON under qemu. The processor's own set also runs with the compiler's checks
# for memory bounds and undefined behaviour. The generic kernels of all runs must agree too. For each run it says what it
# was, or what is missing; it fails if anything differs. With ZIG_PYTHON, an interpreter that has ziglang, also as a release is
# built (build-all.sh): for glibc, musl, Windows under Wine and NEON under qemu.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kernels=$here/../../main/c
. "$kernels/flags.sh"
cc=${CC:-cc}
arm_cc=${ARM_CC:-aarch64-linux-gnu-gcc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

if ! command -v "$cc" >/dev/null 2>&1; then
    echo "warning: no C compiler ($cc) found; no instruction set was compared" >&2
    exit 0
fi

# The run's folder, instruction set, its number in bita.h, flags, flags of the set alone, compiler, what runs its programs.
compare() {
    dir=$1 isa=$2 number=$3 all=$4 own=$5 compiler=$6 runner=$7
    $compiler $flags $all -DBITA_ISA=BITA_GENERIC -DBITA_ISA_NAME=generic -c "$kernels/kernels.c" -o "$dir/generic.o" &
    generic=$!
    $compiler $flags $all $own -DBITA_ISA="$number" -DBITA_ISA_NAME="$isa" -c "$kernels/kernels.c" -o "$dir/$isa.o"
    wait "$generic"
    $compiler $flags $all -I"$kernels" -DBITA_ISA_NAME="$isa" "$here/compare.c" "$dir/generic.o" "$dir/$isa.o" -lm \
        -o "$dir/compare.exe"
    $runner "$dir/compare.exe"
}

runs=0
start() { # title, then as compare
    title=$1
    shift
    runs=$((runs + 1))
    mkdir "$work/$runs"
    echo "$title" >"$work/$runs/title"
    compare "$work/$runs" "$@" >"$work/$runs/log" 2>&1 &
    echo $! >"$work/$runs/pid"
}
missing() { echo "== $1: not compared, $2"; }

processor_has() {
    for feature in "$@"; do
        grep -qw "$feature" /proc/cpuinfo 2>/dev/null || return 1
    done
}
compiles() { echo "$1" | "$cc" $2 -x c - -o "$work/probe" 2>/dev/null && "$work/probe"; }

checks="-Og -g1 -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all"
start_checked() { # name, then the native run's set, number and flags
    if compiles "int main(void) { return 0; }" "$checks"; then
        start "$1 and generic, with memory bounds and undefined behaviour checked" "$2" "$3" "$checks" "$4" "$cc" ""
    else
        missing "$1 and generic with checks" "the compiler $cc lacks address and undefined behaviour sanitizers"
    fi
}

case $(uname -m) in
    x86_64 | amd64)
        if processor_has avx2 fma f16c; then
            start "AVX2, on this processor" avx2 BITA_AVX2 "" "$flags_avx2" "$cc" ""
            start_checked AVX2 avx2 BITA_AVX2 "$flags_avx2"
        else
            missing AVX2 "this processor lacks it"
        fi
        avx512="avx512f avx512bw avx512vl avx512dq avx512_vnni"
        no_emulation=
        if ! processor_has avx2 fma f16c; then
            no_emulation="this processor lacks it, and AVX2 to emulate it with"
        elif ! compiles "#include <simde/x86/avx512.h>
            int main(void) { return 0; }" "$flags_avx2"; then
            no_emulation="this processor lacks it, and SIMDe is not installed (Debian: libsimde-dev)"
        fi
        # Above -O1 a minute and more, and warnings that the kernels alone do not cause.
        emulated="$flags_avx2 -O1 -w -Wno-psabi"
        if processor_has $avx512; then
            start "AVX-512, on this processor" avx512 BITA_AVX512 "" "$flags_avx512" "$cc" ""
        elif [ -n "$no_emulation" ]; then
            missing AVX-512 "$no_emulation"
        else
            start "AVX-512, emulated with SIMDe" avx512 BITA_AVX512 "" "$emulated -I$here/avx512" "$cc" ""
        fi
        if processor_has $avx512 amx_tile amx_int8 && compiles_amx "$cc" "$work/probe"; then
            start "AMX, on this processor" amx BITA_AMX -DREQUEST_TILES "$flags_amx" "$cc" ""
        elif [ -n "$no_emulation" ]; then
            missing AMX "$no_emulation"
        else
            start "AMX, emulated with SIMDe and tiles in C" amx BITA_AMX "" "$emulated -I$here/amx -I$here/avx512" "$cc" ""
        fi
        ;;
    *)
        missing "AVX2, AVX-512 and AMX" "they need an x86-64 processor"
        ;;
esac

case $(uname -m) in
    aarch64 | arm64)
        if [ "$(uname -s)" = Darwin ] || processor_has asimddp; then
            start "NEON, on this processor" neon BITA_NEON "" "$flags_neon" "$cc" ""
            start_checked NEON neon BITA_NEON "$flags_neon"
        else
            missing NEON "this processor lacks the dot product instructions"
        fi
        ;;
    *)
        qemu=$(command -v qemu-aarch64 || command -v qemu-aarch64-static || true)
        if [ -z "$qemu" ]; then
            missing NEON "qemu-aarch64 is not installed (Debian: qemu-user-static)"
        elif ! echo "int main(void) { return 0; }" | "$arm_cc" -static -x c - -o "$work/probe" 2>/dev/null; then
            missing NEON "no compiler for aarch64 (Debian: gcc-aarch64-linux-gnu and libc6-dev-arm64-cross)"
        else
            start "NEON, under qemu-aarch64" neon BITA_NEON -static "$flags_neon" "$arm_cc" "$qemu"
        fi
        ;;
esac

if [ -n "${ZIG_PYTHON:-}" ]; then
    zig="$ZIG_PYTHON -m ziglang cc -target"
    if [ "$(uname -m)" = x86_64 ] && processor_has avx2 fma f16c; then
        start "AVX2, by Zig for glibc" avx2 BITA_AVX2 "" "$flags_avx2" "$zig x86_64-linux-gnu.2.17" ""
        start "AVX2, by Zig for musl" avx2 BITA_AVX2 "" "$flags_avx2" "$zig x86_64-linux-musl" ""
        wine=$(command -v wine64 || ls /usr/lib/wine/wine64 2>/dev/null || true)
        if [ -n "$wine" ]; then
            export WINEPREFIX="$work/wine" WINEDEBUG=-all
            start "AVX2, by Zig for Windows, under Wine" avx2 BITA_AVX2 "" "$flags_avx2" "$zig x86_64-windows-gnu" "$wine"
        else
            missing "AVX2, by Zig for Windows" "Wine is not installed (Debian: wine64)"
        fi
    fi
    if [ -n "${qemu:-}" ]; then
        start "NEON, by Zig for musl, under qemu-aarch64" neon BITA_NEON "" "$flags_neon_zig" "$zig aarch64-linux-musl" "$qemu"
    fi
fi

status=0
first=
for run in $(seq 1 "$runs"); do
    dir=$work/$run title=$(cat "$work/$run/title")
    if wait "$(cat "$dir/pid")"; then
        result="the same bits"
    else
        result=FAILED status=1
    fi
    echo "== $title: $result"
    tr -d '\r' <"$dir/log" >"$dir/lines"
    cat "$dir/lines"
    if grep -q '^all .* results' "$dir/lines"; then # it came to the end
        sed -n 's/ *[0-9]* results .* generic / /p' "$dir/lines" >"$dir/digests"
        first=${first:-$dir}
        if ! cmp -s "$first/digests" "$dir/digests"; then
            echo "== The generic kernels differ between '$(cat "$first/title")' and '$title': FAILED"
            status=1
        fi
    fi
done
exit $status
