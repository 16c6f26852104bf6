#!/usr/bin/env python3
"""Writes what the reference implementations predict, for dev.phial.engine.run.LogitsTest.

    tools/make-logits-golden.py fixtures/models engine/src/test/resources/dev/phial/engine/run

Needs torch, transformers 5.23 and safetensors; for phi3-small-8k, which transformers lacks, mlx (its
CPU build will do) and mlx-lm 0.32 instead: run the script once in either environment, it writes what
it can. For every model a file holds some tokens, and the logits after a short and a long piece of them,
in single precision; also the tokens that greedy decoding adds to the short piece, and to one that then
grows beyond the context the model was first trained on.

Two references need help:
- transformers 5.23 gives PhiMoE the short factors at every length (PhimoeRotaryEmbedding.forward calls
  rope_init_fn without seq_len). Releases up to 4.57 and the code published with the checkpoint choose by
  length, and so does this script.
- mlx-lm 0.32 adds the boolean causal mask to the scores of Phi-3-small's block-sparse layers instead of
  masking with it. It is right one token at a time, when there is no mask.
"""

import json
import os
import sys

SHORT, GREEDY = 24, 12
LONG = {"tiny-phi3": 600}  # beyond its sliding window of 511; the others beyond 256, or four blocks
MODELS = (
    "phi-mini-moe phi-tiny-moe phi2 phi3-medium-128k phi3-mini-4k phi35-moe phi4 phi4-mini phi4-mini-reasoning "
    "phi4-reasoning phi4-reasoning-vision tiny-phi3"
).split()


def tokens(config, count):
    return [(17 + 7919 * i + i * i * 31) % (config["vocab_size"] - 8) for i in range(count)]


def transformers_logits(folder):
    import torch
    from transformers import AutoModelForCausalLM, Phi3Config, Phi3ForCausalLM

    torch.set_num_threads(2)
    config = json.load(open(folder + "/config.json"))
    options = {"dtype": torch.float32, "attn_implementation": "eager"}
    if config["model_type"] == "phi4-siglip":  # its text model, which transformers has
        text = {key: value for key, value in config.items() if key not in ("auto_map", "model_type")}
        model = Phi3ForCausalLM.from_pretrained(folder, config=Phi3Config(**text), **options).eval()
    else:
        model = AutoModelForCausalLM.from_pretrained(folder, **options).eval()
    if model.config.model_type == "phimoe" and model.config.rope_parameters["rope_type"] != "default":
        rotary = model.model.rotary_emb
        init, forward = rotary.rope_init_fn, rotary.forward

        def by_length(x, position_ids=None):
            length = int(position_ids.max()) + 1
            rotary.rope_init_fn = lambda config, *rest, **more: init(config, seq_len=length)
            return forward(x, position_ids)

        rotary.forward = by_length

    @torch.no_grad()
    def logits(ids):
        return model(torch.tensor([ids]), use_cache=False).logits[0, -1].numpy()

    return logits


def mlx_logits(folder, config):
    import mlx.core as mx
    import numpy as np
    from mlx_lm.models import phi3small
    from mlx_lm.models.cache import KVCache

    model = phi3small.Model(phi3small.ModelArgs.from_dict(config))
    weights = mx.load(folder + "/model.safetensors")
    model.load_weights([(name, w.astype(mx.float32)) for name, w in weights.items()])

    def logits(ids):
        cache = [KVCache() for _ in model.layers]
        for token in ids:
            state = model.model(mx.array([[token]]), cache)
        # not Model.__call__, whose list of unused tokens is that of the full vocabulary
        out = model.model.embed_tokens.as_linear(state) / model.mup_width_multiplier
        return np.array(out[0, 0])

    return logits


def greedy(logits, ids):
    ids = list(ids)
    for _ in range(GREEDY):
        ids.append(int(logits(ids).argmax()))
    return ids[-GREEDY:]


def main(models, out):
    import numpy as np
    from safetensors.numpy import save_file

    try:
        import mlx_lm  # noqa: F401

        names = ["phi3-small-8k"]
    except ImportError:
        names = MODELS
    for name in names:
        folder = f"{models}/{name}"
        config = json.load(open(folder + "/config.json"))
        logits = mlx_logits(folder, config) if name not in MODELS else transformers_logits(folder)
        ids = tokens(config, LONG.get(name, 300))
        golden = {
            "tokens": np.array(ids, dtype=np.int32),
            "short": np.array([SHORT], dtype=np.int32),
            "short_logits": logits(ids[:SHORT]),
            "long_logits": logits(ids),
            "short_greedy": np.array(greedy(logits, ids[:SHORT]), dtype=np.int32),
        }
        crossing = config.get("original_max_position_embeddings", 0) - GREEDY // 2
        if config.get("rope_scaling") and crossing < len(ids):
            golden["crossing"] = np.array([crossing], dtype=np.int32)
            golden["crossing_greedy"] = np.array(greedy(logits, ids[:crossing]), dtype=np.int32)
        os.makedirs(out, exist_ok=True)
        save_file(golden, f"{out}/{name}.safetensors")
        print(name, {k: v.shape for k, v in golden.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
