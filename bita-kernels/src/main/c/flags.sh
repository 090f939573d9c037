# The C compiler's flags, for the library and for the comparison of its instruction sets.
# -ffp-contract=off and no fast-math: every rounding is one that the definition asks for.
flags="-std=gnu11 -O3 -fPIC -fvisibility=hidden -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra -Werror"
flags_avx2="-mavx2 -mfma -mf16c"
flags_avx512="-mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma -mf16c"
flags_neon="-march=armv8.2-a+dotprod+fp16"
flags_neon_zig="-mcpu=generic+v8_2a+dotprod+fullfp16" # what Zig calls it
flags_amx="$flags_avx512 -mamx-tile -mamx-int8"

# Whether a compiler and its assembler have AMX.
compiles_amx() { # compiler, file for what it makes
    echo "#include <immintrin.h>
        void product(void) { _tile_dpbssd(0, 1, 2); }" | $1 $flags_amx -x c -c - -o "$2" 2>/dev/null
}
