#!/usr/bin/env python3
"""Makes three golden files:
core/src/test/resources/dev/phial/targets/onnx/onnx-golden.json: what the model builder of onnxruntime-genai 0.18.0 wrote
core/src/test/resources/dev/phial/targets/onnx/onnx-graphs.json.gz: the nodes of its graphs, a line each
conformance/src/test/resources/dev/phial/conformance/onnx-logits.json: what transformers computes, in float32

usage: make-onnx-golden.py ORACLE...
ORACLE/<model>/onnx-PRECISION-PROVIDER[-OPTION].json holds, per export, the graph's inputs, outputs and genai_config, and type,
shape and SHA-256 of each initializer, and the nodes. Kept are the first 16 digits of each hash; the values of rotary tables,
which depend on the builder's libm, are left to OnnxReadBackTest. Phi-3-small is not in transformers; with the modules of tools/phi3-small in its folder, named
by auto_map in config.json, the builder reads it all the same (hf_remote=true).

ORACLE/<model>/logits-transformers-fp32.safetensors holds logits of all 32 tokens of a short prompt and of the last tokens of a
long one, and what follows the short one greedily. Kept are the last logits, of every 47th token. What follows it in the builder's
own ORACLE/<model>/onnx-int4-cpu is asked of onnxruntime-genai, which must be installed.
"""

import array
import gzip
import json
import pathlib
import struct
import sys

import numpy
import onnxruntime_genai

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



def attribute(name, value):
    if isinstance(value, dict):  # a graph inside
        return "%s={%s}" % (name, "; ".join(map(line, value["nodes"])))
    if isinstance(value, float):
        return "%s=%.6g" % (name, value)
    if isinstance(value, list):
        return "%s=%s" % (name, ",".join(map(str, value)))
    return name if str(value).startswith("tensor:") else f"{name}={value}"


def line(node):
    op, domain, name, inputs, outputs, attributes = node
    operator = f"{domain}.{op}" if domain else op
    words = [attribute(*entry) for entry in sorted(attributes.items())]
    return f"{operator} {name} ({', '.join(inputs)}) -> ({', '.join(outputs)}) {' '.join(words)}".rstrip()


oracles = [pathlib.Path(folder) for folder in sys.argv[1:]]
golden = {}
graphs = {}
for path in sorted(path for oracle in oracles for path in oracle.glob("*/onnx-*.json")):
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
    else:
        graphs.setdefault(model, {})[key] = [line(node) for node in manifest["nodes"]]
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

target = pathlib.Path(__file__).parent.parent / "core/src/test/resources/dev/phial/targets/onnx/onnx-golden.json"
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text(json.dumps(golden, indent=0, separators=(",", ":")) + "\n")
print(target, target.stat().st_size, "bytes,", sum(map(len, golden.values())), "exports")
target = target.with_name("onnx-graphs.json.gz")
target.write_bytes(gzip.compress(json.dumps(graphs, separators=(",", ":")).encode(), mtime=0))
print(target, target.stat().st_size, "bytes")


def safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            values = array.array({"F32": "f", "I32": "i"}[entry["dtype"]], data[8 + size + begin : 8 + size + end])
            yield name, (entry["shape"], values.tolist())


def last(shape, values):
    return [float("%.6g" % value) for value in values[-shape[-1] :][::47]]


def generate(folder, ids, count):
    model = onnxruntime_genai.Model(str(folder))
    parameters = onnxruntime_genai.GeneratorParams(model)
    parameters.set_search_options(max_length=len(ids) + count, min_length=len(ids) + count, do_sample=False)
    generator = onnxruntime_genai.Generator(model, parameters)
    generator.append_tokens(numpy.array(ids, dtype=numpy.int32))
    while not generator.is_done():
        generator.generate_next_token()
    return generator.get_sequence(0)[len(ids) :].tolist()


logits = {}
for path in sorted(path for oracle in oracles for path in oracle.glob("*/logits-transformers-fp32.safetensors")):
    tensors = dict(safetensors(path))
    golden = logits[path.parent.name] = {
        "short": {"ids": tensors["short_ids"][1], "logits": last(*tensors["short_logits"])},
        "long": {"ids": tensors["long_ids"][1], "logits": last(*tensors["long_last8_logits"])},
        "greedy": tensors["greedy32_after_short"][1],
    }
    folder = path.parent / "onnx-int4-cpu"
    if folder.is_dir():
        golden["greedy_int4"] = generate(folder, golden["short"]["ids"], 32)
    if path.parent.name == "phi35-moe":
        # transformers 5.23 keeps the short rotary factors for long texts of this family, unlike its published code
        del golden["long"]
target = pathlib.Path(__file__).parent.parent / "conformance/src/test/resources/dev/phial/conformance/onnx-logits.json"
target.write_text(json.dumps(logits, separators=(",", ":")).replace('"phi', '\n"phi').replace('"tiny', '\n"tiny') + "\n")
print(target, target.stat().st_size, "bytes")
