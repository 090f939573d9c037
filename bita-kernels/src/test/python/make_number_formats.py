"""Makes number-formats.txt, the golden values of NumberFormatTest: pip install gguf==0.19.0 numpy; python THIS > FILE

Each line holds a format, the f32 elements to encode, the stored bytes, and the f32 elements they decode to (all in hex,
little endian), as the Python package gguf computes them. Formats that are only read have no elements to encode, and random
bytes with finite f16 factors.
"""
import gguf
import numpy as np

random = np.random.default_rng(20240122)
f32 = np.float32


def blocks():
    yield random.standard_normal(64)
    yield random.standard_normal(64) * 0.02
    yield random.standard_normal(32) * 1e4
    yield random.standard_normal(32) * 1e-6  # the scale is a subnormal f16
    yield random.uniform(3, 4, 32)  # no element near zero
    yield np.zeros(32)
    yield np.full(32, -2.5)
    yield np.arange(32) - 16.0
    yield (np.arange(32) - 15.5) * 8  # halves in every quantized format
    yield np.tile([-1.0, 1.0], 16)  # two elements of the largest magnitude
    yield np.tile([1.0, -1.0], 16)
    yield 1 + np.arange(32) * 2.0**-12  # ties of F16 and, below, of BF16
    yield 1 + np.arange(32) * 2.0**-9


def line(name, values):
    kind = gguf.GGMLQuantizationType[name]
    values = values.astype(f32)
    stored = gguf.quants.quantize(values, kind)
    decoded = gguf.quants.dequantize(stored, kind).astype(f32)
    print(name, values.tobytes().hex(), stored.tobytes().hex(), decoded.tobytes().hex())


def read_only(name, factors):
    kind = gguf.GGMLQuantizationType[name]
    bytes_per_block = gguf.GGML_QUANT_SIZES[kind][1]
    for extreme in [None, 0x00, 0xFF, 0x80, 0x7F]:
        blocks_count = 3 if extreme is None else 1
        stored = random.integers(0, 256, (blocks_count, bytes_per_block), dtype=np.uint8)
        if extreme is not None:
            stored[:] = extreme
        for at in factors:
            values = random.standard_normal(blocks_count).astype(np.float16)
            stored[:, at : at + 2] = values.view(np.uint8).reshape(blocks_count, 2)
        decoded = gguf.quants.dequantize(stored, kind).astype(f32)
        print(name, "", stored.tobytes().hex(), decoded.tobytes().hex())


for name in ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]:
    for values in blocks():
        line(name, values)
for name in ["F32", "F16", "BF16"]:
    line(name, np.array([0.0, -0.0, np.inf, -np.inf, 65504, 65519.9, 65520, -1e30, 6e-8, 2.9e-8, 3e-8, 1e-40, 3.4e38]))
for name, factors in {
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
    "IQ4_NL": [0],
    "IQ4_XS": [0],
}.items():
    read_only(name, factors)
