#!/usr/bin/env python3
"""Writes what llm-compressor, auto-round and bitsandbytes make of the fixtures, for TorchGoldenTest.

    tools/make-torch-golden.py fixtures/models conformance/src/test/resources/dev/phial/conformance/torch-golden.json
    tools/make-torch-golden.py show FOLDER

Wants torch 2.15.0 (CPU), transformers 5.23.0, llmcompressor 0.14.0.1 with compressed-tensors 0.20.0, auto-round
0.16.1 and bitsandbytes 0.50.2. Of a model converted in each way the file holds the SHA-256 of the lines "NAME DTYPE
SHAPE SHA-256" of all tensors, sorted, and the first eight digits of the SHA-256 of each line, to find the first that
differs. "show" prints the lines of a converted folder. Nothing is calibrated: codes are rounded to nearest.
"""

import hashlib
import json
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

# what stands after --to, and the preset of llm-compressor, or the scheme and format of auto-round
SETTINGS = {
    "torch:w4a16": ("W4A16",),
    "torch:w4a16,group-size=32": ({"num_bits": 4, "group_size": 32, "symmetric": True},),
    "torch:w4a16,asymmetric": ("W4A16_ASYM",),
    "torch:w4a16,asymmetric,group-size=32": ({"num_bits": 4, "group_size": 32, "symmetric": False},),
    "torch:w8a16": ("W8A16",),
    "torch:w8a16,group-size=-1": ({"num_bits": 8, "group_size": None, "symmetric": True},),
    "torch:w8a8": ("W8A8",),
    "torch:fp8": ("FP8_DYNAMIC",),
    "torch:fp8,strategy=block": ("FP8_BLOCK",),
    "torch:mxfp4": ("MXFP4A16",),
    "torch:mxfp8": ("MXFP8A16",),
    "torch:nvfp4": ("NVFP4A16",),
    "gptq:4": ("W4A16", "auto_gptq"),
    "awq:4": ("W4A16-ASYM", "auto_awq"),
    "bnb:nf4": ("nf4", "bitsandbytes"),
    "bnb:int8": ("int8", "bitsandbytes"),
}
MODELS = ["phi2", "phi3-mini-4k", "phi35-moe", "phi4", "phi4-mini", "tiny-phi3"]
# with experts: what their tools make of it and the loaders take
EXPERTS = ["torch:w4a16", "torch:w4a16,asymmetric", "torch:w8a8", "torch:fp8", "torch:mxfp4"]
IGNORED = ["lm_head", "re:.*embed_tokens", "re:.*layernorm", r"re:.*\.gate$", "re:.*router"]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def lines(folder):
    found = []
    for file in sorted(Path(folder).glob("*.safetensors")):
        data = file.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        for name, tensor in json.loads(data[8 : 8 + length]).items():
            if name != "__metadata__":
                begin, end = (8 + length + offset for offset in tensor["data_offsets"])
                shape = "x".join(map(str, tensor["shape"]))
                found.append(f"{name} {tensor['dtype']} {shape} {sha256(data[begin:end])}")
    return sorted(found)


def compress(model, out, preset):
    from llmcompressor import model_free_ptq

    scheme = preset
    if isinstance(preset, dict):
        from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

        strategy = "group" if preset["group_size"] else "channel"
        weights = QuantizationArgs(type="int", strategy=strategy, observer="memoryless_minmax", **preset)
        scheme = QuantizationScheme(targets=["Linear"], weights=weights)
    model_free_ptq(model, out, scheme=scheme, ignore=IGNORED, device="cpu")


def round_automatically(model, out, scheme, layout):
    from auto_round import AutoRound
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = AutoModelForCausalLM.from_pretrained(model, dtype="auto")
    settings = {"scheme": "W4A16"}
    if scheme.endswith("-ASYM"):
        settings["sym"] = False
    tool = AutoRound(
        loaded, AutoTokenizer.from_pretrained(model), iters=0, disable_opt_rtn=True, device_map="cpu", **settings
    )
    tool.quantize_and_save(out, format=layout)


def pack(model, out, kind):
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    four = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": torch.bfloat16}
    config = BitsAndBytesConfig(**(four if kind == "nf4" else {"load_in_8bit": True}))
    loaded = AutoModelForCausalLM.from_pretrained(model, quantization_config=config, device_map="cpu", dtype="auto")
    loaded.save_pretrained(out)


def golden(model, setting):
    """In a process of its own, since the tools keep state."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out")
        subprocess.run([sys.executable, __file__, "convert", str(model), setting, out], check=True)
        found = lines(next(Path(folder).rglob("*.safetensors")).parent)
    return digests(found)


def digests(found):
    return {
        "tensors": sha256("".join(line + "\n" for line in found).encode()),
        "lines": " ".join(sha256(line.encode())[:8] for line in found),
    }


def main(command, *rest):
    if command == "show":
        print("\n".join(lines(rest[0])))
    elif command == "convert":
        model, setting, out = rest
        shutil.rmtree(out, ignore_errors=True)
        how = SETTINGS[setting]
        if len(how) == 1:
            compress(model, out, *how)
        elif how[1] == "bitsandbytes":
            pack(model, out, how[0])
        else:
            round_automatically(model, out, *how)
    else:
        result = {
            model: {
                setting: golden(Path(command) / model, setting)
                for setting in (EXPERTS if model == "phi35-moe" else SETTINGS)
            }
            for model in MODELS
        }
        Path(rest[0]).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
