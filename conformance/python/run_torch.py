"""Loads folders that Phial wrote with transformers, on the CPU, in single precision.

    run_torch.py IDS COUNT FOLDER...

IDS are the tokens of a prompt, separated by commas. Prints for each FOLDER, as JSON: the logits after the prompt, COUNT
tokens that follow greedily, and the names of parameters that were missing or not expected.
"""

import contextlib
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import AutoModelForCausalLM, CompressedTensorsConfig

torch.set_num_threads(2)


def load(folder):
    with open(os.path.join(folder, "config.json")) as file:
        quantization = json.load(file).get("quantization_config", {})
    settings = {}
    groups = quantization.get("config_groups", {}).values()
    if quantization.get("quant_method") == "compressed-tensors" and not any(g["input_activations"] for g in groups):
        # all numbers at once: the kernels for codes are for GPUs; activations would not be rounded then
        settings["quantization_config"] = CompressedTensorsConfig(dequantize=True)
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True, attn_implementation="eager", **settings
    )


def run(folder, ids, count):
    model, info = load(folder)
    prompt = torch.tensor([ids])
    with torch.no_grad():
        logits = model(prompt).logits[0, -1].float()
        out = model.generate(
            prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=count, do_sample=False, eos_token_id=None
        )
    lost = sorted(str(key) for part in ("missing_keys", "unexpected_keys", "mismatched_keys") for key in info[part])
    return {"logits": logits.tolist(), "tokens": out[0, len(ids) :].tolist(), "lost": lost}


ids, count, *folders = sys.argv[1:]
with contextlib.redirect_stdout(sys.stderr):
    result = {folder: run(folder, [int(i) for i in ids.split(",")], int(count)) for folder in folders}
print(json.dumps(result))
