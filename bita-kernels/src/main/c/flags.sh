# The C compiler's flags, for the library and for the comparison of its instruction sets.
# -ffp-contract=off and no fast-math: every rounding is one that the definition asks for.
flags="-std=gnu11 -O3 -fPIC -fvisibility=hidden -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra -Werror"
flags_avx2="-mavx2 -mfma -mf16c"
flags_avx512="-mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma -mf16c"
flags_neon="-march=armv8.2-a+dotprod+fp16"
