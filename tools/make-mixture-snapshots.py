#!/usr/bin/env python3
"""Writes what llama-quantize decides for models of real sizes, which MixtureTest compares.

    pip install gguf==0.19.0
    tools/make-mixture-snapshots.py PATH/llama-quantize core/src/test/resources/dev/phial/plan

Each model becomes a GGUF file of the published shapes without any data (it takes no room on a disk
that knows sparse files), and `llama-quantize --dry-run` says what each recipe would do with it, with
and without an importance matrix. A snapshot begins with the model's config.json; then come, recipe by
recipe, the types of the matrices: a line for the kinds that are treated alike, the layers after each
type where there are several.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import gguf
import numpy as np

RECIPES = (
    "F32 F16 BF16 Q8_0 Q6_K Q5_1 Q5_K_M Q5_K_S Q5_0 Q4_1 Q4_K_M Q4_K_S Q4_0 IQ4_NL IQ4_XS MXFP4_MOE "
    "Q3_K_L Q3_K_M IQ3_M IQ3_S Q3_K_S IQ3_XS IQ3_XXS Q2_K Q2_K_S IQ2_M IQ2_S IQ2_XS IQ2_XXS IQ1_M "
    "IQ1_S Q2_0 TQ2_0 TQ1_0 Q1_0"
).split()


def config(architecture, layers, hidden, feed_forward, heads, key_value_heads, vocabulary, **more):
    return {
        "architectures": [architecture],
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "intermediate_size": feed_forward,
        "num_attention_heads": heads,
        "num_key_value_heads": key_value_heads,
        "vocab_size": vocabulary,
        **more,
    }


MODELS = {
    "phi-2": config("PhiForCausalLM", 32, 2560, 10240, 32, 32, 51200),
    "phi-3-mini": config("Phi3ForCausalLM", 32, 3072, 8192, 32, 32, 32064),
    "phi-3-medium": config("Phi3ForCausalLM", 40, 5120, 17920, 40, 10, 32064),
    "phi-3.5-moe": config("PhiMoEForCausalLM", 32, 4096, 6400, 32, 8, 32064, num_local_experts=16),
    "phi-4": config("Phi3ForCausalLM", 40, 5120, 17920, 40, 10, 100352),
    "phi-4-mini": config("Phi3ForCausalLM", 32, 3072, 8192, 24, 8, 200064, tie_word_embeddings=True),
    # no published model: a number of layers that no rule divides, rows of no whole blocks of 256 or of 32
    "awkward": config("Phi3ForCausalLM", 13, 288, 1040, 9, 3, 1000),
    "awkward-tied": config("Phi3ForCausalLM", 9, 288, 544, 6, 1, 1000, tie_word_embeddings=True),
    # mixtures that Phi has not, but llama-quantize has rules for
    "eight-experts": config("PhiMoEForCausalLM", 17, 512, 768, 8, 2, 1000, num_local_experts=8),
    "two-experts": config("PhiMoEForCausalLM", 9, 512, 768, 8, 4, 1000, num_local_experts=2),
}


def matrices(model):
    """Name to shape, innermost dimension last."""
    hidden, feed_forward = model["hidden_size"], model["intermediate_size"]
    key_value = model["num_key_value_heads"] * hidden // model["num_attention_heads"]
    experts = model.get("num_local_experts", 0)
    phi2 = model["architectures"] == ["PhiForCausalLM"]
    yield "token_embd.weight", (model["vocab_size"], hidden)
    if not model.get("tie_word_embeddings"):
        yield "output.weight", (model["vocab_size"], hidden)
    for layer in range(model["num_hidden_layers"]):
        block = f"blk.{layer}."
        if phi2 or experts:
            yield block + "attn_q.weight", (hidden, hidden)
            yield block + "attn_k.weight", (key_value, hidden)
            yield block + "attn_v.weight", (key_value, hidden)
        else:
            yield block + "attn_qkv.weight", (hidden + 2 * key_value, hidden)
        yield block + "attn_output.weight", (hidden, hidden)
        if experts:
            yield block + "ffn_gate_inp.weight", (experts, hidden)
            yield block + "ffn_gate_exps.weight", (experts, feed_forward, hidden)
            yield block + "ffn_down_exps.weight", (experts, hidden, feed_forward)
            yield block + "ffn_up_exps.weight", (experts, feed_forward, hidden)
        else:
            yield block + "ffn_up.weight", (feed_forward if phi2 else 2 * feed_forward, hidden)
            yield block + "ffn_down.weight", (hidden, feed_forward)


def write_model(model, path):
    experts = model.get("num_local_experts", 0)
    phi2 = model["architectures"] == ["PhiForCausalLM"]
    writer = gguf.GGUFWriter(path, "phi2" if phi2 else "phimoe" if experts else "phi3")
    writer.add_block_count(model["num_hidden_layers"])
    writer.add_context_length(4096)
    writer.add_rope_scaling_orig_ctx_len(4096)
    writer.add_embedding_length(model["hidden_size"])
    writer.add_feed_forward_length(model["intermediate_size"])
    writer.add_head_count(model["num_attention_heads"])
    writer.add_head_count_kv(model["num_key_value_heads"])
    writer.add_layer_norm_eps(1e-5)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(32)
    writer.add_sliding_window(0)
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(2)
    size = 0
    for name, shape in matrices(model):
        data = np.lib.stride_tricks.as_strided(np.zeros(1, np.float16), shape, [0] * len(shape))
        writer.add_tensor_info(name, shape, data.dtype, data.nbytes)
        size += -(-data.nbytes // 32) * 32
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.flush()
    writer.close()
    with open(path, "r+b") as file:
        file.seek(0, 2)
        file.truncate(-(-file.tell() // 32) * 32 + size)


def write_imatrix(model, path):
    writer = gguf.GGUFWriter(path, "none")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["none"])
    writer.add_uint32("imatrix.chunk_count", 1)
    writer.add_uint32("imatrix.chunk_size", 512)
    for name, shape in matrices(model):
        experts = shape[0] if len(shape) == 3 else 1
        writer.add_tensor(name + ".in_sum2", np.ones((experts, shape[-1]), np.float32))
        writer.add_tensor(name + ".counts", np.ones((experts, 1), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def decide(quantize, gguf_file, recipe, imatrix):
    """What the kinds of matrices become, or the one line that says that nothing is written."""
    options = ["--imatrix", str(imatrix)] if imatrix else []
    done = subprocess.run(
        [quantize, *options, "--dry-run", gguf_file, recipe], capture_output=True, text=True
    )
    output = done.stdout + done.stderr
    if done.returncode != 0:
        return ["  refused"]
    kinds = {}
    for line in output.splitlines():
        found = re.match(r"\[ *\d+/ *\d+\] +(\S+)\.weight +- .*type = +(\S+?), (.*)", line)
        if found:
            name, source, rest = found.groups()
            chosen = re.search(r"-> .*\((\S+)\)", rest)
            layer = re.match(r"blk\.(\d+)\.(.*)", name)
            kind = layer.group(2) if layer else name
            types = kinds.setdefault(kind, {})
            chosen = (chosen.group(1) if chosen else source).upper()
            types.setdefault(chosen, []).append(int(layer.group(1)) if layer else -1)
    groups = {}  # kinds that are treated alike
    for kind in sorted(kinds):
        types = kinds[kind]
        text = ", ".join(
            name if len(types) == 1 else f"{name} {ranges(layers)}"
            for name, layers in sorted(types.items())
        )
        groups.setdefault(text, []).append(kind)
    lines = ["  needs an importance matrix"] if "will require an imatrix" in output else []
    return lines + [f"  {text}: {' '.join(group)}" for text, group in sorted(groups.items())]


def ranges(layers):
    """[0, 1, 2, 5] -> 0-2 5"""
    parts = []
    for layer in sorted(layers):
        if parts and parts[-1][1] == layer - 1:
            parts[-1][1] = layer
        else:
            parts.append([layer, layer])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def main():
    quantize, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in MODELS.items():
        with tempfile.TemporaryDirectory() as scratch:
            file = pathlib.Path(scratch, "model.gguf")
            imatrix = pathlib.Path(scratch, "imatrix.gguf")
            write_model(model, file)
            write_imatrix(model, imatrix)
            lines = [json.dumps(model)]
            for recipe in RECIPES:
                without = decide(quantize, file, recipe, None)
                lines += ["", recipe] + without
                matrix = decide(quantize, file, recipe, imatrix)
                if matrix != without:
                    lines += ["", recipe + " with an importance matrix"] + matrix
        folder.joinpath(name + ".txt").write_text("\n".join(lines) + "\n")
        print(name, len(lines))


main()
