"""Runs folders in OpenVINO and OpenVINO GenAI.

    run_openvino.py COMMANDS

COMMANDS is a JSON file: {"logits": [[FOLDER, IDS, STEP, PARTS]...], "generate": [[FOLDER, TEXT, COUNT]...],
"tokenize": [[FOLDER, [TEXT, IDS]...]...]}; each of the three may be missing. Prints as JSON, in the same order: the
logits of the last of the ids, which come in so many parts, one of every STEP; the tokens of the text and those that
are generated greedily, the text of these, and a chat turn; and the tokens of every text and the text of its ids.
"""

import json
import sys

import numpy
import openvino
import openvino_genai

EXACT = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}


def logits(folder, ids, step, parts):
    request = openvino.Core().compile_model(folder + "/openvino_model.xml", "CPU", EXACT).create_infer_request()
    result = None
    ends = [len(ids) * (part + 1) // parts for part in range(parts)]
    for begin, end in zip([0] + ends, ends):
        result = request.infer(
            {
                "input_ids": numpy.array([ids[begin:end]], dtype=numpy.int64),
                "attention_mask": numpy.ones((1, end), dtype=numpy.int64),
                "position_ids": numpy.arange(begin, end, dtype=numpy.int64)[None],
                "beam_idx": numpy.zeros(1, dtype=numpy.int32),
            }
        )["logits"]
    return result[0, -1, ::step].tolist()


def generate(folder, text, count):
    # activations in 8 bits and numbers of 16 bits depend on the processor unless it is said
    pipeline = openvino_genai.LLMPipeline(folder, "CPU", **EXACT)
    tokenizer = pipeline.get_tokenizer()
    tokenized = tokenizer.encode(text)
    config = openvino_genai.GenerationConfig(max_new_tokens=count, ignore_eos=True, do_sample=False)
    tokens = [int(token) for token in pipeline.generate(tokenized, config).tokens[0]]
    chat = None
    if tokenizer.chat_template:
        chat = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], add_generation_prompt=True)
    return {
        "prompt": tokenized.input_ids.data[0].tolist(),
        "tokens": tokens,
        "text": tokenizer.decode(tokens),
        "chat": chat,
    }


def tokenize(folder, *cases):
    tokenizer = openvino_genai.Tokenizer(folder)
    return [
        [tokenizer.encode(text).input_ids.data.reshape(-1).tolist(), tokenizer.decode(ids, skip_special_tokens=False)]
        for text, ids in cases
    ]


commands = json.load(open(sys.argv[1], encoding="utf-8"))
json.dump(
    {
        "logits": [logits(*command) for command in commands.get("logits", [])],
        "generate": [generate(*command) for command in commands.get("generate", [])],
        "tokenize": [tokenize(folder, *cases) for folder, cases in commands.get("tokenize", [])],
    },
    sys.stdout,
)
