"""Seconds that PyTorch takes for what a step of `bita tune` does, on the same answers and windows.

    python tune_step.py MODEL.gguf ANSWERS.jsonl [--type f32|bf16] [--count 24] [--cut FILE]

Each answer's first 64 anchors, with three masks each and 16 prompt tokens: the frozen pass over the real tokens, then the
mask rows forward and backward. With --cut it only writes the answers, cut so that these are their only anchors: give that
file to `bita tune --steps N` and compare with `seconds` in its log.jsonl. Needs torch, gguf and numpy. A model of the
Llama family in a GGUF file, read to f32.
"""
import argparse
import json
import statistics
import time

import numpy as np
import torch
import torch.nn.functional as F
from gguf import GGUFReader
from gguf.quants import dequantize

PROMPTS, MASKS, WINDOW = 16, 3, 64


class Model:
    def __init__(self, path, dtype):
        reader = GGUFReader(path)

        def field(name):
            return reader.fields[name].contents()

        self.layers = field("llama.block_count")
        self.heads = field("llama.attention.head_count")
        self.kv_heads = field("llama.attention.head_count_kv")
        self.eps = field("llama.attention.layer_norm_rms_epsilon")
        hidden = field("llama.embedding_length")
        self.dim = hidden // self.heads
        self.hidden = hidden
        base = field("llama.rope.freq_base")
        self.frequencies = base ** (-torch.arange(0, self.dim, 2).float() / self.dim)
        self.dtype = dtype
        self.w = {
            t.name: torch.from_numpy(np.ascontiguousarray(dequantize(t.data, t.tensor_type))).to(dtype)
            for t in reader.tensors
        }
        for i in range(self.layers):
            p = f"blk.{i}."
            self.w[p + "qkv"] = torch.cat([self.w.pop(p + f"attn_{c}.weight") for c in "qkv"])
            self.w[p + "gu"] = torch.cat([self.w.pop(p + "ffn_gate.weight"), self.w.pop(p + "ffn_up.weight")])

    def norm(self, x, name):
        x32 = x.float()
        return (x32 * torch.rsqrt(x32.pow(2).mean(-1, keepdim=True) + self.eps)).to(x.dtype) * self.w[name]

    def rotate(self, x, positions):  # (rows, heads, dim), pairs side by side as in GGUF files
        angles = positions[:, None].float() * self.frequencies
        c, s = angles.cos()[:, None].to(x.dtype), angles.sin()[:, None].to(x.dtype)
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack([a * c - b * s, a * s + b * c], -1).flatten(-2)

    def attention_inputs(self, x, i, positions):
        p, q_width, kv_width = f"blk.{i}.", self.heads * self.dim, self.kv_heads * self.dim
        y = F.linear(self.norm(x, p + "attn_norm.weight"), self.w[p + "qkv"])
        q = self.rotate(y[:, :q_width].view(-1, self.heads, self.dim), positions)
        k = self.rotate(y[:, q_width:q_width + kv_width].view(-1, self.kv_heads, self.dim), positions)
        return q, k, y[:, q_width + kv_width:].view(-1, self.kv_heads, self.dim)

    def attend(self, q, k, v, mask):
        o = F.scaled_dot_product_attention(
            q.transpose(0, 1)[None], k.transpose(0, 1)[None], v.transpose(0, 1)[None], attn_mask=mask)
        return o[0].transpose(0, 1).flatten(1)

    def rest(self, x, o, i):
        p = f"blk.{i}."
        x = x + F.linear(o, self.w[p + "attn_output.weight"])
        g, u = F.linear(self.norm(x, p + "ffn_norm.weight"), self.w[p + "gu"]).chunk(2, -1)
        return x + F.linear(F.silu(g) * u, self.w[p + "ffn_down.weight"])

    def repeat(self, x):
        return x.repeat_interleave(self.heads // self.kv_heads, 1)

    @torch.no_grad()
    def frozen(self, ids):
        n = len(ids)
        x, positions = self.w["token_embd.weight"][ids], torch.arange(n)
        mask = torch.tril(torch.ones(n, n, dtype=torch.bool))
        cache = []
        for i in range(self.layers):
            q, k, v = self.attention_inputs(x, i, positions)
            cache.append((k, v))
            x = self.rest(x, self.attend(q, self.repeat(k), self.repeat(v), mask), i)
        return cache

    def masks(self, cache, anchors, learned):
        n, groups = cache[0][0].shape[0], len(anchors)
        positions = (anchors[:, None] + 1 + torch.arange(MASKS)).flatten()
        group, index = torch.arange(groups * MASKS) // MASKS, torch.arange(groups * MASKS) % MASKS
        mask = torch.cat([
            torch.ones(groups * MASKS, PROMPTS, dtype=torch.bool),
            torch.arange(n) <= anchors[group][:, None],
            (group[:, None] == group) & (index[:, None] >= index)], 1)
        x = learned["mask"].to(self.dtype).repeat(groups, 1)
        for i in range(self.layers):
            q, k, v = self.attention_inputs(x, i, positions)
            keys = torch.cat([learned["key"][i].to(self.dtype), self.repeat(torch.cat([cache[i][0], k]))])
            values = torch.cat([learned["value"][i].to(self.dtype), self.repeat(torch.cat([cache[i][1], v]))])
            x = self.rest(x, self.attend(q, keys, values, mask), i)
        output = self.w.get("output.weight", self.w["token_embd.weight"])
        return F.linear(self.norm(x, "output_norm.weight"), output).float()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model")
    options.add_argument("answers")
    options.add_argument("--type", choices=["f32", "bf16"], default="f32")
    options.add_argument("--count", type=int, default=24)
    options.add_argument("--cut")
    options = options.parse_args()
    lines = [json.loads(line) for line in open(options.answers)]
    lines = [line for line in lines if len(line["answer_token_ids"]) > WINDOW]
    for line in lines:
        line["answer_token_ids"] = line["answer_token_ids"][:WINDOW + 1]
    if options.cut:
        with open(options.cut, "w") as out:
            out.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        return
    model = Model(options.model, torch.float32 if options.type == "f32" else torch.bfloat16)
    learned = {
        "key": (torch.randn(model.layers, PROMPTS, model.heads, model.dim) * 0.5).requires_grad_(),
        "value": (torch.randn(model.layers, PROMPTS, model.heads, model.dim) * 0.02).requires_grad_(),
        "mask": (torch.randn(MASKS, model.hidden) * 0.1).requires_grad_(),
    }
    seconds = []
    for line in lines[:options.count + 2]:
        start = time.perf_counter()
        ids = torch.tensor(line["prompt_token_ids"] + line["answer_token_ids"])
        first = len(line["prompt_token_ids"]) - 1
        anchors = torch.arange(first, first + WINDOW)
        cache = model.frozen(ids[:first + WINDOW])
        targets = (anchors[:, None] + 2 + torch.arange(MASKS)).flatten()
        labels = torch.where(targets < len(ids), ids[targets.clamp(max=len(ids) - 1)], -100)
        F.cross_entropy(model.masks(cache, anchors, learned), labels, ignore_index=-100).backward()
        for tensor in learned.values():
            tensor.grad = None
        seconds.append(time.perf_counter() - start)
    seconds = seconds[2:]  # the first ones warm up
    print(f"torch {torch.__version__}, {options.type}, {torch.get_num_threads()} threads: "
          f"{statistics.mean(seconds):.3f} s per window, median {statistics.median(seconds):.3f}")


if __name__ == "__main__":
    main()
