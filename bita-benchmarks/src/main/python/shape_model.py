"""Writes a GGUF file in the shape of a 7B Llama in Q4_K, with random blocks and a vocabulary of its own: what loading takes does not depend
on what weights say.

    python shape_model.py FILE.gguf      3.8 GB; needs gguf and numpy
"""
import sys

import gguf
import numpy as np

HIDDEN, FEED_FORWARD, LAYERS, VOCABULARY = 4096, 11008, 32, 32000
BLOCK, BLOCK_BYTES = 256, 144  # of Q4_K
SCALE = np.float16(0.02 / (7.5 * 32)).view(np.uint16)
MINIMUM = np.float16(0.02 / 32).view(np.uint16)


def matrix(random, rows, columns):
    blocks = random.integers(0, 256, (rows * columns // BLOCK, BLOCK_BYTES), dtype=np.uint8)
    blocks[:, :4] = np.array([SCALE, MINIMUM], np.uint16).view(np.uint8)
    return blocks.reshape(rows, columns // BLOCK * BLOCK_BYTES)


def main(path):
    random = np.random.default_rng(1)
    out = gguf.GGUFWriter(path, "llama")
    out.add_block_count(LAYERS)
    out.add_context_length(4096)
    out.add_embedding_length(HIDDEN)
    out.add_feed_forward_length(FEED_FORWARD)
    out.add_head_count(32)
    out.add_head_count_kv(32)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_freq_base(10000.0)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    tokens = [chr(0x21 + i) for i in range(94)] + ['!"']
    out.add_token_list(tokens + [f"t{i}" for i in range(VOCABULARY - len(tokens))])
    out.add_token_types([1] * VOCABULARY)
    out.add_token_merges(['! "'])

    def add(name, rows, columns):
        out.add_tensor(name + ".weight", matrix(random, rows, columns), raw_dtype=gguf.GGMLQuantizationType.Q4_K)

    add("token_embd", VOCABULARY, HIDDEN)
    for layer in range(LAYERS):
        prefix = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            out.add_tensor(prefix + norm + ".weight", np.ones(HIDDEN, np.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(prefix + name, HIDDEN, HIDDEN)
        for name, rows, columns in (("ffn_gate", FEED_FORWARD, HIDDEN), ("ffn_up", FEED_FORWARD, HIDDEN), ("ffn_down", HIDDEN, FEED_FORWARD)):
            add(prefix + name, rows, columns)
    out.add_tensor("output_norm.weight", np.ones(HIDDEN, np.float32))
    add("output", VOCABULARY, HIDDEN)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
