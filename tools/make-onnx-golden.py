#!/usr/bin/env python3
"""Makes core/src/test/resources/dev/phial/target/onnx/onnx-golden.json: what the model builder of onnxruntime-genai 0.18.0 wrote.

usage: make-onnx-golden.py ORACLE
ORACLE/<model>/onnx-PRECISION-PROVIDER[-OPTION].json holds, per export, the graph's inputs, outputs and genai_config, and type,
shape and SHA-256 of each initializer. Kept are the first 16 digits of each hash; the rotary tables, which depend on the
builder's libm, are left to RotaryCacheTest.
"""

import json
import pathlib
import sys

OPTIONS = {
    "acc4": "accuracy-level=4",
    "asym": "asymmetric",
    "block128": "block-size=128",
    "kquant": "algo=k_quant",
    "mixed-layers": "mixed=mixed_layers",
    "noembed": "exclude-embeds",
    "nolmhead": "exclude-lm-head",
    "shared": "shared-embeddings=true",
    "qdq": "qdq",
}
ROTARY = ("cos_cache", "sin_cache")

oracle = pathlib.Path(sys.argv[1])
golden = {}
for path in sorted(oracle.glob("*/onnx-*.json")):
    model = path.parent.name
    precision, provider, *option = path.stem.removeprefix("onnx-").split("-", 2)
    manifest = json.loads(path.read_text())
    tensors = {
        name: "%s %s %s" % (kind, "x".join(map(str, shape)), digest[:16])
        for name, (kind, shape, digest) in manifest["initializers"].items()
        if name not in ROTARY
    }
    key = ",".join([f"{precision},ep={provider}"] + [OPTIONS[o] for o in option])
    if key == "int4,ep=cpu,asymmetric" and "lm_head.MatMul.weight" in tensors:
        # the builder reads the embedding from a table that it has not quantized, which no runtime loads
        del tensors["lm_head.MatMul.weight"]
    golden.setdefault(model, {})[key] = {
        "inputs": [" ".join(map(str, (n, t, *s))) for n, t, s in manifest["inputs"]],
        "outputs": [" ".join(map(str, (n, t, *s))) for n, t, s in manifest["outputs"]],
        "genai_config": manifest["genai_config"],
        "tensors": tensors,
    }

# what an export has in common with the model's first one is not written again
for exports in golden.values():
    first = next(iter(exports.values()))
    for export in list(exports.values())[1:]:
        for key in ("inputs", "outputs", "genai_config"):
            if export[key] == first[key]:
                del export[key]

target = pathlib.Path(__file__).parent.parent / "core/src/test/resources/dev/phial/target/onnx/onnx-golden.json"
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text(json.dumps(golden, indent=0, separators=(",", ":")) + "\n")
print(target, target.stat().st_size, "bytes,", sum(map(len, golden.values())), "exports")
