"""Loads folders that Phial wrote with mlx_lm, beside what mlx_lm.convert makes of the same checkpoints.

    run_mlx.py CHECKPOINT FOLDER OPTIONS [CHECKPOINT FOLDER OPTIONS]...

OPTIONS are those of mlx_lm.convert in one word, separated by commas: -q,--q-bits,4. Prints for each
FOLDER, as JSON: the tokens of a prompt and the greedy continuation, from both; the largest difference
between their logits.
"""

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import mlx.core as mx
from mlx_lm import convert, load
from mlx_lm.convert import configure_parser
from mlx_lm.generate import generate_step

PROMPT = "What light through yonder window breaks? It is the east, and  Juliet's 12 suns ☀\n"
TOKENS = 24


def run(folder):
    model, tokenizer = load(str(folder))
    prompt = tokenizer.encode(PROMPT)
    steps = generate_step(mx.array(prompt), model, max_tokens=TOKENS)
    tokens = [int(token) for token, _ in steps]
    logits = model(mx.array([prompt + tokens])).astype(mx.float32)
    chat = None
    if tokenizer.chat_template is not None:
        chat = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], add_generation_prompt=True)
    eos = sorted(tokenizer.eos_token_ids)
    return {"prompt": prompt, "tokens": tokens, "chat": chat, "eos": eos}, logits


def check(checkpoint, folder, options):
    with tempfile.TemporaryDirectory() as scratch:
        converted = Path(scratch) / "converted"
        arguments = ["--hf-path", checkpoint, "--mlx-path", str(converted)] + options.split(",")
        convert(**vars(configure_parser().parse_args(arguments)))
        expected, expected_logits = run(converted)
        found, found_logits = run(folder)
        difference = mx.max(mx.abs(expected_logits - found_logits)).item()
        return {"expected": expected, "found": found, "difference": difference}


mx.set_default_device(mx.cpu)
words = sys.argv[1:]
with contextlib.redirect_stdout(sys.stderr):
    result = {words[i + 1]: check(*words[i : i + 3]) for i in range(0, len(words), 3)}
print(json.dumps(result))
