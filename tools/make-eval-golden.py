#!/usr/bin/env python3
"""Writes what transformers makes of a text, for dev.phial.engine.eval.EvaluationTest.

    tools/make-eval-golden.py TEXT engine/src/test/resources/dev/phial/engine/eval/tiny-phi3.json

Needs torch, transformers and gguf, and ./phial to quantize fixtures/models/tiny-phi3: the quantized
weights are decoded by gguf-py and run in single precision, so that nothing but the weights differs.
TEXT is any English text; only its first tokens are used.
"""

import json
import math
import subprocess
import sys
import tempfile

MODEL = "fixtures/models/tiny-phi3"
TOKENS, CONTEXT, STRIDE = 1100, 256, 96
TYPES = ["Q8_0", "Q4_K_M", "Q4_0", "Q2_K"]
NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_qkv": "self_attn.qkv_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_up": "mlp.gate_up_proj",
    "ffn_down": "mlp.down_proj",
}
OTHERS = {"output": "lm_head", "token_embd": "model.embed_tokens", "output_norm": "model.norm"}


def load(file=None):
    import numpy as np
    import torch
    from gguf import GGUFReader, dequantize
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        MODEL, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    if file:
        state = model.state_dict()
        for tensor in GGUFReader(file).tensors:
            words = tensor.name.split(".")
            name = OTHERS.get(words[0]) or f"model.layers.{words[1]}.{NAMES[words[2]]}"
            values = dequantize(tensor.data, tensor.tensor_type)
            target = state[name + ".weight"]
            target.copy_(torch.from_numpy(np.array(values, dtype=np.float32)).view_as(target))
    return model


def main(text, out):
    import torch
    from transformers import AutoTokenizer

    ids = AutoTokenizer.from_pretrained(MODEL).encode(
        open(text).read()[: 8 * TOKENS], add_special_tokens=False
    )[:TOKENS]

    @torch.no_grad()
    def scores(model, length, step, first):
        """Log-probabilities of every scored position, and the tokens that come there."""
        rows, targets = [], []
        starts = range(0, len(ids) - length + (1 if step == length else 0), step)
        for start in starts:
            chunk = torch.tensor([ids[start : start + length]])
            rows.append(model(chunk).logits[0, first : length - 1].log_softmax(-1).double())
            targets.append(chunk[0, first + 1 : length])
        return torch.cat(rows), torch.cat(targets)

    def perplexity(rows, targets):
        surprise = -rows.gather(1, targets[:, None])[:, 0]
        value = math.exp(surprise.mean())
        return {"ppl": value, "ppl_error": value * surprise.std().item() / math.sqrt(len(targets))}

    length = CONTEXT + STRIDE // 2
    reference = load()
    rows, targets = scores(reference, CONTEXT, CONTEXT, CONTEXT // 2)
    golden = {
        "context": CONTEXT,
        "stride": STRIDE,
        "tokens": ids,
        "reference": perplexity(rows, targets),
        "strided": perplexity(*scores(reference, length, STRIDE, length - STRIDE - 1)),
        "candidates": {},
    }
    for name in TYPES:
        with tempfile.TemporaryDirectory() as folder:
            file = folder + "/model.gguf"
            subprocess.run(
                ["./phial", "quantize", MODEL, "--to", "gguf:" + name, "-o", file],
                check=True,
                capture_output=True,
            )
            found, _ = scores(load(file), CONTEXT, CONTEXT, CONTEXT // 2)
        divergence = (rows.exp() * (rows - found)).sum(-1)
        at = targets[:, None]
        change = found.gather(1, at).exp() - rows.gather(1, at).exp()
        golden["candidates"][name] = perplexity(found, targets) | {
            "mean": divergence.mean().item(),
            "median": divergence.quantile(0.5).item(),
            "percentile99": divergence.quantile(0.99).item(),
            "max": divergence.max().item(),
            "top1": (rows.argmax(-1) == found.argmax(-1)).double().mean().item(),
            "delta_p": change.square().mean().sqrt().item(),
            "log_ratio": (rows.gather(1, at) - found.gather(1, at)).mean().item(),
        }
        print(name, golden["candidates"][name])
    with open(out, "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
