#!/usr/bin/env python3
"""Lets HQQ quantize a layer of the demo, for TorchQuantizersTest.

usage: make-hqq-layers.py MODEL OUT

MODEL is fixtures/models/tiny-phi3. OUT holds layers.json, which make-torch-layers.py wrote; it receives the layers with
their hashes: the SHA-256 of (code - zero) * scale in single precision. Wants torch, safetensors and hqq 0.2.8.
"""

import hashlib
import json
import pathlib
import sys

import torch
from hqq.core.quantize import BaseQuantizeConfig, HQQLinear, Quantizer
from safetensors.torch import load_file, save_file

LAYER = "model.layers.0.self_attn.o_proj"


def main(model, out):
    weight = load_file(pathlib.Path(model) / "model.safetensors")[LAYER + ".weight"]
    path = pathlib.Path(out) / "layers.json"
    layers = json.loads(path.read_text())
    for bits, size in ((2, 32), (4, 64), (8, 128)):
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=torch.float16)
        linear.weight.data = weight.to(torch.float16)
        config = BaseQuantizeConfig(nbits=bits, group_size=size, axis=1)
        layer = HQQLinear(linear, config, compute_dtype=torch.float16, device="cpu")
        name = f"hqq-w{bits}-g{size}"
        state = {f"{LAYER}.{part}": value.contiguous() for part, value in layer.state_dict().items()}
        save_file(state, pathlib.Path(out) / (name + ".safetensors"))
        codes = Quantizer.unpack[layer.meta["packing"]](layer.W_q, dtype=torch.float32)
        numbers = (codes - layer.meta["zero"].float()) * layer.meta["scale"].float()
        layers[name] = {
            "quantization_config": {
                "quant_config": {"weight_quant_params": config["weight_quant_params"]},
                "quant_method": "hqq",
            },
            "shape": list(weight.shape),
            "sha256": hashlib.sha256(numbers.reshape(weight.shape).numpy().tobytes()).hexdigest(),
        }
    path.write_text(json.dumps(dict(sorted(layers.items())), indent=1) + "\n")


main(*sys.argv[1:])
