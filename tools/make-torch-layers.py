#!/usr/bin/env python3
"""Cuts one quantized layer out of checkpoints that the tools themselves wrote.

usage: make-torch-layers.py FIXTURES OUT

FIXTURES holds folders of quantized checkpoints, each with a dequantized.sha256.json: for every matrix the SHA-256 of its
numbers in float32, "formula" by the documented formula, "tool" as the tool gives them. OUT receives NAME.safetensors with
the tensors of one layer, and layers.json with what config.json says about quantization, the shape and the hash.
"""

import json
import pathlib
import struct
import sys

LAYER = "model.layers.0.self_attn.o_proj"


def main(fixtures, out):
    layers = {}
    for folder in sorted(pathlib.Path(fixtures).iterdir()):
        hashes = json.loads((folder / "dequantized.sha256.json").read_text())
        entry = hashes.get(LAYER + ".weight")
        if entry is None:
            continue
        data = (folder / "model.safetensors").read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        cut, body = {}, b""
        for name, tensor in header.items():
            if name.startswith(LAYER + "."):
                begin, end = tensor["data_offsets"]
                cut[name] = dict(tensor, data_offsets=[len(body), len(body) + end - begin])
                body += data[8 + length + begin : 8 + length + end]
        text = json.dumps(cut).encode()
        text += b" " * (-len(text) % 8)
        (pathlib.Path(out) / (folder.name + ".safetensors")).write_bytes(struct.pack("<Q", len(text)) + text + body)
        config = json.loads((folder / "config.json").read_text())
        quantization = config.get("quantization_config")
        if quantization is None:
            quantization = json.loads((folder / "quantize_config.json").read_text())
        quantized = "tool" if quantization.get("load_in_8bit") else "formula"
        layers[folder.name] = {
            "quantization_config": quantization,
            "shape": entry["shape"],
            "sha256": entry[quantized],
        }
    (pathlib.Path(out) / "layers.json").write_text(json.dumps(layers, indent=1) + "\n")


main(*sys.argv[1:])
