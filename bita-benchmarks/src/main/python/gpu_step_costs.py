"""What a decoding step costs by its rows on a GPU: random bf16 weights in the shape of a model, PyTorch, one CUDA graph per
number of rows, median of 25 replays.

    python gpu_step_costs.py [--context 512]

Prints a JSON object per shape. Needs torch and a CUDA device. For calculations only: nothing of this project runs on a GPU.
"""
import argparse
import json
import time

import torch
import torch.nn.functional as F

ROWS = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128]
SHAPES = {  # layers, heads, KV heads, hidden, feed forward, vocabulary
    "llama-7b": (32, 32, 32, 4096, 11008, 32000),
    "llama-1b": (16, 32, 8, 2048, 8192, 128256),
}
REPLAYS = 25


def random(*shape):
    return torch.randn(*shape, device="cuda", dtype=torch.bfloat16) * 0.02


class Model:
    def __init__(self, layers, heads, kv_heads, hidden, feed_forward, vocabulary):
        self.heads, self.kv_heads, self.hidden, self.dim = heads, kv_heads, hidden, hidden // heads
        keys = kv_heads * self.dim
        self.layers = [
            (random(hidden + 2 * keys, hidden), random(hidden, hidden), random(2 * feed_forward, hidden), random(hidden, feed_forward))
            for _ in range(layers)
        ]
        self.head = random(vocabulary, hidden)

    def step(self, x, caches, context, mask):
        rows, keys = x.shape[0], self.kv_heads * self.dim
        for (qkv, out, gate_up, down), (cached_keys, cached_values) in zip(self.layers, caches):
            q, k, v = (F.rms_norm(x, (self.hidden,)) @ qkv.T).split([self.hidden, keys, keys], 1)
            cached_keys[0, :, context:] = k.view(rows, self.kv_heads, self.dim).transpose(0, 1)
            cached_values[0, :, context:] = v.view(rows, self.kv_heads, self.dim).transpose(0, 1)
            groups = self.heads // self.kv_heads
            attended = F.scaled_dot_product_attention(
                q.view(1, rows, self.heads, self.dim).transpose(1, 2),
                cached_keys.repeat_interleave(groups, 1) if groups > 1 else cached_keys,
                cached_values.repeat_interleave(groups, 1) if groups > 1 else cached_values,
                attn_mask=mask,
            )
            x = x + attended.transpose(1, 2).reshape(rows, self.hidden) @ out.T
            gate, up = (F.rms_norm(x, (self.hidden,)) @ gate_up.T).chunk(2, 1)
            x = x + (F.silu(gate) * up) @ down.T
        return (F.rms_norm(x, (self.hidden,)) @ self.head.T).argmax(1)

    def milliseconds(self, rows, context):
        length = context + rows
        caches = [(random(1, self.kv_heads, length, self.dim), random(1, self.kv_heads, length, self.dim)) for _ in self.layers]
        mask = torch.ones(rows, length, device="cuda", dtype=torch.bool)
        mask[:, context:] = torch.tril(mask[:, context:])
        x = random(rows, self.hidden)
        with torch.cuda.stream(torch.cuda.Stream()):
            for _ in range(2):
                self.step(x, caches, context, mask)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step(x, caches, context, mask)
        times = []
        for _ in range(REPLAYS):
            torch.cuda.synchronize()
            start = time.perf_counter()
            graph.replay()
            torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
        return round(1e3 * sorted(times)[REPLAYS // 2], 3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--context", type=int, default=512)
    context = parser.parse_args().context
    for name, shape in SHAPES.items():
        with torch.no_grad():
            model = Model(*shape)
            costs = {rows: model.milliseconds(rows, context) for rows in ROWS}
        print(json.dumps({"device": torch.cuda.get_device_name(), "shape": name, "context": context, "ms": costs}), flush=True)
        del model
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
