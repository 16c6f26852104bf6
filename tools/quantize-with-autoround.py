#!/usr/bin/env python3
"""Quantizes a folder as AutoRound does (W4A16, groups of 128, in the layout of GPTQ), for a row of docs/quality.md.

    tools/quantize-with-autoround.py fixtures/models/tiny-phi3 TEXT OUT
    ./phial eval demo OUT --context 256

It reads pieces of TEXT that are spread as `phial quantize --method` spreads them. Needs auto-round and torch.
"""

import argparse

import auto_round
import torch
import transformers

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model")
parser.add_argument("text")
parser.add_argument("out")
parser.add_argument("--chunks", type=int, default=64)
parser.add_argument("--context", type=int, default=512)
parser.add_argument("--iters", type=int, default=200)
parser.add_argument("--format", default="auto_gptq")
options = parser.parse_args()

tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
model = transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
ids = tokenizer(open(options.text, encoding="utf-8").read())["input_ids"]
pieces = [ids[i : i + options.context] for i in range(0, len(ids) - options.context + 1, options.context)]
most = min(len(pieces), options.chunks)
chosen = [torch.tensor([pieces[i * len(pieces) // most]]) for i in range(most)]
auto_round.AutoRound(
    model,
    tokenizer,
    scheme="W4A16",
    iters=options.iters,
    nsamples=most,
    seqlen=options.context,
    dataset=chosen,
    device_map="cpu",
).quantize_and_save(options.out, format=options.format)
