/* Which instruction sets this library holds and this processor runs, and the exported functions. */
#include <stddef.h>
#include <string.h>

#include "bita.h"

extern const struct bita_kernels bita_kernels_generic;
extern const struct bita_training bita_training_generic;
#if defined(__x86_64__)
extern const struct bita_kernels bita_kernels_avx2, bita_kernels_avx512;
extern const struct bita_training bita_training_avx2, bita_training_avx512;
#endif
#if defined(HAS_AMX)
extern const struct bita_kernels bita_kernels_amx;
#include "request_tiles.h"
#endif
#if defined(__x86_64__)
#include <cpuid.h>
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
#if defined(__x86_64__)
    [BITA_AVX2] = &bita_kernels_avx2,
    [BITA_AVX512] = &bita_kernels_avx512,
#endif
#if defined(HAS_AMX)
    [BITA_AMX] = &bita_kernels_amx,
#endif
#if defined(__aarch64__)
    [BITA_NEON] = &bita_kernels_neon,
#endif
};

static const struct bita_training *const training[BITA_INSTRUCTION_SETS] = {
    [BITA_GENERIC] = &bita_training_generic,
#if defined(__x86_64__)
    [BITA_AVX2] = &bita_training_avx2,
    [BITA_AVX512] = &bita_training_avx512,
    [BITA_AMX] = &bita_training_avx512,
#endif
#if defined(__aarch64__)
    [BITA_NEON] = &bita_training_neon,
#endif
};

#if defined(__x86_64__)
/* What the processor says of itself; not __builtin_cpu_supports, which needs a library that not every compiler brings. */
struct features {
    unsigned leaf1_c, leaf7_b, leaf7_c, leaf7_d;
};

static struct features features(void) {
    struct features found = {0};
    unsigned a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d)) {
        found.leaf1_c = c;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        found.leaf7_b = b;
        found.leaf7_c = c;
        found.leaf7_d = d;
    }
    return found;
}

static int has(unsigned bits, unsigned wanted) { return (bits & wanted) == wanted; }

/* Whether the system saves these parts of the registers, without which no program may use them. */
static int saves(const struct features *of, unsigned states) {
    if (!has(of->leaf1_c, 1u << 27 /* OSXSAVE */)) {
        return 0;
    }
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return has(low, states);
}

#define SAVED_AVX 0x06u    /* XMM, YMM */
#define SAVED_AVX512 0xe6u /* and mask registers, upper halves, upper sixteen */

static int processor_has_avx2(void) {
    struct features of = features();
    return has(of.leaf1_c, 1u << 12 /* FMA */ | 1u << 28 /* AVX */ | 1u << 29 /* F16C */) &&
           has(of.leaf7_b, 1u << 5 /* AVX2 */) && saves(&of, SAVED_AVX);
}

static int processor_has_avx512(void) {
    struct features of = features();
#if defined(__APPLE__)
    unsigned states = SAVED_AVX; /* macOS saves the rest from a program's first use on */
#else
    unsigned states = SAVED_AVX512;
#endif
    return processor_has_avx2() &&
           has(of.leaf7_b, 1u << 16 /* F */ | 1u << 17 /* DQ */ | 1u << 30 /* BW */ | 1u << 31 /* VL */) &&
           has(of.leaf7_c, 1u << 11 /* VNNI */) && saves(&of, states);
}
#endif

/* Products on tiles need AVX-512 too. */
static int processor_has_amx(void) {
#if defined(__linux__) && defined(__x86_64__)
    return processor_has_avx512() && has(features().leaf7_d, 1u << 24 /* AMX-TILE */ | 1u << 25 /* AMX-INT8 */);
#else
    return 0;
#endif
}

#if defined(HAS_AMX)
/* Whether a small product has AVX-512's bits: a hypervisor might keep the permission but not the tiles. */
static int tiles_work(void) {
    enum { ROWS = 16, BLOCKS = 2, OUTPUTS = 16 };
    static const uint16_t half_one = 0x3c00;
    _Alignas(64) uint8_t weights[BLOCKS * (512 + 32)];
    int8_t codes[BLOCKS * ROWS * 32];
    float scales[BLOCKS * ROWS], scaled_sums[BLOCKS * ROWS], out[2][ROWS * OUTPUTS];
    int32_t sums[BLOCKS * ROWS];
    for (int i = 0; i < BLOCKS * 512; i++) {
        weights[i] = (uint8_t)(i * 37 + i / 64);
    }
    for (int i = 0; i < BLOCKS * 16; i++) {
        memcpy(weights + BLOCKS * 512 + 2 * i, &half_one, 2);
    }
    for (int block = 0; block < BLOCKS * ROWS; block++) {
        sums[block] = 0;
        for (int i = 0; i < 32; i++) {
            int code = (block * 53 + i * 29) % 255 - 127;
            codes[32 * block + i] = (int8_t)code;
            sums[block] += code;
        }
        scales[block] = 1.0f + (float)block / 64;
        scaled_sums[block] = scales[block] * (float)sums[block];
    }
    for (int i = 0; i < 2; i++) {
        tables[i == 0 ? BITA_AVX512 : BITA_AMX]->multiply(LAYOUT_Q8, weights, sizeof weights, OUTPUTS, BLOCKS * 32, NULL,
                                                          codes, scales, sums, NULL, scaled_sums, ROWS, out[i], OUTPUTS, 0,
                                                          0, 1);
    }
    return memcmp(out[0], out[1], sizeof out[0]) == 0;
}
#endif

/* Why AMX cannot be used on a processor that has it, or NULL. */
static const char *amx_problem(void) {
#if !defined(HAS_AMX)
    return "the processor has AMX, but the C compiler that built the native library does not know it (GCC 11 and Clang 12 "
           "do): build again with a newer one";
#else
    if (!request_tiles()) {
        return "the processor has AMX, but the operating system refuses its tile registers: Linux 5.16 and newer allow "
               "them, unless a virtual machine or a sandbox hides them";
    }
    return tiles_work() ? NULL : "the processor has AMX, but products on its tiles are wrong here";
#endif
}

/* Why an instruction set of this processor cannot be used; NULL if it can be, or the processor lacks it. */
EXPORT const char *bita_problem(int32_t isa) { return isa == BITA_AMX && processor_has_amx() ? amx_problem() : NULL; }

/* 1 if the library has the instruction set and processor and system allow it. */
EXPORT int32_t bita_supports(int32_t isa) {
    switch (isa) {
    case BITA_GENERIC:
        return 1;
#if defined(__x86_64__)
    case BITA_AVX2:
        return processor_has_avx2();
    case BITA_AVX512:
        return processor_has_avx512();
    case BITA_AMX:
        return processor_has_amx() && amx_problem() == NULL;
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
