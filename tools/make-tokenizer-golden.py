"""Writes the golden file of TokenizerTest: what transformers makes of texts with each fixture's tokenizer.

Usage: python tools/make-tokenizer-golden.py fixtures/models engine/src/test/resources/dev/phial/engine/tokenizer
It was made with transformers 5.23 and tokenizers 0.23. For each model and text: the ids when special tokens are
looked for, the ids when they are text like any other, and the text of the former.
"""

import json
import pathlib
import random
import sys

from transformers import AutoTokenizer

models = pathlib.Path(sys.argv[1])
output = pathlib.Path(sys.argv[2]) / "tokenizer-golden.json"

MODELS = "phi2 phi3-mini-4k phi3-medium-128k phi35-moe phi4 phi4-mini tiny-phi3".split()
TEXTS = [
    "", "Hello", "Hello, world!", " leading space", "trailing space ", "two  spaces   three",
    "tabs\tand\nnewlines\r\n\r\n", "it's I'll you're WE'VE don't", "123 4567 89,012.50",
    "naïve café ünïcödé", "日本語のテキスト 中文", "emoji 😀👩\u200d👩\u200d👧 ok",
    "def f(x):\n    return x**2  # comment", "<|user|>\nHi<|end|>\n<|assistant|>\n",
    "<|endoftext|>a<|endoftext|>", "a<|end|> b", "\xa0nbsp\u3000wide", "\n\n\n", "    ", "ZERO\u200bWIDTH",
    "HelloWorld camelCase snake_case kebab-case", "What's in a name? That which we call a rose",
    "\x00\x01\x7f", "𝒳 math ∑∫√", "العربية עברית", "<s>bos</s>", "▁underscore▁",
    "<|user|>  \t\n two<|end|>\n\n\n<|end|><|system|>", "</s>  after", "<unk> <s> x", "<|im_start|>user<|im_sep|>Hi<|im_end|>",
    "<|tool|>[{}]<|/tool|><|tool_call|>", "x         y        z", "\r\n \r\n  a", "e\u0301 \u1e9e ß ǅ İ ſ", "١٢٣ ४५६ Ⅷ ½",
    "ABCDEFGHIJ KLMNOpqrst", "'S 'Tis 'RE", "..., !!! ?!/\n//\n", "a\u2028b\u2029c\u0085d", "\ufeffbom", "\ufffd\U0010ffff",
    "?\n\nGREMIO:\nGood morrow, neighbour Baptista.\n\nBAPTISTA:\nGood morrow, neighbour Gremio.\nGod save "
    "you, gentlemen!\n\nPETRUCHIO:\nAnd you, good sir! Pray, have you not a daughter\nCall'd Katharina, "
    "fair and virtuous?\n\nBAPTISTA:\nI have a daughter, sir, called Katharina.\n\nGREMIO:\nYou are too bl"
    "unt: go to it orderly.\n\nPETRUCHIO:\nYou wrong me, Signior Gremio: give me leave.\nI am a gentlema"
    "n of Verona, sir,\nTh",
    "<0x41><0x0A>", "[PAD5]", "   leading and   inner  ",
]


def odd_texts(count):
    """Texts of odd characters, the same on every run."""
    source = random.Random(42)
    ranges = [(0x20, 0x7E)] * 4 + [(0x20, 0x20), (0xA0, 0x24F), (0x370, 0x5FF), (0x900, 0x97F), (0x2000, 0x206F),
              (0x3040, 0x30FF), (0x4E00, 0x4FFF), (0x1F300, 0x1F6FF), (0x9, 0xD)]
    for _ in range(count):
        yield "".join(chr(source.randint(*source.choice(ranges))) for _ in range(source.randint(1, 40)))


texts = TEXTS + list(odd_texts(40))
golden = {}  # names of models that share a tokenizer -> cases
for model in MODELS:
    tokenizer = AutoTokenizer.from_pretrained(models / model)
    cases = []
    for text in texts:
        special = tokenizer.encode(text, add_special_tokens=False)
        plain = tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        cases.append([text, special, plain, tokenizer.decode(special)])
    same = next((names for names, other in golden.items() if other == cases), None)
    golden[f"{same} {model}" if same else model] = golden.pop(same) if same else cases

lines = ",\n".join(
    json.dumps(names) + ": [\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]" for names, cases in golden.items()
)
output.write_text("{" + lines + "}\n")
