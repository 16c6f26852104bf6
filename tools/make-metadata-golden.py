#!/usr/bin/env python3
"""Writes what llama.cpp's converter makes of names, model cards and tokenizer files, for MetadataGoldenTest.

    pip install numpy pyyaml requests tokenizers
    tools/make-metadata-golden.py PATH/llama.cpp core/src/test/resources/dev/phial/targets/gguf/metadata-golden.json

The guesses are those of gguf-py, the copy in llama.cpp. A folder is given as file name to text; its
metadata is a list of [key, type, value as text].
"""

import ast
import hashlib
import json
import logging
import pathlib
import re
import sys
import tempfile

IDS = """
phi-2 phi-1_5 phi-4 Phi-4-mini-instruct Phi-3-mini-4k-instruct Phi-3-medium-128k-instruct
microsoft/Phi-3.5-MoE-instruct microsoft/Phi-3.5-mini-instruct microsoft/Phi-4-reasoning-plus
snapshots 0123abcd4567ef ./phi-2 ../phi-2 .hidden/phi-2 a/b/c org/ /name - -- a-b --phi--2- phi-3-mini-128K-Instruct-v0.2
tiny-phi3 bloom-7b1 model-7b1 mixtral-8x7B-instruct-v0.1 model-8x22b foo-A2.7B-chat foo-1_3b-base foo-1.3B-2.7B-x
model-v1.2-3 iter3-model q4_0 model-q4_0 model-Q8_0-f16 model-bf16 model-fp32 xl-model model-xl model-xxl-small
model-large-3.8B model-3.8B-mini-3.8B model-4.2B-4.2B Phi-4k-vision-lora-chat 7B-model 3.8b 3.8b-phi
möve-3B model-10T-5k model-3B1 model-0B v2 V2-Phi -7B model-7B- a-7b1-7.1b phi--3
phi3-card phi-3-mini-4k-instruct-4k Phi-3-mini-3800M model-2M-3K a-1e3B
""".split() + ["", "a human sentence", "two  blanks-7B"]

TITLES = """
phi-3.5-mini microsoft v0.2-x 4k-instruct GPT2-model o'neil-it's möve 8x7b a-v1.2.3b DeepSeek-r1 ---
ǆ-x 3d-x2y x2y
""".split() + ["  outer blanks ", "tab\tand\nline"]

PARAMETERS = (0, 3_821_079_552, 5_308_416)

SIZES = [
    (0, 0, 0, 0), (1, 1, 0, 0), (499, 499, 0, 0), (999, 0, 0, 0), (9_949, 0, 0, 0), (9_950, 0, 0, 0),
    (999_999, 0, 0, 0), (1_000_000, 0, 0, 0), (1_000_001, 0, 0, 0), (5_308_416, 0, 0, 0),
    (9_949_999, 0, 0, 0), (9_950_000, 0, 0, 0), (999_500_000, 0, 0, 0), (1_000_000_000, 0, 0, 0),
    (2_779_683_840, 0, 0, 0), (3_821_079_552, 0, 0, 0), (2_450_000_000, 0, 0, 0), (2_550_000_000, 0, 0, 0),
    (14_659_507_200, 0, 0, 0), (10**12, 0, 0, 0), (10**12 + 1, 0, 0, 0), (98 * 10**14, 0, 0, 0),
    (41_873_153_344, 1_600_000_000, 2_516_582_400, 16), (1_000, 400, 100, 4), (10, 0, 500_000, 2),
]

CARD = """---
license: {license}
language:
- en
- no
tags:
\t- nlp
pipeline_tag: text-generation
base_model: {base}
---
# Text
"""

SAMPLING = {
    "temperature": 0.75, "top_k": 50, "top_p": 0.5, "min_p": 0.25, "repetition_penalty": 1.5,
    "do_sample": True, "mirostat": 2, "mirostat_tau": 5, "sequence": "kp", "penalty_last_n": 64,
}

FOLDERS = {
    "phi-3-mini": {},
    "no-card": {"README.md": "# Phi\n---\nlicense: mit\n---\n"},
    "empty-card": {"README.md": ""},
    "list-card": {"README.md": "---\n- a\n- b\n---\n"},
    "text-card": {"README.md": "---\njust text\n---\n"},
    "open-card": {"README.md": "---\nlicense: mit\nname: Never Closed\n"},
    "indented-card": {"README.md": "--- \nlicense: mit\n---\n"},
    "windows-card": {"README.md": "---\r\nlicense: mit\r\ntags:\r\n- no\r\n---\r\n"},
    "hub-id": {"README.md": CARD.format(license="mit", base="microsoft/phi-3-mini-4k-instruct")},
    "plain-id": {"README.md": CARD.format(license="[mit, apache-2.0]", base="phi-2-v1.2")},
    "hub-url": {"README.md": CARD.format(license="other", base="https://huggingface.co/microsoft/phi-2")},
    "other-url": {"README.md": CARD.format(license="other", base="https://example.org/microsoft/phi-2")},
    "deep-url": {"README.md": CARD.format(license="other", base="https://huggingface.co/a/b/c")},
    "no-base": {"README.md": CARD.format(license="null", base="null")},
    "merge": {"README.md": CARD.format(
        license="mit", base="[microsoft/phi-2, ssh://a/b, {name: Own, author: Me, doi: '10.1/x', other: 1}]")},
    "data": {"README.md": "---\ndatasets:\n- a/data-v2\n- plain\n- https://huggingface.co/datasets/x\n"
             "dataset: ignored\nlanguage: sv\nlanguages: [de, en]\ntags: one\n---\n"},
    "own-words": {"README.md": "---\nname: My Model\nmodel_name: Second\nauthor: A\nmodel_creator: B\nversion: '1.0'\n"
                  "organization: O\ndescription: 'D ''q'''\nmodel_finetune: ft\nmodel_type: phi3\nsize_label: 9B\n"
                  "url: u\ndoi: d\nuuid: i\nrepo_url: r\nlicense_name: ln\nlicense_link: ll\nquantized_by: q\n---\n"},
    "second-words": {"README.md": "---\nname: null\nmodel_name: Second\nmodel_author: A\nmodel_creator: B\n"
                     "basename: ''\nmodel_basename: x\n---\n"},
    "norway": {"README.md": "---\nlanguage:\n- no\n- sv\nlicense: 'no'\nname: \"a\\u0041\\n\"\n---\n"},
    "anchors": {"README.md": "---\nauthor: &a Someone\norganization: *a\ntags: &t [x, y]\nlanguages: *t\n---\n"},
    "folded": {"README.md": "---\ndescription: >\n  one\n  two\n\n  three\nauthor: |\n  four\n  five\n---\n"},
    "named": {"config.json": json.dumps({"_name_or_path": "microsoft/Phi-3-mini-4k-instruct"})},
    "path": {"config.json": json.dumps({"_name_or_path": "/home/me/Phi-3-mini-4k"})},
    "sampling": {"generation_config.json": json.dumps(SAMPLING)},
    "penalty-twice": {"generation_config.json": json.dumps({"repetition_penalty": 1.5, "penalty_repeat": 1.25})},
    "override-3B": {
        "README.md": CARD.format(license="mit", base="a/b"),
        "generation_config.json": json.dumps(SAMPLING),
        "override.json": json.dumps({
            "general.name": "Won", "general.license": "never", "general.license.name": "L", "general.url": "U",
            "general.base_models": [{"name": "X", "repo_url": "Y"}], "general.datasets": [], "general.tags": ["t"],
            "general.languages": ["xx", "yy"], "general.sampling.temp": 0.125, "general.quantized_by": "me",
            "unknown.key": 1, "general.finetune": "",
        }),
    },
    "model-name": {"model_name": "The Name"},
}

A = {"Sequence": {"id": "A", "type_id": 0}}
B = {"Sequence": {"id": "B", "type_id": 0}}


def special(name):
    return {"SpecialToken": {"id": name, "type_id": 0}}


def template(single, pair=()):
    return {"type": "TemplateProcessing", "single": list(single), "pair": list(pair)}


BOS, EOS = special("<s>"), special("</s>")
ADDED = [{"id": i, "content": c} for i, c in enumerate(["<unk>", "<s>", "</s>", "<pad>", "<sep>", "<cls>", "<end>"])]
NAMES = {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "unk_token": "<unk>", "pad_token": "<pad>"}


def tokenizer(post_processor=None, config=NAMES, added=ADDED, **files):
    return {
        "tokenizer.json": json.dumps({"added_tokens": added, "post_processor": post_processor, "model": {}}),
        "tokenizer_config.json": json.dumps(config),
        **files,
    }


CHAT = {"chat_template": "inline"}
TOKENIZERS = {
    "names": tokenizer(),
    "names and ids": tokenizer(**{"config.json": json.dumps({"bos_token_id": 5, "eos_token_id": [2], "mask_token_id": 6})}),
    "ids": {"config.json": json.dumps({"bos_token_id": 1, "eos_token_id": 2, "unk_token_id": 0, "sep_token_id": 99, "pad_token_id": 7, "cls_token_id": 3})},
    "unknown names": tokenizer(config={"bos_token": "<what>", "eos_token": {"text": 1}, "sep_token": 3}),
    "token beyond the vocabulary": tokenizer(config={"bos_token": "<end>"}, added=[{"id": 99, "content": "<end>"}]),
    "adds": tokenizer(config={**NAMES, "add_bos_token": True, "add_eos_token": False, "add_sep_token": True, "add_pad_token": True, "add_cls_token": True}),
    "adds that are no flags": tokenizer(config={**NAMES, "add_bos_token": 1, "add_eos_token": None}),
    "byte level": tokenizer({"type": "ByteLevel"}, {**NAMES, "add_bos_token": True}),
    "template with bos": tokenizer(template([BOS, A], [BOS, A, BOS, B])),
    "template with bos and eos": tokenizer(template([BOS, A, EOS], [BOS, A, EOS, BOS, B, EOS])),
    "template of a sequence": tokenizer(template([A], [A, B])),
    "template with another bos": tokenizer(template([special("<cls>"), A])),
    "template with another eos": tokenizer(template([A, special("<end>")])),
    "template with both others": tokenizer(template([special("<cls>"), A, special("<end>")], [A, special("<sep>"), B])),
    "template without names": tokenizer(template([BOS, A, EOS]), {"add_bos_token": False, "x": 1}),
    "template without configuration": {"tokenizer.json": json.dumps({"added_tokens": ADDED, "post_processor": template([BOS, A, EOS])})},
    "template with separator": tokenizer(template([special("<cls>"), A], [special("<cls>"), A, special("<sep>"), B]), {"cls_token": "<cls>", "sep_token": "<sep>"}),
    "template with two separators": tokenizer(template([BOS, A], [BOS, A, EOS, EOS, B])),
    "template with odd pair": tokenizer(template([BOS, A], [B, A])),
    "template with text between": tokenizer(template([A, EOS], [A, B, B, EOS])),
    "two templates": tokenizer({"type": "Sequence", "processors": [template([A, special("<end>")]), template([A, special("<sep>")]), template([A, EOS])]}),
    "sequence": tokenizer({"type": "Sequence", "processors": [{"type": "ByteLevel"}, template([BOS, A])]}),
    "roberta": tokenizer({"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]}),
    "roberta without names": tokenizer({"type": "RobertaProcessing", "sep": ["<sep>", 4], "cls": ["<cls>", 5]}, {"x": 1}),
    "cls for bos": tokenizer(config={"cls_token": "<cls>", "sep_token": "<sep>"}),
    "no configuration": {"tokenizer.json": json.dumps({"added_tokens": ADDED, "post_processor": {"type": "ByteLevel"}})},
    "nothing": {},
    "template inline": tokenizer(config=CHAT),
    "template inline is null": tokenizer(config={"chat_template": None, "x": 1}, **{"chat_template.jinja": "file"}),
    "template inline is empty": tokenizer(config={"chat_template": "", "x": 1}, **{"chat_template.jinja": "file"}),
    "template inline is no text": tokenizer(config={"chat_template": 5}),
    "template beats file": tokenizer(config=CHAT, **{"chat_template.jinja": "file"}),
    "template in a file": tokenizer(**{"chat_template.jinja": "a\r\nb\rc\n"}),
    "template in JSON": tokenizer(**{"chat_template.json": json.dumps({"chat_template": "json"})}),
    "templates in JSON": tokenizer(**{"chat_template.json": json.dumps({"chat_template": [{"name": "default", "template": "d"}, {"name": "z", "template": "e"}]})}),
    "template file beats JSON": tokenizer(**{"chat_template.jinja": "file", "chat_template.json": json.dumps({"chat_template": "json"})}),
    "one more template": tokenizer(**{"chat_template.jinja": "main", "additional_chat_templates/tool-use.jinja": "tools"}),
    "empty main template": tokenizer(**{"chat_template.jinja": "", "additional_chat_templates/x.y.jinja": "tools"}),
    "more templates without a main one": tokenizer(**{"additional_chat_templates/x.jinja": "tools"}),
    "named templates": tokenizer(config={"chat_template": [{"name": "rag é", "template": "r"}]}),
    "named and default template": tokenizer(config={"chat_template": [{"name": "tool use", "template": "t"}, {"name": "default", "template": "d"}, {"name": "none"}, {"template": "x"}]}),
    "empty named template": tokenizer(config={"chat_template": [{"name": "empty", "template": ""}]}),
}
LIMIT = 50


def main():
    llama, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    sys.path.insert(0, str(llama / "gguf-py"))
    logging.disable(logging.CRITICAL)
    golden = {
        "ids": [identify(name, parameters) for name in IDS for parameters in PARAMETERS],
        "titles": [title(text) for text in TITLES],
        "sizes": [size(*counts) for counts in SIZES],
        "folders": [folder(name, files) for name, files in FOLDERS.items()],
        "tokenizers": [special_tokens(name, files) for name, files in TOKENIZERS.items()],
        "fingerprints": fingerprints(llama),
    }
    lines = []
    for section, entries in golden.items():
        body = ",\n  ".join(json.dumps(entry, ensure_ascii=True) for entry in entries)
        lines.append(f'"{section}": [\n  {body}\n]')
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def identify(name, parameters):
    from gguf import Metadata

    parts = Metadata.get_model_id_components(name, parameters)
    keys = ("name", "organization", "basename", "finetune", "version", "size_label")
    return {"id": name, "parameters": parameters, **{k: v for k, v in zip(keys, parts) if v is not None}}


def title(text):
    from gguf import Metadata

    return {"text": text, "title": Metadata.id_to_title(text)}


def size(total, shared, expert, experts):
    import gguf

    return {
        "total": total, "shared": shared, "expert": expert, "experts": experts,
        "label": gguf.size_label(total, shared, expert, experts),
    }


def write(at, files):
    for name, text in files.items():
        file = at / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.encode())


def pairs(writer):
    """What a writer was told, in order."""
    result = []
    for key, value in writer.kv_data[0].items():
        if key != "general.architecture":
            result.append([key, value.type.name, text(value)])
    return result


def text(value):
    match value.type.name:
        case "ARRAY":
            return value.value
        case "BOOL":
            return str(value.value).lower()
        case "FLOAT32":
            return str(float(value.value))
    return str(value.value)


def folder(name, files):
    import gguf

    with tempfile.TemporaryDirectory() as scratch:
        at = pathlib.Path(scratch, name)
        at.mkdir()
        given = dict(files)
        model_name = given.pop("model_name", None)
        given.setdefault("config.json", "{}")
        write(at, given)
        metadata = gguf.Metadata.load(at / "override.json", at, model_name, 3_821_079_552)
        metadata.name = metadata.name if metadata.name is not None else name
        metadata.size_label = metadata.size_label if metadata.size_label is not None else "0.0X"
        writer = gguf.GGUFWriter(None, "phi3")
        metadata.set_gguf_meta_model(writer)
        return {"name": name, "files": given, "model_name": model_name, "metadata": pairs(writer)}


def fingerprints(llama):
    """What get_vocab_base_pre of the converter hashes, for each model with a byte-pair vocabulary."""
    import tokenizers

    source = (llama / "conversion" / "base.py").read_text()
    probe = ast.literal_eval(re.search(r"chktxt = ('.*')", source).group(1))
    models = pathlib.Path(__file__).parent.parent / "fixtures" / "models"
    result = []
    for vocab in sorted(models.glob("*/vocab.json")):
        ids = tokenizers.Tokenizer.from_file(str(vocab.with_name("tokenizer.json"))).encode(probe).ids
        result.append({"model": vocab.parent.name, "hash": hashlib.sha256(str(ids).encode()).hexdigest()})
    return result


def special_tokens(name, files):
    import gguf

    with tempfile.TemporaryDirectory() as scratch:
        at = pathlib.Path(scratch)
        given = {"config.json": "{}", **files}
        write(at, given)
        writer = gguf.GGUFWriter(None, "phi3")
        gguf.SpecialVocab(at, n_vocab=LIMIT).add_to_gguf(writer)
        return {"name": name, "files": given, "limit": LIMIT, "metadata": pairs(writer)}


if __name__ == "__main__":
    main()
