/* Which instruction sets this library holds and this processor runs, and the exported functions. */
#include "bita.h"

extern const struct bita_kernels bita_kernels_generic;
extern const struct bita_training bita_training_generic;
#if defined(__x86_64__) || defined(_M_X64)
extern const struct bita_kernels bita_kernels_avx2, bita_kernels_avx512;
extern const struct bita_training bita_training_avx2, bita_training_avx512;
#endif
#if defined(__aarch64__)
extern const struct bita_kernels bita_kernels_neon;
extern const struct bita_training bita_training_neon;
#if defined(__linux__)
#include <sys/auxv.h>
#endif
#endif

static const struct bita_kernels *const tables[BITA_INSTRUCTION_SETS] = {
    [BITA_GENERIC] = &bita_kernels_generic,
#if defined(__x86_64__) || defined(_M_X64)
    [BITA_AVX2] = &bita_kernels_avx2,
    [BITA_AVX512] = &bita_kernels_avx512,
#endif
#if defined(__aarch64__)
    [BITA_NEON] = &bita_kernels_neon,
#endif
};

static const struct bita_training *const training[BITA_INSTRUCTION_SETS] = {
    [BITA_GENERIC] = &bita_training_generic,
#if defined(__x86_64__) || defined(_M_X64)
    [BITA_AVX2] = &bita_training_avx2,
    [BITA_AVX512] = &bita_training_avx512,
#endif
#if defined(__aarch64__)
    [BITA_NEON] = &bita_training_neon,
#endif
};

/* 1 if the library has the instruction set and processor and system allow it. */
EXPORT int32_t bita_supports(int32_t isa) {
    switch (isa) {
    case BITA_GENERIC:
        return 1;
#if defined(__x86_64__) || defined(_M_X64)
    case BITA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    case BITA_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vnni");
#endif
#if defined(__aarch64__)
    case BITA_NEON:
#if defined(__linux__)
        return (getauxval(AT_HWCAP) & (1UL << 20)) != 0; /* HWCAP_ASIMDDP */
#else
        return 1; /* every 64-bit Apple processor since the M1 */
#endif
#endif
    default:
        return 0;
    }
}

#define UNPACK(...) __VA_ARGS__
#define EXPORTED(table, result, name, parameters, arguments)                 \
    EXPORT result bita_##name(int32_t isa, UNPACK parameters) {              \
        return table[isa]->name arguments;                                   \
    }
#define KERNEL(result, name, parameters, arguments) EXPORTED(tables, result, name, parameters, arguments)
BITA_KERNELS(KERNEL)
#undef KERNEL
#define KERNEL(result, name, parameters, arguments) EXPORTED(training, result, name, parameters, arguments)
BITA_TRAINING(KERNEL)
