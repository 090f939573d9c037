# Compiles the kernels, once for each instruction set, into one library: for build.sh and build-all.sh.
#   library COMPILER OS ARCH LINKER_FLAGS WORK_DIR FILE
# OS: linux, macos, windows; ARCH: x86_64, aarch64, or another one, which gets the generic kernels alone.
# The folder of the sources is $here; flags.sh has been read.
unit() { # parts, instruction set, its number, flags
    parts=$1 isa=$2 number=$3
    shift 3
    for part in $parts; do
        $compiler $flags "$@" -DBITA_ISA="$number" -DBITA_ISA_NAME="$isa" -c "$here/$part.c" -o "$work/$part-$isa.o"
    done
}

start() {
    unit "$@" &
    started="$started $!"
}

library() {
    compiler=$1 os=$2 arch=$3 linking=$4 work=$5 file=$6
    all="kernels training"
    has=
    started=
    start "$all" generic BITA_GENERIC
    case $arch in
        x86_64)
            start "$all" avx2 BITA_AVX2 $flags_avx2
            start "$all" avx512 BITA_AVX512 $flags_avx512
            if [ "$os" = linux ] && compiles_amx "$compiler" "$work/probe"; then
                start kernels amx BITA_AMX $flags_amx # tuning has no products of codes, and takes AVX-512
                has=-DHAS_AMX
            fi
            ;;
        aarch64) start "$all" neon BITA_NEON $flags_neon ;;
    esac
    for process in $started; do
        wait "$process"
    done
    for part in dispatch memory calls; do
        $compiler $flags $has -D_DEFAULT_SOURCE -D_DARWIN_C_SOURCE -c "$here/$part.c" -o "$work/$part.o"
    done
    # In one order, whatever the language says of capital letters: the same objects are the same library.
    $compiler -shared $linking $(LC_ALL=C ls "$work"/*.o) -lm -o "$work/library"
    mv "$work/library" "$file"
}
