#!/usr/bin/env python3
"""Writes questions about a text, with transformers' log-likelihood of each choice, for
dev.phial.engine.eval.MultipleChoiceTest.

    tools/make-tasks-golden.py fixtures/texts/shakespeare-test.txt \
        engine/src/test/resources/dev/phial/engine/eval/tasks.jsonl

Needs torch and transformers. A question is two lines of the text, and the choices are the line that
follows and three that do not.
"""

import json
import sys

MODEL = "fixtures/models/tiny-phi3"
QUESTIONS, CHOICES = 12, 4


def main(text, out):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    model = AutoModelForCausalLM.from_pretrained(
        MODEL, dtype=torch.float32, attn_implementation="eager"
    ).eval()

    def encode(string):
        return tokenizer.encode(string, add_special_tokens=False)

    @torch.no_grad()
    def likelihood(question, choice):
        asked, ids = encode(question), encode(question + " " + choice)
        start = next((i for i, (a, b) in enumerate(zip(asked, ids)) if a != b), len(asked))
        rows = model(torch.tensor([ids])).logits[0].log_softmax(-1).double()
        return sum(rows[i - 1, ids[i]].item() for i in range(start, len(ids)))

    lines = [line for line in open(text).read().split("\n") if len(line) > 30]
    with open(out, "w") as file:
        for i in range(QUESTIONS):
            at = 100 * i
            question = lines[at] + "\n" + lines[at + 1]
            choices = [lines[at + 2 + 17 * k] for k in range(CHOICES)]
            answer = i % CHOICES
            choices[0], choices[answer] = choices[answer], choices[0]
            scores = [likelihood(question, choice) for choice in choices]
            entry = {"question": question, "choices": choices, "answer": answer}
            file.write(json.dumps(entry | {"loglikelihoods": scores}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
