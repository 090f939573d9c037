#!/usr/bin/env python3
"""Makes small checkpoints as the reference implementation saves them, and what an import of them has to find.

Needs torch, numpy and safetensors (made with torch 2.15). Writes to ../resources/bita/tune/reference; the same seed makes
the same numbers. The modules have the names and shapes of the reference (github.com/linfeng93/BiTA, src/prefix_encoder.py,
src/modeling_vicuna_if.py, src/modeling_falcon_if.py); the expected keys and values take its way through view, permute and
split.
"""

import copy
import json
import shutil
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

LAYERS, HEADS, HEAD_DIM, PROMPTS, MASKS, WIDTH = 3, 2, 4, 5, 3, 6
HIDDEN = HEADS * HEAD_DIM
OUT = Path(__file__).resolve().parent.parent / "resources/bita/tune/reference"


class PrefixEncoder(nn.Module):
    def __init__(self, projection):
        super().__init__()
        columns = LAYERS * 2 * HIDDEN
        self.embedding = nn.Embedding(PROMPTS, HIDDEN if projection else columns)
        if projection:
            self.trans = nn.Sequential(nn.Linear(HIDDEN, WIDTH), nn.Tanh(), nn.Linear(WIDTH, columns))

    def forward(self, prefix):
        embedded = self.embedding(prefix)
        return self.trans(embedded) if hasattr(self, "trans") else embedded


class Body(nn.Module):
    """The part of the model around the learned modules, with one frozen matrix and a buffer of integers."""

    def __init__(self, mask_name, mask_rows, projection):
        super().__init__()
        setattr(self, mask_name, nn.Embedding(mask_rows, HIDDEN))
        self.embed_tokens = nn.Embedding(7, HIDDEN)
        self.register_buffer("position_ids", torch.arange(9))
        self.prefix_encoder = PrefixEncoder(projection)


class CausalLM(nn.Module):
    def __init__(self, body_name="model", mask_name="mask_tokens", shared=False, projection=False):
        super().__init__()
        setattr(self, body_name, Body(mask_name, 1 if shared else MASKS, projection))
        self.body = lambda: getattr(self, body_name)
        self.masks = lambda: getattr(self.body(), mask_name)


def config(model_type="llama", shared=False, projection=False):
    return {
        "architectures": ["LlamaForCausalLM" if model_type == "llama" else "FalconForCausalLM"],
        "model_type": model_type,
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "rope_scaling": None,
        "finetuning_type": "pt2",
        "mask_num": MASKS,
        "mask_diff": not shared,
        "max_efficient_groups": 64,
        "prompt_num": PROMPTS,
        "prefix_dropout_prob": 0.1,
        "prefix_projection": projection,
        "prefix_hidden_size": WIDTH,
    }


def expected(model):
    """Keys and values (layers, prompts, heads, head size) and masks, by way of the reference's get_prompt."""
    with torch.no_grad():
        encoder = copy.deepcopy(model.body().prefix_encoder).double()
        prefix = encoder(torch.arange(PROMPTS).unsqueeze(0))
        layers = prefix.view(1, PROMPTS, LAYERS * 2, HEADS, HEAD_DIM).permute([2, 0, 3, 1, 4]).split(2)
        rows = model.masks().weight
        masks = rows if rows.shape[0] == MASKS else rows.repeat(MASKS, 1)
        return {
            "prompt.key": torch.stack([layer[0][0].transpose(0, 1) for layer in layers]).float().contiguous(),
            "prompt.value": torch.stack([layer[1][0].transpose(0, 1) for layer in layers]).float().contiguous(),
            "mask.embedding": masks.float().contiguous(),
        }


def folder(name, model, **options):
    path = OUT / name
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config(**options), indent=1) + "\n")
    save_file(expected(model), path / "expected.safetensor")  # not an ending that an import looks at
    return path


def shards(path, state, ending, save):
    names = list(state)
    parts = [names[0::3], names[1::3], names[2::3]]
    weight_map = {}
    for i, part in enumerate(parts):
        file = f"{'pytorch_model' if ending == 'bin' else 'model'}-{i + 1:05}-of-{len(parts):05}.{ending}"
        save({name: state[name] for name in part}, path / file)
        weight_map |= dict.fromkeys(part, file)
    index = "pytorch_model.bin.index.json" if ending == "bin" else "model.safetensors.index.json"
    (path / index).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}) + "\n")


def big_endian(source, target):
    """The same file as a big-endian machine would have written it."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as swapped:
        for entry in archive.infolist():
            data = archive.read(entry)
            if "/data/" in entry.filename:
                numbers = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(-1, 4)
                data = bytes(numbers.flip(1).contiguous().view(-1).tolist())
            elif entry.filename.endswith("/byteorder"):
                data = b"big"
            swapped.writestr(zipfile.ZipInfo(entry.filename), data)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    torch.manual_seed(2401)

    model = CausalLM()
    path = folder("plain", model)
    torch.save(model.state_dict(), path / "pytorch_model.bin")

    model = CausalLM()
    path = folder("protocol4", model)
    torch.save(model.state_dict(), path / "pytorch_model.bin", pickle_protocol=4)
    path = folder("protocol5", model)
    torch.save(model.state_dict(), path / "pytorch_model.bin", pickle_protocol=5)
    path = folder("legacy", model)
    torch.save(model.state_dict(), path / "pytorch_model.bin", _use_new_zipfile_serialization=False)

    model = CausalLM()
    path = folder("bigendian", model)
    floats = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
    torch.save(floats, path / "little.tmp")
    big_endian(path / "little.tmp", path / "pytorch_model.bin")
    (path / "little.tmp").unlink()

    model = CausalLM(projection=True)
    path = folder("projection", model, projection=True)
    torch.save(model.state_dict(), path / "pytorch_model.bin")

    model = CausalLM(shared=True).half()
    path = folder("shared_f16", model, shared=True)
    torch.save(model.state_dict(), path / "pytorch_model.bin")

    model = CausalLM("transformer", "mask_embeddings").bfloat16()
    path = folder("falcon_bf16", model, model_type="falcon")
    torch.save(model.state_dict(), path / "pytorch_model.bin")

    model = CausalLM(projection=True)
    path = folder("sharded", model, projection=True)
    shards(path, model.state_dict(), "bin", torch.save)

    model = CausalLM().bfloat16()
    path = folder("safetensors_bf16", model)
    save_file(model.state_dict(), path / "model.safetensors", metadata={"format": "pt"})

    model = CausalLM(projection=True).half()
    path = folder("safetensors_sharded", model, projection=True)
    shards(path, model.state_dict(), "safetensors", save_file)

    # The parameters that were trained, alone, beside what a trainer leaves in the folder.
    model = CausalLM()
    path = folder("parameters", model)
    learned = {
        "base_model.model." + name: value
        for name, value in model.named_parameters()
        if "prefix_encoder" in name or "mask_tokens" in name
    }
    torch.save(learned, path / "learned.pt")
    torch.save({"args": Path("x")}, path / "training_args.bin")

    # Views: one storage for all, behind an offset, and a matrix that lies transposed.
    model = CausalLM().double()
    path = folder("views_f64", model)
    state = model.state_dict()
    encoder = state["model.prefix_encoder.embedding.weight"]
    masks = state["model.mask_tokens.weight"]
    buffer = torch.cat([torch.full((11,), 7.0).double(), encoder.t().reshape(-1), masks.reshape(-1)])
    views = {
        "prefix_encoder.embedding.weight": buffer[11 : 11 + encoder.numel()].view(encoder.t().shape).t(),
        "mask_tokens.weight": buffer[11 + encoder.numel() :].view(masks.shape),
    }
    assert not views["prefix_encoder.embedding.weight"].is_contiguous()
    torch.save(views | {"epoch": 3, "loss": [0.5, 0.25], "step": (1, 2**40), "done": True}, path / "learned.pth")

    zip64()


def zip64():
    """Both ends of a file of 4.5 GB; what lies between them is zero."""
    model = CausalLM()
    path = folder("zip64", model)
    state = {"frozen": torch.zeros(9 << 27)}
    state |= {name: value for name, value in model.state_dict().items()}
    whole = path / "whole.tmp"
    torch.save(state, whole)
    size = whole.stat().st_size
    with open(whole, "rb") as file:
        head = file.read(1 << 14)
        head = head.rstrip(b"\0")
        file.seek(size - (1 << 14))
        tail = file.read().lstrip(b"\0")
    whole.unlink()
    (path / "head.part").write_bytes(head)
    (path / "tail.part").write_bytes(tail)
    (path / "size.part").write_text(f"{size}\n")


if __name__ == "__main__":
    main()
