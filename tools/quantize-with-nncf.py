#!/usr/bin/env python3
"""Quantizes a folder for OpenVINO as NNCF does at its best, for a column of docs/quality.md.

    ./phial quantize demo --to openvino:fp32 -o demo-fp32
    tools/quantize-with-nncf.py demo-fp32 TEXT OUT --awq --scale-estimation
    ./phial eval demo OUT --context 256

NNCF reads the first CHUNKS pieces of TEXT, spread evenly as `phial quantize --method` spreads them. Needs nncf,
openvino and openvino-tokenizers.
"""

import argparse
import pathlib
import shutil

import nncf
import numpy
import openvino
import openvino_tokenizers  # noqa: F401, the operators of the tokenizer

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("text", type=pathlib.Path)
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--group-size", type=int, default=64)
parser.add_argument("--chunks", type=int, default=64)
parser.add_argument("--context", type=int, default=512)
parser.add_argument("--awq", action="store_true")
parser.add_argument("--scale-estimation", action="store_true")
parser.add_argument("--gptq", action="store_true")
options = parser.parse_args()

core = openvino.Core()
tokenizer = core.compile_model(options.model / "openvino_tokenizer.xml", "CPU")
ids = tokenizer([options.text.read_text(encoding="utf-8")])["input_ids"][0]
pieces = [ids[i : i + options.context] for i in range(0, len(ids) - options.context + 1, options.context)]
most = min(len(pieces), options.chunks)
chosen = [pieces[i * len(pieces) // most] for i in range(most)]

model = core.read_model(options.model / "openvino_model.xml")
names = {port.any_name for port in model.inputs}


def inputs(piece):
    rows = {"input_ids": piece[None], "attention_mask": numpy.ones((1, len(piece)), numpy.int64)}
    rows["position_ids"] = numpy.arange(len(piece), dtype=numpy.int64)[None]
    rows["beam_idx"] = numpy.zeros(1, numpy.int32)
    return {name: rows[name] for name in names}


compressed = nncf.compress_weights(
    model,
    mode=nncf.CompressWeightsMode.INT4_ASYM,
    group_size=options.group_size,
    ratio=1.0,
    awq=options.awq or None,
    scale_estimation=options.scale_estimation or None,
    gptq=options.gptq or None,
    subset_size=len(chosen),
    dataset=nncf.Dataset(chosen, inputs),
)
options.out.mkdir(parents=True)
for file in options.model.iterdir():
    if file.stem != "openvino_model" and file.name != "phial.json":
        shutil.copy(file, options.out)
openvino.save_model(compressed, options.out / "openvino_model.xml", compress_to_fp16=False)
