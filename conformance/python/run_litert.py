"""Runs models in LiteRT and LiteRT-LM.

    run_litert.py COMMANDS

COMMANDS is a JSON file: {"logits": [[FILE, IDS, STEP]...], "greedy": [[FILE, IDS, COUNT]...], "text": [[FILE, TEXT,
COUNT]...], "chat": [[FILE, QUESTIONS, COUNT]...]}; each may be missing. Prints as JSON, in the same order: the logits of the
last of the ids, one of every STEP; the tokens that are the likeliest after the ids; and what LiteRT-LM does with a bundle:
the text that it writes after a text, and the answers to questions.
"""

import json
import os
import sys

import numpy
from ai_edge_litert.interpreter import Interpreter

HIDDEN = numpy.float32(-0.7 * numpy.finfo(numpy.float32).max)  # as LiteRT-LM fills its masks


class Decoder:
    def __init__(self, file):
        self.interpreter = Interpreter(file, num_threads=1)
        names = self.interpreter.get_signature_list()
        self.runners = {name: self.interpreter.get_signature_runner(name) for name in names}
        self.sizes = sorted((int(name.split("_")[1]) for name in names if name.startswith("prefill_")), reverse=True)
        inputs = self.runners["decode"].get_input_details()
        self.context = inputs["mask"]["shape"][-1]
        self.cache = {
            name: numpy.zeros(inputs[name]["shape"], numpy.float32) for name in inputs if name.startswith("kv_cache")
        }
        self.end = 0

    def run(self, signature, ids, count):
        """Padded with zeros and hidden, as LiteRT-LM does."""
        tokens = numpy.zeros((1, count), numpy.int32)
        tokens[0, : len(ids)] = ids
        positions = numpy.zeros(count, numpy.int32)
        positions[: len(ids)] = numpy.arange(self.end, self.end + len(ids))
        mask = numpy.full((1, 1, count, self.context), HIDDEN, numpy.float32)
        for i in range(len(ids)):
            mask[0, 0, i, : self.end + i + 1] = 0
        results = self.runners[signature](tokens=tokens, input_pos=positions, mask=mask, **self.cache)
        self.cache = {name: results[name] for name in self.cache}
        self.end += len(ids)
        return results.get("logits")

    def read(self, ids):
        """The largest size while there is as much left, then the smallest that holds the rest."""
        while len(ids) > 1:
            rest = len(ids) - 1
            size = next((s for s in self.sizes if s <= rest), None) if rest >= self.sizes[0] else None
            size = size or min(s for s in self.sizes if s >= rest)
            self.run(f"prefill_{size}", ids[: min(size, rest)], size)
            ids = ids[min(size, rest) :]
        return self.run("decode", ids, 1)[0, 0]


def logits(file, ids, step):
    return Decoder(file).read(ids)[::step].tolist()


def greedy(file, ids, count):
    decoder = Decoder(file)
    tokens = [int(decoder.read(ids).argmax())]
    while len(tokens) < count:
        tokens.append(int(decoder.run("decode", tokens[-1:], 1)[0, 0].argmax()))
    return tokens


def engine(file):
    import litert_lm

    litert_lm.set_min_log_severity(litert_lm.LogSeverity.ERROR)
    sampler = litert_lm.SamplerConfig(top_k=1, top_p=1.0, temperature=1.0, seed=1)
    return litert_lm.Engine(file, backend=litert_lm.Backend.CPU(), max_num_tokens=256), sampler


def text(file, prompt, count):
    model, sampler = engine(file)
    session = model.create_session(apply_prompt_template=False, sampler_config=sampler, max_output_tokens=count)
    session.run_prefill([prompt])
    return "".join(answer.texts[0] for answer in session.run_decode_async())


def chat(file, questions, count):
    model, sampler = engine(file)
    conversation = model.create_conversation(sampler_config=sampler)
    return [str(conversation.send_message(question, max_output_tokens=count)) for question in questions]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        commands = json.load(file)
    results = {}
    for name, run in (("logits", logits), ("greedy", greedy), ("text", text), ("chat", chat)):
        results[name] = [run(*command) for command in commands.get(name, [])]
    print(json.dumps(results))
    sys.stdout.flush()
    os._exit(0)  # closing a session after it has decoded may block for good


if __name__ == "__main__":
    main()
