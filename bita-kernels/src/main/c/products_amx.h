/* Products of block-quantized weights on the tile registers of AMX. Included by kernels.c for BITA_AMX, whose lanes are
 * those of AVX-512.
 *
 * A tile register is (rows, 64 bytes). Of one block of 32 columns, the codes of up to 16 rows of activations are a tile
 * A (rows, 32), the codes of a panel a tile B (8 groups, 16 lanes, 4), and tdpbssd gives their integer dot products as a
 * tile C (rows, 16 lanes). Every block has its own scales, so each C goes through memory to be scaled and added up in
 * f32, in the order of blocks as everywhere. Two things shall hide that way: IN_FLIGHT blocks are multiplied one after the
 * other, independently, and their results are added up while the tile unit has the next ones. Weights are unpacked
 * to signed bytes first, once for up to GROUP_TILES tiles of rows: both operands signed, 8-bit and 4-bit codes need no
 * correction by the sum of the activations' codes.
 *
 * On an Emerald Rapids processor, one thread, Q4 with minima, products of 16 rows take 0.66 times as long as with AVX-512,
 * of 64 rows 0.65. Tiles alone or sums alone would take 0.47: they hide behind one another for the most part, not wholly.
 * Two blocks in flight are as fast as four, and faster below 16 rows and where two threads share a core: then the results
 * of one turn and of the next lie on different offsets within a page. */
#ifndef BITA_PRODUCTS_AMX_H
#define BITA_PRODUCTS_AMX_H

/* Fewer rows than this take AVX-512's products, since a tile costs the same for one row as for sixteen. Measured on the same
 * processor: on a core of its own a thread gains from 8 rows on, on a shared core from 10. */
#define LEAST_TILE_ROWS 10
/* Of the tiles that rows are divided among: seventeen make one of nine and one of eight. */
#define LEAST_HEIGHT 8

#define TILE_ROWS 16
#define IN_FLIGHT 2
#define GROUP_TILES 4
#define CHUNK_BLOCKS 24 /* unpacked, 12 KiB: with a tile's activations and dot products within the first-level cache */
#define BLOCK_CODES 512

/* What is compiled once, for all layouts and heights of tiles. */
#define SHARED static __attribute__((noinline))

/* Palette 1 of ldtilecfg (Intel SDM, chapter "Programming with Intel AMX"). */
struct tile_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* Tiles 0 to 3: C, of which products take 0 and 1. Tiles 4 and 5: A. Tiles 6 and 7: B. */
INLINE void configure_tiles(int height, int columns) {
    struct tile_configuration c = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        c.row_bytes[i] = (uint16_t)(i == 4 || i == 5 ? columns : 64);
        c.rows[i] = (uint8_t)(i < 6 ? height : columns / 4);
    }
    keep(&c); /* GCC takes ldtilecfg to read no more than a pointer's size */
    _tile_loadconfig(&c);
}

struct tiled_product {
    const struct quantized_rows *x;
    int32_t tiles, height; /* of rows; the first ones are this high, the others may be one row lower */
};

/* A panel's next blocks, up to CHUNK_BLOCKS, for a group of tiles of rows. */
struct chunk {
    const uint8_t *packed;           /* codes from the first block on */
    const uint8_t *to_prefetch;      /* NULL: the panels ahead were asked for before */
    struct factors factors;          /* of the panel */
    int32_t first, blocks;           /* first: within the row */
    int32_t unpacked;                /* blocks */
    int turn;                        /* which dots the oldest products not yet added up are in */
    _Alignas(64) int8_t codes[CHUNK_BLOCKS * BLOCK_CODES]; /* (blocks, 8 groups, 16 lanes, 4) */
    _Alignas(64) int32_t dots[2][IN_FLIGHT][TILE_ROWS * 16];
};

INLINE int32_t lesser(int32_t a, int32_t b) { return a < b ? a : b; }

INLINE int32_t tile_start(const struct tiled_product *p, int32_t tile) {
    return p->x->rows / p->tiles * tile + lesser(p->x->rows % p->tiles, tile);
}

/* Codes become signed. A block with two integer scales would be two products of half the depth each, whose sums are scaled
 * apart: such layouts take AVX-512's products. */
INLINE int has_tiles(int layout) { return integers(layout) < 2; }

INLINE void unpack_block(int32_t layout, const uint8_t *from, int8_t *to) {
    __m512i nibble = _mm512_set1_epi8(0x0f), offset = _mm512_set1_epi8((char)code_offset(layout));
    if (code_bytes(layout) == BLOCK_CODES) {
        for (int g = 0; g < 8; g++) {
            _mm512_storeu_si512(to + 64 * g, _mm512_sub_epi8(_mm512_loadu_si512(from + 64 * g), offset));
        }
        return;
    }
    for (int g = 0; g < 4; g++) {
        __m512i bytes = _mm512_loadu_si512(from + 64 * g);
        __m512i low = _mm512_and_si512(bytes, nibble), high = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble);
        _mm512_storeu_si512(to + 64 * g, _mm512_sub_epi8(low, offset));
        _mm512_storeu_si512(to + 64 * (g + 4), _mm512_sub_epi8(high, offset));
    }
}

/* Unpacks blocks of the chunk up to `end`, or to its own end, that are not unpacked yet. */
SHARED void unpack_until(int32_t layout, struct chunk *c, int32_t end) {
    int packed_bytes = code_bytes(layout), block_bytes = panel_block_bytes(layout);
    end = lesser(end, c->blocks);
    for (int32_t b = c->unpacked; b < end; b++) {
        if (c->to_prefetch != NULL) {
            prefetch(c->to_prefetch + (int64_t)b * block_bytes, block_bytes);
        }
        unpack_block(layout, c->packed + (int64_t)b * packed_bytes, c->codes + b * BLOCK_CODES);
    }
    c->unpacked = end > c->unpacked ? end : c->unpacked;
    keep(c->codes); /* GCC takes tileloadd to read no memory */
}

/* Multiplies up to IN_FLIGHT blocks of the chunk, from `from` on, with a tile of rows, into dots[turn]. A tile lower than
 * configured is multiplied with the row before it. */
SHARED void multiply_tile(const struct tiled_product *p, struct chunk *c, int32_t tile, int32_t from, int turn) {
    int32_t count = c->blocks - from;
    int64_t stride = (int64_t)p->x->rows * 32;
    const int8_t *x = p->x->codes + (c->first + from) * stride + (int64_t)(tile_start(p, tile + 1) - p->height) * 32;
    const int8_t *w = c->codes + from * BLOCK_CODES;
    int32_t(*dots)[TILE_ROWS * 16] = c->dots[turn];
#define MULTIPLY_BLOCK(c, a, b)                   \
    if (c < count) {                              \
        _tile_loadd(a, x + c * stride, 32);       \
        _tile_loadd(b, w + c * BLOCK_CODES, 64);  \
        _tile_zero(c);                            \
        _tile_dpbssd(c, a, b);                    \
        _tile_stored(c, dots[c], 64);             \
    }
    MULTIPLY_BLOCK(0, 4, 6)
    MULTIPLY_BLOCK(1, 5, 7)
#undef MULTIPLY_BLOCK
}

/* Adds the chunk's products with a tile of rows to sums (height, 16). The tile's first blocks have been multiplied; on the
 * way those of the next tile are. */
INLINE void add_tile(int minimum, int height, int32_t layout, const struct tiled_product *p, struct chunk *c, int32_t tile,
                     int32_t last, float *sums) {
    int32_t row = tile_start(p, tile);
    v16 acc[TILE_ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < height; r++) {
        acc[r] = v_load(sums + 16 * r);
    }
    for (int32_t from = 0; from < c->blocks; from += IN_FLIGHT) {
        int turn = c->turn;
        c->turn = !turn;
        if (from + IN_FLIGHT < c->blocks) {
            unpack_until(layout, c, from + 3 * IN_FLIGHT); /* a turn ahead, so that no tile waits for a store */
            multiply_tile(p, c, tile, from + IN_FLIGHT, c->turn);
        } else if (tile < last) {
            multiply_tile(p, c, tile + 1, 0, c->turn);
        }
        for (int32_t b = from; b < lesser(from + IN_FLIGHT, c->blocks); b++) {
            const int32_t *dots = c->dots[turn][b - from] + 16 * (p->height - height);
            int64_t block = (int64_t)(c->first + b) * p->x->rows + row;
            v16 w_scale = block_scales(&c->factors, c->first + b);
            v16 w_minimum = minimum ? block_minima(&c->factors, c->first + b) : v_set1(0.0f);
#pragma GCC unroll 16
            for (int r = 0; r < height; r++) {
                v16 dot = _mm512_cvtepi32_ps(_mm512_loadu_si512(dots + 16 * r));
                acc[r] = v_fma(v_mul(w_scale, v_set1(p->x->scales[block + r])), dot, acc[r]);
                if (minimum) {
                    acc[r] = v_fma(w_minimum, v_set1(p->x->scaled_sums[block + r]), acc[r]);
                }
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < height; r++) {
        v_store(sums + 16 * r, acc[r]);
    }
}

/* A chunk's products with a group of tiles of rows. */
SHARED void add_chunk(int32_t layout, const struct tiled_product *p, struct chunk *c, int32_t tile, int32_t last,
                      float *sums) {
    unpack_until(layout, c, 2 * IN_FLIGHT);
    multiply_tile(p, c, tile, 0, c->turn);
    for (int32_t height; tile <= last; tile++, sums += 16 * height) {
        height = tile_start(p, tile + 1) - tile_start(p, tile);
        switch (height) {
#define HEIGHT(n)                                               \
    case n:                                                     \
        if (n < LEAST_HEIGHT) {                                 \
        } else if (has_minima(layout)) {                        \
            add_tile(1, n, layout, p, c, tile, last, sums);     \
        } else {                                                \
            add_tile(0, n, layout, p, c, tile, last, sums);     \
        }                                                       \
        break;
            HEIGHT(1)
            HEIGHT(2)
            HEIGHT(3)
            HEIGHT(4)
            HEIGHT(5)
            HEIGHT(6)
            HEIGHT(7)
            HEIGHT(8)
            HEIGHT(9)
            HEIGHT(10)
            HEIGHT(11)
            HEIGHT(12)
            HEIGHT(13)
            HEIGHT(14)
            HEIGHT(15)
            HEIGHT(16)
#undef HEIGHT
        }
    }
}

/* For LEAST_TILE_ROWS rows or more. */
SHARED void multiply_on_tiles(int32_t layout, const uint8_t *weights, int64_t panel_bytes, int32_t columns,
                              const struct quantized_rows *x, int32_t panel_from, int32_t panel_to, int64_t ahead,
                              const struct target *t) {
    const int32_t blocks = columns / 32, rows = x->rows;
    const int32_t chunks = (blocks + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS, tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    const struct tiled_product p = {x, tiles, (rows + tiles - 1) / tiles};
    struct chunk c;
    c.turn = 0;
    configure_tiles(p.height, 32);
    for (int32_t panel = panel_from; panel < panel_to; panel++) {
        const uint8_t *data = weights + panel * panel_bytes;
        c.factors = panel_factors(layout, data, blocks);
        for (int32_t tile = 0; tile < tiles; tile += GROUP_TILES) {
            int32_t last = lesser(tile + GROUP_TILES, tiles) - 1;
            int32_t row = tile_start(&p, tile), end = tile_start(&p, last + 1);
            _Alignas(64) float sums[GROUP_TILES * TILE_ROWS * 16];
            memset(sums, 0, (size_t)(end - row) * 64);
            for (int32_t chunk = 0; chunk < chunks; chunk++) { /* of nearly the same size */
                c.first = (int32_t)((int64_t)blocks * chunk / chunks);
                c.blocks = (int32_t)((int64_t)blocks * (chunk + 1) / chunks) - c.first;
                c.packed = data + (int64_t)c.first * code_bytes(layout);
                c.to_prefetch = tile > 0 ? NULL : data + ahead + c.first * (panel_bytes / blocks);
                c.unpacked = 0;
                add_chunk(layout, &p, &c, tile, last, sums);
            }
            for (int32_t r = row; r < end; r++) {
                put(t, r, panel, v_load(sums + 16 * (r - row)));
            }
        }
    }
    _tile_release();
}

/* As multiply_codes, on whole tiles. */
INLINE int64_t multiply_tiles(int64_t rounds) {
    configure_tiles(TILE_ROWS, 64);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(6);
    for (int64_t round = 0; round < rounds; round++) {
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 6);
        _tile_dpbssd(2, 4, 6);
        _tile_dpbssd(3, 4, 6);
    }
    _tile_release();
    return 4 * TILE_ROWS * 16 * 64;
}

#endif
