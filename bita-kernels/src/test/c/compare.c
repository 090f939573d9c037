/* Compares the kernels of one instruction set (BITA_ISA_NAME) with the generic ones, bit by bit, on the same seeded
 * random inputs. The Java tests compare the generic kernels with ScalarKernels.java, the definition; this program closes
 * the chain for instruction sets that the machine at hand lacks, under emulation (compare.sh). For each kernel it prints
 * how many results were compared, how many differ, and a digest of the generic results: equal digests on two machines or
 * compilers say that the generic kernels agree there too. It exits with 1 if anything differs.
 *
 * As in SameBits.java all NaNs are alike, and results are whole buffers, so that what lies between the rows of a result
 * counts too. All memory is of exactly the size that the kernel may touch, for the address sanitizer; what it may touch
 * but must not use (lanes behind the last output, slots that no row sees) is NaN. integer_peak and float_peak return how
 * much an instruction set does at a time: compared is only that they run and that twice the rounds are twice as much. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bita.h"
#if defined(REQUEST_TILES)
#include "request_tiles.h"
#endif

#define NAMED_(isa) bita_kernels_##isa
#define NAMED(isa) NAMED_(isa)
#define TEXT_(isa) #isa
#define TEXT(isa) TEXT_(isa)

extern const struct bita_kernels bita_kernels_generic, NAMED(BITA_ISA_NAME);

#define LENGTH(array) (int)(sizeof(array) / sizeof *(array))
#define QUERIES_PER_TILE 6 /* AttentionShape.java */

static void *allocated(size_t bytes) {
    void *p = malloc(bytes > 0 ? bytes : 1);
    if (p == NULL) {
        fprintf(stderr, "compare: not enough memory\n");
        exit(2);
    }
    return p;
}

/* Memory of one case. */
static void *blocks[64];
static int block_count;

static void *memory(size_t bytes) {
    if (block_count == LENGTH(blocks)) {
        fprintf(stderr, "compare: a case takes more than %d blocks\n", LENGTH(blocks));
        exit(2);
    }
    void *p = allocated(bytes);
    memset(p, 0xff, bytes); /* as floats and halves: NaN */
    return blocks[block_count++] = p;
}

static void release(void) {
    while (block_count > 0) {
        free(blocks[--block_count]);
    }
}

/* Random numbers: SplitMix64 (Steele, Lea, Flood 2014). No two operands of an expression draw, since compilers differ in
 * which they evaluate first, and the inputs would too. */
static uint64_t random_state;

static uint64_t mixed(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint32_t bits(void) { return (uint32_t)(mixed(random_state += 0x9e3779b97f4a7c15u) >> 32); }

static int below(int bound) { return (int)((uint64_t)bits() * (uint32_t)bound >> 32); }

#define ONE_OF(array) (array)[below(LENGTH(array))]

static float as_float(uint32_t x) {
    float value;
    memcpy(&value, &x, sizeof value);
    return value;
}

static uint32_t as_bits(float x) {
    uint32_t value;
    memcpy(&value, &x, sizeof value);
    return value;
}

/* What numbers are drawn from. */
enum numbers {
    ORDINARY, /* magnitudes around 1, all bits of the mantissa in use */
    EXTREME,  /* all magnitudes: zeros of both signs, subnormal, tiny, large, a few near overflow; outermost codes */
    SPECIAL,  /* ordinary, and a few that are not finite or at a limit */
    ANY_BITS
};

static const uint32_t special_bits[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001, 0,         0x80000000, 1,
                                        0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x80800000};

static float number(enum numbers numbers) {
    uint32_t sign = bits() & 0x80000000u, mantissa = bits() >> 9;
    if (numbers == ANY_BITS) {
        return as_float(bits());
    }
    if (numbers == EXTREME) {
        switch (below(40)) {
        case 0:
        case 1:
            return as_float(sign);
        case 2:
            return as_float(sign | mantissa);
        case 3:
            return as_float(sign | (below(50) == 0 ? 0x7f7fffffu : 0x00800000u));
        default:
            return as_float(sign | (uint32_t)(17 + below(140)) << 23 | mantissa);
        }
    }
    return as_float(sign | (uint32_t)(123 + below(5)) << 23 | mantissa);
}

static enum numbers any_numbers(void) {
    static const enum numbers choices[] = {ORDINARY, ORDINARY, ORDINARY, ORDINARY, EXTREME, EXTREME, SPECIAL};
    return ONE_OF(choices);
}

static float *fill(float *x, int64_t count, enum numbers numbers) {
    for (int64_t i = 0; i < count; i++) {
        x[i] = number(numbers);
    }
    for (int specials = numbers == SPECIAL && count > 0 ? 1 + below(3) : 0; specials > 0; specials--) {
        int at = below((int)count);
        x[at] = as_float(ONE_OF(special_bits));
    }
    return x;
}

static float *floats(int64_t count, enum numbers numbers) {
    return fill(memory((size_t)count * sizeof(float)), count, numbers);
}

/* An f16; of extreme ones any that is finite. */
static uint16_t half(enum numbers numbers) {
    uint32_t h = bits() >> 16;
    switch (numbers) {
    case EXTREME:
        return (uint16_t)((h & 0x7c00) == 0x7c00 ? h ^ 0x4000 : h);
    case SPECIAL:
        if (below(200) == 0) {
            return (uint16_t)(h | 0x7c00);
        }
        /* fall through */
    default:
        return (uint16_t)((h & 0x83ff) | (uint32_t)(9 + below(6)) << 10);
    }
}

/* The results of one case. */
struct results {
    uint32_t *bits;
    size_t count, room;
};

static struct results *recorded;

static void record(uint32_t x) {
    if (recorded->count == recorded->room) {
        recorded->room = recorded->room * 2 + 1024;
        recorded->bits = realloc(recorded->bits, recorded->room * sizeof *recorded->bits);
        if (recorded->bits == NULL) {
            fprintf(stderr, "compare: not enough memory\n");
            exit(2);
        }
    }
    recorded->bits[recorded->count++] = x;
}

static void record_floats(const float *x, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        uint32_t value = as_bits(x[i]);
        record((value & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : value);
    }
}

static void record_halves(const uint16_t *x, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        record((x[i] & 0x7fff) > 0x7c00 ? 0x7e00 : x[i]);
    }
}

static void record_ints(const int32_t *x, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        record((uint32_t)x[i]);
    }
}

static void record_bytes(const void *x, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        record(((const uint8_t *)x)[i]);
    }
}

/* Layout.java and NumberFormat.java. Bytes and columns of a stored block, bytes of a packed row of 256 columns, and where a
 * block's f16 factors lie. */
static const struct format {
    const char *name;
    int layout, columns, bytes, packed_bytes, factors[2], factor_count;
} formats[] = {
    {"f32", LAYOUT_F32, 1, 4, 1024, {0}, 0},
    {"f16", LAYOUT_F16, 1, 2, 512, {0}, 0},
    {"bf16", LAYOUT_BF16, 1, 2, 512, {0}, 0},
    {"q8_0", LAYOUT_Q8, 32, 34, 272, {0}, 1},
    {"q4_0", LAYOUT_Q4, 32, 18, 144, {0}, 1},
    {"q4_1", LAYOUT_Q4_MIN, 32, 20, 160, {0, 2}, 2},
    {"q5_0", LAYOUT_Q8, 32, 22, 272, {0}, 1},
    {"q5_1", LAYOUT_Q8_MIN, 32, 24, 288, {0, 2}, 2},
    {"q2_k", LAYOUT_K4_MIN16, 256, 84, 164, {80, 82}, 2},
    {"q3_k", LAYOUT_K4_MIN16, 256, 110, 164, {108}, 1},
    {"q4_k", LAYOUT_K4_MIN, 256, 144, 148, {0, 2}, 2},
    {"q5_k", LAYOUT_K8_MIN, 256, 176, 276, {0, 2}, 2},
    {"q6_k", LAYOUT_K8_16, 256, 210, 274, {208}, 1},
    {"iq4_nl", LAYOUT_Q8, 32, 18, 272, {0}, 1},
    {"iq4_xs", LAYOUT_K8, 256, 136, 266, {0}, 1},
};

static int quantized(int format) { return formats[format].columns > 1; }

static int64_t stored_bytes(int format, int32_t columns) {
    return (int64_t)formats[format].bytes * (columns / formats[format].columns);
}

/* A matrix as stored in a file. code: of all bytes of codes, or -1 for random ones. */
static uint8_t *stored_matrix(int format, int32_t outputs, int32_t columns, enum numbers numbers, int code) {
    static const uint8_t outermost[] = {0x80, 0x7f, 0x00, 0xff, 0xf0, 0x0f};
    int64_t bytes = outputs * stored_bytes(format, columns), count = (int64_t)outputs * columns;
    if (format == FORMAT_F32) {
        return (uint8_t *)floats(count, numbers);
    }
    uint8_t *source = memory((size_t)bytes);
    if (quantized(format)) {
        int block = formats[format].bytes;
        for (int64_t at = 0; at < bytes; at += block) {
            for (int i = 0; i < block; i++) {
                source[at + i] = code >= 0 ? (uint8_t)code : numbers == EXTREME ? ONE_OF(outermost) : (uint8_t)bits();
            }
            for (int i = 0; i < formats[format].factor_count; i++) {
                uint16_t factor = code >= 0 ? 0x3c00 /* 1 */ : half(numbers);
                memcpy(source + at + formats[format].factors[i], &factor, 2);
            }
        }
    } else {
        uint16_t *halves = (uint16_t *)source;
        for (int64_t i = 0; i < count; i++) {
            halves[i] = format == FORMAT_F16 ? half(numbers) : (uint16_t)(as_bits(number(numbers)) >> 16);
        }
        if (format == FORMAT_BF16 && numbers == SPECIAL) {
            int at = below((int)count);
            halves[at] = (uint16_t)(ONE_OF(special_bits) >> 16);
        }
    }
    return source;
}

struct matrix {
    int32_t outputs, columns, panels;
    int64_t panel_bytes;
    uint8_t *data;
};

/* rows: of the source, for each output; NULL: as many, in order. */
static struct matrix packed(const struct bita_kernels *k, int format, int32_t outputs, int32_t columns,
                            const uint8_t *source, const int32_t *rows, int32_t panel_from, int32_t panel_to) {
    int64_t panel_bytes = (int64_t)16 * columns * formats[format].packed_bytes / 256;
    struct matrix m = {outputs, columns, (outputs + 15) / 16, panel_bytes, NULL};
    m.data = memory((size_t)(m.panels * m.panel_bytes));
    k->pack(format, source, stored_bytes(format, columns), rows, outputs, columns, m.data, m.panel_bytes, panel_from,
            panel_to);
    return m;
}

/* Of quantized weights now and then more than kernels take at a time. */
static int32_t some_columns(int format) {
    if (!quantized(format)) {
        return 1 + below(160);
    }
    int32_t blocks = 1 + below(below(8) == 0 ? 60 : 10), multiple = formats[format].columns / 32;
    return 32 * multiple * ((blocks + multiple - 1) / multiple);
}

static int32_t some_outputs(void) {
    static const int32_t outputs[] = {1, 15, 16, 17, 31, 33, 64, 100};
    return below(2) ? ONE_OF(outputs) : 1 + below(150);
}

/* A range within 0..count, all of it every other time. */
static void some_range(int32_t count, int32_t *from, int32_t *to) {
    *from = 0;
    *to = count;
    if (below(2)) {
        *from = below(count + 1);
        *to = *from + below(count + 1 - *from);
    }
}

static void pack(const struct bita_kernels *k, int round) {
    int format = round % LENGTH(formats);
    int32_t outputs = some_outputs(), columns = some_columns(format), stored_rows = outputs, from, to;
    int32_t *rows = NULL;
    some_range((outputs + 15) / 16, &from, &to);
    if (below(2)) {
        stored_rows = 1 + below(40);
        rows = memory((size_t)outputs * sizeof *rows);
        for (int32_t row = 0; row < outputs; row++) {
            rows[row] = below(stored_rows);
        }
    }
    uint8_t *source = stored_matrix(format, stored_rows, columns, ANY_BITS, -1);
    struct matrix m = packed(k, format, outputs, columns, source, rows, from, to);
    record_bytes(m.data, m.panels * m.panel_bytes);
}

static void rms_norm(const struct bita_kernels *k, int round) {
    int32_t columns = 1 + below(round % 3 == 0 ? 600 : 70), rows = 1 + below(6), from, to;
    some_range(rows, &from, &to);
    float *x = floats((int64_t)rows * columns, any_numbers()), *weight = floats(columns, any_numbers());
    float *out = floats((int64_t)rows * columns, ORDINARY);
    k->rms_norm(x, weight, 1e-5f, out, columns, from, to);
    record_floats(out, (int64_t)rows * columns);
}

static void layer_norm(const struct bita_kernels *k, int round) {
    int32_t columns = 1 + below(round % 3 == 0 ? 600 : 70), rows = 1 + below(6), from, to;
    some_range(rows, &from, &to);
    float *x = floats((int64_t)rows * columns, any_numbers()), *weight = floats(columns, any_numbers());
    float *bias = floats(columns, any_numbers()), *out = round % 2 ? x : floats((int64_t)rows * columns, ORDINARY);
    k->layer_norm(x, weight, bias, 1e-5f, out, columns, from, to);
    record_floats(out, (int64_t)rows * columns);
}

static void add(const struct bita_kernels *k, int round) {
    int32_t columns = 1 + below(100), rows = 1 + below(4), from, to;
    int64_t stride = columns + below(20), count = (rows - 1) * stride + columns;
    float *x = floats(count, any_numbers());
    if (round % 2) {
        float *bias = floats(columns, any_numbers());
        some_range(columns, &from, &to);
        k->add_bias(x, stride, bias, rows, from, to);
    } else {
        float *y = floats(count, any_numbers());
        some_range((int32_t)count, &from, &to);
        k->add(x, y, from, to);
    }
    record_floats(x, count);
}

struct activations {
    int32_t rows, columns;
    float *values;
    int8_t *codes;
    float *scales;
    int32_t *sums;
    int16_t *half_sums;
    float *scaled_sums;
};

static struct activations activations(int32_t rows, int32_t columns, float *values) {
    int32_t blocks_per_row = columns / 32;
    struct activations a = {.rows = rows, .columns = columns, .values = values};
    a.codes = memory((size_t)rows * blocks_per_row * 32);
    a.scales = memory((size_t)rows * blocks_per_row * sizeof(float));
    a.sums = memory((size_t)rows * blocks_per_row * sizeof(int32_t));
    a.half_sums = memory((size_t)rows * blocks_per_row * 2 * sizeof(int16_t));
    a.scaled_sums = memory((size_t)rows * blocks_per_row * sizeof(float));
    return a;
}

static void quantize_rows(const struct bita_kernels *k, const struct activations *a, int32_t row_from, int32_t row_to,
                          int32_t block_from, int32_t block_to) {
    k->quantize(a->values, a->codes, a->scales, a->sums, a->half_sums, a->scaled_sums, a->columns, a->rows, row_from,
                row_to, block_from, block_to);
}

/* Blocks of every kind: among them ties, and scales at the limits of what is normal. */
static void quantize(const struct bita_kernels *k, int round) {
    (void)round;
    int32_t rows = 1 + below(below(4) == 0 ? 70 : 6), row_blocks = 1 + below(12), row_from, row_to, block_from, block_to;
    some_range(rows, &row_from, &row_to);
    some_range(row_blocks, &block_from, &block_to);
    struct activations a = activations(rows, row_blocks * 32, floats((int64_t)rows * row_blocks * 32, ORDINARY));
    for (int32_t b = 0; b < rows * row_blocks; b++) {
        float *x = a.values + b * 32, unit = as_float((uint32_t)(1 + below(240)) << 23);
        int largest = below(32);
        switch (below(8)) {
        case 0:
            for (int i = 0; i < 32; i++) {
                x[i] = ((float)below(253) - 126.0f + 0.5f) * unit;
            }
            x[largest] = 127.0f * unit;
            break;
        case 1:
            for (int i = 0; i < 32; i++) {
                x[i] = 0x1p-126f * (float)(below(253) - 126);
            }
            x[largest] = as_float(as_bits(127.0f * 0x1p-126f) + (uint32_t)below(3) - 1);
            break;
        case 2:
            fill(x, 32, ANY_BITS);
            break;
        default:
            fill(x, 32, any_numbers());
            break;
        }
    }
    quantize_rows(k, &a, row_from, row_to, block_from, block_to);
    int64_t count = (int64_t)rows * row_blocks;
    record_bytes(a.codes, count * 32);
    record_floats(a.scales, count);
    record_ints(a.sums, count);
    record_bytes(a.half_sums, count * 4);
    record_floats(a.scaled_sums, count);
}

static void multiply_and_record(const struct bita_kernels *k, int format, const struct matrix *w, const struct activations *x) {
    int64_t stride = w->outputs + below(3), count = (x->rows - 1) * stride + w->outputs;
    int32_t from, to, add = below(2);
    some_range(w->panels, &from, &to);
    float *out = floats(count, ORDINARY);
    k->multiply(formats[format].layout, w->data, w->panel_bytes, w->outputs, w->columns, x->values, x->codes, x->scales, x->sums,
                x->half_sums, x->scaled_sums, x->rows, out, stride, add, from, to);
    record_floats(out, count);
}

/* Every fourth quantized product has all codes and activations at their limits, where narrow sums would saturate. */
static void multiply(const struct bita_kernels *k, int format, int round) {
    static const int codes[] = {0x80, 0x7f, 0xff, 0x00};
    int32_t rows = 1 + round % 70, outputs = some_outputs(), columns = some_columns(format);
    int limit = quantized(format) && round % 4 == 0, code = limit ? ONE_OF(codes) : -1;
    uint8_t *source = stored_matrix(format, outputs, columns, any_numbers(), code);
    struct matrix w = packed(&bita_kernels_generic, format, outputs, columns, source, NULL, 0, (outputs + 15) / 16);
    struct activations x = activations(rows, columns, floats((int64_t)rows * columns, any_numbers()));
    if (limit) {
        float sign = below(2) ? 127.0f : -127.0f;
        for (int64_t i = 0; i < (int64_t)rows * columns; i++) {
            x.values[i] = sign;
        }
    }
    quantize_rows(&bita_kernels_generic, &x, 0, rows, 0, columns / 32);
    multiply_and_record(k, format, &w, &x);
}

#define MULTIPLY(format) \
    static void multiply_##format(const struct bita_kernels *k, int round) { multiply(k, format, round); }
MULTIPLY(FORMAT_F32)
MULTIPLY(FORMAT_F16)
MULTIPLY(FORMAT_BF16)
MULTIPLY(FORMAT_Q8_0)
MULTIPLY(FORMAT_Q4_0)
MULTIPLY(FORMAT_Q4_1)
MULTIPLY(FORMAT_Q5_1)
MULTIPLY(FORMAT_Q2_K)
MULTIPLY(FORMAT_Q3_K)
MULTIPLY(FORMAT_Q4_K)
MULTIPLY(FORMAT_Q5_K)
MULTIPLY(FORMAT_Q6_K)
MULTIPLY(FORMAT_IQ4_XS)

/* Sums a little below the middle of two floats, which rounding by way of a double would take for the middle; in every
 * other case subnormal. */
static void multiply_rounded_once(const struct bita_kernels *k, int round) {
    int32_t rows = 1 + round % 20, outputs = some_outputs();
    float *weights = floats(2 * outputs, ORDINARY), *values = floats(2 * rows, ORDINARY);
    for (int32_t output = 0; output < outputs; output++) {
        uint32_t odd = bits() >> 9 | 1;
        weights[2 * output] = round % 2 ? as_float(127u << 23 | odd) : as_float(odd >> 5 | 1);
        weights[2 * output + 1] = round % 2 ? 0x1p-12f * (1 + 0x1p-15f) : 0x1p-75f * (1 + 0x1p-23f);
    }
    for (int32_t row = 0; row < rows; row++) {
        values[2 * row] = 1.0f;
        values[2 * row + 1] = round % 2 ? 0x1p-12f * (1 - 0x1p-15f) : 0x1p-75f * (1 - 0x1p-23f);
    }
    struct matrix w =
        packed(&bita_kernels_generic, FORMAT_F32, outputs, 2, (const uint8_t *)weights, NULL, 0, (outputs + 15) / 16);
    struct activations x = activations(rows, 2, values);
    multiply_and_record(k, FORMAT_F32, &w, &x);
}

static const int32_t head_dims[] = {16, 32, 48, 64, 80, 96, 128, 256};

static void rotate(const struct bita_kernels *k, int round) {
    (void)round;
    int32_t head_dim = ONE_OF(head_dims), heads = 1 + below(9), rows = 1 + below(8), from, to;
    some_range(heads * head_dim / 2, &from, &to);
    int64_t stride = heads * head_dim + below(20), count = (rows - 1) * stride + heads * head_dim;
    float *x = floats(count, any_numbers()), *rotary = floats((int64_t)rows * head_dim, any_numbers());
    k->rotate(x, stride, head_dim, rotary, rows, 2 * from, 2 * to);
    record_floats(x, count);
}

static void store_and_record(const struct bita_kernels *k, int keys, const float *x, int32_t kv_heads, int32_t head_dim,
                             int32_t slots, int32_t format, int32_t first, int32_t rows, int32_t from, int32_t to) {
    int64_t count = (int64_t)slots * kv_heads * head_dim;
    void *cache = memory((size_t)count * (format == CACHE_F16 ? 2 : 4));
    (keys ? k->store_keys : k->store_values)(x, kv_heads, head_dim, cache, slots, format, first, rows, from, to);
    if (format == CACHE_F16) {
        record_halves(cache, count);
    } else {
        record_floats(cache, count);
    }
}

static void store(const struct bita_kernels *k, int keys) {
    int32_t head_dim = ONE_OF(head_dims), kv_heads = 1 + below(3), slots = 16 * (1 + below(4)), from, to;
    int32_t first = below(slots), rows = 1 + below(slots - first), format = below(2);
    some_range(kv_heads * head_dim / 16, &from, &to);
    float *x = floats((int64_t)rows * kv_heads * head_dim, below(2) ? ANY_BITS : any_numbers());
    store_and_record(k, keys, x, kv_heads, head_dim, slots, format, first, rows, 16 * from, 16 * to);
}

static void store_keys(const struct bita_kernels *k, int round) {
    (void)round;
    store(k, 1);
}

static void store_values(const struct bita_kernels *k, int round) {
    (void)round;
    store(k, 0);
}

static float half_to_float(uint32_t h) {
    uint32_t sign = (h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3ff;
    if (exponent == 0) {
        float magnitude = (float)mantissa * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return as_float(sign | (exponent == 31 ? 255 : exponent + 112) << 23 | mantissa << 13);
}

/* Every f16 in 64 rounds: itself, its upper neighbour in f32, the middle between it and the next, and the number below. */
static void store_every_half(const struct bita_kernels *k, int round) {
    float *x = memory(4096 * sizeof(float));
    for (uint32_t i = 0; i < 1024; i++) {
        uint32_t h = (uint32_t)round * 1024 + i;
        float at = half_to_float(h), middle = (at + half_to_float((h + 1) & 0xffff)) / 2;
        x[4 * i] = at;
        x[4 * i + 1] = as_float(as_bits(at) + 1);
        x[4 * i + 2] = middle;
        x[4 * i + 3] = as_float(as_bits(middle) - 1);
    }
    store_and_record(k, 1, x, 1, 16, 256, CACHE_F16, 0, 256, 0, 16);
    store_and_record(k, 0, x, 1, 16, 256, CACHE_F16, 0, 256, 0, 16);
}

/* Numbers of a cache; in slots that no row sees NaN. by_lane: slots are the lanes, as in keys. */
static void *cached(int32_t format, enum numbers numbers, int32_t kv_heads, int32_t head_dim, int32_t slots,
                    const uint8_t *seen, int by_lane) {
    int64_t count = (int64_t)kv_heads * slots * head_dim;
    uint8_t *cache = memory((size_t)count * (format == CACHE_F16 ? 2 : 4));
    for (int64_t i = 0; i < count; i++) {
        int64_t within = i % ((int64_t)slots * head_dim);
        int64_t slot = by_lane ? within / (head_dim * 16) * 16 + within % 16 : within / head_dim;
        float wide = number(numbers);
        uint16_t narrow = half(numbers);
        if (seen[slot]) {
            memcpy(cache + i * (format == CACHE_F16 ? 2 : 4), format == CACHE_F16 ? (void *)&narrow : (void *)&wide,
                   format == CACHE_F16 ? 2 : 4);
        }
    }
    return cache;
}

/* Rows on the branches of a random tree of draft slots behind prefixes, with and without prompt tokens. */
static void attend(const struct bita_kernels *k, int round) {
    static const int32_t head_counts[][2] = {{1, 1}, {2, 1}, {3, 3}, {6, 2}, {5, 1}, {9, 3}, {8, 1}, {7, 1}};
    static const int32_t prefixes[] = {0, 1, 15, 16, 17, 100, 127, 128, 129, 255, 256, 257, 300};
    int many = round % 16 == 0;
    const int32_t *grouped = ONE_OF(head_counts);
    int32_t heads = grouped[0], kv_heads = grouped[1], head_dim = many ? 16 : head_dims[round % LENGTH(head_dims)];
    int32_t rows = 1 + below(many ? 70 : 5), longest = ONE_OF(prefixes), draft = 1 + below(40), format = below(2);
    int32_t prompts = below(2) ? 1 + below(40) : 0, slots = (longest + draft + 15) / 16 * 16, from, to;
    enum numbers numbers = any_numbers();
    static const float caps[] = {0.0f, 0.0f, 50.0f, 5.0f, 0.3f};
    float cap = ONE_OF(caps);
    int32_t window = below(2) ? 1 + below(below(2) ? 20 : longest + 20) : 0;

    int32_t *prefix = memory((size_t)rows * sizeof *prefix), *prompted = memory((size_t)rows * sizeof *prompted);
    int32_t *path_start = memory((size_t)(rows + 1) * sizeof *path_start), all[70 * 12];
    uint8_t *seen = memory((size_t)slots);
    memset(seen, 0, (size_t)slots);
    path_start[0] = 0;
    for (int32_t row = 0; row < rows; row++) {
        int32_t end = path_start[row];
        prefix[row] = below(2) ? longest : below(longest + 1);
        prompted[row] = below(2);
        for (int32_t at = prefix[row] + below(4); at < longest + draft && end - path_start[row] < 12; at += 1 + below(9)) {
            all[end++] = at;
        }
        if (prefix[row] == 0 && end == path_start[row]) {
            all[end++] = below(longest + draft); /* a row sees at least itself */
        }
        path_start[row + 1] = end;
        int32_t positions = prefix[row] + end - path_start[row];
        for (int32_t at = window > 0 && positions > window ? positions - window : 0; at < positions; at++) {
            seen[at < prefix[row] ? at : all[path_start[row] + at - prefix[row]]] = 1;
        }
    }
    int32_t *path = memory((size_t)path_start[rows] * sizeof *path);
    memcpy(path, all, (size_t)path_start[rows] * sizeof *path);

    float *query = floats((int64_t)rows * heads * head_dim, numbers);
    void *keys = cached(format, numbers, kv_heads, head_dim, slots, seen, 1);
    void *values = cached(format, numbers, kv_heads, head_dim, slots, seen, 0);
    float *prompt_keys = NULL, *prompt_values = NULL;
    if (prompts > 0) {
        int64_t padded = (prompts + 15) / 16 * 16;
        prompt_keys = floats(heads * padded * head_dim, numbers);
        prompt_values = floats((int64_t)heads * prompts * head_dim, numbers);
        for (int64_t i = 0; i < heads * padded * head_dim; i++) {
            if (i % (padded * head_dim) / (head_dim * 16) * 16 + i % 16 >= prompts) {
                prompt_keys[i] = as_float(0x7fc00000);
            }
        }
    }
    int64_t count = (int64_t)rows * heads * head_dim;
    float *out = floats(count, ORDINARY);
    float *scratch = memory((size_t)QUERIES_PER_TILE * (size_t)(slots + prompts + 2 * 16) * sizeof(float));
    some_range(rows * heads, &from, &to);
    float scale = head_dim < 64 ? 0.25f : 0.125f; /* 1 / sqrt(head dimension) for powers of 4, near it for the others */
    k->attend(ATTENTION_ARGUMENTS, out, scratch, from, to);
    record_floats(out, count);

    /* The same split by positions: the last parts first, since their order must not matter. */
    int32_t parts = 1 + below(4), blocks = (slots + 127) / 128, items = rows * heads;
    int64_t stride = (int64_t)blocks * 128, sums = (int64_t)items * (1 + blocks) * (head_dim + 16);
    float *scores = memory((size_t)(items * stride) * sizeof *scores);
    float *maxima = memory((size_t)(items * parts) * sizeof *maxima), *partial = memory((size_t)sums * sizeof *partial);
    float *split = floats(count, ORDINARY);
    for (int32_t part = parts - 1; part >= 0; part--) {
        k->attend_scores(ATTENTION_ARGUMENTS, scores, stride, maxima, blocks, part, parts);
    }
    for (int32_t part = parts - 1; part >= 0; part--) {
        k->attend_blocks(ATTENTION_ARGUMENTS, scores, stride, maxima, blocks, partial, scratch, part, parts);
    }
    k->attend_totals(ATTENTION_ARGUMENTS, partial, blocks, split, 0, items);
    record_floats(split, count);
}

/* Numbers for exp and tanh: all of them, those in its range, their edges, and the middles between the powers of two it reduces by. */
static float *exponents(int32_t count) {
    static const float edges[] = {-87.33654f, 88.0f, -88.0f, 87.33654f, 0.0f, 0.625f, -0.625f};
    float *x = floats(count, below(2) ? ANY_BITS : any_numbers());
    for (int32_t i = 0; i < count; i++) {
        switch (below(4)) {
        case 0:
            x[i] = ((float)below(1 << 24) * 0x1p-23f - 1.0f) * 100.0f;
            break;
        case 1:
            x[i] = ((float)(below(260) - 130) + 0.5f) * 0.6931472f;
            break;
        case 2:
            if (below(4) == 0) {
                float edge = ONE_OF(edges);
                x[i] = as_float(as_bits(edge) + (uint32_t)below(3) - 1);
            }
            break;
        default:
            break;
        }
    }
    return x;
}

static void activate(const struct bita_kernels *k, int round) {
    static const int32_t activations[] = {ACTIVATION_SILU, ACTIVATION_GELU_TANH, ACTIVATION_GELU_ERF};
    int32_t count = 1 + below(200), from, to;
    some_range(count, &from, &to);
    float *x = exponents(count);
    if (round % 2) {
        float *up = floats(count, any_numbers());
        k->activate_gated(activations[round % 3], x, up, from, to);
    } else {
        k->activate(activations[round % 3], x, from, to);
    }
    record_floats(x, count);
}

static void soft_cap(const struct bita_kernels *k, int round) {
    (void)round;
    static const float caps[] = {1.0f, 30.0f, 50.0f, 0.01f};
    int32_t count = 1 + below(200), from, to;
    some_range(count, &from, &to);
    float *x = exponents(count), cap = ONE_OF(caps);
    k->soft_cap(x, cap, from, to);
    record_floats(x, count);
}

static void argmax(const struct bita_kernels *k, int round) {
    int32_t count = below(200);
    float *x = floats(count, EXTREME);
    for (int32_t i = 0; i < count; i++) {
        switch (round % 7) {
        case 0:
            x[i] = (float)below(4); /* ties */
            break;
        case 1:
            x[i] = as_float(bits() & 0x80000000u); /* zeros */
            break;
        case 2:
            x[i] = as_float(0xff800000);
            break;
        case 3:
            x[i] = below(count) == 0 ? as_float(0x7fc00000) : (float)below(9);
            break;
        case 4:
            x[i] = below(count) == 0 ? as_float(0x7f800000) : x[i];
            break;
        case 5:
            x[i] = (float)-below(1000);
            break;
        default:
            break;
        }
    }
    int32_t best = k->argmax(x, count);
    record_ints(&best, 1);
}

static void largest(const struct bita_kernels *k, int round) {
    int32_t count = 1 + below(200), most = 1 + below(count < 20 ? count : 20);
    float *x = floats(count, round % 4 == 3 ? EXTREME : ORDINARY);
    for (int32_t i = 0; round % 4 == 1 && i < count; i++) {
        x[i] = (float)below(9); /* ties */
    }
    if (round % 4 == 2) {
        static const uint32_t odd[] = {0x7fc00000, 0x7f800000, 0xff800000};
        x[below(count)] = as_float(ONE_OF(odd));
    }
    int32_t *indices = memory((size_t)most * sizeof *indices);
    float *values = floats(most, ORDINARY);
    int32_t finite = k->largest(x, count, most, indices, values);
    record_ints(&finite, 1);
    if (finite) {
        record_ints(indices, most);
        record_floats(values, most);
    }
}

static void exponential_sum(const struct bita_kernels *k, int round) {
    static const float maxima[] = {0.0f, 0.0f, 1.5f, -3.0f};
    int32_t count = below(round % 20 == 0 ? 20 : 2000);
    float maximum = ONE_OF(maxima);
    float *x = floats(count, ORDINARY);
    for (int32_t i = 0; round % 4 == 1 && i < count; i++) {
        x[i] = maximum - (float)below(2000) / 16;
    }
    float sum = k->exponential_sum(x, count, maximum);
    record_floats(&sum, 1);
}

static void read_sweep(const struct bita_kernels *k, int round) {
    (void)round;
    int64_t bytes = below(5000);
    uint8_t *from = memory((size_t)bytes);
    for (int64_t i = 0; i < bytes; i++) {
        from[i] = (uint8_t)bits();
    }
    int64_t seen = k->read_sweep(from, bytes);
    record_bytes(&seen, sizeof seen);
}

static void peaks(const struct bita_kernels *k, int round) {
    int64_t rounds = 1 + round;
    int32_t twice[] = {k->integer_peak(2 * rounds) == 2 * k->integer_peak(rounds),
                       k->float_peak(2 * rounds) == 2 * k->float_peak(rounds)};
    record_ints(twice, LENGTH(twice));
}

static const struct comparison {
    const char *name;
    void (*run)(const struct bita_kernels *k, int round);
    int rounds;
} comparisons[] = {
    {"pack", pack, 150},
    {"rms_norm", rms_norm, 300},
    {"layer_norm", layer_norm, 300},
    {"add and add_bias", add, 300},
    {"quantize", quantize, 300},
    {"multiply f32", multiply_FORMAT_F32, 280},
    {"multiply f16", multiply_FORMAT_F16, 280},
    {"multiply bf16", multiply_FORMAT_BF16, 280},
    {"multiply q8_0", multiply_FORMAT_Q8_0, 280},
    {"multiply q4_0", multiply_FORMAT_Q4_0, 280},
    {"multiply q4_1", multiply_FORMAT_Q4_1, 280},
    {"multiply q5_1", multiply_FORMAT_Q5_1, 280},
    {"multiply q2_k", multiply_FORMAT_Q2_K, 280},
    {"multiply q3_k", multiply_FORMAT_Q3_K, 280},
    {"multiply q4_k", multiply_FORMAT_Q4_K, 280},
    {"multiply q5_k", multiply_FORMAT_Q5_K, 280},
    {"multiply q6_k", multiply_FORMAT_Q6_K, 280},
    {"multiply iq4_xs", multiply_FORMAT_IQ4_XS, 280},
    {"multiply, rounded once", multiply_rounded_once, 40},
    {"rotate", rotate, 100},
    {"store_keys", store_keys, 100},
    {"store_values", store_values, 100},
    {"store every half", store_every_half, 64},
    {"attend", attend, 480},
    {"activate", activate, 3000},
    {"soft_cap", soft_cap, 2000},
    {"argmax", argmax, 2100},
    {"largest", largest, 2000},
    {"exponential_sum", exponential_sum, 2000},
    {"read_sweep", read_sweep, 50},
    {"integer and float peaks", peaks, 2},
};

/* Runs one case and keeps its results. */
static void run(const struct comparison *c, const struct bita_kernels *k, int which, int round, struct results *results) {
    random_state = mixed((uint64_t)which << 32 | (uint64_t)round);
    recorded = results;
    results->count = 0;
    c->run(k, round);
    release();
}

int main(void) {
#if defined(REQUEST_TILES)
    if (!request_tiles()) {
        fprintf(stderr, "compare: the operating system refuses the tile registers of AMX\n");
        return 2;
    }
#endif
    struct results expected = {0}, actual = {0};
    uint64_t all_results = 0, all_different = 0, cases = 0;
    for (int which = 0; which < LENGTH(comparisons); which++) {
        const struct comparison *c = &comparisons[which];
        uint64_t results = 0, different = 0, digest = 0;
        for (int round = 0; round < c->rounds; round++) {
            run(c, &bita_kernels_generic, which, round, &expected);
            run(c, &NAMED(BITA_ISA_NAME), which, round, &actual);
            if (expected.count != actual.count) {
                fprintf(stderr, "compare: case %d of %s has no fixed number of results\n", round, c->name);
                return 2;
            }
            for (size_t i = 0; i < expected.count; i++) {
                digest = mixed(digest ^ expected.bits[i]);
                if (expected.bits[i] != actual.bits[i] && different++ == 0) {
                    printf("%s, case %d, result %zu: generic %08" PRIx32 ", %s %08" PRIx32 "\n", c->name, round, i,
                           expected.bits[i], TEXT(BITA_ISA_NAME), actual.bits[i]);
                }
            }
            results += expected.count;
        }
        printf("%-24s %9" PRIu64 " results %9" PRIu64 " different   generic %016" PRIx64 "\n", c->name, results, different,
               digest);
        fflush(stdout);
        all_results += results;
        all_different += different;
        cases += (uint64_t)c->rounds;
    }
    free(expected.bits);
    free(actual.bits);
    printf("all %" PRIu64 " cases %13" PRIu64 " results %9" PRIu64 " different\n", cases, all_results, all_different);
    return all_different == 0 ? 0 : 1;
}
